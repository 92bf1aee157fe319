/*
 * Launchers of services' own: when they begin and end, what replaces them, and that nothing of them
 * is left.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "files.h"
#include "fixture.h"
#include "process.h"

#define STRICT(name) HOSTILE(name, ATTACKER "isolation = 'strict';")

#define CONNECTIONS 2000

/* ---- Begin and end -------------------------------------------------------------------------- */

struct wanted {
    struct daemon *daemon;
    size_t launchers;
};

static bool has_launchers(void *data)
{
    const struct wanted *wanted = data;
    pid_t pids[16];

    return daemon_launchers(wanted->daemon, pids, 16) == wanted->launchers;
}

static void own_launchers__idle__end_and_come_again(void)
{
    struct daemon *daemon;
    pid_t pids[16];
    size_t shared;

    isolation_needs_root();
    daemon = isolation_start(NULL, STRICT("strict"));
    shared = daemon_launchers(daemon, pids, 16); /* nobody has connected yet */
    for (int i = 0; i < 3; i++) {
        expect_attempt(daemon, "strict", "read /tmp/a", "denied");
        expect_attempt(daemon, "strict", "make /tmp/a", "done");
        daemon_expect_quiet(daemon); /* its /tmp goes with it */
        if (!e2e_until(has_launchers, &(struct wanted){daemon, shared}))
            fail_msg("%zu launchers", daemon_launchers(daemon, pids, 16));
    }
    isolation_stop(daemon);
}

static void own_launchers__an_instance_lives__it_lives_on(void)
{
    struct daemon *daemon;
    int fd;

    isolation_needs_root();
    daemon = isolation_start(
        NULL, "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; " ATTACKER
              " isolation = 'strict'; };");
    fd = daemon_dial(daemon, "cat");
    client_say(fd, "before\n");
    assert_string_equal(client_hear_line(fd), "before");
    daemon_reload(daemon, NULL);
    daemon_reload(daemon, NULL);
    daemon_talk(daemon, "cat", "another", "another");
    client_say(fd, "after\n");
    assert_string_equal(client_hear_line(fd), "after");
    client_half_close(fd);
    assert_string_equal(client_hear_all(fd, NULL), "");
    close(fd);
    isolation_stop(daemon);
}

static bool has_ready_children(void *data)
{
    pid_t pids[16];

    return daemon_ready_children(data, pids, 16) > 0;
}

/* Of the service's launchers as of those that are shared. */
static void ready_children__killed__everybody_is_served(void)
{
    struct daemon *daemon;

    isolation_needs_root();
    daemon = isolation_start(
        NULL, "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; " ATTACKER
              " isolation = 'strict'; };");
    for (int i = 0; i < 6; i++) {
        pid_t ready[16];
        size_t count;

        daemon_talk(daemon, "cat", "still here", "still here");
        if (i == 0)
            assert_true(e2e_until(has_ready_children, daemon));
        count = daemon_ready_children(daemon, ready, 16);
        for (size_t j = 0; j < count; j++) {
            assert_int_equal(kill(ready[j], SIGKILL), 0);
            while (census_alive(ready[j]))
                sched_yield();
        }
    }
    daemon_talk(daemon, "cat", "still here", "still here");
    isolation_stop(daemon);
}

static void templates__more_services_than_allowed__all_served(void)
{
    struct daemon *daemon;
    char name[8];

    isolation_needs_root();
    daemon = isolation_start("isolation: { templates = 2; idle = '100ms'; };",
                             STRICT("s0") STRICT("s1") STRICT("s2") STRICT("s3"));
    for (int i = 0; i < 24; i++) {
        snprintf(name, sizeof name, "s%d", i % 4);
        expect_attempt(daemon, name, "core", "count 0");
    }
    isolation_stop(daemon);
}

/* A launch that fails: the connection is closed. */
static void expect_refused(struct daemon *daemon)
{
    int fd = daemon_dial(daemon, "strict");

    client_expect_closed(fd);
    close(fd);
}

/* ---- Death ---------------------------------------------------------------------------------- */

#define LONG "isolation: { idle = '1h'; };"

static void launchers__killed__replaced_in_the_same_place(void)
{
    struct daemon *daemon;
    pid_t pids[16];

    isolation_needs_root();
    daemon = isolation_start(LONG, STRICT("strict"));
    expect_attempt(daemon, "strict", "make /tmp/a", "done");
    for (int round = 0; round < 3; round++) {
        size_t count = daemon_launchers(daemon, pids, 16);

        assert_true(count > 0);
        for (size_t i = 0; i < count; i++)
            kill(pids[i], SIGKILL);
        for (size_t i = 0; i < count; i++)
            expect_event(&daemon->events, "launcher", "state", "replaced", NULL);
        expect_attempt(daemon, "strict", "read /tmp/a", "done");
    }
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    daemon_expect_gone(daemon);
}

static bool all_ended(void *data)
{
    const pid_t *pids = data;

    for (; *pids; pids++) {
        if (census_alive(*pids))
            return false;
    }
    return true;
}

struct search {
    const struct daemon *daemon;
    pid_t found;
};

/* It takes its name, and its place below superd, in its first moments. */
static bool find_process_one(void *data)
{
    struct search *search = data;
    pid_t children[64];
    size_t count = census_children(search->daemon->pid, children, COUNT(children));
    char name[64];

    search->found = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(census_name(children[i], name, sizeof name), "superd-init") == 0 &&
            census_alive(children[i]))
            search->found = children[i];
    }
    return search->found > 0;
}

static pid_t process_one(const struct daemon *daemon)
{
    struct search search = {.daemon = daemon};

    assert_true(e2e_until(find_process_one, &search));
    return search.found;
}

static void process_one__killed__made_anew(void)
{
    struct daemon *daemon;
    pid_t one, ending[2] = {0};

    isolation_needs_root();
    daemon = isolation_start(LONG, STRICT("strict"));
    expect_attempt(daemon, "strict", "core", "count 0");
    one = process_one(daemon);
    assert_true(one > 0);
    kill(one, SIGKILL);
    ending[0] = one;
    assert_true(e2e_until(all_ended, ending));
    /* Who comes next finds the broken place, which is said, and the one after it a new one. */
    expect_refused(daemon);
    expect_event(&daemon->events, "end", "service", "strict", "outcome", "launch-failed", NULL);
    expect_attempt(daemon, "strict", "core", "count 0");
    assert_int_not_equal(process_one(daemon), one);
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    daemon_expect_gone(daemon);
}

static void place__cannot_be_made__said_and_mended(void)
{
    struct daemon *daemon;

    isolation_needs_root();
    daemon = isolation_start(NULL, HOSTILE("strict", ATTACKER "isolation = 'strict'; isolate: { "
                                                              "read_only = '@DIR@/later'; };"));
    expect_refused(daemon);
    expect_event(&daemon->events, "error", "service", "strict", "what", "isolation", "step", "root",
                 "at", daemon_path(daemon, "later"), "error", "No such file or directory", NULL);
    expect_event(&daemon->events, "end", "service", "strict", "outcome", "launch-failed", "step",
                 "root", NULL);
    daemon_write(daemon, "later", "here");
    expect_attempt(daemon, "strict", "core", "count 0");
    isolation_stop(daemon);
}

/* ---- What is left --------------------------------------------------------------------------- */

static size_t lines_of(const char *path)
{
    FILE *file = fopen(path, "re");
    size_t lines = 0;
    int c;

    assert_non_null(file);
    while ((c = getc(file)) != EOF)
        lines += c == '\n';
    fclose(file);
    return lines;
}

/* Control groups that the daemon PID made, its own included. */
static size_t groups_of(pid_t pid)
{
    char *text = process_shell("m=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' "
                               "/proc/self/mountinfo); [ -n \"$m\" ] && find \"$m\" -type d -path "
                               "'*superd.%d.*' | wc -l || echo 0",
                               (int)pid);

    return (size_t)atol(text);
}

static bool no_groups(void *data)
{
    return groups_of(*(const pid_t *)data) <= 5;
}

/* How many connections in all; ISOLATION_CONNECTIONS=10000 is the whole test. */
static unsigned long connections(void)
{
    const char *given = getenv("ISOLATION_CONNECTIONS");
    unsigned long count = given ? strtoul(given, NULL, 10) : 0;

    return count ? count : CONNECTIONS;
}

/* Is a process of the range of dynamic users there? */
static bool no_dynamic_user(void *data)
{
    (void)data;
    for (uid_t uid = 64300; uid <= 64399; uid++) {
        errno = 0;
        if (getpriority(PRIO_USER, uid) != -1 || errno != ESRCH)
            return false;
    }
    return true;
}

static void kill_launchers(struct daemon *daemon)
{
    pid_t pids[32];
    size_t count = daemon_launchers(daemon, pids, COUNT(pids));

    for (size_t i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    for (size_t i = 0; i < count; i++)
        expect_event(&daemon->events, "launcher", "state", "replaced", NULL);
}

/* Descriptors, mounts, processes, groups and users are as before; launchers are killed in between, and
 * each that is made anew makes its own places again. */
static void many__everything_private__nothing_left(void)
{
    struct daemon *daemon;
    char mounts[64];
    size_t before;
    unsigned long count = connections(), quarter = count / 8 * 2;

    isolation_needs_root();
    daemon = isolation_start(
        "isolation: { users = '64300-64399'; idle = '2s'; };",
        HOSTILE("private", ATTACKER "isolation = 'strict'; isolate: { private_tmp = "
                                    "'connection'; pid_namespace = 'connection'; cgroup = "
                                    "'connection'; };")
            HOSTILE("dynamic", "isolation = 'strict'; user = 'dynamic-per-connection';"));
    snprintf(mounts, sizeof mounts, "/proc/%d/mountinfo", (int)daemon->pid);
    before = lines_of(mounts);
    for (unsigned long i = 0; i < count; i += 2) {
        expect_attempt(daemon, "private", "make /tmp/a", "done");
        expect_attempt(daemon, "dynamic", i % 4 ? "core" : "make /tmp/a", i % 4 ? "count" : "done");
        if (i == quarter || i == 3 * quarter)
            kill_launchers(daemon);
    }
    daemon_expect_quiet(daemon);
    assert_int_equal(lines_of(mounts), before);
    expect_none_of_user(ATTACKER_UID);
    if (!e2e_until(no_dynamic_user, NULL))
        fail_msg("a dynamic user has processes");
    if (!e2e_until(no_groups, &daemon->pid))
        fail_msg("%zu control groups are left", groups_of(daemon->pid));
    isolation_stop(daemon);
}

static void supervisor__killed__nothing_left_after_the_next_start(void)
{
    struct daemon *daemon, *dead;
    pid_t pids[32] = {0}, old;
    int fd;

    isolation_needs_root();
    daemon = isolation_start(LONG, STRICT("strict"));
    fd = begin_attempt(daemon, "strict", "victim");
    daemon_launchers(daemon, pids, 30);
    dead = daemon;
    old = dead->pid;
    kill(old, SIGKILL);
    assert_int_equal(daemon_wait(daemon), 128 + SIGKILL);
    if (!e2e_until(all_ended, pids))
        fail_msg("launchers live on");
    /* The handler is not superd's to end any more, until the next one starts where groups are. */
    daemon = isolation_start(LONG, STRICT("strict"));
    expect_attempt(daemon, "strict", "core", "count 0");
    assert_int_equal(groups_of(old), 0);
    if (groups_of(daemon->pid) > 0)
        client_expect_closed(fd);
    close(fd);
    kill_user(ATTACKER_UID);
    daemon_expect_file(dead, "control.sock"); /* it could not take that with it */
    daemon_expect_gone(dead);
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    daemon_expect_gone(daemon);
}

/* ---- What the kernel does not give ---------------------------------------------------------- */

/* In a user namespace where nobody may make another: as on a host that forbids them. */
static void forbid_user_namespaces(void *data)
{
    FILE *file;

    (void)data;
    if (setgid(SUPERD_UID) != 0 || setuid(SUPERD_UID) != 0 || prctl(PR_SET_DUMPABLE, 1) != 0 ||
        unshare(CLONE_NEWUSER) != 0)
        _exit(125);
    file = fopen("/proc/self/uid_map", "we");
    if (!file || fprintf(file, "%d %d 1\n", SUPERD_UID, SUPERD_UID) < 0 || fclose(file) != 0)
        _exit(125);
    file = fopen("/proc/sys/user/max_user_namespaces", "we");
    if (!file || fprintf(file, "0\n") < 0 || fclose(file) != 0)
        _exit(125);
}

#define CHECKED(policy)                                                                      \
    "strict: { listen = '127.0.0.1:0'; exec = '/bin/cat'; isolation = 'strict'; isolate: { " \
    "on_missing = '" policy "'; }; };\n"

static void check(const char *services, const char *wanted)
{
    static const char *const arguments[] = {"--check", NULL};
    struct daemon *daemon;
    int code;

    isolation_needs_root();
    if (eaccess(harness_superd(), X_OK) != 0)
        e2e_skip("%s is not for other users", harness_superd());
    daemon = daemon_launch(&(struct setup){.defaults = "# whoever we are: no user\n",
                                           .services = services,
                                           .arguments = arguments,
                                           .before_exec = forbid_user_namespaces});
    code = daemon_wait(daemon);
    if (!strstr(daemon_read(daemon, "stderr"), wanted))
        fail_msg("it does not say \"%s\": %s", wanted, daemon_read(daemon, "stderr"));
    assert_int_equal(code, strstr(wanted, "error") ? 1 : 0);
    daemon_expect_gone(daemon);
}

static void missing__refused__names_the_sysctl(void)
{
    check(CHECKED("refuse"),
          "error: isolation without root needs user namespaces, which this kernel "
          "does not let us have: No space left on device (see sysctl "
          "user.max_user_namespaces)");
}

static void missing__warned__served_without(void)
{
    check(CHECKED("warn"), "warning: isolation without root needs user namespaces");
}

/* ---- What superd itself may not ------------------------------------------------------------- */

static unsigned lost; /* the capability that the next superd does not have */

static void lose(void *data)
{
    (void)data;
    if (prctl(PR_CAPBSET_DROP, lost, 0, 0, 0) != 0)
        _exit(125);
}

#define CONFINED(policy)                                                                         \
    "none: { listen = '127.0.0.1:0'; exec = '/bin/cat'; isolation = 'none'; user = 'root'; };\n" \
    "basic: { listen = '127.0.0.1:0'; exec = '/bin/cat'; " ATTACKER "isolate: { on_missing = "   \
    "'" policy "'; }; };\n"                                                                      \
    "kept: { listen = '127.0.0.1:0'; exec = '/bin/cat'; " ATTACKER "isolate: { on_missing = "    \
    "'" policy "'; capabilities = 'net_raw'; }; };\n"                                            \
    "strict: { listen = '127.0.0.1:0'; exec = '/bin/cat'; isolation = 'strict'; " ATTACKER       \
    "isolate: { on_missing = '" policy "'; network = 'loopback'; }; };\n"

/* What a superd without CAPABILITY says of CONFINED(): lines like those of `superd --check`. */
static char *check_without(unsigned capability, const char *services, int code)
{
    static const char *const arguments[] = {"--check", NULL};
    struct daemon *daemon;
    static char said[16384];

    isolation_needs_root();
    lost = capability;
    daemon = daemon_launch(
        &(struct setup){.services = services, .arguments = arguments, .before_exec = lose});
    assert_int_equal(daemon_wait(daemon), code);
    snprintf(said, sizeof said, "%s", daemon_read(daemon, "stderr"));
    daemon_expect_gone(daemon);
    return said;
}

static void expect_times(const char *text, const char *wanted, size_t times)
{
    size_t found = 0;

    for (const char *at = strstr(text, wanted); at; at = strstr(at + 1, wanted))
        found++;
    if (found != times)
        fail_msg("\"%s\" is there %zu times, not %zu: %s", wanted, found, times, text);
}

/* Each service that needs it is refused, in a line that names it, and no other is. */
static void rights__missing__refused_by_name(void)
{
    static const struct {
        unsigned capability;
        const char *name;
        size_t services;
    } rights[] = {{CAP_SETUID, "setuid", 3},       {CAP_SETGID, "setgid", 3},
                  {CAP_KILL, "kill", 3},           {CAP_SETPCAP, "setpcap", 3},
                  {CAP_SYS_ADMIN, "sys_admin", 1}, {CAP_SYS_CHROOT, "sys_chroot", 1},
                  {CAP_NET_ADMIN, "net_admin", 1}, {CAP_NET_RAW, "net_raw", 1}};

    for (size_t i = 0; i < COUNT(rights); i++) {
        const char *said = check_without(rights[i].capability, CONFINED("refuse"), 1);
        char wanted[96];

        snprintf(wanted, sizeof wanted, ": error: superd needs the capability %s to ",
                 rights[i].name);
        expect_times(said, wanted, rights[i].services);
        expect_times(said, ": error: ", rights[i].services);
    }
}

/* Its user and its groups are what nothing can do without. */
static void rights__missing__warned_but_of_the_user(void)
{
    const char *said = check_without(CAP_SETPCAP, CONFINED("warn"), 0);

    expect_times(said, ": warning: superd needs the capability setpcap to ", 3);
    said = check_without(CAP_SETGID, CONFINED("warn"), 1);
    expect_times(said, ": error: superd needs the capability setgid to ", 3);
}

/* Without the right to empty the bounding set the handlers have nothing all the same, root's number
 * included, and the report says what is not as it should be. */
static void rights__none_to_bound__served_and_told(void)
{
    struct daemon *daemon;

    isolation_needs_root();
    lost = CAP_SETPCAP;
    daemon = isolation_start_by(
        lose, HOSTILE("basic", ATTACKER "isolate: { on_missing = 'warn'; };")
                  HOSTILE("root", "user = 'root'; isolation = 'basic'; isolate: { on_missing = "
                                  "'warn'; };")
                      HOSTILE("strict", "user = 'root'; isolation = 'strict'; isolate: { "
                                        "on_missing = 'warn'; pid_namespace = 'connection'; };"));
    assert_int_equal(attempt_count(daemon, "basic", "capable"), 0);
    assert_int_equal(attempt_count(daemon, "root", "capable"), 0);
    assert_int_equal(attempt_count(daemon, "strict", "capable"), 0);
    assert_int_equal(attempt_count(daemon, "root", "who"), 0);
    expect_attempt(daemon, "strict", "mount /tmp", "denied");
    assert_non_null(strstr(superctl_expect(daemon, 0, "isolation basic"),
                           "its bounding set has those that superd may not take out"));
    isolation_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(own_launchers__idle__end_and_come_again),
    E2E(own_launchers__an_instance_lives__it_lives_on),
    E2E(ready_children__killed__everybody_is_served),
    E2E(templates__more_services_than_allowed__all_served),
    E2E(launchers__killed__replaced_in_the_same_place),
    E2E(process_one__killed__made_anew),
    E2E(place__cannot_be_made__said_and_mended),
    {.name = "many__everything_private__nothing_left",
     .run = many__everything_private__nothing_left,
     .seconds = 1800},
    E2E(supervisor__killed__nothing_left_after_the_next_start),
    E2E(missing__refused__names_the_sysctl),
    E2E(missing__warned__served_without),
    E2E(rights__missing__refused_by_name),
    E2E(rights__missing__warned_but_of_the_user),
    E2E(rights__none_to_bound__served_and_told),
};

int main(int argc, char **argv)
{
    return isolation_main(argc, argv, cases, COUNT(cases));
}
