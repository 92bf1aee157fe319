/*
 * The handler contract (superd-handler(7)) for a service in mode `connection`: what a handler is
 * given, and what happens when it ends.
 */
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness.h"
#include "report.h"

#define HELLO "hello: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'report']; "

/* ---- Descriptors ---------------------------------------------------------------------------- */

static void descriptors__connection__socket_twice_and_a_pipe(void)
{
    struct daemon *daemon = daemon_serve(HELLO "};");
    char *report = daemon_ask(daemon, "hello");

    assert_int_equal(report_count(report, "fd."), 3);
    assert_memory_equal(report_value(report, "fd.0"), "socket:", 7);
    assert_string_equal(report_value(report, "fd.0"), report_value(report, "fd.1"));
    assert_memory_equal(report_value(report, "fd.2"), "pipe:", 5);
    report_expect(report, "nonblock.0", "0");
    report_expect(report, "nonblock.1", "0");
    report_expect(report, "nonblock.2", "0");
    report_expect(report, "type", "stream");
    daemon_stop(daemon);
}

static void descriptors__stderr_connection__the_socket_three_times(void)
{
    struct daemon *daemon = daemon_serve(HELLO
                                         "stderr = 'connection'; };\n"
                                         "loud: { listen = '127.0.0.1:0'; stderr = 'connection';"
                                         " exec = ['@SPECIMEN@', 'stderr', 'oops']; };");
    char *report = daemon_ask(daemon, "hello");

    assert_int_equal(report_count(report, "fd."), 3);
    assert_string_equal(report_value(report, "fd.0"), report_value(report, "fd.2"));
    assert_string_equal(daemon_ask(daemon, "loud"), "oops");
    daemon_stop(daemon);
}

static void descriptors__stderr_discard__dev_null(void)
{
    struct daemon *daemon = daemon_serve(HELLO "stderr = 'discard'; };");
    char *report = daemon_ask(daemon, "hello");

    assert_int_equal(report_count(report, "fd."), 3);
    report_expect(report, "fd.2", "/dev/null");
    daemon_stop(daemon);
}

/* Descriptors that superd itself inherited are nobody's business but its own. */
static void leave_descriptors_open(void *data)
{
    (void)data;
    dup2(STDERR_FILENO, 3);
    dup2(STDERR_FILENO, 77);
}

static void descriptors__superd_inherits_some__handler_does_not(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = HELLO "};", .before_exec = leave_descriptors_open});

    assert_int_equal(report_count(daemon_ask(daemon, "hello"), "fd."), 3);
    daemon_stop(daemon);
}

static void close_standard(void *data)
{
    (void)data;
    close(0);
    close(1);
    close(2);
}

static void descriptors__superd_without_standard_ones__handler_has_them(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = HELLO "};", .before_exec = close_standard});
    char *report = daemon_ask(daemon, "hello");

    assert_int_equal(report_count(report, "fd."), 3);
    assert_memory_equal(report_value(report, "fd.0"), "socket:", 7);
    daemon_stop(daemon);
}

/* ---- The socket ----------------------------------------------------------------------------- */

static void socket__ipv4__is_inet_and_has_both_names(void)
{
    struct daemon *daemon = daemon_serve(HELLO "};");
    struct sockaddr_storage mine;
    socklen_t size = sizeof mine;
    int fd = daemon_dial(daemon, "hello");
    char wanted[64], *report;
    const char *port = strrchr(daemon_address(daemon, "hello", 0), ':') + 1;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&mine, &size), 0);
    report = client_hear_all(fd, NULL);
    snprintf(wanted, sizeof wanted, "inet 127.0.0.1 %u",
             ntohs(((struct sockaddr_in *)&mine)->sin_port));
    report_expect(report, "peername", wanted);
    snprintf(wanted, sizeof wanted, "inet 127.0.0.1 %s", port);
    report_expect(report, "sockname", wanted);
    close(fd);
    daemon_stop(daemon);
}

static void socket__half_close__the_handler_goes_on_for_100_mb(void)
{
    struct daemon *daemon = daemon_serve("pour: { listen = '127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'write', '104857600']; };");
    int fd = daemon_dial(daemon, "pour");
    static char bytes[1 << 20];
    size_t total = 0;
    ssize_t n;

    client_half_close(fd);
    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        total += (size_t)n;
    assert_int_equal(n, 0);
    assert_int_equal(total, 104857600);
    close(fd);
    expect_event(&daemon->events, "end", "service", "pour", "outcome", "ok", NULL);
    daemon_stop(daemon);
}

static void socket__client_half_closes__handler_reads_the_end_and_answers(void)
{
    struct daemon *daemon = daemon_serve("count: { listen = '127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'count']; };");

    daemon_talk(daemon, "count", "twelve bytes", "12\n");
    daemon_stop(daemon);
}

/* ---- Arguments ------------------------------------------------------------------------------ */

static void arguments__blanks_and_empty__as_written(void)
{
    struct daemon *daemon = daemon_serve(
        "hello: { listen = '127.0.0.1:0';\n"
        "  exec = ['@SPECIMEN@', 'report', 'two words', '', '$HOME *', 'last']; };");
    char *report = daemon_ask(daemon, "hello");

    assert_int_equal(report_count(report, "argument."), 6);
    report_expect(report, "argument.0", daemon_path(daemon, "specimen"));
    report_expect(report, "argument.2", "two words");
    report_expect(report, "argument.3", "");
    report_expect(report, "argument.4", "$HOME *");
    report_expect(report, "argument.5", "last");
    daemon_stop(daemon);
}

static void arguments__argv0__apart_from_the_path(void)
{
    struct daemon *daemon = daemon_serve(HELLO "argv0 = 'in.hello'; };");

    report_expect(daemon_ask(daemon, "hello"), "argument.0", "in.hello");
    daemon_stop(daemon);
}

static void arguments__one_string__a_program_without_arguments(void)
{
    struct daemon *daemon = daemon_serve(
        "hello: { listen = '127.0.0.1:0'; exec = '@SPECIMEN@'; };");

    assert_int_equal(report_count(daemon_ask(daemon, "hello"), "argument."), 1);
    daemon_stop(daemon);
}

/* ---- Environment ---------------------------------------------------------------------------- */

static void environment__of_superd__not_passed_on(void)
{
    static const char *const ours[] = {"SECRET=1", "PASSED=as it is", "UID=0", NULL};
    struct daemon *daemon = daemon_start(&(struct setup){
        .environment = ours, .services = HELLO "pass_environment = ['PASSED', 'NOT_THERE']; };"});
    char *report = daemon_ask(daemon, "hello");

    assert_false(report_has(report, "env.SECRET"));
    assert_false(report_has(report, "env.UID"));
    assert_false(report_has(report, "env.NOT_THERE"));
    report_expect(report, "env.PASSED", "as it is");
    daemon_stop(daemon);
}

static void environment__of_the_service__as_written(void)
{
    struct daemon *daemon = daemon_serve(
        HELLO
        "environment: { UID = 'mine'; EMPTY = ''; PATH = '/opt/bin'; WORDS = 'a  b=c'; }; };");
    char *report = daemon_ask(daemon, "hello");

    report_expect(report, "env.UID", "mine");
    report_expect(report, "env.EMPTY", "");
    report_expect(report, "env.PATH", "/opt/bin");
    report_expect(report, "env.WORDS", "a  b=c");
    assert_int_equal(report_count(report, "env.PATH="), 1);
    daemon_stop(daemon);
}

static void environment__standard__user_path_and_connection(void)
{
    struct daemon *daemon = daemon_serve(HELLO "};");
    const struct passwd *user = getpwuid(geteuid());
    const char *port = strrchr(daemon_address(daemon, "hello", 0), ':') + 1;
    char *report = daemon_ask(daemon, "hello");

    assert_non_null(user);
    report_expect(report, "env.USER", user->pw_name);
    report_expect(report, "env.LOGNAME", user->pw_name);
    report_expect(report, "env.HOME", user->pw_dir);
    report_expect(report, "env.SHELL", user->pw_shell);
    assert_non_null(strstr(report_value(report, "env.PATH"), "/usr/bin"));
    report_expect(report, "env.PROTO", "TCP");
    report_expect(report, "env.TCPLOCALIP", "127.0.0.1");
    report_expect(report, "env.TCPLOCALPORT", port);
    report_expect(report, "env.TCPREMOTEIP", "127.0.0.1");
    report_expect(report, "env.REMOTE_ADDR", "127.0.0.1");
    report_expect(report, "env.REMOTE_PORT", report_value(report, "env.TCPREMOTEPORT"));
    report_expect(report, "env.SUPERD_SERVICE", "hello");
    report_expect(report, "env.SUPERD_INSTANCE", "1");
    assert_false(report_has(report, "env.LISTEN_FDS"));
    assert_false(report_has(report, "env.NOTIFY_SOCKET"));
    daemon_stop(daemon);
}

static void environment__connnum__counts_the_source(void)
{
    struct daemon *daemon = daemon_serve(
        "hello: { listen = '127.0.0.1:0'; exec = ['/bin/sh', '-c',\n"
        "  'echo $TCPCONNNUM; read line']; };");
    int first = daemon_dial(daemon, "hello"), second;

    assert_string_equal(client_hear_line(first), "1");
    second = daemon_dial(daemon, "hello");
    assert_string_equal(client_hear_line(second), "2");
    close(first);
    close(second);
    daemon_stop(daemon);
}

/* ---- Process -------------------------------------------------------------------------------- */

static void process__session__its_own(void)
{
    struct daemon *daemon = daemon_serve(HELLO "};\n"
                                               "suicide: { listen = '127.0.0.1:0';\n"
                                               "  exec = ['@SPECIMEN@', 'killpg']; };");
    char *report = daemon_ask(daemon, "hello");

    assert_string_equal(report_value(report, "session"), report_value(report, "pid"));
    assert_string_equal(report_value(report, "group"), report_value(report, "pid"));
    assert_string_equal(daemon_ask(daemon, "suicide"), "killing\n");
    expect_event(&daemon->events, "end", "service", "suicide", "outcome", "signal", "signal",
                 "TERM", NULL);
    assert_non_null(strstr(daemon_ask(daemon, "hello"), "session="));
    daemon_stop(daemon);
}

/* As nohup(1), a careless parent, or a shell without job control would leave it. */
static void spoil_signals(void *data)
{
    sigset_t all;

    (void)data;
    signal(SIGHUP, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

static void process__signals__default_and_unblocked(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = HELLO "};", .before_exec = spoil_signals});
    char *report = daemon_ask(daemon, "hello");

    report_expect(report, "signals.Blk", "0");
    report_expect(report, "signals.Ign", "0");
    if (!e2e_sanitized())
        report_expect(report, "signals.Cgt", "0");
    daemon_stop(daemon);
}

static void process__directory_umask_nice_rlimits__as_configured(void)
{
    struct daemon *daemon = daemon_serve(
        HELLO "};\n"
              "set: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'report'];\n"
              "  directory = '@DIR@'; umask = '077'; nice = 19;\n"
              "  rlimits: { nofile = 100; core = 0; fsize = '1M'; }; };");
    char *report = daemon_ask(daemon, "hello"), ours[16];

    report_expect(report, "directory", "/");
    report_expect(report, "umask", "022");
    snprintf(ours, sizeof ours, "%d", getpriority(PRIO_PROCESS, 0)); /* as superd was started */
    report_expect(report, "nice", ours);
    report = daemon_ask(daemon, "set");
    report_expect(report, "directory", daemon->directory);
    report_expect(report, "umask", "077");
    report_expect(report, "nice", "19");
    report_expect(report, "rlimit.nofile", "100 100");
    report_expect(report, "rlimit.core", "0 0");
    report_expect(report, "rlimit.fsize", "1048576 1048576");
    daemon_stop(daemon);
}

/* superd raises its own limit; a handler has the one that superd was started with. */
static void set_descriptor_limit(void *data)
{
    (void)data;
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){.rlim_cur = 512, .rlim_max = 1024});
}

static void process__descriptor_limit__as_superd_was_started(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = HELLO "};", .before_exec = set_descriptor_limit});

    report_expect(daemon_ask(daemon, "hello"), "rlimit.nofile", "512 1024");
    daemon_stop(daemon);
}

/* ---- Who it is ------------------------------------------------------------------------------ */

static void identity__user__ids_and_groups(void)
{
    const struct passwd *user = getpwnam("nobody");
    struct daemon *daemon;
    char wanted[64], *report;

    harness_needs_root();
    assert_non_null(user);
    daemon = daemon_serve(HELLO
                          "user = 'nobody'; };\n"
                          "more: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'report'];\n"
                          "  user = 'nobody'; group = 'daemon'; groups = ['mail', 'games']; };");
    report = daemon_ask(daemon, "hello");
    snprintf(wanted, sizeof wanted, "%u %u %u", user->pw_uid, user->pw_uid, user->pw_uid);
    report_expect(report, "uid", wanted);
    snprintf(wanted, sizeof wanted, "%u %u %u", user->pw_gid, user->pw_gid, user->pw_gid);
    report_expect(report, "gid", wanted);
    snprintf(wanted, sizeof wanted, "%u", user->pw_gid);
    report_expect(report, "groups", wanted);
    report_expect(report, "env.USER", "nobody");
    report_expect(report, "env.HOME", user->pw_dir);
    report = daemon_ask(daemon, "more");
    report_expect(report, "gid", "1 1 1");
    assert_non_null(strstr(report_value(report, "groups"), "8"));
    daemon_stop(daemon);
}

static void identity__ordinary_user__oneself(void)
{
    struct daemon *daemon = daemon_serve(HELLO "};");
    char wanted[64];

    snprintf(wanted, sizeof wanted, "%u %u %u", getuid(), getuid(), getuid());
    report_expect(daemon_ask(daemon, "hello"), "uid", wanted);
    daemon_stop(daemon);
}

/* ---- How it ends ---------------------------------------------------------------------------- */

static void end__outcomes__in_the_log(void)
{
    struct daemon *daemon = daemon_serve(
        "zero: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'exit', '0']; };\n"
        "seven: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'exit', '7']; };\n"
        "abort: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'signal', '6'];\n"
        "  rlimits: { core = 0; }; };");
    json_t *event;

    daemon_ask(daemon, "zero");
    event = expect_event(&daemon->events, "end", "service", "zero", "outcome", "ok", NULL);
    assert_null(json_object_get(event, "status"));
    daemon_ask(daemon, "seven");
    expect_event(&daemon->events, "end", "service", "seven", "outcome", "exit", "status", "7",
                 NULL);
    daemon_ask(daemon, "abort");
    event = expect_event(&daemon->events, "end", "service", "abort", "outcome", "signal", "signal",
                         "ABRT", NULL);
    assert_true(event_number(event, "duration_ms") >= 0);
    assert_true(event_number(event, "cpu_us") >= 0);
    assert_true(event_number(event, "maxrss_kb") > 0);
    assert_memory_equal(event_text(event, "peer"), "127.0.0.1:", 10);
    daemon_stop(daemon);
}

/* Any exit status is ordinary: no throttle, nothing above level info. */
static void end__status_255_a_hundred_times__nothing_loud(void)
{
    struct daemon *daemon = daemon_serve("seven: { listen = '127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'exit', '255']; };");

    for (int i = 0; i < 100; i++)
        daemon_ask(daemon, "seven");
    for (int i = 0; i < 100; i++)
        expect_event(&daemon->events, "end", "status", "255", "level", "info", NULL);
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 0);
    daemon_stop(daemon);
}

static void end__normal__what_it_left_goes_on(void)
{
    struct daemon *daemon = daemon_serve("leave: { listen = '127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'orphan']; };");
    pid_t orphan = (pid_t)strtol(daemon_ask(daemon, "leave"), NULL, 10);

    expect_event(&daemon->events, "end", "service", "leave", "outcome", "ok", NULL);
    assert_true(orphan > 0);
    assert_true(census_alive(orphan));
    kill(orphan, SIGKILL);
    daemon_stop(daemon); /* wants it reaped, by superd */
}

static bool is_dead(void *data)
{
    return !census_alive(*(pid_t *)data);
}

static void end__deadline__everything_it_started_ends(void)
{
    struct daemon *daemon = daemon_serve("leave: { listen = '127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'orphan-wait'];\n"
                                         "  time: { total = '300ms'; grace = '200ms'; }; };");
    pid_t orphan = (pid_t)strtol(daemon_ask(daemon, "leave"), NULL, 10);

    assert_true(orphan > 0);
    expect_event(&daemon->events, "end", "service", "leave", "outcome", "deadline", NULL);
    assert_true(e2e_until(is_dead, &orphan));
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(descriptors__connection__socket_twice_and_a_pipe),
    E2E(descriptors__stderr_connection__the_socket_three_times),
    E2E(descriptors__stderr_discard__dev_null),
    E2E(descriptors__superd_inherits_some__handler_does_not),
    E2E(descriptors__superd_without_standard_ones__handler_has_them),
    E2E(socket__ipv4__is_inet_and_has_both_names),
    E2E(socket__half_close__the_handler_goes_on_for_100_mb),
    E2E(socket__client_half_closes__handler_reads_the_end_and_answers),
    E2E(arguments__blanks_and_empty__as_written),
    E2E(arguments__argv0__apart_from_the_path),
    E2E(arguments__one_string__a_program_without_arguments),
    E2E(environment__of_superd__not_passed_on),
    E2E(environment__of_the_service__as_written),
    E2E(environment__standard__user_path_and_connection),
    E2E(environment__connnum__counts_the_source),
    E2E(process__session__its_own),
    E2E(process__signals__default_and_unblocked),
    E2E(process__directory_umask_nice_rlimits__as_configured),
    E2E(process__descriptor_limit__as_superd_was_started),
    E2E(identity__user__ids_and_groups),
    E2E(identity__ordinary_user__oneself),
    E2E(end__outcomes__in_the_log),
    E2E(end__status_255_a_hundred_times__nothing_loud),
    E2E(end__normal__what_it_left_goes_on),
    E2E(end__deadline__everything_it_started_ends),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
