/*
 * Limits that many share: the fair share of a full service, the daemon's own limits, launches that fail,
 * the end, and what a reload does to those who are in and to those who wait.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "limit_words.h"
#include "origin.h"

#define LAUNCHED 200

/* ---- Fair share ----------------------------------------------------------------------------- */

static void fair_share__one_greedy_source__the_polite_get_every_place_that_becomes_free(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "limits: { instances = 6; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    int greedy[6], polite[8];

    for (unsigned i = 0; i < COUNT(greedy); i++)
        greedy[i] = origin_enter(to, "127.0.0.2");
    for (unsigned i = 0; i < 5; i++)
        origin_expect_refused(to, "127.0.0.2");
    expect_refusal(daemon, "a", "fair-share");
    for (unsigned i = 0; i < COUNT(polite); i++)
        polite[i] = origin_dial(to, origin_source(i));
    client_hear_nothing(polite[0], MOMENT);
    close(greedy[0]); /* one place, that all of them share one after the other */
    for (unsigned i = 0; i < COUNT(polite); i++) {
        origin_expect_greeting(polite[i]);
        close(polite[i]);
    }
    for (unsigned i = 1; i < COUNT(greedy); i++)
        close(greedy[i]);
    daemon_expect_quiet(daemon);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 6 + 8);
    assert_int_equal(count_events(&daemon->events, "refuse", "reason", "service-limit", NULL), 0);
    daemon_stop(daemon);
}

static void fair_share__no_more_than_half__held(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "limits: { instances = 4; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    int fds[5];

    for (unsigned i = 0; i < 4; i++)
        fds[i] = origin_enter(to, i < 2 ? "127.0.0.2" : origin_source(i));
    fds[4] = origin_dial(to, "127.0.0.2");
    expect_hold(daemon, "a", "service-limit");
    client_hear_nothing(fds[4], MOMENT);
    close(fds[3]);
    origin_expect_greeting(fds[4]);
    assert_int_equal(count_events(&daemon->events, "refuse", NULL), 0);
    close_all(fds, 3);
    close(fds[4]);
    daemon_stop(daemon);
}

/* Whoever was looked at and found polite waits outside of the backlog: whatever he waits for next must
 * find him there. */
static void fair_share__polite_client_then_waits_for_the_rate__served(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT
                                         "limits: { instances = 2; rate = '1/s'; burst = 2; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    int one = origin_enter(to, "127.0.0.2"), two = origin_enter(to, "127.0.0.2"), polite;

    polite = origin_dial(to, "127.0.0.3");
    expect_hold(daemon, "a", "service-limit");
    close(one);
    origin_expect_greeting(polite);
    close(two);
    close(polite);
    daemon_stop(daemon);
}

static void fair_share__polite_client_waits_and_the_limit_grows__served(void)
{
    struct setup two = {.services = "a: { " LISTEN WAIT "limits: { instances = 2; }; };"};
    struct setup three = {.services = "a: { " LISTEN WAIT "limits: { instances = 3; }; };"};
    struct daemon *daemon = daemon_start(&two);
    const char *to = daemon_address(daemon, "a", 0);
    int fds[3] = {origin_enter(to, "127.0.0.2"), origin_enter(to, "127.0.0.2"), -1};

    fds[2] = origin_dial(to, "127.0.0.3");
    expect_hold(daemon, "a", "service-limit");
    client_hear_nothing(fds[2], MOMENT);
    daemon_reload(daemon, &three);
    origin_expect_greeting(fds[2]);
    close_all(fds, COUNT(fds));
    daemon_stop(daemon);
}

/* ---- The daemon's limits -------------------------------------------------------------------- */

static void daemon_limit__full__the_other_service_waits(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "limits: { instances = 2; };",
                        .services = "a: { " LISTEN WAIT "}; b: { " LISTEN WAIT
                                    "limits: { when_full = 'refuse'; }; };"});
    const char *a = daemon_address(daemon, "a", 0), *b = daemon_address(daemon, "b", 0);
    int fds[4] = {origin_enter(a, "127.0.0.2"), origin_enter(b, "127.0.0.2")};

    fds[2] = origin_dial(a, "127.0.0.3");
    expect_hold(daemon, "a", "daemon-limit");
    expect_hold(daemon, "b", "daemon-limit"); /* it holds, whatever when_full says */
    client_hear_nothing(fds[2], MOMENT);
    close(fds[1]); /* what becomes free in one service is the other's */
    origin_expect_greeting(fds[2]);
    fds[3] = origin_dial(b, "127.0.0.3");
    client_hear_nothing(fds[3], MOMENT);
    close(fds[0]);
    origin_expect_greeting(fds[3]);
    close_all(fds + 2, 2);
    assert_int_equal(count_events(&daemon->events, "refuse", NULL), 0);
    daemon_stop(daemon);
}

static void load__above_the_limit__held_until_it_is_changed(void)
{
    const struct setup calm = {.services = "a: { " LISTEN WAIT "};"};
    struct setup tiny = calm;
    struct daemon *daemon;
    FILE *file = fopen("/proc/loadavg", "re");
    double load = 0;
    int fd;

    tiny.superd = "limits: { load = 0.001; };";
    if (!file || fscanf(file, "%lf", &load) != 1 || load < 0.02)
        e2e_skip("the machine has nothing to do: its load average is %.2f", load);
    fclose(file);
    daemon = daemon_start(&tiny);
    fd = origin_dial(daemon_address(daemon, "a", 0), "127.0.0.2");
    expect_hold(daemon, "a", "load");
    client_hear_nothing(fd, MOMENT);
    daemon_reload(daemon, &calm);
    origin_expect_greeting(fd);
    close(fd);
    daemon_stop(daemon);
}

static void launchers__stopped__clients_wait_and_none_is_lost(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "};");
    const char *to = daemon_address(daemon, "a", 0);
    pid_t launchers[64];
    size_t count = daemon_stop_launchers(daemon, launchers, COUNT(launchers));
    int fds[LAUNCHED];

    for (unsigned i = 0; i < LAUNCHED; i++)
        fds[i] = origin_dial(to, origin_source(i));
    expect_hold(daemon, "a", "launchers");
    for (size_t i = 0; i < count; i++)
        kill(launchers[i], SIGCONT);
    for (unsigned i = 0; i < LAUNCHED; i++)
        origin_expect_greeting(fds[i]);
    close_all(fds, LAUNCHED);
    daemon_expect_quiet(daemon);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), LAUNCHED);
    daemon_stop(daemon);
}

/* ---- Launches that fail; the end ------------------------------------------------------------ */

static void throttled__launches_fail__held_until_they_work(void)
{
    static const char script[] = "#!/bin/sh\necho waiting\nread line\n";
    const struct setup with = {.services = "a: { " LISTEN "exec = ['@DIR@/handler']; };"};
    struct daemon *daemon = daemon_start(&(struct setup){.services = "b: { " LISTEN WAIT "};"});
    const char *to;
    int fd;

    daemon_expect_file(daemon, "handler");
    daemon_write(daemon, "handler", script);
    chmod(daemon_path(daemon, "handler"), 0755);
    daemon_reload(daemon, &with);
    to = daemon_address(daemon, "a", 0);
    unlink(daemon_path(daemon, "handler"));
    for (unsigned i = 0; i < 3; i++) {
        origin_expect_refused(to, origin_source(i)); /* it is closed, as nothing can serve it */
        expect_event(&daemon->events, "end", "outcome", "launch-failed", "step", "exec", NULL);
    }
    expect_event(&daemon->events, "throttle", "service", "a", "failures", "3", NULL);
    fd = origin_dial(to, "127.0.0.2");
    expect_hold(daemon, "a", "throttled");
    client_hear_nothing(fd, MOMENT);
    daemon_write(daemon, "handler.new", script);
    chmod(daemon_path(daemon, "handler.new"), 0755);
    assert_int_equal(rename(daemon_path(daemon, "handler.new"), daemon_path(daemon, "handler")), 0);
    origin_expect_greeting(fd);
    close(fd);
    daemon_stop(daemon);
}

static void draining__a_held_service__its_waiting_clients_are_closed_and_the_live_ones_finish(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "limits: { instances = 2; }; };");
    char to[64];
    int fds[4], r;

    snprintf(to, sizeof to, "%s", daemon_address(daemon, "a", 0));
    fds[0] = origin_enter(to, origin_source(0));
    fds[1] = origin_enter(to, origin_source(1));
    fds[2] = origin_dial(to, origin_source(2));
    expect_hold(daemon, "a", "service-limit");
    daemon_signal(daemon, SIGTERM);
    expect_event(&daemon->events, "drain", "live", "2", NULL);
    client_expect_closed(fds[2]);
    r = client_try(to, SOCK_STREAM);
    assert_int_equal(r, -ECONNREFUSED);
    client_say(fds[0], "still here\n"); /* and is not cut off: it ends by itself */
    client_hear_nothing(fds[0], MOMENT);
    close_all(fds, 3);
    assert_int_equal(daemon_wait(daemon), 0);
    assert_int_equal(count_events(&daemon->events, "end", "outcome", "ok", NULL), 2);
    daemon_expect_gone(daemon);
}

/* ---- Reload --------------------------------------------------------------------------------- */

static struct setup limited(const char *limits)
{
    static char services[4][256];
    static unsigned next;
    char *text = services[next++ % COUNT(services)];

    snprintf(text, sizeof services[0], "a: { " LISTEN WAIT "limits: { %s }; };", limits);
    return (struct setup){.services = text};
}

static void reload__instances_shrink__the_live_ones_still_count(void)
{
    struct setup four = limited("instances = 4;"), two = limited("instances = 2;");
    struct daemon *daemon = daemon_start(&four);
    const char *to = daemon_address(daemon, "a", 0);
    int fds[7];

    for (unsigned i = 0; i < 4; i++)
        fds[i] = origin_enter(to, origin_source(i));
    daemon_reload(daemon, &two);
    fds[4] = origin_dial(to, origin_source(4));
    for (unsigned i = 0; i < 2; i++) {
        close(fds[i]);
        expect_event(&daemon->events, "end", NULL);
        client_hear_nothing(fds[4], MOMENT); /* three, then two are live */
    }
    close(fds[2]);
    origin_expect_greeting(fds[4]);
    fds[5] = origin_dial(to, origin_source(5));
    fds[6] = origin_dial(to, origin_source(6));
    client_hear_nothing(fds[5], MOMENT);
    daemon_reload(daemon, &four); /* it grows: at once */
    origin_expect_greeting(fds[5]);
    origin_expect_greeting(fds[6]);
    close_all(fds + 3, 4);
    daemon_expect_quiet(daemon);
    assert_int_equal(count_events(&daemon->events, "refuse", NULL), 0);
    daemon_stop(daemon);
}

static void reload__per_source_shrinks__the_live_ones_still_count(void)
{
    struct setup many = limited("per_source = 3;"), one = limited("per_source = 1;");
    struct daemon *daemon = daemon_start(&many);
    const char *to = daemon_address(daemon, "a", 0);
    int fds[3];

    for (unsigned i = 0; i < 3; i++)
        fds[i] = origin_enter(to, "127.0.0.2");
    daemon_reload(daemon, &one);
    for (unsigned i = 0; i < 3; i++) {
        origin_expect_refused(to, "127.0.0.2");
        close(fds[i]);
        expect_event(&daemon->events, "end", NULL);
    }
    fds[0] = origin_enter(to, "127.0.0.2");
    origin_expect_refused(to, "127.0.0.2");
    daemon_reload(daemon, &many);
    fds[1] = origin_enter(to, "127.0.0.2");
    close_all(fds, 2);
    daemon_stop(daemon);
}

static void reload__daemon_limit__applies_at_once(void)
{
    struct setup setup = {.superd = "limits: { instances = 1; };",
                          .services = "a: { " LISTEN WAIT "};"};
    struct daemon *daemon = daemon_start(&setup);
    const char *to = daemon_address(daemon, "a", 0);
    int one = origin_enter(to, "127.0.0.2"), two = origin_dial(to, "127.0.0.3");

    expect_hold(daemon, "a", "daemon-limit");
    client_hear_nothing(two, MOMENT);
    setup.superd = "limits: { instances = 2; };";
    daemon_reload(daemon, &setup);
    origin_expect_greeting(two);
    close(one);
    close(two);
    daemon_stop(daemon);
}

static void reload__rate__tokens_are_no_more_than_the_new_burst(void)
{
    struct setup wide = limited("per_source_rate = '1000/h';");
    struct setup narrow = limited("per_source_rate = '2/h';");
    struct daemon *daemon = daemon_start(&wide);
    const char *to = daemon_address(daemon, "a", 0);

    close(origin_enter(to, "127.0.0.2"));
    daemon_reload(daemon, &narrow);
    close(origin_enter(to, "127.0.0.2"));
    close(origin_enter(to, "127.0.0.2"));
    origin_expect_refused(to, "127.0.0.2");
    expect_refusal(daemon, "a", "source-rate");
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(fair_share__one_greedy_source__the_polite_get_every_place_that_becomes_free),
    E2E(fair_share__no_more_than_half__held),
    E2E(fair_share__polite_client_then_waits_for_the_rate__served),
    E2E(fair_share__polite_client_waits_and_the_limit_grows__served),
    E2E(daemon_limit__full__the_other_service_waits),
    E2E(load__above_the_limit__held_until_it_is_changed),
    E2E(launchers__stopped__clients_wait_and_none_is_lost),
    E2E(throttled__launches_fail__held_until_they_work),
    E2E(draining__a_held_service__its_waiting_clients_are_closed_and_the_live_ones_finish),
    E2E(reload__instances_shrink__the_live_ones_still_count),
    E2E(reload__per_source_shrinks__the_live_ones_still_count),
    E2E(reload__daemon_limit__applies_at_once),
    E2E(reload__rate__tokens_are_no_more_than_the_new_burst),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
