/*
 * The end: draining, grace, terminating, killing; and what is left, which is nothing
 * (daemon_expect_gone() looks).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define CAT   "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"
#define SLEEP "sleep: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'sleep']; };\n"

static void expect_end(struct daemon *daemon)
{
    assert_int_equal(daemon_wait(daemon), 0);
    expect_event(&daemon->events, "stop", NULL);
    daemon_expect_gone(daemon);
}

static void term__nobody_connected__ends_at_once(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '1h';", .services = CAT});

    daemon_signal(daemon, SIGTERM);
    expect_end(daemon); /* long before the hour is over */
}

static void int__the_same(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '1h';", .services = CAT});

    daemon_signal(daemon, SIGINT);
    expect_event(&daemon->events, "drain", "why", "SIGINT", NULL);
    expect_end(daemon);
}

static void term__instance_lives__it_may_finish_within_the_grace(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '1m';", .services = CAT});
    char address[64];
    int fd;

    strcpy(address, daemon_address(daemon, "cat", 0));
    fd = client_dial(address, SOCK_STREAM);
    client_say(fd, "before\n");
    assert_string_equal(client_hear_line(fd), "before");
    daemon_signal(daemon, SIGTERM);
    expect_event(&daemon->events, "drain", "live", "1", NULL);
    assert_int_equal(client_try(address, SOCK_STREAM), -ECONNREFUSED);
    client_say(fd, "after\n");
    assert_string_equal(client_hear_line(fd), "after");
    assert_true(census_alive(daemon->pid));
    close(fd);
    expect_event(&daemon->events, "end", "service", "cat", "outcome", "ok", NULL);
    expect_end(daemon);
}

static void term__grace_over__terminated(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '200ms';", .services = SLEEP});
    int fd = daemon_dial(daemon, "sleep");

    assert_string_equal(client_hear_line(fd), "sleeping");
    daemon_signal(daemon, SIGTERM);
    expect_event(&daemon->events, "drain", "state", "grace over", NULL);
    expect_event(&daemon->events, "end", "service", "sleep", "outcome", "terminated", "signal",
                 "TERM", NULL);
    client_expect_closed(fd);
    close(fd);
    expect_end(daemon);
}

static void term__handler_ignores_it__killed(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '100ms';",
                        .services = "stubborn: { listen = '127.0.0.1:0';\n"
                                    "  exec = ['@SPECIMEN@', 'stubborn'];\n"
                                    "  time: { grace = '300ms'; }; };\n"});
    int fd = daemon_dial(daemon, "stubborn");

    assert_string_equal(client_hear_line(fd), "sleeping");
    daemon_signal(daemon, SIGTERM);
    expect_event(&daemon->events, "end", "service", "stubborn", "outcome", "terminated", "signal",
                 "KILL", NULL);
    close(fd);
    expect_end(daemon);
}

static void term__what_the_handler_started__ends_too(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '100ms';",
                        .services = "leave: { listen = '127.0.0.1:0';\n"
                                    "  exec = ['@SPECIMEN@', 'orphan-wait']; };\n"});
    int fd = daemon_dial(daemon, "leave");
    pid_t orphan = (pid_t)strtol(client_hear_line(fd), NULL, 10);

    assert_true(orphan > 0);
    assert_true(census_alive(orphan));
    daemon_signal(daemon, SIGTERM);
    expect_event(&daemon->events, "end", "service", "leave", "outcome", "terminated", NULL);
    assert_int_equal(daemon_wait(daemon), 0);
    assert_false(census_alive(orphan));
    close(fd);
    daemon_expect_gone(daemon);
}

static void term_twice__at_once(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '1h';",
                        .defaults = "time: { grace = '1h'; };",
                        .services = "stubborn: { listen = '127.0.0.1:0';\n"
                                    "  exec = ['@SPECIMEN@', 'stubborn']; };\n"});
    int fd = daemon_dial(daemon, "stubborn");

    assert_string_equal(client_hear_line(fd), "sleeping");
    daemon_signal(daemon, SIGTERM);
    expect_event(&daemon->events, "drain", "live", "1", NULL);
    daemon_signal(daemon, SIGTERM);
    expect_event(&daemon->events, "end", "service", "stubborn", "signal", "KILL", NULL);
    client_expect_closed(fd);
    close(fd);
    expect_end(daemon);
}

/* Clients that were never accepted learn at once that nobody will. */
static void term__clients_in_the_backlog__closed(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '1m';",
                        .services = "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat'];\n"
                                    "  limits: { instances = 1; }; };\n"});
    int first = daemon_dial(daemon, "cat"), fds[10];

    client_say(first, "hello\n");
    assert_string_equal(client_hear_line(first), "hello");
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = daemon_dial(daemon, "cat");
    daemon_signal(daemon, SIGTERM);
    for (size_t i = 0; i < COUNT(fds); i++) {
        client_expect_closed(fds[i]);
        close(fds[i]);
    }
    close(first);
    expect_end(daemon);
}

static void term__while_many_come_and_go__ends(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '200ms';",
                        .defaults = "limits: { per_source = 256; };",
                        .services = SLEEP});
    int fds[100];

    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = daemon_dial(daemon, "sleep");
    daemon_signal(daemon, SIGTERM); /* launches are under way */
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    expect_end(daemon);
}

static void term__while_reloading__ends(void)
{
    for (int i = 0; i < 10; i++) {
        struct daemon *daemon = daemon_serve(CAT);

        daemon_signal(daemon, SIGHUP);
        daemon_signal(daemon, SIGTERM);
        daemon_signal(daemon, SIGHUP);
        expect_end(daemon);
    }
}

static void hup__while_draining__no_effect(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '1m';", .services = CAT});
    int fd = daemon_dial(daemon, "cat");

    client_say(fd, "hello\n");
    assert_string_equal(client_hear_line(fd), "hello");
    daemon_signal(daemon, SIGTERM);
    expect_event(&daemon->events, "drain", "live", "1", NULL);
    daemon_signal(daemon, SIGHUP);
    client_say(fd, "still\n");
    assert_string_equal(client_hear_line(fd), "still");
    assert_int_equal(count_events(&daemon->events, "reload", NULL), 0);
    close(fd);
    expect_end(daemon);
}

/* Not even superd's own end by SIGKILL may leave launchers behind. */
static void kill__launchers_end_with_it(void)
{
    struct daemon *daemon = daemon_serve(CAT);

    daemon_expect_file(daemon, "control.sock"); /* who could have removed it? */
    daemon_signal(daemon, SIGKILL);
    assert_int_equal(daemon_wait(daemon), 128 + SIGKILL);
    daemon_expect_gone(daemon);
}

static const struct e2e_case cases[] = {
    E2E(term__nobody_connected__ends_at_once),
    E2E(int__the_same),
    E2E(term__instance_lives__it_may_finish_within_the_grace),
    E2E(term__grace_over__terminated),
    E2E(term__handler_ignores_it__killed),
    E2E(term__what_the_handler_started__ends_too),
    E2E(term_twice__at_once),
    E2E(term__clients_in_the_backlog__closed),
    E2E(term__while_many_come_and_go__ends),
    E2E(term__while_reloading__ends),
    E2E(hup__while_draining__no_effect),
    E2E(kill__launchers_end_with_it),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
