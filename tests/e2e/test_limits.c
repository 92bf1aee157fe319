/*
 * Limits, as clients meet them: what is the source's own limit refuses, what is the service's or the
 * daemon's holds, and nobody who is held is lost or overtaken.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "harness.h"
#include "limit_words.h"
#include "origin.h"

#define NOBODY  65534
#define CLIENTS 16

/* ---- The service's limits ------------------------------------------------------------------- */

static void instances__full__later_clients_wait_and_are_served_in_order(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "limits: { instances = 2; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    int fds[CLIENTS];

    for (unsigned i = 0; i < 2; i++)
        fds[i] = origin_enter(to, origin_source(i));
    for (unsigned i = 2; i < CLIENTS; i++)
        fds[i] = origin_dial(to, origin_source(i));
    expect_hold(daemon, "a", "service-limit");
    client_hear_nothing(fds[2], MOMENT);
    for (unsigned i = 2; i < CLIENTS; i++) {
        close(fds[i - 2]);
        origin_expect_greeting(fds[i]);
        if (i + 1 < CLIENTS)
            client_hear_nothing(fds[i + 1], i < 5 ? MOMENT : 0);
    }
    close_all(fds + CLIENTS - 2, 2);
    expect_event(&daemon->events, "resume", "service", "a", NULL);
    daemon_expect_quiet(daemon);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), CLIENTS);
    assert_int_equal(count_events(&daemon->events, "end", "outcome", "ok", NULL), CLIENTS);
    assert_int_equal(count_events(&daemon->events, "refuse", NULL), 0);
    daemon_stop(daemon);
}

static void instances__when_full_refuse__refused_until_there_is_room(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT
                                         "limits: { instances = 2; when_full = 'refuse'; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    int one = origin_enter(to, origin_source(1)), two = origin_enter(to, origin_source(2));

    origin_expect_refused(to, origin_source(3));
    expect_refusal(daemon, "a", "service-limit");
    close(one);
    expect_event(&daemon->events, "end", "service", "a", NULL);
    close(origin_enter(to, origin_source(3)));
    close(two);
    daemon_stop(daemon);
}

static void rate__more_than_it__held_and_served_at_the_rate(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT
                                         "limits: { rate = '5/s'; burst = 1; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    uint64_t begun = e2e_now_ms();
    int fds[5];

    for (unsigned i = 0; i < COUNT(fds); i++)
        fds[i] = origin_dial(to, origin_source(i));
    for (unsigned i = 0; i < COUNT(fds); i++)
        origin_expect_greeting(fds[i]);
    /* The first has the token that was there, the others wait for 200 ms each. */
    assert_in_range(e2e_now_ms() - begun, 4 * 200 - 10, (uint64_t)e2e_deadline_ms());
    expect_hold(daemon, "a", "service-rate");
    assert_int_equal(count_events(&daemon->events, "refuse", NULL), 0);
    close_all(fds, COUNT(fds));
    daemon_stop(daemon);
}

static void rate__when_full_refuse__refused(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT
                                         "limits: { rate = '2/h'; when_full = 'refuse'; }; };");
    const char *to = daemon_address(daemon, "a", 0);

    close(origin_enter(to, origin_source(1)));
    close(origin_enter(to, origin_source(2)));
    origin_expect_refused(to, origin_source(3));
    expect_refusal(daemon, "a", "service-rate");
    daemon_stop(daemon);
}

/* ---- The source's limits -------------------------------------------------------------------- */

static void per_source__more_than_it__refused_and_others_are_not(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "limits: { per_source = 2; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    int one = origin_enter(to, "127.0.0.2"), two = origin_enter(to, "127.0.0.2"), other;

    origin_expect_refused(to, "127.0.0.2");
    expect_refusal(daemon, "a", "source-limit");
    other = origin_enter(to, "127.0.0.3");
    close(one);
    expect_event(&daemon->events, "end", NULL);
    one = origin_enter(to, "127.0.0.2");
    origin_expect_refused(to, "127.0.0.2");
    close(one);
    close(two);
    close(other);
    daemon_stop(daemon);
}

static void per_source_rate__more_than_it__refused_and_others_are_not(void)
{
    struct daemon *daemon = daemon_serve(
        "a: { " LISTEN WAIT "limits: { per_source_rate = '6/h'; per_source_burst = 2; }; };");
    const char *to = daemon_address(daemon, "a", 0);

    close(origin_enter(to, "127.0.0.2"));
    close(origin_enter(to, "127.0.0.2"));
    origin_expect_refused(to, "127.0.0.2");
    expect_refusal(daemon, "a", "source-rate");
    close(origin_enter(to, "127.0.0.3"));
    daemon_stop(daemon);
}

static void per_source_rate__refilled__admitted_again(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT
                                         "limits: { per_source_rate = '2/s'; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    uint64_t refused;
    int fd;

    for (unsigned i = 0; (fd = origin_ask(to, "127.0.0.2")) >= 0 && i < 20; i++)
        close(fd); /* two, unless the machine is so slow that more tokens come back meanwhile */
    assert_int_equal(fd, -1);
    refused = e2e_now_ms();
    while (e2e_now_ms() <= refused + 500) /* a token comes back in 500 ms, refusals or not */
        poll(NULL, 0, (int)(refused + 501 - e2e_now_ms()));
    close(origin_enter(to, "127.0.0.2"));
    daemon_stop(daemon);
}

static void source_prefix_v4__a_network_is_one_source(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT
                                         "limits: { per_source = 2; source_prefix_v4 = 24; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    int fds[3] = {origin_enter(to, "127.0.7.1"), origin_enter(to, "127.0.7.2"), -1};

    origin_expect_refused(to, "127.0.7.255");
    expect_refusal(daemon, "a", "source-limit");
    fds[2] = origin_enter(to, "127.0.8.1");
    close_all(fds, COUNT(fds));
    daemon_stop(daemon);
}

static void source_prefix_v6__a_64_is_one_source(void)
{
    static const char *const addresses[] = {"2001:db8:0:1::1/128", "2001:db8:0:1:ffff::2/128",
                                            "2001:db8:0:1::3/128", "2001:db8:0:2::1/128", NULL};
    struct daemon *daemon;
    const char *to;
    int fds[3];

    origin_own_network(addresses);
    daemon = daemon_serve("a: { listen = '[::1]:0'; " WAIT "limits: { per_source = 2; }; };\n"
                          "b: { listen = '[::1]:0'; " WAIT
                          "limits: { per_source = 1; source_prefix_v6 = 128; }; };");
    to = daemon_address(daemon, "a", 0);
    fds[0] = origin_enter(to, "2001:db8:0:1::1");
    fds[1] = origin_enter(to, "2001:db8:0:1:ffff::2");
    origin_expect_refused(to, "2001:db8:0:1::3");
    expect_refusal(daemon, "a", "source-limit");
    fds[2] = origin_enter(to, "2001:db8:0:2::1");
    close_all(fds, 3);
    to = daemon_address(daemon, "b", 0); /* with /128 each address is a source */
    fds[0] = origin_enter(to, "2001:db8:0:1::1");
    fds[1] = origin_enter(to, "2001:db8:0:1::3");
    origin_expect_refused(to, "2001:db8:0:1::3");
    close_all(fds, 2);
    daemon_stop(daemon);
}

static void unix__the_source_is_the_user(void)
{
    struct daemon *daemon = daemon_serve(
        "a: { listen = ({ address = 'unix:@DIR@/sock'; mode = '0666'; }); " WAIT
        "limits: { per_source = 1; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    char uid[16];
    int one = client_dial(to, SOCK_STREAM), two, other;

    origin_expect_greeting(one);
    two = client_dial(to, SOCK_STREAM);
    client_expect_closed(two);
    snprintf(uid, sizeof uid, "%u", getuid());
    expect_event(&daemon->events, "refuse", "reason", "source-limit", "uid", uid, NULL);
    if (harness_is_root()) {
        other = origin_dial_as(to, NOBODY);
        origin_expect_greeting(other);
        close(other);
    }
    close(one);
    close(two);
    daemon_stop(daemon);
}

static void source_table__full_of_live_sources__refused_and_none_forgotten(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "limits: { sources = 64; };",
                        .services = "a: { " LISTEN WAIT "limits: { per_source = 1; }; };"});
    const char *to = daemon_address(daemon, "a", 0);
    int fds[64];

    for (unsigned i = 0; i < 40; i++) /* idle entries, which go first */
        close(origin_enter(to, origin_source(1000 + i)));
    for (unsigned i = 0; i < COUNT(fds); i++)
        fds[i] = origin_enter(to, origin_source(i));
    origin_expect_refused(to, origin_source(64));
    expect_refusal(daemon, "a", "source-table");
    origin_expect_refused(to, origin_source(0));
    expect_refusal(daemon, "a", "source-limit");
    close(fds[5]);
    expect_event(&daemon->events, "end", "live", "63", NULL);
    fds[5] = origin_enter(to, origin_source(64));
    for (unsigned i = 0; i < 5; i++)
        origin_expect_refused(to, origin_source(i)); /* still known */
    close_all(fds, COUNT(fds));
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(instances__full__later_clients_wait_and_are_served_in_order),
    E2E(instances__when_full_refuse__refused_until_there_is_room),
    E2E(rate__more_than_it__held_and_served_at_the_rate),
    E2E(rate__when_full_refuse__refused),
    E2E(per_source__more_than_it__refused_and_others_are_not),
    E2E(per_source_rate__more_than_it__refused_and_others_are_not),
    E2E(per_source_rate__refilled__admitted_again),
    E2E(source_prefix_v4__a_network_is_one_source),
    E2E(source_prefix_v6__a_64_is_one_source),
    E2E(unix__the_source_is_the_user),
    E2E(source_table__full_of_live_sources__refused_and_none_forgotten),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
