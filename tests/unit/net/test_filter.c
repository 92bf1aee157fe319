/*
 * filter: rules in the kernel, against a plain reading of the same rules.
 */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"
#include "net/filter.h"

static int udp_socket(const char *ip, struct address *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_true(address_parse_ip(ip, 0, address));
    assert_int_equal(bind(fd, &address->sa, address->length), 0);
    assert_int_equal(getsockname(fd, &address->sa, &address->length), 0);
    return fd;
}

static struct filter_rule rule(const char *prefix, bool allow)
{
    struct filter_rule made = {.allow = allow};

    assert_true(prefix_parse(prefix, &made.prefix));
    return made;
}

/* Does a datagram from SOURCE reach FD? On loopback it has arrived, or not, when sendto returns. */
static bool reaches(int fd, const struct address *to, const char *source)
{
    struct address from;
    int sender = udp_socket(source, &from);
    char byte = 'x';
    bool arrived;

    assert_int_equal(sendto(sender, &byte, 1, 0, &to->sa, to->length), 1);
    arrived = recv(fd, &byte, 1, MSG_DONTWAIT) == 1;
    close(sender);
    return arrived;
}

static void filter_set__longest_prefix_wins(void **state)
{
    struct address to;
    int fd = udp_socket("127.0.0.1", &to);
    struct filter_rule rules[] = {rule("127.0.0.0/8", false), rule("127.5.0.0/16", true),
                                  rule("127.5.5.5", false), rule("2001:db8::/32", false)};

    (void)state;
    assert_int_equal(filter_set(fd, rules, COUNT(rules), true), 0);
    assert_false(reaches(fd, &to, "127.9.9.9"));
    assert_true(reaches(fd, &to, "127.5.1.1"));
    assert_false(reaches(fd, &to, "127.5.5.5"));
    close(fd);
}

static void filter_set__equal_length__deny_wins(void **state)
{
    struct address to;
    int fd = udp_socket("127.0.0.1", &to);
    struct filter_rule rules[] = {rule("127.1.0.0/16", true), rule("127.1.0.0/16", false)};

    (void)state;
    assert_int_equal(filter_set(fd, rules, COUNT(rules), false), 0);
    assert_false(reaches(fd, &to, "127.1.2.3"));
    close(fd);
}

static void filter_set__no_rules__filter_is_taken_off(void **state)
{
    struct address to;
    int fd = udp_socket("127.0.0.1", &to);
    struct filter_rule rules[] = {rule("127.0.0.0/8", false)};

    (void)state;
    assert_int_equal(filter_set(fd, rules, 1, true), 0);
    assert_false(reaches(fd, &to, "127.0.0.1"));
    assert_int_equal(filter_set(fd, NULL, 0, true), 0);
    assert_true(reaches(fd, &to, "127.0.0.1"));
    assert_int_equal(filter_set(fd, NULL, 0, true), 0); /* twice is no error */
    close(fd);
}

static void filter_set__too_many_rules__e2big_and_the_old_filter_stays(void **state)
{
    size_t count = 2000;
    struct filter_rule *rules = calloc(count, sizeof *rules);
    struct filter_rule nobody[] = {rule("127.0.0.0/8", false)};
    struct address to;
    int fd = udp_socket("127.0.0.1", &to);

    (void)state;
    assert_non_null(rules);
    for (size_t i = 0; i < count; i++) {
        char text[32];

        snprintf(text, sizeof text, "10.%zu.%zu.1", i / 256, i % 256);
        rules[i] = rule(text, false);
    }
    assert_int_equal(filter_set(fd, nobody, 1, true), 0);
    assert_int_equal(filter_set(fd, rules, count, true), -E2BIG);
    assert_false(reaches(fd, &to, "127.0.0.1"));
    free(rules);
    close(fd);
}

/* Random rules against reading them one by one. */
static bool allowed(const struct filter_rule *rules, size_t count, const struct prefix *source,
                    bool otherwise)
{
    const struct filter_rule *best = NULL;

    for (size_t i = 0; i < count; i++) {
        if (!prefix_contains(&rules[i].prefix, source))
            continue;
        if (!best || rules[i].prefix.length > best->prefix.length ||
            (rules[i].prefix.length == best->prefix.length && !rules[i].allow))
            best = &rules[i];
    }
    return best ? best->allow : otherwise;
}

static void filter_set__random_rules__as_read_one_by_one(void **state)
{
    unsigned seed = 4711;

    (void)state;
    for (int round = 0; round < 60; round++) {
        struct filter_rule rules[40];
        size_t count = 1 + (size_t)(rand_r(&seed) % 40);
        bool otherwise = rand_r(&seed) % 2;
        struct address to;
        int fd = udp_socket("127.0.0.1", &to);

        for (size_t i = 0; i < count; i++) {
            uint32_t bits = 8 + (uint32_t)(rand_r(&seed) % 25);
            uint32_t word = htonl((0x7f000000u | ((uint32_t)rand_r(&seed) & 0x030303u)) &
                                  (UINT32_MAX << (32 - bits)));

            memset(&rules[i], 0, sizeof rules[i]);
            rules[i].prefix.family = AF_INET;
            rules[i].prefix.length = (uint8_t)bits;
            memcpy(rules[i].prefix.bytes, &word, 4);
            rules[i].allow = rand_r(&seed) % 2;
        }
        assert_int_equal(filter_set(fd, rules, count, otherwise), 0);
        for (int i = 0; i < 20; i++) {
            struct prefix source;
            char text[32];

            snprintf(text, sizeof text, "127.%d.%d.%d", rand_r(&seed) % 4, rand_r(&seed) % 4,
                     1 + rand_r(&seed) % 3);
            assert_true(prefix_parse(text, &source));
            assert_int_equal(reaches(fd, &to, text), allowed(rules, count, &source, otherwise));
        }
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filter_set__longest_prefix_wins),
        cmocka_unit_test(filter_set__equal_length__deny_wins),
        cmocka_unit_test(filter_set__no_rules__filter_is_taken_off),
        cmocka_unit_test(filter_set__too_many_rules__e2big_and_the_old_filter_stays),
        cmocka_unit_test(filter_set__random_rules__as_read_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
