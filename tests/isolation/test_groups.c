/*
 * Control groups of services: at `basic`, too, a service's handlers are in one of its own, which is
 * made at the first connection and goes with the service; where there can be none, nobody misses it.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control.h"
#include "fixture.h"
#include "process.h"

#define LISTEN "listen = '127.0.0.1:0'; "
#define WHERE  "exec = ['/bin/cat', '/proc/self/cgroup']; "
#define TOLD(name, settings) \
    name ": { " LISTEN WHERE ATTACKER " limits: { per_source = 1000; }; " settings " };\n"
#define KEPT "kept: { " LISTEN "exec = ['@SPECIMEN@', 'cat']; " ATTACKER " };\n"
#define MANY 2000
#define USED 60 /* more than a launcher keeps open */

/* The group that this process is in, and so each superd below it. */
static const char *here(void)
{
    static char path[1024];

    snprintf(path, sizeof path, "%s",
             process_shell("m=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)\n"
                           "p=$(sed -n 's/^0:://p' /proc/self/cgroup)\n"
                           "[ -n \"$m\" ] && [ -w \"$m$p\" ] && printf %%s \"$m$p\" || true"));
    return path;
}

static void needs_groups(void)
{
    isolation_needs_root();
    if (!*here())
        e2e_skip("there is no control group (version 2) that superd may write to");
}

/* The line of version 2 that a handler of SERVICE reads of itself. */
static char *told(struct daemon *daemon, const char *service)
{
    char *text = daemon_ask(daemon, service), *line = strstr(text, "0::/");

    if (!line)
        fail_msg("%s says nothing of its group: \"%s\"", service, text);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static bool is_in_group(struct daemon *daemon, const char *service)
{
    char own[64], end[64];
    const char *line = told(daemon, service), *at;

    snprintf(own, sizeof own, "/superd.%d.", (int)daemon->pid);
    snprintf(end, sizeof end, "/%s/all", service);
    at = strstr(line, own);
    return at && strlen(at) > strlen(end) && strcmp(at + strlen(at) - strlen(end), end) == 0;
}

static void expect_in_group(struct daemon *daemon, const char *service)
{
    if (!is_in_group(daemon, service))
        fail_msg("%s is in %s", service, told(daemon, service));
}

static void expect_outside(struct daemon *daemon, const char *service)
{
    const char *line = told(daemon, service);

    if (strstr(line, "/superd."))
        fail_msg("%s is in %s", service, line);
}

/* The path of the daemon's group; "": it has none. */
static const char *own_group(pid_t pid)
{
    static char path[1024];

    snprintf(
        path, sizeof path, "%s",
        process_shell("find %s -maxdepth 1 -name 'superd.%d.*' | tr -d '\\n'", here(), (int)pid));
    return path;
}

/* How many groups of services a daemon has; -1: no group itself. */
static int groups_of(pid_t pid)
{
    const char *own = own_group(pid);

    return *own ? atoi(process_shell("find %s -mindepth 1 -maxdepth 1 -type d | wc -l", own)) : -1;
}

struct wanted {
    pid_t pid;
    int groups;
};

static bool has_groups(void *data)
{
    const struct wanted *wanted = data;

    return groups_of(wanted->pid) == wanted->groups;
}

static void expect_groups(pid_t pid, int groups)
{
    if (!e2e_until(has_groups, &(struct wanted){pid, groups}))
        fail_msg("%d groups instead of %d", groups_of(pid), groups);
}

/* ---- In a group ----------------------------------------------------------------------------- */

static void basic__used__in_a_group_of_its_own(void)
{
    struct daemon *daemon;
    json_t *result;

    needs_groups();
    daemon = isolation_start(NULL, TOLD("one", "") TOLD("two", "") TOLD("unused", "")
                                       TOLD("off", "isolate: { cgroup = 'off'; };")
                                           TOLD("none", "isolation = 'none';"));
    expect_groups(daemon->pid, 0);
    for (int i = 0; i < 8; i++) { /* each launcher has its turn */
        expect_in_group(daemon, "one");
        expect_in_group(daemon, "two");
        expect_outside(daemon, "off");
        expect_outside(daemon, "none");
    }
    expect_groups(daemon->pid, 2);
    result = control_result(daemon, "{\"command\":\"show\",\"service\":\"one\"}");
    assert_true(control_number(result, "group.cpu_us") > 0);
    result = control_result(daemon, "{\"command\":\"show\",\"service\":\"unused\"}");
    assert_null(json_object_get(result, "group"));
    assert_non_null(strstr(superctl_expect(daemon, 0, "show two"), "of processor time"));
    isolation_stop(daemon);
}

static void basic__many_configured__no_group_before_its_use(void)
{
    static char services[MANY * 48];
    struct daemon *daemon;
    char name[16];
    size_t n = 0;
    pid_t pid;

    needs_groups();
    for (int i = 0; i < MANY; i++)
        n += (size_t)snprintf(services + n, sizeof services - n, "s%d: { " LISTEN "};\n", i);
    assert_true(n < sizeof services);
    daemon = daemon_start(&(struct setup){.services = services, .defaults = WHERE ATTACKER});
    pid = daemon->pid;
    expect_groups(pid, 0);
    /* More than launchers keep open, and twice, so that some are opened again. */
    for (int i = 0; i < 2 * USED; i++) {
        snprintf(name, sizeof name, "s%d", i % USED);
        expect_in_group(daemon, name);
    }
    expect_groups(pid, USED);
    isolation_stop(daemon);
    expect_groups(pid, -1);
}

static void basic__group_removed_in_between__made_anew(void)
{
    struct daemon *daemon;

    needs_groups();
    daemon = isolation_start(NULL, TOLD("one", ""));
    for (int i = 0; i < 8; i++) {
        expect_in_group(daemon, "one");
        daemon_expect_quiet(daemon);
        process_shell("rmdir %s/one/all %s/one", own_group(daemon->pid), own_group(daemon->pid));
        expect_groups(daemon->pid, 0);
    }
    isolation_stop(daemon);
}

/* As where somebody keeps programs from a call that is newer than he knows. */
static void forbid_clone3(void *data)
{
    static struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    const struct sock_fprog program = {.len = COUNT(rules), .filter = rules};

    (void)data;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(125);
}

static void basic__no_clone3__in_its_group_all_the_same(void)
{
    struct daemon *daemon;

    needs_groups();
    daemon = daemon_start(
        &(struct setup){.services = TOLD("one", ""), .before_exec = forbid_clone3});
    for (int i = 0; i < 4; i++) {
        expect_in_group(daemon, "one");
        daemon_expect_quiet(daemon);
        process_shell("rmdir %s/one/all %s/one", own_group(daemon->pid), own_group(daemon->pid));
    }
    isolation_stop(daemon);
}

/* Limits of disks reach the kernel; on a host without the controller they are refused. */
static void io_max__written__in_the_kernel_or_refused(void)
{
    static const char limited[] = TOLD("limited", "resources: { io_max = '/var/tmp wbps=1M'; };");
    struct daemon *daemon;
    char *text;
    int fd;

    needs_groups();
    if (atoi(process_shell("stat -c %%Hd /var/tmp")) == 0)
        e2e_skip("/var/tmp is on no disk of its own");
    daemon = isolation_start(NULL, TOLD("one", ""));
    if (!strstr(process_shell("cat %s/cgroup.controllers", here()), "io")) {
        char services[sizeof FIRST + sizeof limited];

        snprintf(services, sizeof services, "%s%s", FIRST, limited);
        daemon_reload_fails(daemon, &(struct setup){.services = services});
        expect_event(&daemon->events, "config", "service", "limited", NULL);
        isolation_stop(daemon);
        e2e_skip("refused as it should be: there is no io controller, so nothing more to be seen");
    }
    isolation_stop(daemon);
    daemon = isolation_start("isolation: { idle = '1h'; };", limited);
    fd = daemon_dial(daemon, "limited");
    client_hear_all(fd, NULL);
    close(fd);
    text = process_shell("cat %s/limited/io.max", own_group(daemon->pid));
    if (!strstr(text, "wbps=1048576"))
        fail_msg("io.max is \"%s\"", text);
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    daemon_expect_gone(daemon);
}

/* ---- Without one ---------------------------------------------------------------------------- */

static void basic__no_group_to_be_had__served_unless_asked_for(void)
{
    struct daemon *daemon;
    int fd;

    needs_groups();
    daemon = isolation_start(NULL,
                             TOLD("easy", "") TOLD("asked", "isolate: { cgroup = 'service'; };")
                                 TOLD("warned", "isolate: { cgroup = 'service'; on_missing "
                                                "= 'warn'; };"));
    process_shell("echo 0 >%s/cgroup.max.descendants", own_group(daemon->pid));
    expect_outside(daemon, "easy");
    expect_outside(daemon, "warned");
    fd = daemon_dial(daemon, "asked");
    client_expect_closed(fd);
    close(fd);
    expect_event(&daemon->events, "end", "service", "asked", "outcome", "launch-failed", "step",
                 "cgroup", NULL);
    process_shell("echo max >%s/cgroup.max.descendants", own_group(daemon->pid));
    expect_in_group(daemon, "asked");
    expect_in_group(daemon, "easy");
    isolation_stop(daemon);
}

static void ordinary_user__no_group_to_be_had__served_unless_asked_for(void)
{
    struct daemon *daemon;

    if (!harness_is_root() && *here())
        e2e_skip("this user may make control groups");
    daemon = isolation_start_as_user("easy: { " LISTEN WHERE " };\n");
    expect_outside(daemon, "easy");
    daemon_reload_fails(daemon, &(struct setup){.superd = "isolation: { idle = '100ms'; };\n",
                                                .defaults = "# whoever we are: no user\n",
                                                .services = FIRST
                                                "easy: { " LISTEN WHERE " };\n"
                                                "asked: { " LISTEN WHERE
                                                " isolate: { cgroup = 'service'; }; };\n"});
    expect_event(&daemon->events, "config", "service", "asked", NULL);
    expect_outside(daemon, "easy");
    isolation_stop(daemon);
}

/* ---- The end of a group --------------------------------------------------------------------- */

static void reload__service_gone_or_without__its_group_goes(void)
{
    struct daemon *daemon;
    pid_t pid;
    int fd;

    needs_groups();
    daemon = isolation_start(NULL, KEPT TOLD("one", "") TOLD("two", ""));
    pid = daemon->pid;
    fd = daemon_dial(daemon, "kept");
    client_say(fd, "before\n");
    assert_string_equal(client_hear_line(fd), "before");
    expect_in_group(daemon, "one");
    expect_in_group(daemon, "two");
    expect_groups(pid, 3);
    /* One leaves, one has none any more; and one has an instance, which is served to its end. */
    daemon_reload(daemon,
                  &(struct setup){.services = FIRST TOLD("two", "isolate: { cgroup = 'off'; };")});
    expect_groups(pid, 1);
    expect_outside(daemon, "two");
    client_say(fd, "after\n");
    assert_string_equal(client_hear_line(fd), "after");
    client_half_close(fd);
    assert_string_equal(client_hear_all(fd, NULL), "");
    close(fd);
    expect_groups(pid, 0);
    daemon_reload(daemon, &(struct setup){.services = FIRST TOLD("one", "") TOLD("two", "")});
    expect_in_group(daemon, "one");
    expect_in_group(daemon, "two");
    expect_groups(pid, 2);
    isolation_stop(daemon);
    expect_groups(pid, -1);
}

#define LEAVES \
    "exec = ['/bin/sh', '-c', 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!']; "

/* Where a process is, by /proc. */
static bool process_in(pid_t pid, const char *what)
{
    return strstr(process_shell("cat /proc/%d/cgroup", (int)pid), what) != NULL;
}

static void stop__something_left_running__goes_on_without_the_group(void)
{
    struct daemon *daemon;
    pid_t pid, left;

    needs_groups();
    daemon = isolation_start(NULL, "leaver: { " LISTEN LEAVES ATTACKER " };\n");
    pid = daemon->pid;
    left = (pid_t)atol(daemon_ask(daemon, "leaver"));
    assert_true(left > 1);
    assert_true(process_in(left, "/leaver/all"));
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    expect_groups(pid, -1);
    assert_int_equal(kill(left, 0), 0);
    assert_false(process_in(left, "/leaver"));
    kill_user(ATTACKER_UID);
    daemon_expect_gone(daemon);
}

static void killed__next_start__ends_and_removes_what_is_left(void)
{
    struct daemon *daemon, *dead;
    int fd;

    needs_groups();
    dead = isolation_start(NULL, KEPT);
    fd = daemon_dial(dead, "kept");
    client_say(fd, "before\n");
    assert_string_equal(client_hear_line(fd), "before");
    kill(dead->pid, SIGKILL);
    assert_int_equal(daemon_wait(dead), 128 + SIGKILL);
    client_say(fd, "after\n");
    assert_string_equal(client_hear_line(fd), "after"); /* nobody's any more */
    expect_groups(dead->pid, 1);
    daemon = isolation_start(NULL, KEPT);
    expect_groups(dead->pid, -1);
    client_expect_closed(fd);
    close(fd);
    daemon_expect_file(dead, "control.sock"); /* it could not take that with it */
    daemon_expect_gone(dead);
    isolation_stop(daemon);
}

static void namespace__daemon_of_another__left_alone(void)
{
    struct daemon *daemon, *inside;
    int fd;

    needs_groups();
    daemon = isolation_start(NULL, KEPT);
    fd = daemon_dial(daemon, "kept");
    client_say(fd, "before\n");
    assert_string_equal(client_hear_line(fd), "before");
    /* In there the daemon's pid is nobody's. */
    inside = daemon_start(&(struct setup){.services = TOLD("one", ""), .own_pid_namespace = true});
    assert_non_null(strstr(told(inside, "one"), "/one/all"));
    daemon_stop(inside);
    client_say(fd, "after\n");
    assert_string_equal(client_hear_line(fd), "after");
    expect_groups(daemon->pid, 1);
    close(fd);
    isolation_stop(daemon);
}

static void upgrade__live_instance__its_group_goes_on(void)
{
    struct daemon *daemon;
    pid_t pid, instance;
    int fd;

    needs_groups();
    daemon = isolation_start(NULL, KEPT TOLD("one", ""));
    pid = daemon->pid;
    fd = daemon_dial(daemon, "kept");
    instance = pid_of(daemon, fd);
    assert_true(process_in(instance, "/kept/all"));
    daemon_signal(daemon, SIGUSR2);
    expect_event(&daemon->events, "upgrade", "state", "done", NULL);
    assert_true(process_in(instance, "/kept/all"));
    client_say(fd, "after\n");
    assert_string_equal(client_hear_line(fd), "after");
    expect_in_group(daemon, "one");
    close(fd);
    isolation_stop(daemon);
    expect_groups(pid, -1);
}

static const struct e2e_case cases[] = {
    E2E(basic__used__in_a_group_of_its_own),
    E2E(basic__many_configured__no_group_before_its_use),
    E2E(basic__group_removed_in_between__made_anew),
    E2E(basic__no_clone3__in_its_group_all_the_same),
    E2E(io_max__written__in_the_kernel_or_refused),
    E2E(basic__no_group_to_be_had__served_unless_asked_for),
    E2E(ordinary_user__no_group_to_be_had__served_unless_asked_for),
    E2E(reload__service_gone_or_without__its_group_goes),
    E2E(stop__something_left_running__goes_on_without_the_group),
    E2E(killed__next_start__ends_and_removes_what_is_left),
    E2E(namespace__daemon_of_another__left_alone),
    E2E(upgrade__live_instance__its_group_goes_on),
};

int main(int argc, char **argv)
{
    return isolation_main(argc, argv, cases, COUNT(cases));
}
