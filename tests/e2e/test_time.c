/*
 * How instances end: each outcome has its word in the log, and a limit of time ends what is over and
 * nothing else.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "origin.h"
#include "process.h"

#define LISTEN "listen = '127.0.0.1:0'; "

static const json_t *ended(struct daemon *daemon, const char *outcome)
{
    return expect_event(&daemon->events, "end", "outcome", outcome, NULL);
}

static size_t ends(struct daemon *daemon)
{
    return count_events(&daemon->events, "end", NULL);
}

static void nap(int ms)
{
    poll(NULL, 0, ms);
}

/* ---- By itself ------------------------------------------------------------------------------ */

static void outcomes__by_itself__ok_exit_signal(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'exit', '0']; };\n"
                                         "b: { " LISTEN "exec = ['@SPECIMEN@', 'exit', '7']; };\n"
                                         "c: { " LISTEN
                                         "exec = ['@SPECIMEN@', 'signal', '11']; };");
    const json_t *event;

    daemon_ask(daemon, "a");
    ended(daemon, "ok");
    daemon_ask(daemon, "b");
    assert_int_equal(event_number(ended(daemon, "exit"), "status"), 7);
    daemon_ask(daemon, "c");
    event = ended(daemon, "signal");
    assert_string_equal(event_text(event, "signal"), "SEGV");
    assert_string_equal(event_text(event, "service"), "c");
    daemon_stop(daemon);
}

static void outcomes__program_has_gone__launch_failed(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'exit']; };");

    unlink(daemon_path(daemon, "specimen"));
    client_expect_closed(daemon_dial(daemon, "a"));
    assert_string_equal(event_text(ended(daemon, "launch-failed"), "step"), "exec");
    daemon_stop(daemon);
}

static void outcomes__daemon_stops__terminated(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '100ms';",
                        .services = "a: { " LISTEN "exec = ['@SPECIMEN@', 'sleep']; };"});
    int fd = daemon_dial(daemon, "a");

    client_hear_line(fd);
    daemon_signal(daemon, SIGTERM);
    assert_string_equal(event_text(ended(daemon, "terminated"), "signal"), "TERM");
    client_expect_closed(fd);
    assert_int_equal(daemon_wait(daemon), 0);
    daemon_expect_gone(daemon);
}

/* ---- total, grace --------------------------------------------------------------------------- */

static void total__over__deadline(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'cat'];\n"
                                         "  time: { total = '600ms'; }; };");
    int fd = daemon_dial(daemon, "a");
    const json_t *event;

    while (ends(daemon) == 0) { /* busy or not */
        if (send(fd, "x", 1, MSG_NOSIGNAL) != 1)
            break;
        nap(50);
    }
    event = ended(daemon, "deadline");
    assert_string_equal(event_text(event, "signal"), "TERM");
    assert_in_range(event_number(event, "duration_ms"), 600, (uint64_t)e2e_deadline_ms());
    close(fd);
    daemon_stop(daemon);
}

static void total__unix_and_listener_mode__deadline(void)
{
    struct daemon *daemon = daemon_serve(
        "a: { listen = 'unix:@DIR@/sock'; exec = ['@SPECIMEN@', 'sleep'];\n"
        "  time: { total = '300ms'; }; };\n"
        "b: { " LISTEN "mode = 'listener'; exec = ['@SPECIMEN@', 'accept-idle', '60000'];\n"
        "  time: { total = '300ms'; }; };");
    int fd = daemon_dial(daemon, "a"), other;

    client_hear_line(fd);
    client_expect_closed(fd);
    expect_event(&daemon->events, "end", "service", "a", "outcome", "deadline", NULL);
    other = daemon_dial(daemon, "b");
    expect_event(&daemon->events, "end", "service", "b", "outcome", "deadline", NULL);
    close(fd);
    close(other);
    daemon_stop(daemon);
}

static void grace__handler_ignores_sigterm__killed_when_it_is_over(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'stubborn'];\n"
                                         "  time: { total = '300ms'; grace = '400ms'; }; };");
    int fd = daemon_dial(daemon, "a");
    const json_t *event;

    client_hear_line(fd);
    client_expect_closed(fd);
    event = ended(daemon, "deadline");
    assert_string_equal(event_text(event, "signal"), "KILL");
    assert_in_range(event_number(event, "duration_ms"), 700, (uint64_t)e2e_deadline_ms());
    close(fd);
    daemon_stop(daemon);
}

/* It obeyed, and by its own status: that it had to be ended is the outcome all the same. */
static void grace__handler_ends_by_itself_at_sigterm__outcome_says_why(void)
{
    struct daemon *daemon = daemon_serve(
        "a: { " LISTEN "exec = ['/bin/sh', '-c', 'trap \\'exit 3\\' TERM; echo waiting; read x'];\n"
        "  time: { total = '300ms'; grace = '10s'; }; };");
    int fd = daemon_dial(daemon, "a");

    origin_expect_greeting(fd);
    assert_int_equal(event_number(ended(daemon, "deadline"), "status"), 3);
    close(fd);
    daemon_stop(daemon);
}

static void reload__limits_of_time__instances_keep_those_they_were_born_with(void)
{
    const struct setup shorter = {.services = "a: { " LISTEN "exec = ['@SPECIMEN@', 'sleep'];\n"
                                              "  time: { total = '200ms'; }; };"};
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'sleep']; };");
    int old = daemon_dial(daemon, "a"), young;

    client_hear_line(old);
    daemon_reload(daemon, &shorter);
    young = daemon_dial(daemon, "a");
    client_hear_line(young);
    client_expect_closed(young);
    ended(daemon, "deadline");
    client_hear_nothing(old, 400);
    close(old);
    close(young);
    kill((pid_t)event_number(expect_event(&daemon->events, "admit", NULL), "pid"), SIGKILL);
    ended(daemon, "signal");
    daemon_stop(daemon);
}

/* ---- idle ----------------------------------------------------------------------------------- */

static void idle__nothing_either_way__idle(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'sleep'];\n"
                                         "  time: { idle = '500ms'; }; };");
    int fd = daemon_dial(daemon, "a");
    const json_t *event;

    client_hear_line(fd);
    client_expect_closed(fd);
    event = ended(daemon, "idle");
    assert_in_range(event_number(event, "duration_ms"), 490, (uint64_t)e2e_deadline_ms());
    close(fd);
    daemon_stop(daemon);
}

/* Bytes of the client alone: read by the handler, or by nobody. */
static void idle__the_client_sends__not_idle_until_it_stops(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'count'];\n"
                                         "  time: { idle = '800ms'; }; };\n"
                                         "b: { " LISTEN "exec = ['@SPECIMEN@', 'sleep'];\n"
                                         "  time: { idle = '800ms'; }; };");
    int fds[] = {daemon_dial(daemon, "a"), daemon_dial(daemon, "b")};
    uint64_t begun = e2e_now_ms(), stopped = begun;

    while (stopped - begun < 1800) {
        client_say(fds[0], "x");
        client_say(fds[1], "x");
        nap(100);
        if (e2e_now_ms() - stopped > 700)
            e2e_skip("the machine is too busy to send a byte in time");
        stopped = e2e_now_ms();
    }
    assert_int_equal(ends(daemon), 0);
    ended(daemon, "idle");
    ended(daemon, "idle");
    assert_in_range(e2e_now_ms() - stopped, 600, (uint64_t)e2e_deadline_ms());
    close(fds[0]);
    close(fds[1]);
    daemon_stop(daemon);
}

/* Bytes of the handler alone: what counts is that the client's host takes them. */
static void idle__the_handler_sends__not_idle_until_it_stops(void)
{
    struct daemon *daemon = daemon_serve(
        "a: { " LISTEN "exec = ['/bin/sh', '-c',\n"
        "  'for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.2; done; exec sleep 60'];\n"
        "  time: { idle = '1500ms'; }; };"); /* a busy machine may sleep longer than it was told */
    int fd = daemon_dial(daemon, "a");
    const json_t *event;

    for (int i = 1; i <= 8; i++)
        assert_int_equal(atoi(client_hear_line(fd)), i);
    event = ended(daemon, "idle");
    assert_in_range(event_number(event, "duration_ms"), 7 * 200 + 1490,
                    (uint64_t)e2e_deadline_ms());
    close(fd);
    daemon_stop(daemon);
}

static void idle__ipv6__idle(void)
{
    static const char *const none[] = {NULL};
    struct daemon *daemon;
    int fd;

    origin_own_network(none);
    daemon = daemon_serve("a: { listen = '[::1]:0'; exec = ['@SPECIMEN@', 'sleep'];\n"
                          "  time: { idle = '300ms'; }; };");
    fd = daemon_dial(daemon, "a");
    client_hear_line(fd);
    client_expect_closed(fd);
    ended(daemon, "idle");
    close(fd);
    daemon_stop(daemon);
}

/* IPv4 clients of an IPv6 socket: the kernel knows them by their mapped addresses. */
static void idle__ipv4_client_of_a_socket_of_both_families__seen(void)
{
    struct daemon *daemon;
    char to[32];
    int fd = client_try("[::1]:1", SOCK_STREAM);

    if (fd != -ECONNREFUSED)
        e2e_skip("no IPv6 here");
    daemon = daemon_serve(
        "a: { listen = ({ address = '[::]:0'; v6only = false; });\n"
        "  exec = ['@SPECIMEN@', 'cat']; time: { idle = '1500ms'; gone = '10s'; }; };");
    snprintf(to, sizeof to, "127.0.0.1:%s", strrchr(daemon_address(daemon, "a", 0), ':') + 1);
    fd = client_dial(to, SOCK_STREAM);
    for (int i = 0; i < 9; i++) {
        client_say(fd, "x\n");
        client_hear_line(fd);
        nap(200);
    }
    assert_int_equal(ends(daemon), 0);
    ended(daemon, "idle");
    close(fd);
    daemon_stop(daemon);
}

/* Whoever has no connection any more has nothing that could move: he is idle from then on. */
static void idle__the_client_was_reset__the_handler_ends_all_the_same(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'sleep'];\n"
                                         "  time: { idle = '500ms'; }; };");
    int fd = daemon_dial(daemon, "a");

    client_hear_line(fd);
    client_reset(fd);
    ended(daemon, "idle");
    daemon_stop(daemon);
}

/* ---- first_byte ----------------------------------------------------------------------------- */

static void first_byte__client_is_silent__first_byte(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'wait'];\n"
                                         "  time: { first_byte = '1500ms'; }; };");
    int silent = daemon_dial(daemon, "a"), talker = daemon_dial(daemon, "a");
    const json_t *event;

    origin_expect_greeting(silent);
    origin_expect_greeting(talker);
    client_say(talker, "x");
    client_expect_closed(silent);
    event = ended(daemon, "first-byte");
    assert_in_range(event_number(event, "duration_ms"), 1500, (uint64_t)e2e_deadline_ms());
    client_hear_nothing(talker, 500); /* one byte is all that was asked for */
    assert_int_equal(ends(daemon), 1);
    close(silent);
    close(talker);
    daemon_stop(daemon);
}

/* ---- gone ----------------------------------------------------------------------------------- */

static void gone__half_close_is_not__reset_is(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'sleep'];\n"
                                         "  time: { gone = '300ms'; }; };");
    int fd = daemon_dial(daemon, "a");

    client_hear_line(fd);
    client_half_close(fd);
    client_hear_nothing(fd, 1000);
    assert_int_equal(ends(daemon), 0);
    client_reset(fd);
    ended(daemon, "gone");
    daemon_stop(daemon);
}

static void gone__handler_ends_in_time__ok(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN "exec = ['@SPECIMEN@', 'deaf'];\n"
                                         "  time: { gone = '30s'; }; };");
    int fd = daemon_dial(daemon, "a");

    client_hear_line(fd);
    client_reset(fd);
    ended(daemon, "ok");
    daemon_stop(daemon);
}

/* ---- Where the kernel cannot tell ----------------------------------------------------------- */

static char *check(const char *defaults, const char *services, int status)
{
    struct daemon *daemon = daemon_prepare(
        &(struct setup){.defaults = defaults, .services = services});
    const char *const arguments[] = {harness_superd(), "--config", daemon->config, "--check", NULL};
    char *text;

    assert_int_equal(process_run(arguments, &text), status);
    daemon->ended = true;
    daemon_expect_gone(daemon);
    return text;
}

static void check__kernel_cannot_tell__an_error_with_its_reason(void)
{
    static const char *const names[] = {"idle", "first_byte", "gone"};
    static const char *const kinds[] = {
        "listen = 'unix:@DIR@/sock';", "listen = 'seqpacket:@DIR@/sock';",
        "listen = 'udp:127.0.0.1:0';", "listen = '127.0.0.1:0'; mode = 'listener';"};
    char services[512], wanted[64];

    for (size_t i = 0; i < COUNT(kinds); i++) {
        for (size_t j = 0; j < COUNT(names); j++) {
            char *text;

            snprintf(services, sizeof services,
                     "a: { %s exec = ['@SPECIMEN@', 'sleep'];\n  time: { %s = '1m'; }; };",
                     kinds[i], names[j]);
            text = check(NULL, services, 1);
            snprintf(wanted, sizeof wanted, "\"time.%s\" is not possible here", names[j]);
            if (!strstr(text, wanted) || !strstr(text, "superd.conf:9:"))
                fail_msg("%s is not told of: %s", services, text);
        }
    }
}

static void check__kernel_cannot_tell__defaults_do_not_hold(void)
{
    check("time: { idle = '1m'; first_byte = '1m'; gone = '1m'; };",
          "a: { listen = 'unix:@DIR@/sock'; exec = ['@SPECIMEN@', 'sleep']; };\n"
          "b: { listen = 'udp:127.0.0.1:0'; exec = ['@SPECIMEN@', 'datagram', '1']; };",
          0);
}

static const struct e2e_case cases[] = {
    E2E(outcomes__by_itself__ok_exit_signal),
    E2E(outcomes__program_has_gone__launch_failed),
    E2E(outcomes__daemon_stops__terminated),
    E2E(total__over__deadline),
    E2E(total__unix_and_listener_mode__deadline),
    E2E(grace__handler_ignores_sigterm__killed_when_it_is_over),
    E2E(grace__handler_ends_by_itself_at_sigterm__outcome_says_why),
    E2E(reload__limits_of_time__instances_keep_those_they_were_born_with),
    E2E(idle__nothing_either_way__idle),
    E2E(idle__the_client_sends__not_idle_until_it_stops),
    E2E(idle__the_handler_sends__not_idle_until_it_stops),
    E2E(idle__ipv6__idle),
    E2E(idle__ipv4_client_of_a_socket_of_both_families__seen),
    E2E(idle__the_client_was_reset__the_handler_ends_all_the_same),
    E2E(first_byte__client_is_silent__first_byte),
    E2E(gone__half_close_is_not__reset_is),
    E2E(gone__handler_ends_in_time__ok),
    E2E(check__kernel_cannot_tell__an_error_with_its_reason),
    E2E(check__kernel_cannot_tell__defaults_do_not_hold),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
