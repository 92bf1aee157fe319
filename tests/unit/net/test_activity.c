/*
 * activity: what the kernel says of a connection that we hold no descriptor of (the test does, but does
 * not ask through it).
 */
#include "unit.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/activity.h"

struct pair {
    int client, server;
    struct address local, peer; /* as the server sees them */
};

static struct pair connect_pair(int family)
{
    struct address address;
    struct pair pair;
    int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(&pair, 0, sizeof pair);
    assert_true(address_parse_ip(family == AF_INET ? "127.0.0.1" : "::1", 0, &address));
    assert_int_equal(bind(listener, &address.sa, address.length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, &address.sa, &address.length), 0);
    pair.client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(pair.client, &address.sa, address.length), 0);
    pair.peer.length = sizeof pair.peer.un;
    pair.server = accept4(listener, &pair.peer.sa, &pair.peer.length, SOCK_CLOEXEC);
    pair.local = address;
    close(listener);
    return pair;
}

static struct activity ask(const struct pair *pair)
{
    struct activity activity;
    int diag = activity_open();

    assert_true(diag >= 0);
    assert_int_equal(activity_ask(diag, &pair->local, &pair->peer, &activity), 0);
    close(diag);
    return activity;
}

static void both_ways(int family)
{
    struct pair pair = connect_pair(family);
    struct pollfd readable = {.fd = pair.server, .events = POLLIN};
    struct activity activity = ask(&pair);
    uint64_t before;

    assert_true(activity.found);
    assert_true(activity.open);
    assert_int_equal(activity.received, 0);
    before = activity.acknowledged;
    assert_int_equal(write(pair.client, "12345", 5), 5);
    assert_int_equal(poll(&readable, 1, 10000), 1);
    assert_int_equal(write(pair.server, "123", 3), 3);
    readable.fd = pair.client;
    assert_int_equal(poll(&readable, 1, 10000), 1);
    activity = ask(&pair);
    assert_int_equal(activity.received, 5);
    assert_int_equal(activity.acknowledged, before + 3);
    close(pair.client);
    close(pair.server);
}

static void activity_ask__tcp4__counts_both_directions(void **state)
{
    (void)state;
    both_ways(AF_INET);
}

static void activity_ask__tcp6__counts_both_directions(void **state)
{
    struct address address;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there;

    (void)state;
    address_parse_ip("::1", 0, &address);
    there = fd >= 0 && bind(fd, &address.sa, address.length) == 0;
    close(fd);
    if (!there)
        skip();
    both_ways(AF_INET6);
}

static void activity_ask__client_half_closed__still_open(void **state)
{
    struct pair pair = connect_pair(AF_INET);
    struct pollfd readable = {.fd = pair.server, .events = POLLIN};

    (void)state;
    assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
    assert_int_equal(poll(&readable, 1, 10000), 1);
    assert_true(ask(&pair).open);
    close(pair.client);
    close(pair.server);
}

static void activity_ask__client_reset__not_open(void **state)
{
    struct pair pair = connect_pair(AF_INET);
    const struct linger reset = {.l_onoff = 1};
    struct pollfd hangup = {.fd = pair.server, .events = POLLIN};

    (void)state;
    assert_int_equal(setsockopt(pair.client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(pair.client);
    assert_int_equal(poll(&hangup, 1, 10000), 1);
    assert_false(ask(&pair).open);
    close(pair.server);
}

static void activity_ask__unknown_connection__not_found(void **state)
{
    struct pair pair;

    (void)state;
    memset(&pair, 0, sizeof pair);
    assert_true(address_parse_ip("127.0.0.1", 1, &pair.local));
    assert_true(address_parse_ip("127.0.0.1", 2, &pair.peer));
    assert_false(ask(&pair).found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activity_ask__tcp4__counts_both_directions),
        cmocka_unit_test(activity_ask__tcp6__counts_both_directions),
        cmocka_unit_test(activity_ask__client_half_closed__still_open),
        cmocka_unit_test(activity_ask__client_reset__not_open),
        cmocka_unit_test(activity_ask__unknown_connection__not_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
