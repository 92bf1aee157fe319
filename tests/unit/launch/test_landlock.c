/*
 * Rules that only put a process into a domain of its own: what they keep it from, and that they
 * keep it from nothing else. The rules of older kernels work on newer ones, so they are tried here,
 * too.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "launch/isolation/landlock.h"
#include "unit.h"

#define TRACED    1 /* bits of what one could do */
#define LOOKED    2
#define SIGNALLED 4
#define MOVED     8
#define LINKED    16
#define OWN       32

static bool may_look(pid_t pid)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/proc/%d/root/etc", (int)pid);
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool may_trace(pid_t pid)
{
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0)
        return false;
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    return true;
}

/* A child of its own is in its domain. */
static bool may_trace_own(void)
{
    pid_t pid = fork();
    bool may;

    if (pid == 0) {
        for (;;)
            pause();
    }
    may = pid > 0 && may_look(pid) && may_trace(pid);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return may;
}

static _Noreturn void try_all(int version, pid_t other, const char *folder)
{
    int rules = version >= 0 ? landlock_apart(version) : -1, could = 0;

    if (version >= 0 &&
        (rules < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || landlock_enter(rules) != 0))
        _exit(255);
    if (chdir(folder) != 0)
        _exit(254);
    could |= may_trace(other) ? TRACED : 0;
    could |= may_look(other) ? LOOKED : 0;
    could |= kill(other, 0) == 0 ? SIGNALLED : 0;
    could |= rename("a/file", "b/file") == 0 ? MOVED : 0;
    could |= link("b/file", "a/file") == 0 ? LINKED : 0;
    could |= may_trace_own() ? OWN : 0;
    _exit(could);
}

/* What a process in the rules of VERSION (-1: none) could do to another of its user and to
 * files. */
static int could(int version)
{
    char folder[] = "/tmp/test_landlock.XXXXXX", path[64];
    pid_t other, pid;
    int status, fd;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/b", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/a", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/a/file", folder);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    other = fork();
    if (other == 0) {
        for (;;)
            pause();
    }
    assert_true(other > 0);
    pid = fork();
    if (pid == 0)
        try_all(version, other, folder);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    unlink(path);
    snprintf(path, sizeof path, "%s/b/file", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/a", folder);
    rmdir(path);
    snprintf(path, sizeof path, "%s/b", folder);
    rmdir(path);
    assert_int_equal(rmdir(folder), 0);
    return WEXITSTATUS(status);
}

static void landlock_apart__each_version__traces_nobody_outside(void **state)
{
    (void)state;
    if (landlock_version() < 2)
        skip();
    if (could(-1) != (TRACED | LOOKED | SIGNALLED | MOVED | LINKED | OWN))
        skip(); /* no tracing here at all */
    assert_int_equal(could(2), SIGNALLED | MOVED | LINKED | OWN);
    if (landlock_version() >= LANDLOCK_SIGNALS)
        assert_int_equal(could(landlock_version()), MOVED | LINKED | OWN);
}

static void landlock_apart__first_version__none(void **state)
{
    (void)state;
    assert_int_equal(landlock_apart(0), -EOPNOTSUPP);
    assert_int_equal(landlock_apart(1), -EOPNOTSUPP);
}

/* ---- What is said of it --------------------------------------------------------------------- */

static const char *const nothing[] = {NULL}, *const something[] = {"/srv", NULL};

static enum landlock_reach reach(enum isolation_level level, enum root_kind root,
                                 const char *const *hide, int version)
{
    struct service_config service = {.isolation = {.level = level,
                                                   .root = root,
                                                   .hide = hide,
                                                   .read_only = nothing,
                                                   .read_write = nothing}};

    return landlock_reach_of(&service, version);
}

static void landlock_reach_of__level_and_version__as_rules_are_made(void **state)
{
    (void)state;
    assert_int_equal(reach(ISOLATION_BASIC, ROOT_HOST, nothing, 6), LANDLOCK_ALL);
    assert_int_equal(reach(ISOLATION_BASIC, ROOT_HOST, something, 6), LANDLOCK_UNREACHED);
    assert_int_equal(reach(ISOLATION_BASIC, ROOT_HOST, something, 2), LANDLOCK_UNTRACED);
    assert_int_equal(reach(ISOLATION_BASIC, ROOT_HOST, something, 1), LANDLOCK_ALL);
    assert_int_equal(reach(ISOLATION_BASIC, ROOT_MINIMAL, nothing, 5), LANDLOCK_UNTRACED);
    assert_int_equal(reach(ISOLATION_STRICT, ROOT_MINIMAL, nothing, 1), LANDLOCK_UNTRACED);
    assert_int_equal(reach(ISOLATION_STRICT, ROOT_MINIMAL, nothing, 7), LANDLOCK_UNREACHED);
    assert_int_equal(reach(ISOLATION_STRICT, ROOT_DIRECTORY, nothing, 1), LANDLOCK_ALL);
    assert_int_equal(reach(ISOLATION_STRICT, ROOT_MINIMAL, nothing, 0), LANDLOCK_ALL);
    assert_int_equal(reach(ISOLATION_NONE, ROOT_HOST, nothing, 6), LANDLOCK_ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(landlock_apart__each_version__traces_nobody_outside),
        cmocka_unit_test(landlock_apart__first_version__none),
        cmocka_unit_test(landlock_reach_of__level_and_version__as_rules_are_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
