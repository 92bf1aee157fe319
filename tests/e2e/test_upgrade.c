/*
 * Upgrade: another program goes on in the daemon's process, and neither clients nor handlers nor
 * whoever counts them notices.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "crowd.h"
#include "process.h"
#include "upgrading.h"

#define LISTEN "listen = '127.0.0.1:0'; "
#define CAT    "cat: { " LISTEN "exec = ['@SPECIMEN@', 'cat']; };\n"
#define WAIT   "exec = ['@SPECIMEN@', 'wait']; "
#define MANY   "limits: { per_source = 1000; instances = 1000; };"

/* Connect to SERVICE, whose handlers greet. */
static int enter(struct daemon *daemon, const char *service)
{
    int fd = daemon_dial(daemon, service);

    assert_string_equal(client_hear_line(fd), "waiting");
    return fd;
}

/* A refused client is reset, which may come before it has even said that it is connected. */
static void expect_refused(struct daemon *daemon, const char *service, const char *reason)
{
    int fd = client_try(daemon_address(daemon, service, 0), SOCK_STREAM);

    if (fd >= 0)
        client_expect_closed(fd);
    expect_event(&daemon->events, "refuse", "service", service, "reason", reason, NULL);
}

/* ---- Clients and instances ------------------------------------------------------------------ */

static void session__opened_before__goes_on_and_ends_as_any_other(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    int fd = daemon_dial(daemon, "cat");
    const json_t *admit, *end;

    client_say(fd, "before\n");
    assert_string_equal(client_hear_line(fd), "before");
    admit = expect_event(&daemon->events, "admit", "service", "cat", NULL);
    for (int i = 0; i < 3; i++) {
        json_t *result = daemon_upgrade(daemon);

        assert_int_equal(control_number(result, "instances"), 1);
        assert_int_equal(control_number(result, "generation"), 2 + i);
        client_say(fd, "after\n");
        assert_string_equal(client_hear_line(fd), "after");
    }
    assert_int_equal(find_event(&daemon->events, "end", NULL) == NULL, 1);
    close(fd);
    end = expect_event(&daemon->events, "end", "service", "cat", "outcome", "ok", NULL);
    assert_int_equal(event_number(end, "instance"), event_number(admit, "instance"));
    assert_int_equal(event_number(end, "pid"), event_number(admit, "pid"));
    assert_string_equal(event_text(end, "peer"), event_text(admit, "peer"));
    daemon_talk(daemon, "cat", "another", "another");
    admit = expect_event(&daemon->events, "admit", "service", "cat", NULL);
    assert_int_equal(event_number(admit, "instance"), 2);
    daemon_stop(daemon);
}

static void clients__without_a_pause__nobody_notices(void)
{
    struct daemon *daemon = daemon_start(&(struct setup){.services = CAT, .defaults = MANY});
    struct crowd crowd;
    unsigned long served;

    crowd_begin(&crowd, daemon_address(daemon, "cat", 0), 8);
    for (int i = 0; i < 10; i++) {
        crowd_wait(&crowd, 20);
        daemon_upgrade(daemon);
    }
    crowd_wait(&crowd, 20);
    served = crowd_end(&crowd);
    daemon_expect_quiet(daemon);
    events_read(&daemon->events);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), served);
    assert_int_equal(count_events(&daemon->events, "end", "outcome", "ok", NULL), served);
    assert_int_equal(count_events(&daemon->events, "listen", NULL), 1);
    daemon_stop(daemon);
}

static void instance__killed_meanwhile__its_end_is_seen(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "};\n");
    int fds[20];

    for (unsigned i = 0; i < COUNT(fds); i++)
        fds[i] = enter(daemon, "a");
    for (unsigned i = 0; i < COUNT(fds); i++) {
        const json_t *admit = expect_event(&daemon->events, "admit", NULL);

        /* Some before the exec, some in it, some after. */
        if (i == 5)
            daemon_signal(daemon, SIGUSR2);
        kill((pid_t)event_number(admit, "pid"), SIGKILL);
    }
    for (unsigned i = 0; i < COUNT(fds); i++)
        expect_event(&daemon->events, "end", "outcome", "signal", "signal", "KILL", NULL);
    expect_event(&daemon->events, "upgrade", "state", "done", NULL);
    for (unsigned i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    daemon_stop(daemon);
}

static void listening_instance__keeps_the_socket(void)
{
    struct daemon *daemon = daemon_serve("wait: { " LISTEN "mode = 'listener';\n"
                                         "  exec = ['@SPECIMEN@', 'accept', '3']; };\n");

    daemon_talk(daemon, "wait", "one\n", "one\n");
    daemon_upgrade(daemon);
    daemon_talk(daemon, "wait", "two\n", "two\n");
    daemon_upgrade(daemon);
    assert_null(find_event(&daemon->events, "end", NULL));
    daemon_talk(daemon, "wait", "three\n", "three\n");
    expect_event(&daemon->events, "end", "service", "wait", "outcome", "ok", NULL);
    daemon_talk(daemon, "wait", "four\n", "four\n"); /* of the next instance */
    for (int i = 0; i < 2; i++)
        expect_event(&daemon->events, "admit", "service", "wait", NULL);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 2);
    for (int i = 0; i < 2; i++)
        daemon_talk(daemon, "wait", "more\n", "more\n");
    daemon_stop(daemon);
}

static void standard_error__goes_on_even_within_a_line(void)
{
    struct daemon *daemon = daemon_serve("talk: { " LISTEN "exec = ['/bin/sh', '-c',\n"
                                         "  'while read -r word; do printf %s $word >&2; echo "
                                         "$word; done; echo >&2; echo over >&2'];\n"
                                         "};\n");
    int fd = daemon_dial(daemon, "talk");

    client_say(fd, "one\n");
    assert_string_equal(client_hear_line(fd), "one");
    daemon_upgrade(daemon);
    client_say(fd, "two\n");
    assert_string_equal(client_hear_line(fd), "two");
    client_half_close(fd);
    expect_event(&daemon->events, "stderr", "service", "talk", "instance", "1", "text", "onetwo",
                 NULL);
    expect_event(&daemon->events, "stderr", "text", "over", NULL);
    close(fd);
    daemon_stop(daemon);
}

/* ---- Limits --------------------------------------------------------------------------------- */

static void limits__live_instances_count_on(void)
{
    struct daemon *daemon = daemon_serve("own: { " LISTEN WAIT "limits: { per_source = 2; }; };\n"
                                         "all: { " LISTEN WAIT "limits: { instances = 1; }; };\n");
    int one = enter(daemon, "own"), two = enter(daemon, "own"), only = enter(daemon, "all");
    int waiting;

    daemon_upgrade(daemon);
    expect_refused(daemon, "own", "source-limit");
    waiting = daemon_dial(daemon, "all");
    client_hear_nothing(waiting, 100);
    daemon_upgrade(daemon); /* with a client in the backlog */
    client_hear_nothing(waiting, 100);
    close(only);
    assert_string_equal(client_hear_line(waiting), "waiting");
    close(one);
    expect_event(&daemon->events, "end", "service", "own", NULL);
    one = enter(daemon, "own");
    close(one);
    close(two);
    close(waiting);
    daemon_stop(daemon);
}

static void rates__tokens_stay_taken(void)
{
    struct daemon *daemon = daemon_serve(
        "own: { " LISTEN WAIT "limits: { per_source_rate = '2/h'; }; };\n"
        "all: { " LISTEN WAIT "limits: { rate = '2/h'; when_full = 'refuse'; }; };\n");

    close(enter(daemon, "own"));
    close(enter(daemon, "all"));
    daemon_upgrade(daemon);
    close(enter(daemon, "own"));
    close(enter(daemon, "all"));
    daemon_upgrade(daemon);
    expect_refused(daemon, "own", "source-rate");
    expect_refused(daemon, "all", "service-rate");
    daemon_stop(daemon);
}

static void trap__stands_on(void)
{
    struct daemon *daemon = daemon_serve(
        CAT "sensor: { listen = ({ address = '127.0.0.1:0'; trap = '1h'; }); };\n");

    expect_refused(daemon, "sensor", "trapped");
    daemon_upgrade(daemon);
    expect_refused(daemon, "cat", "trapped");
    daemon_stop(daemon);
}

/* Were the time counted anew by each program, it would not end while there are new ones. */
static void total_time__counts_from_the_beginning(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "time: { total = '1500ms'; }; };\n");
    int fd = enter(daemon, "a");
    uint64_t begun = e2e_now_ms();
    const json_t *end;

    while (!find_event(&daemon->events, "end", NULL) && e2e_now_ms() - begun < 20000)
        daemon_upgrade(daemon);
    end = expect_event(&daemon->events, "end", "outcome", "deadline", NULL);
    assert_in_range(event_number(end, "duration_ms"), 1500, 10000);
    close(fd);
    daemon_stop(daemon);
}

static void grace__goes_on(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'stubborn'];\n"
                                         "  time: { grace = '1s'; }; };\n");
    int fd = daemon_dial(daemon, "a");

    assert_string_equal(client_hear_line(fd), "sleeping");
    control_result(daemon, "{'command': 'kill', 'service': 'a'}");
    daemon_upgrade(daemon);
    expect_event(&daemon->events, "end", "outcome", "terminated", "signal", "KILL", NULL);
    close(fd);
    daemon_stop(daemon);
}

/* ---- The operator --------------------------------------------------------------------------- */

static void paused__stays_paused(void)
{
    struct daemon *daemon = daemon_serve(CAT "a: { " LISTEN WAIT "};\n");
    int fd;

    control_result(daemon, "{'command': 'pause', 'service': 'a'}");
    daemon_upgrade(daemon);
    fd = daemon_dial(daemon, "a");
    client_hear_nothing(fd, 200);
    daemon_talk(daemon, "cat", "others", "others");
    control_result(daemon, "{'command': 'resume', 'service': 'a'}");
    assert_string_equal(client_hear_line(fd), "waiting");
    close(fd);
    daemon_stop(daemon);
}

static void drain__who_waits_for_it_is_answered(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "};\n");
    int fd = enter(daemon, "a"), operator= control_dial(daemon);

    control_say(operator, "{'command': 'drain', 'service': 'a', 'wait': true, 'id': 7}");
    expect_event(&daemon->events, "drain", "state", "begun", "service", "a", NULL);
    daemon_upgrade(daemon);
    client_hear_nothing(operator, 100);
    close(fd);
    assert_int_equal(control_number(control_hear(operator), "id"), 7);
    close(operator);
    daemon_stop(daemon);
}

static void drain__deadline__counts_on(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "};\n");
    int fd = enter(daemon, "a");

    control_result(daemon, "{'command': 'drain', 'service': 'a', 'deadline': '1s'}");
    daemon_upgrade(daemon);
    expect_event(&daemon->events, "drain", "state", "deadline", "service", "a", NULL);
    expect_event(&daemon->events, "end", "outcome", "terminated", NULL);
    close(fd);
    daemon_stop(daemon);
}

static long long sum_of(const json_t *numbers)
{
    const json_t *number;
    long long sum = 0;
    size_t i;

    json_array_foreach(numbers, i, number)
    {
        sum += json_integer_value(number);
    }
    return sum;
}

static void counters__go_on(void)
{
    struct daemon *daemon = daemon_serve(CAT "no: { " LISTEN WAIT
                                             "access: { deny = '127.0.0.1'; }; };\n");
    json_t *before, *after;

    for (int i = 0; i < 5; i++)
        daemon_talk(daemon, "cat", "x", "x");
    for (int i = 0; i < 3; i++)
        expect_refused(daemon, "no", "denied");
    daemon_expect_quiet(daemon);
    before = control_result(daemon, "{'command': 'show', 'service': 'cat'}");
    daemon_upgrade(daemon);
    after = control_result(daemon, "{'command': 'show', 'service': 'cat'}");
    assert_int_equal(control_number(after, "admitted"), 5);
    assert_true(
        json_equal(json_object_get(before, "launch_us"), json_object_get(after, "launch_us")));
    after = control_result(daemon, "{'command': 'status'}");
    assert_int_equal(control_number(after, "services.1.refused"), 3);
    assert_int_equal(control_number(after, "daemon.upgrades"), 1);
    after = control_result(daemon, "{'command': 'history', 'service': 'no'}");
    assert_int_equal(sum_of(control_get(after, "services.0.refused")), 3);
    daemon_stop(daemon);
}

static void log__who_follows_it_misses_nothing(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    int fd = control_dial(daemon);
    const char *event;

    control_say(fd, "{'command': 'log', 'follow': true, 'lines': 0}");
    control_hear(fd);
    daemon_upgrade(daemon);
    daemon_talk(daemon, "cat", "x", "x");
    do
        event = control_text(control_hear(fd), "event.event");
    while (strcmp(event, "end") != 0);
    close(fd);
    /* What was said before the upgrade is remembered after it. */
    assert_string_equal(
        control_text(control_result(daemon, "{'command': 'log'}"), "events.0.event"), "listen");
    daemon_stop(daemon);
}

/* ---- The configuration ---------------------------------------------------------------------- */

static void configuration__changed_as_well__as_after_a_reload(void)
{
    struct daemon *daemon = daemon_serve(CAT "old: { " LISTEN "exec = ['@SPECIMEN@', 'cat']; };\n");
    int fd = daemon_dial(daemon, "old");
    char address[64];

    client_say(fd, "before\n");
    assert_string_equal(client_hear_line(fd), "before");
    snprintf(address, sizeof address, "%s", daemon_address(daemon, "old", 0));
    daemon_configure(daemon, &(struct setup){.services = CAT "new: { " LISTEN WAIT "};\n"});
    daemon_upgrade(daemon);
    expect_event(&daemon->events, "listen", "service", "old", "state", "closed", NULL);
    assert_int_equal(client_try(address, SOCK_STREAM), -ECONNREFUSED);
    close(enter(daemon, "new"));
    client_say(fd, "after\n");
    assert_string_equal(client_hear_line(fd), "after");
    close(fd);
    expect_event(&daemon->events, "end", "service", "old", "outcome", "ok", NULL);
    daemon_reload(daemon, NULL);
    close(enter(daemon, "new"));
    daemon_stop(daemon);
}

static void reload__at_the_same_time__both_are_done(void)
{
    struct daemon *daemon = daemon_start(&(struct setup){.services = CAT, .defaults = MANY});
    struct crowd crowd;

    crowd_begin(&crowd, daemon_address(daemon, "cat", 0), 4);
    for (int i = 0; i < 10; i++) {
        const char *services = i % 2 ? CAT : CAT "a: { " LISTEN WAIT "};\n";

        daemon_configure(daemon, &(struct setup){.services = services, .defaults = MANY});
        daemon_signal(daemon, SIGHUP);
        daemon_upgrade(daemon);
        daemon_signal(daemon, SIGHUP);
        daemon_signal(daemon, SIGUSR2);
        expect_event(&daemon->events, "upgrade", "state", "done", NULL);
        crowd_wait(&crowd, 5);
    }
    crowd_end(&crowd);
    daemon_stop(daemon);
}

static void again_and_again__50_times__nothing_grows(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    int fd = daemon_dial(daemon, "cat");
    long before = 0;

    for (int i = 0; i < 50; i++) {
        daemon_upgrade(daemon);
        if (i == 10)
            before = census_memory(daemon->pid, "Private_Dirty");
    }
    if (!e2e_sanitized() && census_memory(daemon->pid, "Private_Dirty") > before + 512)
        fail_msg("memory has grown from %ld KiB to %ld", before,
                 census_memory(daemon->pid, "Private_Dirty"));
    client_say(fd, "still\n");
    assert_string_equal(client_hear_line(fd), "still");
    close(fd);
    daemon_stop(daemon);
}

static void expect_pid_in(struct daemon *daemon, const char *name)
{
    static const char *const names[] = {"one", "two"};

    for (size_t i = 0; i < COUNT(names); i++) {
        if (name && strcmp(names[i], name) == 0)
            assert_int_equal(atoi(daemon_read(daemon, names[i])), daemon->pid);
        else
            assert_int_equal(access(daemon_path(daemon, names[i]), F_OK), -1);
    }
}

/* A reload leaves the file where it is, and the next program moves it. */
static void pid_file__changed_by_a_reload__moves_with_the_upgrade(void)
{
    const struct setup one = {.superd = "pid_file = '@DIR@/one';", .services = CAT};
    const struct setup two = {.superd = "pid_file = '@DIR@/two';", .services = CAT};
    const struct setup none = {.services = CAT};
    struct daemon *daemon = daemon_start(&one);

    daemon_reload(daemon, &two);
    expect_pid_in(daemon, "one");
    daemon_upgrade(daemon);
    expect_pid_in(daemon, "two");
    daemon_reload(daemon, &none);
    expect_pid_in(daemon, "two");
    daemon_upgrade(daemon);
    expect_pid_in(daemon, NULL);
    daemon_reload(daemon, &one);
    daemon_upgrade(daemon);
    expect_pid_in(daemon, "one");
    daemon_reload(daemon, &two);
    daemon_stop(daemon); /* wants it removed */
}

/* ---- Where it runs -------------------------------------------------------------------------- */

static void usr2__upgrades(void)
{
    struct daemon *daemon = daemon_serve(CAT);

    daemon_signal(daemon, SIGUSR2);
    expect_event(&daemon->events, "upgrade", "state", "done", NULL);
    daemon_talk(daemon, "cat", "x", "x");
    daemon_stop(daemon);
}

static void notify__reloading_then_ready(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char variable[160];
    const char *const environment[] = {variable, NULL};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct daemon *daemon;

    snprintf(un.sun_path + 1, sizeof un.sun_path - 1, "superd-e2e-upgrade-%d", (int)getpid());
    snprintf(variable, sizeof variable, "NOTIFY_SOCKET=@%s", un.sun_path + 1);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&un,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(un.sun_path + 1))),
        0);
    daemon = daemon_start(&(struct setup){
        .environment = environment, .superd = "pid_file = '@DIR@/pid';", .services = CAT});
    assert_non_null(strstr(client_hear_packet(fd), "READY=1"));
    for (int i = 0; i < 2; i++) { /* the second program has it from the first */
        daemon_upgrade(daemon);
        assert_non_null(strstr(client_hear_packet(fd), "RELOADING=1"));
        assert_non_null(strstr(client_hear_packet(fd), "READY=1"));
        assert_int_equal(atoi(daemon_read(daemon, "pid")), daemon->pid);
    }
    daemon_stop(daemon);
    close(fd);
}

static void pid1__upgrades(void)
{
    struct daemon *daemon;
    int fd;

    harness_needs_pid_namespaces();
    daemon = daemon_start(&(struct setup){.own_pid_namespace = true, .services = CAT});
    fd = daemon_dial(daemon, "cat");
    daemon_upgrade(daemon);
    client_say(fd, "after\n");
    assert_string_equal(client_hear_line(fd), "after");
    close(fd);
    expect_event(&daemon->events, "end", NULL);
    daemon_stop(daemon);
}

static size_t launchers_of(struct daemon *daemon)
{
    pid_t pids[32];

    return daemon_launchers(daemon, pids, COUNT(pids));
}

static void isolated__in_namespaces_of_its_own__goes_on(void)
{
    struct daemon *daemon;
    size_t shared;
    int fd;

    harness_needs_root();
    daemon = daemon_start(
        &(struct setup){.superd = "isolation: { users = '64300-64310'; idle = '200ms'; };",
                        .services = CAT "box: { " LISTEN "user = 'dynamic'; isolation = 'strict';\n"
                                        "  exec = ['/bin/sh', '-c', 'echo waiting; cat']; };\n"});
    shared = launchers_of(daemon);
    fd = daemon_dial(daemon, "box");
    if (strcmp(client_hear_line(fd), "waiting") != 0)
        e2e_skip("isolation is not to be had here");
    daemon_upgrade(daemon);
    close(enter(daemon, "box")); /* in new ones */
    client_hear_nothing(fd, 100);
    assert_int_equal(
        count_events(&daemon->events, "end", "service", "box", "outcome", "signal", NULL), 0);
    client_half_close(fd);
    assert_string_equal(client_hear_all(fd, NULL), "");
    expect_event(&daemon->events, "end", "service", "box", "instance", "1", "outcome", "ok", NULL);
    close(fd);
    while (launchers_of(daemon) > shared)
        usleep(20000);
    daemon_stop(daemon);
}

/* Its own control group is found again: it is killed whole through that, and removed. */
static void control_group__of_an_instance__ends_it_and_goes(void)
{
    const char *here;
    struct daemon *daemon;
    char own[64];
    size_t shared;
    int fd;

    harness_needs_root();
    here = process_shell("m=$(awk '$0 ~ / - cgroup2 / { print $5; exit }' /proc/self/mountinfo)\n"
                         "p=$(sed -n 's/^0:://p' /proc/self/cgroup)\n"
                         "[ -w \"$m$p\" ] && printf %%s \"$m$p\" || true");
    if (!*here)
        e2e_skip("no control group to be had here");
    daemon = daemon_start(&(struct setup){
        .superd = "isolation: { idle = '200ms'; };",
        .services = CAT "box: { " LISTEN "user = '64300'; group = '64300'; isolation = 'basic'; "
                        "isolate: { cgroup = 'connection'; };\n"
                        "  exec = ['@SPECIMEN@', 'orphan-wait']; };\n"});
    snprintf(own, sizeof own, "superd.%d.*", (int)daemon->pid);
    shared = launchers_of(daemon);
    fd = daemon_dial(daemon, "box");
    assert_true(strtol(client_hear_line(fd), NULL, 10) > 1);
    daemon_upgrade(daemon);
    assert_string_equal(process_shell("find %s -path '*/%s/box/i1' | wc -l", here, own), "1\n");
    control_result(daemon, "{'command': 'kill', 'service': 'box', 'now': true}");
    expect_event(&daemon->events, "end", "service", "box", "outcome", "terminated", NULL);
    while (strcmp(process_shell("find %s -path '*/%s/box/i1' | wc -l", here, own), "0\n") != 0)
        usleep(20000);
    close(fd);
    while (launchers_of(daemon) > shared)
        usleep(20000);
    daemon_stop(daemon);
    assert_string_equal(process_shell("find %s -name '%s' | wc -l", here, own), "0\n");
}

static const struct e2e_case cases[] = {
    E2E(session__opened_before__goes_on_and_ends_as_any_other),
    E2E(clients__without_a_pause__nobody_notices),
    E2E(instance__killed_meanwhile__its_end_is_seen),
    E2E(listening_instance__keeps_the_socket),
    E2E(standard_error__goes_on_even_within_a_line),
    E2E(limits__live_instances_count_on),
    E2E(rates__tokens_stay_taken),
    E2E(trap__stands_on),
    E2E(total_time__counts_from_the_beginning),
    E2E(grace__goes_on),
    E2E(paused__stays_paused),
    E2E(drain__who_waits_for_it_is_answered),
    E2E(drain__deadline__counts_on),
    E2E(counters__go_on),
    E2E(log__who_follows_it_misses_nothing),
    E2E(configuration__changed_as_well__as_after_a_reload),
    E2E(reload__at_the_same_time__both_are_done),
    E2E(again_and_again__50_times__nothing_grows),
    E2E(pid_file__changed_by_a_reload__moves_with_the_upgrade),
    E2E(usr2__upgrades),
    E2E(notify__reloading_then_ready),
    E2E(pid1__upgrades),
    E2E(isolated__in_namespaces_of_its_own__goes_on),
    E2E(control_group__of_an_instance__ends_it_and_goes),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
