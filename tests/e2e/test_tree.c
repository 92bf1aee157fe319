/*
 * The end of a tree: whatever a handler has become, nothing of it survives its deadline, and nothing
 * stays a zombie. After an end of its own, what it left behind stays.
 *
 * Every process of a rebel keeps the connection, so its end is the proof that the last of them has
 * gone; daemon_stop() wants no child left but launchers, zombies included.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define LIFETIME_S 25 /* a rebel gives up by itself then: see handlers/rebel.c */

static struct daemon *with_rebel(const char *mode, const char *settings)
{
    static char services[20000];

    snprintf(services, sizeof services,
             "a: { listen = '127.0.0.1:0'; exec = ['%s/tests/e2e/handlers/rebel', '%s'];\n%s };",
             harness_build(), mode, settings);
    return daemon_serve(services);
}

static int begin(struct daemon *daemon)
{
    int fd = daemon_dial(daemon, "a");

    assert_string_equal(client_hear_line(fd), "ready");
    return fd;
}

/* COUNT clients at once, and all must see their end long before their rebels give up. */
static void expect_deadline(const char *mode, const char *settings, size_t count)
{
    struct daemon *daemon = with_rebel(mode, settings);
    uint64_t begun = e2e_now_ms();
    int fds[8];

    assert_true(count <= COUNT(fds));
    for (size_t i = 0; i < count; i++)
        fds[i] = begin(daemon);
    for (size_t i = 0; i < count; i++) {
        client_expect_closed(fds[i]);
        close(fds[i]);
    }
    assert_in_range(e2e_now_ms() - begun, 1000, (LIFETIME_S - 5) * 1000);
    for (size_t i = 0; i < count; i++)
        expect_event(&daemon->events, "end", "outcome", "deadline", NULL);
    daemon_expect_quiet(daemon);
    assert_int_equal(count_events(&daemon->events, "error", NULL), 0);
    daemon_stop(daemon);
}

#define LIMITS "time: { total = '1s'; grace = '200ms'; };" /* a second, to become ready in */

static void deadline__ignores_sigterm__nothing_is_left(void)
{
    expect_deadline("stubborn", LIMITS, 1);
}

static void deadline__stops_itself__nothing_is_left(void)
{
    expect_deadline("stopped", LIMITS, 1);
}

static void deadline__forked_twice_into_a_session_of_its_own__nothing_is_left(void)
{
    expect_deadline("orphan", LIMITS, 1);
}

static void deadline__obeys_but_its_child_has_left_the_session__nothing_is_left(void)
{
    expect_deadline("deserter", LIMITS, 1);
}

static void deadline__forty_processes_each__nothing_is_left(void)
{
    expect_deadline("family", LIMITS, 4);
}

static void deadline__chain_of_forks__nothing_is_left(void)
{
    expect_deadline("chain", LIMITS, 1);
}

static void deadline__chain_of_forks_and_sessions__nothing_is_left(void)
{
    expect_deadline("chain-setsid", LIMITS, 1);
}

/* What tells an orphan is its environment, however much of it there is. */
static void deadline__orphan_with_a_large_environment__nothing_is_left(void)
{
    static char settings[18000];
    size_t length = (size_t)snprintf(settings, sizeof settings, LIMITS " environment: { BIG = '");

    memset(settings + length, 'x', 16000);
    strcpy(settings + length + 16000, "'; };");
    expect_deadline("orphan", settings, 1);
}

static void idle__orphan__nothing_is_left(void)
{
    struct daemon *daemon = with_rebel("orphan", "time: { idle = '1s'; grace = '200ms'; };");
    int fd = begin(daemon);

    client_expect_closed(fd);
    expect_event(&daemon->events, "end", "outcome", "idle", NULL);
    close(fd);
    daemon_stop(daemon);
}

static void stop__rebels_of_all_kinds__nothing_is_left(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '100ms';",
                        .services = "z: { listen = '127.0.0.1:0'; exec = 'true'; };"});
    static const char *const modes[] = {"stubborn", "stopped", "orphan", "deserter", "family"};
    char services[2048];
    size_t length = 0;
    int fds[COUNT(modes)];

    for (size_t i = 0; i < COUNT(modes); i++)
        length += (size_t)snprintf(services + length, sizeof services - length,
                                   "%s: { listen = '127.0.0.1:0'; time: { grace = '300ms'; };\n"
                                   "  exec = ['%s/tests/e2e/handlers/rebel', '%s']; };\n",
                                   modes[i], harness_build(), modes[i]);
    daemon_reload(daemon, &(struct setup){.superd = "grace = '100ms';", .services = services});
    for (size_t i = 0; i < COUNT(modes); i++) {
        fds[i] = daemon_dial(daemon, modes[i]);
        assert_string_equal(client_hear_line(fds[i]), "ready");
    }
    daemon_signal(daemon, SIGTERM);
    for (size_t i = 0; i < COUNT(modes); i++) {
        client_expect_closed(fds[i]);
        close(fds[i]);
    }
    assert_int_equal(daemon_wait(daemon), 0);
    assert_int_equal(count_events(&daemon->events, "end", "outcome", "terminated", NULL),
                     COUNT(modes));
    daemon_expect_gone(daemon);
}

/* ---- An end of its own ---------------------------------------------------------------------- */

static void end__of_its_own__what_it_left_behind_stays(void)
{
    struct daemon *daemon = with_rebel("leave", LIMITS);
    int fd = daemon_dial(daemon, "a");
    pid_t orphan = (pid_t)strtol(client_hear_line(fd), NULL, 10);

    expect_event(&daemon->events, "end", "outcome", "ok", NULL);
    client_hear_nothing(fd, 1300); /* longer than the deadline that its parent would have had */
    assert_true(orphan > 1 && census_alive(orphan));
    assert_int_equal(kill(orphan, SIGKILL), 0);
    client_expect_closed(fd);
    close(fd);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(deadline__ignores_sigterm__nothing_is_left),
    E2E(deadline__stops_itself__nothing_is_left),
    E2E(deadline__forked_twice_into_a_session_of_its_own__nothing_is_left),
    E2E(deadline__obeys_but_its_child_has_left_the_session__nothing_is_left),
    E2E(deadline__forty_processes_each__nothing_is_left),
    E2E(deadline__chain_of_forks__nothing_is_left),
    E2E(deadline__chain_of_forks_and_sessions__nothing_is_left),
    E2E(deadline__orphan_with_a_large_environment__nothing_is_left),
    E2E(idle__orphan__nothing_is_left),
    E2E(stop__rebels_of_all_kinds__nothing_is_left),
    E2E(end__of_its_own__what_it_left_behind_stays),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
