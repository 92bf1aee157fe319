/*
 * Hostile handlers: what each could not do, and what the host still could.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "files.h"
#include "fixture.h"
#include "process.h"

#define LEVELS                                                                                  \
    HOSTILE("none", ATTACKER "isolation = 'none';")                                             \
    HOSTILE("basic", ATTACKER)                                                                  \
    HOSTILE("strict", ATTACKER "isolation = 'strict'; isolate: { read_only = '@DIR@/open'; };") \
    CAT

static bool landlock_keeps_signals(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 6;
}

static void expect_all(struct daemon *daemon, const char *what, const char *none, const char *basic,
                       const char *strict)
{
    expect_attempt(daemon, "none", what, none);
    expect_attempt(daemon, "basic", what, basic);
    expect_attempt(daemon, "strict", what, strict);
}

/* A program that everybody may run, which gives the rights of root, and one that gives a capability. */
static void make_generous(struct daemon *daemon)
{
    /* struct vfs_cap_data of version 2, in effect at once: CAP_NET_RAW. */
    static const uint32_t rights[5] = {0x02000001, 1U << 13, 0, 0, 0};

    daemon_expect_file(daemon, "open");
    assert_int_equal(mkdir(daemon_path(daemon, "open"), 0755), 0);
    files_copy(E2E_BUILD "/tests/isolation/hostile", daemon_path(daemon, "open/setuid"));
    assert_int_equal(chmod(daemon_path(daemon, "open/setuid"), 04755), 0);
    files_copy(E2E_BUILD "/tests/isolation/hostile", daemon_path(daemon, "open/setcap"));
    assert_int_equal(chmod(daemon_path(daemon, "open/setcap"), 0755), 0);
    if (setxattr(daemon_path(daemon, "open/setcap"), "security.capability", rights, sizeof rights,
                 0) != 0)
        printf("no file here can have capabilities: %s\n", strerror(errno));
}

/* What such programs give at NONE, and nothing elsewhere. */
static void expect_nothing_gained(struct daemon *daemon, long user)
{
    bool has = getxattr(daemon_path(daemon, "open/setcap"), "security.capability", NULL, 0) > 0;
    char line[256], same[32];

    snprintf(same, sizeof same, "count %ld", user);
    snprintf(line, sizeof line, "setuid %s", daemon_path(daemon, "open/setuid"));
    expect_all(daemon, line, "count 0", same, same);
    snprintf(line, sizeof line, "setcap %s", daemon_path(daemon, "open/setcap"));
    expect_attempt(daemon, "none", line, has ? "count 1" : "count 0");
    /* A file whose capabilities cannot all be given is not run, or run without them. */
    assert_int_not_equal(strncmp(attempt(daemon, "basic", "%s", line), "count 1", 7), 0);
    assert_int_not_equal(strncmp(attempt(daemon, "strict", "%s", line), "count 1", 7), 0);
    unlink(daemon_path(daemon, "open/setuid"));
    unlink(daemon_path(daemon, "open/setcap"));
    rmdir(daemon_path(daemon, "open"));
}

static struct daemon *start_levels(void)
{
    struct daemon *daemon;

    isolation_needs_root();
    daemon = isolation_start(NULL, CAT);
    make_generous(daemon);
    daemon_write(daemon, "secret", "of another service\n");
    daemon_reload(daemon, &(struct setup){.superd = "isolation: { users = '64300-64399'; idle = "
                                                    "'100ms'; };\n",
                                          .services = FIRST LEVELS});
    daemon_rebase(daemon);
    return daemon;
}

static void stop_levels(struct daemon *daemon)
{
    daemon_talk(daemon, "cat", "the host goes on", "the host goes on");
    daemon_expect_quiet(daemon);
    unlink(daemon_path(daemon, "open/setuid"));
    unlink(daemon_path(daemon, "open/setcap"));
    rmdir(daemon_path(daemon, "open"));
    isolation_stop(daemon);
}

/* ---- Rights --------------------------------------------------------------------------------- */

/* Those that stand whoever superd and its handlers are. */
static void expect_walls(struct daemon *daemon)
{
    expect_all(daemon, "mount /tmp", "denied", "denied", "denied: Operation not permitted");
    expect_all(daemon, "unmount /proc", "denied", "denied", "denied: Operation not permitted");
    expect_all(daemon, "chroot", "denied", "denied", "denied");
    expect_all(daemon, "device /tmp/superd-device", "denied", "denied", "denied");
    expect_all(daemon, "root", "denied", "denied", "denied");
    expect_all(daemon, "packet", "denied", "denied", "denied");
    expect_all(daemon, "userns", "done", "done", "denied: Operation not permitted");
    expect_all(daemon, "userns-clone", "done", "done", "denied");
    expect_all(daemon, "key", "done", "done", "denied: Operation not permitted");
    expect_all(daemon, "write /proc/sys/kernel/core_pattern", "denied", "denied", "denied");
    expect_attempt(daemon, "basic", "core", "count 0");
    expect_attempt(daemon, "strict", "core", "count 0");
}

static void rights__each_level__as_documented(void)
{
    struct daemon *daemon = start_levels();

    expect_walls(daemon);
    expect_nothing_gained(daemon, ATTACKER_UID);
    stop_levels(daemon);
}

/* Nothing is left of being root but the number. */
static void rights__root_at_strict__harmless(void)
{
    static const char *const denied[] = {
        "mount /tmp",
        "unmount /usr",
        "unmount /",
        "chroot",
        "userns",
        "packet",
        "key",
        "device /tmp/device",
        "trace-one 1",
        "read-memory 1",
        "remove /usr/bin/id",
        "make /usr/new",
        "make /etc/new",
        "make /new",
        "read /etc/shadow",
        "make /proc/new",
        "write /proc/sys/kernel/core_pattern",
        "write /proc/sysrq-trigger",
        "write /proc/self/oom_score_adj",
        "remove /bin",
    };
    struct daemon *daemon;

    isolation_needs_root();
    daemon = isolation_start(NULL, HOSTILE("strict", "isolation = 'strict'; user = 'root';") CAT);
    for (size_t i = 0; i < COUNT(denied); i++)
        expect_attempt(daemon, "strict", denied[i], "denied");
    expect_attempt(daemon, "strict", "make /tmp/new", "done");
    assert_int_equal(attempt_count(daemon, "strict", "removable /"), 0); /* its own root included */
    assert_int_equal(access("/usr/bin/id", F_OK), 0);
    daemon_talk(daemon, "cat", "still here", "still here");
    isolation_stop(daemon);
}

static void calls__kill__ends_the_handler(void)
{
    struct daemon *daemon;

    isolation_needs_root();
    daemon = isolation_start(
        NULL, HOSTILE("strict", ATTACKER "isolation = 'strict'; isolate: { system_call_action = "
                                         "'kill'; };")
                  HOSTILE("few", ATTACKER "isolate: { system_calls = ['!@network', '!@ipc']; };"));
    expect_attempt(daemon, "strict", "userns", "");
    expect_event(&daemon->events, "end", "service", "strict", "outcome", "signal", NULL);
    expect_attempt(daemon, "strict", "make /tmp/a", "done");
    expect_attempt(daemon, "few", "loopback", "denied");
    expect_attempt(daemon, "few", "core", "count 0");
    isolation_stop(daemon);
}

/* ---- Details -------------------------------------------------------------------------------- */

static void expect_namespaces(struct daemon *daemon, const char *service, const char *own)
{
    static const char *const kinds[] = {"mnt", "pid", "net", "ipc", "uts", "cgroup", "user"};

    for (size_t i = 0; i < COUNT(kinds); i++) {
        char path[64], host[64] = "", line[64], *answer;
        bool same;

        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)daemon->pid, kinds[i]);
        assert_true(readlink(path, host, sizeof host - 1) > 0);
        snprintf(line, sizeof line, "namespace %s", kinds[i]);
        answer = attempt(daemon, service, "%s", line);
        if (strncmp(answer, "name ", 5) != 0)
            fail_msg("%s: %s: %s", service, kinds[i], answer);
        same = strcmp(answer + 5, host) == 0;
        if (same == (strstr(own, kinds[i]) != NULL))
            fail_msg("%s: %s is %s, superd's is %s", service, kinds[i], answer, host);
    }
}

static void details__each__as_it_says(void)
{
    struct daemon *daemon;

    isolation_needs_root();
    daemon = isolation_start(
        NULL,
        HOSTILE("basic", ATTACKER) HOSTILE("strict", ATTACKER "isolation = 'strict';")
            HOSTILE("mapped", ATTACKER "isolation = 'strict'; isolate: { user_namespace = true; "
                                       "hostname = 'castle'; devices = '/dev/tty'; };")
                HOSTILE("kept", ATTACKER "isolate: { capabilities = 'net_raw'; };"));
    expect_namespaces(daemon, "basic", "");
    expect_namespaces(daemon, "strict", "mnt pid net ipc uts cgroup");
    expect_namespaces(daemon, "mapped", "mnt pid net ipc uts cgroup user");
    expect_attempt(daemon, "strict", "hostname", "name localhost");
    expect_attempt(daemon, "mapped", "hostname", "name castle");
    expect_attempt(daemon, "strict", "read /dev/tty", "denied: No such file");
    expect_attempt(daemon, "mapped", "read /dev/tty", "denied: No such device"); /* it has none */
    expect_attempt(daemon, "basic", "personality", "done");
    expect_attempt(daemon, "strict", "personality", "denied");
    assert_int_equal(attempt_count(daemon, "mapped", "who"), ATTACKER_UID);
    assert_int_equal(attempt_count(daemon, "mapped", "capable"), 0);
    expect_attempt(daemon, "mapped", "mount /tmp", "denied");
    expect_attempt(daemon, "mapped", "root", "denied");
    assert_int_equal(attempt_count(daemon, "kept", "capable"), 1);
    expect_attempt(daemon, "kept", "packet", "done");
    expect_attempt(daemon, "kept", "device /tmp/superd-device", "denied");
    isolation_stop(daemon);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static void files__of_others__not_there_at_strict(void)
{
    struct daemon *daemon = start_levels();
    char secret[256], mine[256];

    snprintf(secret, sizeof secret, "read %s", daemon_path(daemon, "secret"));
    snprintf(mine, sizeof mine, "read %s", daemon_path(daemon, "hostile"));
    expect_all(daemon, secret, "done", "done", "denied: No such file");
    expect_all(daemon, mine, "done", "done", "done");
    expect_all(daemon, "read /etc/passwd", "done", "done", "done");
    expect_all(daemon, "read /etc/shadow", "denied", "denied", "denied: No such file");
    expect_all(daemon, "read /sys/kernel", "done", "done", "denied: No such file");
    expect_attempt(daemon, "strict", "make /usr/new", "denied: Read-only file system");
    expect_attempt(daemon, "strict", "make /new", "denied");
    expect_attempt(daemon, "strict", "make /tmp/new", "done");
    assert_int_not_equal(access("/tmp/new", F_OK), 0);
    stop_levels(daemon);
}

/* Between two attempts the launchers, and with them the service's /tmp, must stay. */
#define PATIENT "isolation: { users = '64300-64399'; idle = '3s'; };"

static void tmp__filled__has_an_end(void)
{
    struct daemon *daemon;
    long size;

    isolation_needs_root();
    daemon = isolation_start(
        PATIENT,
        HOSTILE("service", ATTACKER "isolation = 'strict'; isolate: { tmp_size = '4M'; };")
            HOSTILE("connection", ATTACKER "isolation = 'strict'; isolate: { tmp_size = "
                                           "'4M'; private_tmp = 'connection'; };")
                HOSTILE("off", ATTACKER "isolation = 'strict'; isolate: { private_tmp = "
                                        "'off'; };")
                    HOSTILE("noexec", ATTACKER "isolation = 'strict'; isolate: { no_exec = "
                                               "true; };"));
    size = attempt_count(daemon, "service", "fill /tmp/x");
    assert_in_range(size, 1024, 4096);
    expect_attempt(daemon, "service", "read /tmp/x", "done"); /* it is the service's */
    size = attempt_count(daemon, "connection", "fill /tmp/x");
    assert_in_range(size, 1024, 4096);
    expect_attempt(daemon, "connection", "read /tmp/x", "denied: No such file");
    expect_attempt(daemon, "off", "make /tmp/x", "denied");
    expect_attempt(daemon, "service", "remove /tmp/x", "done");
    expect_attempt(daemon, "service", "execute /tmp", "done");
    expect_attempt(daemon, "noexec", "execute /tmp", "denied");
    isolation_stop(daemon);
}

/* The service may write in a directory of the host; what it leaves there cannot lead superd, or
 * another service's root, out of its way. */
static void shared_directory__links__lead_nowhere(void)
{
    struct daemon *daemon;
    char line[256];

    isolation_needs_root();
    daemon = isolation_start(NULL, CAT);
    daemon_expect_file(daemon, "shared");
    assert_int_equal(mkdir(daemon_path(daemon, "shared"), 0777), 0);
    assert_int_equal(chmod(daemon_path(daemon, "shared"), 0777), 0);
    assert_int_equal(symlink("/etc/shadow", daemon_path(daemon, "shared/link")), 0);
    assert_int_equal(symlink("../../../../..", daemon_path(daemon, "shared/up")), 0);
    daemon_write(daemon, "secret", "x");
    daemon_reload(daemon, &(struct setup){.superd = "isolation: { idle = '100ms'; };",
                                          .services = FIRST HOSTILE(
                                              "strict", ATTACKER
                                              "isolation = 'strict'; isolate: { read_write "
                                              "= '@DIR@/shared'; };")});
    daemon_rebase(daemon);
    snprintf(line, sizeof line, "read %s", daemon_path(daemon, "shared/link"));
    expect_attempt(daemon, "strict", line, "denied: No such file");
    snprintf(line, sizeof line, "read %s%s", daemon_path(daemon, "shared/up"),
             daemon_path(daemon, "secret"));
    expect_attempt(daemon, "strict", line, "denied: No such file");
    snprintf(line, sizeof line, "make %s", daemon_path(daemon, "shared/new"));
    expect_attempt(daemon, "strict", line, "done");
    assert_int_equal(unlink(daemon_path(daemon, "shared/new")), 0);
    unlink(daemon_path(daemon, "shared/link"));
    unlink(daemon_path(daemon, "shared/up"));
    daemon_expect_quiet(daemon);
    rmdir(daemon_path(daemon, "shared"));
    isolation_stop(daemon);
}

/* An image whose /tmp, /proc and /dev are links out of it. */
static void image__links__stay_inside(void)
{
    struct daemon *daemon;

    isolation_needs_root();
    daemon = isolation_start(NULL, CAT);
    daemon_expect_file(daemon, "image");
    assert_int_equal(mkdir(daemon_path(daemon, "image"), 0755), 0);
    assert_int_equal(mkdir(daemon_path(daemon, "image/inside"), 0755), 0);
    assert_int_equal(symlink("../../../../../../inside", daemon_path(daemon, "image/tmp")), 0);
    files_copy(E2E_BUILD "/tests/isolation/hostile", daemon_path(daemon, "image/hostile"));
    daemon_reload(
        daemon,
        &(struct setup){.superd = PATIENT,
                        .services = FIRST
                        "image: { listen = '127.0.0.1:0'; exec = ['/hostile', 'ask']; " ATTACKER
                        "isolation = 'strict'; isolate: { root = '@DIR@/image'; }; };\n"
                        "alone: { listen = '127.0.0.1:0'; exec = ['/hostile', 'ask']; " ATTACKER
                        "isolation = 'strict'; isolate: { root = '@DIR@/image'; "
                        "pid_namespace = 'connection'; }; };"});
    daemon_rebase(daemon);
    expect_attempt(daemon, "image", "make /inside/new", "done");
    expect_attempt(daemon, "image", "read /tmp/new", "done");
    expect_attempt(daemon, "image", "make /new", "denied: Read-only");
    expect_attempt(daemon, "image", "read /usr", "denied: No such file");
    expect_attempt(daemon, "image", "remove /hostile", "denied: Read-only");
    expect_attempt(daemon, "image", "seen", "count 0"); /* it has no /proc */
    expect_attempt(daemon, "alone", "seen", "count 0");
    daemon_expect_quiet(daemon);
    assert_int_not_equal(access(daemon_path(daemon, "image/inside/new"), F_OK), 0);
    unlink(daemon_path(daemon, "image/tmp"));
    unlink(daemon_path(daemon, "image/hostile"));
    rmdir(daemon_path(daemon, "image/inside"));
    rmdir(daemon_path(daemon, "image"));
    isolation_stop(daemon);
}

/* ---- Processes ------------------------------------------------------------------------------ */

static void processes__of_other_services__out_of_reach(void)
{
    static const char *const attempts[] = {"kill", "trace-one", "read-memory"};
    struct daemon *daemon = start_levels();
    int victim = begin_attempt(daemon, "none", "victim");
    pid_t pid = pid_of(daemon, victim), launchers[32];
    char line[64];

    assert_true(daemon_launchers(daemon, launchers, COUNT(launchers)) > 0);
    for (size_t i = 0; i < COUNT(attempts); i++) {
        snprintf(line, sizeof line, "%s %d", attempts[i], (int)pid);
        expect_attempt(daemon, "basic", line, "done"); /* of one user: that is what basic means */
        expect_attempt(daemon, "strict", line, "denied");
        snprintf(line, sizeof line, "%s %d", attempts[i], (int)daemon->pid);
        expect_all(daemon, line, "denied", "denied", "denied");
        snprintf(line, sizeof line, "%s %d", attempts[i], (int)launchers[0]);
        expect_all(daemon, line, "denied", "denied", "denied");
    }
    assert_int_equal(attempt_count(daemon, "strict", "seen"), 0);
    close(victim);
    kill(pid, SIGKILL);
    stop_levels(daemon);
}

/* What is hidden from a service is not hidden from another process of its user: the way there,
 * through /proc, is closed. */
static void view_at_basic__process_outside__no_way_out(void)
{
    struct daemon *daemon;
    char secret[256], here[300], there[300], line[64];
    int victim;
    pid_t pid;

    isolation_needs_root();
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 2)
        e2e_skip("this kernel has no landlock that does no harm");
    daemon = isolation_start(
        NULL,
        CAT HOSTILE("outside", ATTACKER)
            HOSTILE("walled", ATTACKER "isolate: { hide = '@DIR@/hidden'; read_only = '/'; };")
                HOSTILE("reading", ATTACKER "isolate: { read_only = '/'; };")
                    HOSTILE("rooted", ATTACKER "isolate: { root = 'minimal'; };"));
    daemon_expect_file(daemon, "hidden");
    snprintf(secret, sizeof secret, "%s/secret", daemon_path(daemon, "hidden"));
    assert_int_equal(mkdir(daemon_path(daemon, "hidden"), 0755), 0);
    process_shell("echo x > %s; chmod 666 %s", secret, secret);
    victim = begin_attempt(daemon, "outside", "victim");
    pid = pid_of(daemon, victim);
    snprintf(here, sizeof here, "read %s", secret);
    snprintf(there, sizeof there, "read /proc/%d/root%s", (int)pid, secret);
    expect_attempt(daemon, "outside", here, "done");
    expect_attempt(daemon, "outside", there, "done");
    expect_attempt(daemon, "walled", here, "denied: No such file");
    expect_attempt(daemon, "walled", there, "denied: Permission denied");
    expect_attempt(daemon, "rooted", there, "denied");
    snprintf(there, sizeof there, "uncover %s", secret);
    expect_attempt(daemon, "outside", there, "done"); /* nothing covers it */
    expect_attempt(daemon, "walled", there, "denied: No such file");
    expect_attempt(daemon, "reading", there, "denied: Read-only");
    expect_attempt(daemon, "rooted", there, "denied: No such file");
    snprintf(there, sizeof there, "write /proc/%d/root%s", (int)pid, secret);
    expect_attempt(daemon, "outside", there, "done");
    expect_attempt(daemon, "walled", there, "denied: Permission denied");
    snprintf(line, sizeof line, "trace-one %d", (int)pid);
    expect_attempt(daemon, "outside", line, "done");
    expect_attempt(daemon, "walled", line, "denied");
    expect_attempt(daemon, "rooted", line, "denied");
    snprintf(line, sizeof line, "read-memory %d", (int)pid);
    expect_attempt(daemon, "walled", line, "denied");
    snprintf(line, sizeof line, "kill %d", (int)pid);
    expect_attempt(daemon, "walled", line, landlock_keeps_signals() ? "denied" : "done");
    kill(pid, SIGKILL);
    client_expect_closed(victim);
    close(victim);
    daemon_expect_quiet(daemon);
    process_shell("rm -rf %s", daemon_path(daemon, "hidden"));
    isolation_stop(daemon);
}

static void kill_everything__each_level__superd_and_others_go_on(void)
{
    struct daemon *daemon = start_levels();
    int other = begin_attempt(daemon, "strict", "victim");
    pid_t pid;

    expect_attempt(daemon, "none", "kill-all", "done");
    client_expect_closed(other); /* of the same user: the host's view reaches into namespaces */
    close(other);
    expect_attempt(daemon, "basic", "kill-all", "done");
    if (landlock_keeps_signals()) {
        other = begin_attempt(daemon, "strict", "victim");
        pid = pid_of(daemon, other);
        expect_attempt(daemon, "strict", "kill-all", "done");
        assert_int_equal(kill(pid, 0), 0);
        close(other);
        kill(pid, SIGKILL);
    }
    /* Those of a service's own may end because nobody needs them, which is no death. */
    daemon_talk(daemon, "cat", "the host goes on", "the host goes on");
    assert_int_equal(count_events(&daemon->events, "launcher", "state", "replaced", NULL), 0);
    stop_levels(daemon);
}

/* Two connections of one service: an attacker and a victim. */
static void siblings(const char *settings)
{
    char services[1024];
    struct daemon *daemon;
    int victim;
    pid_t pid;

    isolation_needs_root();
    snprintf(services, sizeof services, HOSTILE("twins", "isolation = 'strict'; %s"), settings);
    daemon = isolation_start(NULL, services);
    victim = begin_attempt(daemon, "twins", "victim");
    pid = pid_of(daemon, victim);
    assert_int_equal(attempt_count(daemon, "twins", "seen"), 0);
    assert_int_equal(attempt_count(daemon, "twins", "signal"), 0);
    assert_int_equal(attempt_count(daemon, "twins", "trace"), 0);
    assert_int_equal(attempt_count(daemon, "twins", "look"), 0);
    expect_attempt(daemon, "twins", "kill-all", "done");
    assert_int_equal(kill(pid, 0), 0);
    close(victim);
    kill(pid, SIGKILL);
    isolation_stop(daemon);
}

static void siblings__strict__kept_apart_by_landlock(void)
{
    if (!landlock_keeps_signals())
        e2e_skip("this kernel's landlock does not keep signals inside");
    siblings(ATTACKER);
}

static void siblings__dynamic_per_connection__strangers(void)
{
    siblings("user = 'dynamic-per-connection';");
}

static void siblings__own_process_namespaces__unseen(void)
{
    siblings(ATTACKER "isolate: { pid_namespace = 'connection'; };");
}

/* All processes of the range that these tests give to superd. */
static void kill_dynamic_users(void)
{
    for (uid_t uid = 64300; uid <= 64399; uid++)
        kill_user(uid);
}

static void dynamic_users__each_another__given_back(void)
{
    struct daemon *daemon;
    long first, second;

    isolation_needs_root();
    daemon = isolation_start("isolation: { users = '64300-64307'; idle = '100ms'; };",
                             HOSTILE("each", "isolation = 'strict'; user = "
                                             "'dynamic-per-connection';")
                                 HOSTILE("one", "isolation = 'strict'; user = 'dynamic';"));
    first = attempt_count(daemon, "one", "who");
    assert_in_range(first, 64300, 64307);
    assert_int_equal(attempt_count(daemon, "one", "who"), first);
    first = attempt_count(daemon, "each", "who");
    second = attempt_count(daemon, "each", "who");
    assert_int_not_equal(first, second);
    for (int i = 0; i < 20; i++)
        assert_in_range(attempt_count(daemon, "each", "who"), 64300, 64307);
    isolation_stop(daemon);
}

/* A uid whose last process hides is not given to anybody else. */
static void dynamic_users__somebody_left__not_used_again(void)
{
    struct daemon *daemon;
    long first;
    int fd;

    isolation_needs_root();
    daemon = isolation_start("isolation: { users = '64300-64303'; idle = '100ms'; };",
                             HOSTILE("each", "isolation = 'strict'; user = "
                                             "'dynamic-per-connection';"));
    fd = begin_attempt(daemon, "each", "hide");
    first = -1;
    for (uid_t uid = 64300; uid <= 64303; uid++) {
        if (count_of_user(uid) > 0)
            first = uid;
    }
    assert_true(first > 0);
    kill(pid_of(daemon, fd), SIGKILL); /* what it left stays */
    client_expect_closed(fd);
    close(fd);
    assert_true(count_of_user((uid_t)first) > 0);
    for (int i = 0; i < 5; i++)
        assert_int_not_equal(attempt_count(daemon, "each", "who"), first);
    kill_dynamic_users();
    isolation_stop(daemon);
}

/* Are both in one mount namespace? That is what makes a /tmp each cheap. */
static bool same_mounts(pid_t a, pid_t b)
{
    char path[64], one[64] = "", other[64] = "";

    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)a);
    assert_true(readlink(path, one, sizeof one - 1) > 0);
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)b);
    assert_true(readlink(path, other, sizeof other - 1) > 0);
    return strcmp(one, other) == 0;
}

/* A /tmp that was somebody else's is as new, and there is no way from one to another. */
static void dynamic_users__a_tmp_each__empty_and_bounded(void)
{
    struct daemon *daemon;
    int held[3];
    pid_t pids[3];

    isolation_needs_root();
    daemon = isolation_start(NULL, HOSTILE("each", "isolation = 'strict'; user = "
                                                   "'dynamic-per-connection'; isolate: { launchers "
                                                   "= 1; tmp_size = '1M'; };"));
    for (int i = 0; i < 3; i++) {
        held[i] = begin_attempt(daemon, "each", "victim");
        pids[i] = pid_of(daemon, held[i]);
    }
    assert_true(same_mounts(pids[0], pids[1]));
    for (int i = 0; i < 20; i++) {
        assert_int_equal(attempt_count(daemon, "each", "entries /tmp"), 0);
        expect_attempt(daemon, "each", "make /tmp/here", "done");
        assert_int_equal(attempt_count(daemon, "each", "entries /tmp"), 0);
        assert_in_range(attempt_count(daemon, "each", "fill /tmp/x"), 1024, 1024);
        expect_attempt(daemon, "each", "read /tmp/x", "denied: No such file");
        expect_attempt(daemon, "each", "make /new", "denied");
        expect_attempt(daemon, "each", "chroot", "denied");
        expect_attempt(daemon, "each", "mount /tmp", "denied");
        expect_attempt(daemon, "each", "unmount /tmp", "denied");
        assert_int_equal(attempt_count(daemon, "each", "entries /tmp/.."),
                         attempt_count(daemon, "each", "entries /"));
    }
    for (int i = 0; i < 3; i++) {
        kill(pids[i], SIGKILL);
        client_expect_closed(held[i]);
        close(held[i]);
    }
    isolation_stop(daemon);
}

/* The root of a slot is one that chroot(2) made. Who may call everything gets no further all the
 * same: he has not the capability, and who stands in such a root gets no user namespace to have it
 * in. */
static void dynamic_users__all_calls__no_way_out_of_its_root(void)
{
    static const char *const denied[] = {"chroot",     "userns",       "userns-clone",
                                         "mount /tmp", "unmount /tmp", "make /new"};
    struct daemon *daemon;
    int held;

    isolation_needs_root();
    daemon = isolation_start(NULL, HOSTILE("each", "isolation = 'strict'; user = "
                                                   "'dynamic-per-connection'; isolate: { launchers "
                                                   "= 1; system_calls = 'all'; };"));
    held = begin_attempt(daemon, "each", "victim");
    for (size_t i = 0; i < COUNT(denied); i++)
        expect_attempt(daemon, "each", denied[i], "denied");
    assert_int_equal(attempt_count(daemon, "each", "removable /"), 0);
    assert_int_equal(attempt_count(daemon, "each", "seen"), 0);
    kill(pid_of(daemon, held), SIGKILL);
    client_expect_closed(held);
    close(held);
    isolation_stop(daemon);
}

#define CROWD 140 /* more than a launcher has places for that are made ahead */

static void dynamic_users__crowd__each_has_a_tmp(void)
{
    struct daemon *daemon;
    int held[CROWD];

    isolation_needs_root();
    daemon = isolation_start("isolation: { users = '64300-64599'; idle = '100ms'; };",
                             HOSTILE("each", "isolation = 'strict'; user = "
                                             "'dynamic-per-connection'; isolate: { launchers = 1; "
                                             "tmp_size = '1M'; };"));
    for (int i = 0; i < CROWD; i++)
        held[i] = begin_attempt(daemon, "each", "victim");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(attempt_count(daemon, "each", "entries /tmp"), 0);
        assert_in_range(attempt_count(daemon, "each", "fill /tmp/x"), 1024, 1024);
        assert_int_equal(attempt_count(daemon, "each", "signal"), 0);
        expect_attempt(daemon, "each", "make /new", "denied");
        expect_attempt(daemon, "each", "userns", "denied");
        expect_attempt(daemon, "each", "unmount /tmp", "denied");
    }
    for (uid_t uid = 64300; uid <= 64599; uid++)
        kill_user(uid);
    for (int i = 0; i < CROWD; i++)
        close(held[i]);
    isolation_stop(daemon);
}

/* What an instance left running keeps its /tmp: the next one has another. */
static void dynamic_users__somebody_left__keeps_its_tmp(void)
{
    struct daemon *daemon;
    int fd;

    isolation_needs_root();
    daemon = isolation_start(NULL, HOSTILE("each", "isolation = 'strict'; user = "
                                                   "'dynamic-per-connection'; isolate: { launchers "
                                                   "= 1; };"));
    fd = begin_attempt(daemon, "each", "leave /tmp/kept");
    client_expect_closed(fd);
    close(fd);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(attempt_count(daemon, "each", "entries /tmp"), 0);
        assert_int_equal(attempt_count(daemon, "each", "signal"), 0);
    }
    kill_dynamic_users();
    isolation_stop(daemon);
}

/* Who finds no uid waits, as for a full service, and is served as soon as there is one. */
static void dynamic_users__all_in_use__clients_wait(void)
{
    struct daemon *daemon;
    int busy[2], waiting;

    isolation_needs_root();
    daemon = isolation_start("isolation: { users = '64300-64301'; idle = '100ms'; };",
                             CAT HOSTILE("each", "isolation = 'strict'; user = "
                                                 "'dynamic-per-connection';")
                                 HOSTILE("other", "isolation = 'strict'; user = "
                                                  "'dynamic-per-connection';"));
    for (int i = 0; i < 2; i++)
        busy[i] = begin_attempt(daemon, "each", "victim");
    expect_event(&daemon->events, "hold", "service", "each", "reason", "dynamic-users", NULL);
    waiting = daemon_dial(daemon, "other"); /* another service finds none either */
    client_say(waiting, "who\n");
    daemon_talk(daemon, "cat", "who needs none", "who needs none");
    client_hear_nothing(waiting, 250);
    kill(pid_of(daemon, busy[0]), SIGKILL);
    client_expect_closed(busy[0]);
    assert_memory_equal(client_hear_line(waiting), "count 6430", 10);
    kill(pid_of(daemon, busy[1]), SIGKILL);
    client_expect_closed(busy[1]);
    assert_in_range(attempt_count(daemon, "each", "who"), 64300, 64301);
    for (int i = 0; i < 2; i++)
        close(busy[i]);
    close(waiting);
    isolation_stop(daemon);
}

/* Key rings are a uid's, and outlive its processes: what one leaves there is what the next one
 * finds. It is so for a user that two share, and no dynamic user can reach one, whatever his
 * calls. */
static void dynamic_users__key_rings__leave_nothing_to_the_next(void)
{
    static const char *const strangers[] = {"ordinary", "all", "service", "basic"};
    struct daemon *daemon;

    isolation_needs_root();
    daemon = isolation_start(
        "isolation: { users = '64300-64303'; idle = '100ms'; };",
        HOSTILE("shared", ATTACKER)
            HOSTILE("ordinary", "isolation = 'strict'; user = 'dynamic-per-connection';")
                HOSTILE("all", "isolation = 'strict'; user = 'dynamic-per-connection'; isolate: { "
                               "system_calls = 'all'; };")
                    HOSTILE("service", "isolation = 'strict'; user = 'dynamic'; isolate: { "
                                       "system_calls = 'all'; };")
                        HOSTILE("basic", "isolation = 'basic'; user = 'dynamic'; isolate: { root = "
                                         "'minimal'; };"));
    expect_attempt(daemon, "shared", "key", "done");
    expect_attempt(daemon, "shared", "find-key", "done");
    for (size_t i = 0; i < COUNT(strangers); i++) {
        /* More often than there are uids: one of them comes again. */
        for (int session = 0; session < 6; session++) {
            expect_attempt(daemon, strangers[i], "key", "denied: Operation not permitted");
            expect_attempt(daemon, strangers[i], "find-key", "denied: Operation not permitted");
        }
    }
    /* What else "all" may do is left to it. */
    expect_attempt(daemon, "basic", "userns", "done");
    isolation_stop(daemon);
}

/* ---- Network -------------------------------------------------------------------------------- */

static int listen_abstract(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t length = strlen(name);

    memcpy(address.sun_path + 1, name, length);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&address, (socklen_t)(sizeof(sa_family_t) + 1 + length)), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void network__services_of_the_host__out_of_reach(void)
{
    struct daemon *daemon;
    char port[64], name[64], abstract[80];
    int listener;

    isolation_needs_root();
    daemon = isolation_start(
        NULL, CAT HOSTILE("basic", ATTACKER) HOSTILE("none", ATTACKER "isolation = 'strict';")
                  HOSTILE("loopback", ATTACKER "isolation = 'strict'; isolate: { network = "
                                               "'loopback'; };")
                      HOSTILE("host", ATTACKER "isolation = 'strict'; isolate: { network = "
                                               "'host'; };"));
    snprintf(port, sizeof port, "connect %s", strrchr(daemon_address(daemon, "cat", 0), ':') + 1);
    snprintf(name, sizeof name, "superd-isolation-%d", (int)getpid());
    snprintf(abstract, sizeof abstract, "abstract %s", name);
    listener = listen_abstract(name);
    expect_attempt(daemon, "basic", port, "done");
    expect_attempt(daemon, "host", port, "done");
    expect_attempt(daemon, "none", port, "denied");
    expect_attempt(daemon, "loopback", port, "denied: Connection refused");
    expect_attempt(daemon, "loopback", "loopback", "done");
    expect_attempt(daemon, "none", "loopback", "denied");
    expect_attempt(daemon, "basic", abstract, "done");
    expect_attempt(daemon, "none", abstract, "denied");
    if (landlock_keeps_signals())
        expect_attempt(daemon, "host", abstract, "denied: Operation not permitted");
    close(listener);
    isolation_stop(daemon);
}

/* ---- Using things up ------------------------------------------------------------------------ */

static void expect_ended(struct daemon *daemon, const char *service)
{
    expect_event(&daemon->events, "end", "service", service, "outcome", "deadline", NULL);
    expect_none_of_user(ATTACKER_UID);
    daemon_talk(daemon, "cat", "the host goes on", "the host goes on");
}

#define SHORT "time: { total = '1s'; grace = '100ms'; };"

/* Whatever it starts and however it hides, it ends with its deadline. */
static void bombs(const char *settings)
{
    static const char *const kinds[] = {"fork-bomb", "hide", "spin", "stderr"};
    char services[2048];
    struct daemon *daemon;

    isolation_needs_root();
    snprintf(services, sizeof services, CAT HOSTILE("bomb", ATTACKER SHORT "%s"), settings);
    daemon = isolation_start(NULL, services);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        int fd = begin_attempt(daemon, "bomb", kinds[i]);

        daemon_talk(daemon, "cat", "meanwhile", "meanwhile");
        expect_ended(daemon, "bomb");
        close(fd);
    }
    isolation_stop(daemon);
}

static void bombs__own_group__ended_whole(void)
{
    bombs("isolation = 'strict'; isolate: { cgroup = 'connection'; };");
}

static void bombs__own_process_namespace__ended_whole(void)
{
    bombs("isolation = 'strict'; isolate: { pid_namespace = 'connection'; cgroup = 'off'; };");
}

static void bombs__group_at_basic__ended_whole(void)
{
    bombs("isolate: { cgroup = 'connection'; };");
}

static void memory_and_descriptors__limits__hold(void)
{
    struct daemon *daemon;

    isolation_needs_root();
    daemon = isolation_start(NULL, CAT HOSTILE("strict", ATTACKER "isolation = 'strict'; rlimits: "
                                                                  "{ as = '64M'; };"));
    assert_in_range(attempt_count(daemon, "strict", "memory"), 1, 64);
    assert_in_range(attempt_count(daemon, "strict", "descriptors"), 100, 1024);
    daemon_talk(daemon, "cat", "the host goes on", "the host goes on");
    isolation_stop(daemon);
}

/* ---- An ordinary user's superd -------------------------------------------------------------- */

static void ordinary_user__basic__superd_is_safe(void)
{
    static const char *const attempts[] = {"kill", "trace-one", "read-memory"};
    struct daemon *daemon = isolation_start_as_user(
        "basic: { listen = '127.0.0.1:0'; exec = ['@DIR@/hostile', 'ask']; };\n");
    pid_t launchers[8];
    char line[64];

    if (!landlock_keeps_signals())
        e2e_skip("this kernel's landlock does not keep signals inside");
    assert_true(daemon_launchers(daemon, launchers, 8) > 0);
    for (size_t i = 0; i < COUNT(attempts); i++) {
        snprintf(line, sizeof line, "%s %d", attempts[i], (int)daemon->pid);
        expect_attempt(daemon, "basic", line, "denied");
        snprintf(line, sizeof line, "%s %d", attempts[i], (int)launchers[0]);
        expect_attempt(daemon, "basic", line, "denied");
    }
    expect_attempt(daemon, "basic", "kill-all", "done");
    expect_attempt(daemon, "basic", "core", "count 0");
    isolation_stop(daemon);
}

#define USERS_LEVELS                                                                            \
    "none: { listen = '127.0.0.1:0'; exec = ['@DIR@/hostile', 'ask']; isolation = 'none'; };\n" \
    "basic: { listen = '127.0.0.1:0'; exec = ['@DIR@/hostile', 'ask']; };\n"                    \
    "strict: { listen = '127.0.0.1:0'; exec = ['@DIR@/hostile', 'ask']; isolation = 'strict'; " \
    "isolate: { read_only = '@DIR@/open'; }; };\n"

/* The table of rights__each_level__as_documented, where superd and its handlers have one uid. What one
 * uid cannot keep from itself is said by "done". */
static void ordinary_user__each_level__as_documented(void)
{
    struct daemon *daemon;
    char secret[300], port[64];

    isolation_needs_user_namespaces();
    daemon = isolation_start_as_user("cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; "
                                     "};\n");
    make_generous(daemon);
    daemon_write(daemon, "secret", "of another service of this user\n");
    daemon_reload(daemon, &(struct setup){.superd = "isolation: { idle = '100ms'; };\n",
                                          .defaults = "# whoever we are: no user\n",
                                          .services = FIRST USERS_LEVELS});
    daemon_rebase(daemon);
    expect_walls(daemon);
    snprintf(secret, sizeof secret, "read %s", daemon_path(daemon, "secret"));
    expect_all(daemon, secret, "done", "done", "denied: No such file");
    snprintf(port, sizeof port, "connect %s", strrchr(daemon_address(daemon, "first", 0), ':') + 1);
    expect_all(daemon, port, "done", "done", "denied");
    if (harness_is_root()) /* who else could make such programs? */
        expect_nothing_gained(daemon, SUPERD_UID);
    isolation_stop(daemon);
}

/* Two connections have one uid, and see each other in /proc; landlock keeps them apart. */
static void ordinary_user__siblings__kept_apart(void)
{
    struct daemon *daemon;
    int victim, alone;
    pid_t pid;

    isolation_needs_user_namespaces();
    if (!landlock_keeps_signals())
        e2e_skip("this kernel's landlock does not keep signals inside");
    daemon = isolation_start_as_user(
        "strict: { listen = '127.0.0.1:0'; exec = ['@DIR@/hostile', 'ask']; isolation = 'strict'; "
        "};\n"
        "alone: { listen = '127.0.0.1:0'; exec = ['@DIR@/hostile', 'ask']; isolation = 'strict'; "
        "isolate: { pid_namespace = 'connection'; }; };\n");
    victim = begin_attempt(daemon, "strict", "victim");
    pid = pid_of(daemon, victim);
    assert_int_equal(attempt_count(daemon, "strict", "signal"), 0);
    assert_int_equal(attempt_count(daemon, "strict", "trace"), 0);
    assert_int_equal(attempt_count(daemon, "strict", "look"), 0);
    expect_attempt(daemon, "strict", "kill-all", "done");
    assert_int_equal(kill(pid, 0), 0);
    kill(pid, SIGKILL);
    client_expect_closed(victim);
    close(victim);
    alone = begin_attempt(daemon, "alone", "victim");
    pid = pid_of(daemon, alone);
    assert_int_equal(attempt_count(daemon, "alone", "seen"), 0);
    expect_attempt(daemon, "alone", "kill-all", "done");
    assert_int_equal(kill(pid, 0), 0);
    kill(pid, SIGKILL);
    client_expect_closed(alone);
    close(alone);
    isolation_stop(daemon);
}

/* A bomb in a process namespace of its own ends with its deadline; the others' service goes on. */
static void ordinary_user__bombs__ended_whole(void)
{
    static const char *const kinds[] = {"fork-bomb", "hide", "spin", "stderr"};
    struct daemon *daemon;
    size_t before;

    isolation_needs_user_namespaces();
    daemon = isolation_start_as_user(
        "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"
        "bomb: { listen = '127.0.0.1:0'; exec = ['@DIR@/hostile', 'ask']; isolation = 'strict'; "
        "isolate: { pid_namespace = 'connection'; }; " SHORT " };\n");
    before = count_of_user(harness_is_root() ? SUPERD_UID : geteuid());
    for (size_t i = 0; i < COUNT(kinds); i++) {
        int fd = begin_attempt(daemon, "bomb", kinds[i]);

        daemon_talk(daemon, "cat", "meanwhile", "meanwhile");
        expect_event(&daemon->events, "end", "service", "bomb", "outcome", "deadline", NULL);
        close(fd);
    }
    daemon_expect_quiet(daemon);
    if (harness_is_root()) /* else others of our own come and go */
        assert_true(count_of_user(SUPERD_UID) <= before);
    isolation_stop(daemon);
}

static void ordinary_user__strict__as_for_root(void)
{
    static const char *const denied[] = {
        "mount /tmp", "unmount /usr",  "chroot",        "userns",    "userns-clone",
        "key",        "packet",        "make /usr/new", "make /new", "read /etc/shadow",
        "read /sys",  "device /tmp/d", "trace-one 1",   "kill 1",    "loopback",
    };
    struct daemon *daemon;
    char line[64], services[2048];
    /* What has a /tmp each cannot be in the /tmp that an ordinary user's tests are in. */
    const char *each = harness_is_root() ? "@DIR@/hostile" : E2E_BUILD "/tests/isolation/hostile";

    isolation_needs_user_namespaces();
    if (strncmp(each, "/tmp/", 5) == 0 || strncmp(each, "/var/tmp/", 9) == 0)
        e2e_skip("superd has been built in /tmp");
    snprintf(
        services, sizeof services,
        "strict: { listen = '127.0.0.1:0'; exec = ['@DIR@/hostile', 'ask']; isolation = 'strict'; "
        "isolate: { tmp_size = '4M'; }; };\n"
        "each: { listen = '127.0.0.1:0'; exec = ['%s', 'ask']; isolation = 'strict'; isolate: { "
        "private_tmp = 'connection'; pid_namespace = 'connection'; tmp_size = '4M'; }; };\n",
        each);
    daemon = isolation_start_as_user(services);
    for (size_t i = 0; i < COUNT(denied); i++)
        expect_attempt(daemon, "strict", denied[i], "denied");
    snprintf(line, sizeof line, "kill %d", (int)daemon->pid);
    expect_attempt(daemon, "strict", line, "denied");
    assert_in_range(attempt_count(daemon, "strict", "fill /tmp/x"), 1024, 4096);
    assert_in_range(attempt_count(daemon, "each", "fill /tmp/x"), 1024, 4096);
    expect_attempt(daemon, "each", "read /tmp/x", "denied: No such file");
    assert_int_equal(attempt_count(daemon, "each", "seen"), 0);
    isolation_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(rights__each_level__as_documented),
    E2E(rights__root_at_strict__harmless),
    E2E(calls__kill__ends_the_handler),
    E2E(details__each__as_it_says),
    E2E(files__of_others__not_there_at_strict),
    E2E(tmp__filled__has_an_end),
    E2E(shared_directory__links__lead_nowhere),
    E2E(image__links__stay_inside),
    E2E(processes__of_other_services__out_of_reach),
    E2E(view_at_basic__process_outside__no_way_out),
    E2E(kill_everything__each_level__superd_and_others_go_on),
    E2E(siblings__strict__kept_apart_by_landlock),
    E2E(siblings__dynamic_per_connection__strangers),
    E2E(siblings__own_process_namespaces__unseen),
    E2E(dynamic_users__each_another__given_back),
    E2E(dynamic_users__somebody_left__not_used_again),
    E2E(dynamic_users__a_tmp_each__empty_and_bounded),
    E2E(dynamic_users__all_calls__no_way_out_of_its_root),
    E2E(dynamic_users__crowd__each_has_a_tmp),
    E2E(dynamic_users__somebody_left__keeps_its_tmp),
    E2E(dynamic_users__all_in_use__clients_wait),
    E2E(dynamic_users__key_rings__leave_nothing_to_the_next),
    E2E(network__services_of_the_host__out_of_reach),
    E2E(bombs__own_group__ended_whole),
    E2E(bombs__own_process_namespace__ended_whole),
    E2E(bombs__group_at_basic__ended_whole),
    E2E(memory_and_descriptors__limits__hold),
    E2E(ordinary_user__basic__superd_is_safe),
    E2E(ordinary_user__each_level__as_documented),
    E2E(ordinary_user__siblings__kept_apart),
    E2E(ordinary_user__bombs__ended_whole),
    E2E(ordinary_user__strict__as_for_root),
};

int main(int argc, char **argv)
{
    return isolation_main(argc, argv, cases, COUNT(cases));
}
