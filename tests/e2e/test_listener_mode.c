/*
 * Mode `listener` (inetd's "wait"): the handler is given the listening or datagram socket itself, and
 * superd watches it again when the instance has ended.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "report.h"

#define STREAM "wait: { listen = '127.0.0.1:0'; mode = 'listener'; exec = ['@SPECIMEN@', "

/* ---- What it is given ----------------------------------------------------------------------- */

static void stream__descriptors__0_1_and_3_are_the_listener(void)
{
    struct daemon *daemon = daemon_serve(STREAM "'listener-report']; };");
    const char *report = daemon_ask(daemon, "wait");

    assert_int_equal(report_count(report, "fd."), 4);
    assert_memory_equal(report_value(report, "fd.0"), "socket:", 7);
    assert_string_equal(report_value(report, "fd.1"), report_value(report, "fd.0"));
    assert_string_equal(report_value(report, "fd.3"), report_value(report, "fd.0"));
    assert_memory_equal(report_value(report, "fd.2"), "pipe:", 5);
    report_expect(report, "peername", "ENOTCONN");
    report_expect(report, "nonblock.0", "0");
    assert_memory_equal(report_value(report, "sockname"), "inet 127.0.0.1 ", 15);
    daemon_stop(daemon);
}

static void stream__environment__names_no_peer(void)
{
    struct daemon *daemon = daemon_serve(STREAM "'listener-report']; };");
    const char *report = daemon_ask(daemon, "wait");

    assert_string_equal(report_value(report, "env.LISTEN_PID"), report_value(report, "pid"));
    report_expect(report, "env.LISTEN_FDS", "1");
    report_expect(report, "env.LISTEN_FDNAMES", "wait");
    report_expect(report, "env.PROTO", "TCP");
    report_expect(report, "env.TCPLOCALIP", "127.0.0.1");
    assert_false(report_has(report, "env.TCPREMOTEIP"));
    assert_false(report_has(report, "env.REMOTE_ADDR"));
    assert_string_equal(report_value(report, "session"), report_value(report, "pid"));
    report_expect(report, "signals.Blk", "0");
    report_expect(report, "signals.Ign", "0");
    daemon_stop(daemon);
}

static void stream__sd_listen_fds__finds_its_socket(void)
{
    struct daemon *daemon = daemon_serve(STREAM "'sd-listen']; };");

    assert_string_equal(daemon_ask(daemon, "wait"), "mine fds=1 names=wait\n");
    assert_string_equal(daemon_ask(daemon, "wait"), "mine fds=1 names=wait\n");
    daemon_stop(daemon);
}

static void stream__stderr__in_the_log(void)
{
    struct daemon *daemon = daemon_serve(
        "wait: { listen = '127.0.0.1:0'; mode = 'listener'; exec = ['/bin/sh', '-c',\n"
        "  'echo complaint >&2; exec @SPECIMEN@ accept 1 hello']; };");

    assert_string_equal(daemon_ask(daemon, "wait"), "hello\n");
    expect_event(&daemon->events, "stderr", "service", "wait", "text", "complaint", NULL);
    daemon_stop(daemon);
}

static void unix__stream__the_same(void)
{
    struct daemon *daemon = daemon_serve("wait: { listen = 'unix:@DIR@/sock'; mode = 'listener';\n"
                                         "  exec = ['@SPECIMEN@', 'listener-report']; };");
    const char *report = daemon_ask(daemon, "wait");

    report_expect(report, "env.PROTO", "IPC");
    report_expect(report, "env.IPCLOCALPATH", daemon_path(daemon, "sock"));
    assert_memory_equal(report_value(report, "sockname"), "unix ", 5);
    daemon_stop(daemon);
}

/* ---- Again and again ------------------------------------------------------------------------ */

static void stream__one_connection_an_instance__nobody_is_lost(void)
{
    struct daemon *daemon = daemon_serve(STREAM "'accept', '1']; };");
    int fds[50];

    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = daemon_dial(daemon, "wait");
        client_say(fds[i], "me\n");
    }
    for (size_t i = 0; i < COUNT(fds); i++) {
        assert_string_equal(client_hear_all(fds[i], NULL), "me\n");
        close(fds[i]);
    }
    for (size_t i = 0; i < COUNT(fds); i++)
        expect_event(&daemon->events, "end", "service", "wait", "outcome", "ok", NULL);
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 0);
    daemon_stop(daemon);
}

static void stream__accept_loop__one_instance_for_many(void)
{
    struct daemon *daemon = daemon_serve(STREAM "'accept-idle', '300']; };");

    for (int i = 0; i < 20; i++) {
        int fd = daemon_dial(daemon, "wait");

        client_say(fd, "me\n");
        assert_string_equal(client_hear_all(fd, NULL), "me\n");
        close(fd);
    }
    expect_event(&daemon->events, "end", "service", "wait", "outcome", "ok", NULL);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 1);
    daemon_talk(daemon, "wait", "after its idle end\n", "after its idle end\n");
    expect_event(&daemon->events, "end", "service", "wait", "outcome", "ok", NULL);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 2);
    daemon_stop(daemon);
}

/* The handler may make its socket non-blocking; the next instance gets it blocking again. */
static void stream__handler_sets_nonblocking__cleared_for_the_next(void)
{
    struct daemon *daemon = daemon_serve(
        "wait: { listen = '127.0.0.1:0'; mode = 'listener'; exec = ['/usr/bin/perl', '-e',\n"
        "  'use Fcntl; accept(my $c, STDIN); my $f = fcntl(STDIN, F_GETFL, 0);\n"
        "   syswrite($c, $f & O_NONBLOCK ? qq(non-blocking\\n) : qq(blocking\\n));\n"
        "   fcntl(STDIN, F_SETFL, $f | O_NONBLOCK);']; };");

    if (access("/usr/bin/perl", X_OK) != 0) {
        daemon_stop(daemon);
        e2e_skip("no perl here");
    }
    assert_string_equal(daemon_ask(daemon, "wait"), "blocking\n");
    assert_string_equal(daemon_ask(daemon, "wait"), "blocking\n");
    daemon_stop(daemon);
}

static void stream__two_listeners__an_instance_each(void)
{
    struct daemon *daemon = daemon_serve(
        "wait: { listen = ('127.0.0.1:0', 'unix:@DIR@/sock'); mode = 'listener';\n"
        "  exec = ['@SPECIMEN@', 'accept', '1']; };");
    int first = client_dial(daemon_address(daemon, "wait", 0), SOCK_STREAM);
    int second = client_dial(daemon_address(daemon, "wait", 1), SOCK_STREAM);

    client_say(second, "second\n");
    assert_string_equal(client_hear_all(second, NULL), "second\n");
    client_say(first, "first\n");
    assert_string_equal(client_hear_all(first, NULL), "first\n");
    close(first);
    close(second);
    daemon_stop(daemon);
}

/* ---- Loops ---------------------------------------------------------------------------------- */

static void stream__ends_without_accepting__throttled(void)
{
    struct daemon *daemon = daemon_serve(STREAM "'accept-never']; };\n"
                                                "other: { listen = '127.0.0.1:0';\n"
                                                "  exec = ['@SPECIMEN@', 'cat']; };");
    int fd = daemon_dial(daemon, "wait");
    size_t launches;

    expect_event(&daemon->events, "throttle", "service", "wait", NULL);
    launches = count_events(&daemon->events, "admit", "service", "wait", NULL);
    assert_true(launches <= 5);
    daemon_talk(daemon, "other", "not concerned", "not concerned");
    assert_int_equal(count_events(&daemon->events, "throttle", "service", "other", NULL), 0);
    expect_event(&daemon->events, "throttle", "service", "wait", NULL); /* a second later, again */
    assert_true(count_events(&daemon->events, "admit", "service", "wait", NULL) <= launches + 3);
    close(fd);
    daemon_stop(daemon);
}

/* An exit is no failure by itself: one that took its connection is followed by the next without a
 * pause, also when another client has come in the meantime. */
static void stream__short_lives_that_accept__not_throttled(void)
{
    struct daemon *daemon = daemon_serve(STREAM "'accept', '1', 'hello', '50']; };");
    int last = daemon_dial(daemon, "wait");

    for (int i = 0; i < 10; i++) {
        int next;

        assert_string_equal(client_hear_all(last, NULL), "hello\n");
        next = daemon_dial(daemon, "wait"); /* the instance lives for another moment */
        close(last);
        last = next;
    }
    assert_string_equal(client_hear_all(last, NULL), "hello\n");
    close(last);
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 0);
    daemon_stop(daemon);
}

static void datagram__never_read__throttled(void)
{
    struct daemon *daemon = daemon_serve("dgram: { listen = 'udp:127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'accept-never']; };");
    int fd = client_dial(daemon_address(daemon, "dgram", 0), SOCK_DGRAM);

    client_say(fd, "hello?");
    expect_event(&daemon->events, "throttle", "service", "dgram", NULL);
    assert_true(count_events(&daemon->events, "admit", "service", "dgram", NULL) <= 5);
    close(fd);
    daemon_stop(daemon);
}

/* ---- Datagrams ------------------------------------------------------------------------------ */

static void datagram__one_an_instance__each_answered(void)
{
    struct daemon *daemon = daemon_serve("dgram: { listen = 'udp:127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'datagram', '1']; };");
    int fds[20];

    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = client_dial(daemon_address(daemon, "dgram", 0), SOCK_DGRAM);
        client_say(fds[i], "packet");
    }
    for (size_t i = 0; i < COUNT(fds); i++) {
        assert_string_equal(client_hear_packet(fds[i]), "packet");
        close(fds[i]);
    }
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 0);
    daemon_stop(daemon);
}

static void datagram__idle_end__the_next_packet_starts_another(void)
{
    struct daemon *daemon = daemon_serve("dgram: { listen = 'udp:127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'datagram-idle', '100']; };");
    int fd = client_dial(daemon_address(daemon, "dgram", 0), SOCK_DGRAM);

    for (int i = 0; i < 3; i++) {
        client_say(fd, "packet");
        assert_string_equal(client_hear_packet(fd), "packet");
        client_say(fd, "another");
        assert_string_equal(client_hear_packet(fd), "another");
        expect_event(&daemon->events, "end", "service", "dgram", "outcome", "ok", NULL);
    }
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 3);
    close(fd);
    daemon_stop(daemon);
}

static void datagram__environment__udp(void)
{
    struct daemon *daemon = daemon_serve(
        "dgram: { listen = 'udp:127.0.0.1:0'; exec = ['/bin/sh', '-c',\n"
        "  'echo proto $PROTO fds $LISTEN_FDS ip $UDPLOCALIP >&2;"
        " exec @SPECIMEN@ datagram 1']; };");
    int fd = client_dial(daemon_address(daemon, "dgram", 0), SOCK_DGRAM);

    client_say(fd, "packet");
    assert_string_equal(client_hear_packet(fd), "packet");
    expect_event(&daemon->events, "stderr", "text", "proto UDP fds 1 ip 127.0.0.1", NULL);
    close(fd);
    daemon_stop(daemon);
}

/* ---- The end -------------------------------------------------------------------------------- */

static void stop__instance_waits_for_connections__terminated_at_once(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '1m';", .services = STREAM "'accept-sleep']; };"});
    int fd = daemon_dial(daemon, "wait");

    expect_event(&daemon->events, "admit", "service", "wait", NULL);
    daemon_signal(daemon, SIGTERM);
    expect_event(&daemon->events, "end", "service", "wait", "outcome", "terminated", NULL);
    assert_int_equal(daemon_wait(daemon), 0);
    close(fd);
    daemon_expect_gone(daemon);
}

static void handler_killed__the_waiting_client_is_served_by_the_next(void)
{
    struct daemon *daemon = daemon_serve(
        "wait: { listen = '127.0.0.1:0'; mode = 'listener'; exec = ['/bin/sh', '-c',\n"
        "  'test -e @DIR@/flag && exec @SPECIMEN@ accept 1 hello;"
        " exec @SPECIMEN@ accept-sleep']; };");
    int fd = daemon_dial(daemon, "wait");
    json_t *event = expect_event(&daemon->events, "admit", "service", "wait", NULL);

    daemon_write(daemon, "flag", "");
    assert_int_equal(kill((pid_t)event_number(event, "pid"), SIGKILL), 0);
    assert_string_equal(client_hear_all(fd, NULL), "hello\n");
    expect_event(&daemon->events, "end", "service", "wait", "outcome", "signal", "signal", "KILL",
                 NULL);
    close(fd);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(stream__descriptors__0_1_and_3_are_the_listener),
    E2E(stream__environment__names_no_peer),
    E2E(stream__sd_listen_fds__finds_its_socket),
    E2E(stream__stderr__in_the_log),
    E2E(unix__stream__the_same),
    E2E(stream__one_connection_an_instance__nobody_is_lost),
    E2E(stream__accept_loop__one_instance_for_many),
    E2E(stream__handler_sets_nonblocking__cleared_for_the_next),
    E2E(stream__two_listeners__an_instance_each),
    E2E(stream__ends_without_accepting__throttled),
    E2E(stream__short_lives_that_accept__not_throttled),
    E2E(datagram__never_read__throttled),
    E2E(datagram__one_an_instance__each_answered),
    E2E(datagram__idle_end__the_next_packet_starts_another),
    E2E(datagram__environment__udp),
    E2E(stop__instance_waits_for_connections__terminated_at_once),
    E2E(handler_killed__the_waiting_client_is_served_by_the_next),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
