/*
 * superd as the first process of a pid namespace, as in a container: it gets its signals and reaps
 * what nobody else does.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "harness.h"
#include "report.h"

#define CAT "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"

static struct daemon *start_as_pid1(const char *services)
{
    harness_needs_pid_namespaces();
    return daemon_start(&(struct setup){
        .own_pid_namespace = true, .superd = "grace = '200ms';", .services = services});
}

static void pid1__serves_and_stops(void)
{
    struct daemon *daemon = start_as_pid1(
        CAT "env: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'report']; };\n");
    const char *report = daemon_ask(daemon, "env");

    assert_true(strtol(report_value(report, "pid"), NULL, 10) < 100);
    assert_string_equal(report_value(report, "session"), report_value(report, "pid"));
    daemon_talk(daemon, "cat", "hello", "hello");
    daemon_reload(daemon, NULL);
    daemon_talk(daemon, "cat", "again", "again");
    daemon_stop(daemon);
}

/* Processes whose parents have ended come to pid 1; daemon_stop() wants no zombie among them. */
static void pid1__orphans__reaped(void)
{
    struct daemon *daemon = start_as_pid1(
        "leave: { listen = '127.0.0.1:0'; exec = ['/bin/sh', '-c',\n"
        "  '(sleep 0.1 & sleep 0.2 & sleep 0.3 &) </dev/null >/dev/null 2>&1; echo left']; };\n");

    for (int i = 0; i < 10; i++)
        assert_string_equal(daemon_ask(daemon, "leave"), "left\n");
    daemon_stop(daemon);
}

static void pid1__orphan_of_a_terminated_instance__ended(void)
{
    struct daemon *daemon = start_as_pid1("leave: { listen = '127.0.0.1:0';\n"
                                          "  exec = ['@SPECIMEN@', 'orphan-wait'];\n"
                                          "  time: { total = '200ms'; grace = '200ms'; }; };\n");

    assert_true(strtol(daemon_ask(daemon, "leave"), NULL, 10) > 1);
    expect_event(&daemon->events, "end", "service", "leave", "outcome", "deadline", NULL);
    daemon_stop(daemon);
}

/* The kernel spares a pid 1 the signals that it has no handler for; superd reads its own. */
static void pid1__signal_from_within__obeyed(void)
{
    struct daemon *daemon = start_as_pid1("halt: { listen = '127.0.0.1:0';\n"
                                          "  exec = ['/bin/sh', '-c', 'kill -TERM 1']; };\n");

    daemon_ask(daemon, "halt");
    assert_int_equal(daemon_wait(daemon), 0);
    expect_event(&daemon->events, "drain", "why", "SIGTERM", NULL);
    daemon_expect_gone(daemon);
}

static const struct e2e_case cases[] = {
    E2E(pid1__serves_and_stops),
    E2E(pid1__orphans__reaped),
    E2E(pid1__orphan_of_a_terminated_instance__ended),
    E2E(pid1__signal_from_within__obeyed),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
