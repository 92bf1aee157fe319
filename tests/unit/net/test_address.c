/* Tests of superd/net/address.c. */
#include "unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "net/address.h"

static struct address ip(const char *host, uint16_t port)
{
    struct address address;

    assert_true(address_parse_ip(host, port, &address));
    return address;
}

static struct address raw_v6(const char *host, uint16_t port)
{
    struct address address = {.in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)},
                              .length = sizeof address.in6};

    assert_int_equal(inet_pton(AF_INET6, host, &address.in6.sin6_addr), 1);
    return address;
}

static struct address unix_of(const char *path)
{
    struct address address;

    assert_true(address_parse_unix(path, &address));
    return address;
}

static void address_parse_ip__good__formats_back(void **state)
{
    static const struct {
        const char *host, *text, *bare;
        sa_family_t family;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:80", "192.0.2.1", AF_INET},
        {"0.0.0.0", "0.0.0.0:80", "0.0.0.0", AF_INET},
        {"::", "[::]:80", "::", AF_INET6},
        {"2001:DB8:0::1", "[2001:db8::1]:80", "2001:db8::1", AF_INET6},
        {"::ffff:192.0.2.1", "192.0.2.1:80", "192.0.2.1", AF_INET},
        {"fe80::1%lo", "[fe80::1%lo]:80", "fe80::1%lo", AF_INET6},
        {"fe80::1%1", "[fe80::1%lo]:80", "fe80::1%lo", AF_INET6},
        {"fe80::1%4000000000", "[fe80::1%4000000000]:80", "fe80::1%4000000000", AF_INET6},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct address address = ip(cases[i].host, 80);
        char text[ADDRESS_TEXT_SIZE];

        assert_int_equal(address.sa.sa_family, cases[i].family);
        assert_int_equal(address.length, cases[i].family == AF_INET ? sizeof(struct sockaddr_in)
                                                                    : sizeof(struct sockaddr_in6));
        assert_int_equal(address_port(&address), 80);
        assert_string_equal(address_format(&address, text), cases[i].text);
        assert_string_equal(address_format_host(&address, text), cases[i].bare);
    }
}

static void address_parse_ip__bad__false(void **state)
{
    static const char *const bad[] = {
        "",          "localhost", "127.1",     "1.2.3.4.5", "1.2.3.256",          "01.2.3.4 ",
        "::1::",     "[::1]",     "::1%lo",    "fe80::1%",  "fe80::1%no-such-if", "1.2.3.4%lo",
        "fe80::1%0", "*",         "0x7f000001"};
    struct address address = {.length = 42};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(address_parse_ip(bad[i], 1, &address));
    assert_int_equal(address.length, 42);
}

static void address_parse_unix__paths__formats_back(void **state)
{
    char path[120], text[ADDRESS_TEXT_SIZE];
    struct address address;

    (void)state;
    address = unix_of("/run/x.sock");
    assert_string_equal(address_format(&address, text), "unix:/run/x.sock");
    assert_string_equal(address_format_host(&address, text), "/run/x.sock");
    address = unix_of("@name");
    assert_int_equal(address.un.sun_path[0], 0);
    assert_int_equal(address.length, offsetof(struct sockaddr_un, sun_path) + 5);
    assert_string_equal(address_format(&address, text), "unix:@name");

    memset(path, 'p', sizeof path);
    path[107] = '\0';
    address = unix_of(path);
    assert_string_equal(address_format_host(&address, text), path);
    path[107] = 'p';
    path[108] = '\0';
    assert_false(address_parse_unix(path, &address));
    path[0] = '@';
    assert_true(address_parse_unix(path, &address));
    assert_false(address_parse_unix("", &address));
    assert_false(address_parse_unix("@", &address));
}

static void address_format__odd_unix_names__escaped_within_bounds(void **state)
{
    struct address address = {.un = {.sun_family = AF_UNIX}, .length = sizeof address.un};
    char text[ADDRESS_TEXT_SIZE];

    (void)state;
    memset(address.un.sun_path, 0x01, sizeof address.un.sun_path); /* a path without its NUL */
    address_format(&address, text);
    assert_int_equal(strlen(text), strlen("unix:") + 4 * sizeof address.un.sun_path);
    address.length = offsetof(struct sockaddr_un, sun_path);
    assert_string_equal(address_format(&address, text), "unix:");
    assert_string_equal(address_format_host(&address, text), "");
    address = unix_of("/a b\\\n");
    assert_string_equal(address_format_host(&address, text), "/a\\x20b\\x5c\\x0a");
    address.length = 0;
    assert_string_equal(address_format(&address, text), "");
}

static void address_unmap__mapped__ipv4_with_port(void **state)
{
    struct address address = raw_v6("::ffff:192.0.2.7", 8080);
    struct address other = raw_v6("2001:db8::1", 1);
    char text[ADDRESS_TEXT_SIZE];

    (void)state;
    assert_string_equal(address_format(&address, text), "192.0.2.7:8080");
    address_unmap(&address);
    assert_int_equal(address.sa.sa_family, AF_INET);
    assert_int_equal(address_port(&address), 8080);
    address_unmap(&other);
    assert_int_equal(other.sa.sa_family, AF_INET6);
}

static void address_equal__pairs__compared(void **state)
{
    struct address mapped = raw_v6("::ffff:192.0.2.1", 80), v4 = ip("192.0.2.1", 80);
    struct address scoped = ip("fe80::1%1", 80), unscoped = ip("fe80::1", 80);
    struct address none = {.length = 0};
    struct address path = unix_of("/x"), longer = unix_of("/x");

    (void)state;
    assert_true(address_equal(&mapped, &v4));
    address_set_port(&v4, 81);
    assert_false(address_equal(&mapped, &v4));
    assert_int_equal(address_port(&v4), 81);
    assert_false(address_equal(&scoped, &unscoped));
    assert_true(address_equal(&none, &none));
    assert_false(address_equal(&none, &v4));
    longer.length = sizeof longer.un; /* as accept(2) may tell it */
    assert_true(address_equal(&path, &longer));
    longer = unix_of("@x");
    assert_false(address_equal(&path, &longer));
    assert_int_equal(address_port(&path), 0);
}

static void address_is__kinds__told(void **state)
{
    struct address loopback[] = {ip("127.0.0.1", 1), ip("127.200.3.4", 1), ip("::1", 1),
                                 raw_v6("::ffff:127.0.0.1", 1), unix_of("/x")};
    struct address wild[] = {ip("0.0.0.0", 1), ip("::", 1), raw_v6("::ffff:0.0.0.0", 1)};
    struct address other[] = {ip("128.0.0.1", 1), ip("::2", 1), {.length = 0}};

    (void)state;
    for (size_t i = 0; i < COUNT(loopback); i++) {
        assert_true(address_is_loopback(&loopback[i]));
        assert_false(address_is_wildcard(&loopback[i]));
    }
    for (size_t i = 0; i < COUNT(wild); i++) {
        assert_true(address_is_wildcard(&wild[i]));
        assert_false(address_is_loopback(&wild[i]));
    }
    for (size_t i = 0; i < COUNT(other); i++) {
        assert_false(address_is_wildcard(&other[i]));
        assert_false(address_is_loopback(&other[i]));
    }
}

static void prefix_parse__good__formats_canonically(void **state)
{
    static const struct {
        const char *text, *canonical;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.0/24"},
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1/32", "192.0.2.1"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"128.0.0.0/1", "128.0.0.0/1"},
        {"2001:db8::/32", "2001:db8::/32"},
        {"2001:DB8::1/128", "2001:db8::1"},
        {"::/0", "::/0"},
        {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[PREFIX_TEXT_SIZE];
        struct prefix prefix, again;

        assert_true(prefix_parse(cases[i].text, &prefix));
        assert_string_equal(prefix_format(&prefix, text), cases[i].canonical);
        assert_true(prefix_parse(text, &again));
        assert_true(prefix_equal(&prefix, &again));
    }
}

static void prefix_parse__bad__false(void **state)
{
    static const char *const bad[] = {"",
                                      "/24",
                                      "192.0.2.0/",
                                      "192.0.2.0/33",
                                      "192.0.2.1/24",
                                      "192.0.2/24",
                                      "::/129",
                                      "2001:db8::1/32",
                                      "192.0.2.0/-1",
                                      "192.0.2.0/24/1",
                                      "host.example/24",
                                      "*",
                                      "192.0.2.0/2 ",
                                      "fe80::1%lo"};
    struct prefix prefix = {.length = 42};

    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(prefix_parse(bad[i], &prefix));
    assert_int_equal(prefix.length, 42);
}

static void prefix_contains__pairs__compared(void **state)
{
    struct prefix net, wide, host, outside, v6;

    (void)state;
    assert_true(prefix_parse("192.0.2.0/25", &net));
    assert_true(prefix_parse("0.0.0.0/0", &wide));
    assert_true(prefix_parse("192.0.2.127", &host));
    assert_true(prefix_parse("192.0.2.128", &outside));
    assert_true(prefix_parse("::/0", &v6));
    assert_true(prefix_contains(&net, &host));
    assert_true(prefix_contains(&net, &net));
    assert_true(prefix_contains(&wide, &net));
    assert_false(prefix_contains(&net, &wide));
    assert_false(prefix_contains(&net, &outside));
    assert_false(prefix_contains(&v6, &host));
}

static void source_of__peers__cut(void **state)
{
    struct address v4 = raw_v6("::ffff:192.0.2.77", 5), v6 = ip("2001:db8:1:2:3::4", 5);
    struct address path = unix_of("/x"), none = {.length = 0};
    char text[PREFIX_TEXT_SIZE];
    struct prefix source;

    (void)state;
    source = source_of(&v4, (uid_t)-1, 32, 64);
    assert_string_equal(prefix_format(&source, text), "192.0.2.77");
    source = source_of(&v4, (uid_t)-1, 28, 64);
    assert_string_equal(prefix_format(&source, text), "192.0.2.64/28");
    source = source_of(&v4, (uid_t)-1, 0, 64);
    assert_string_equal(prefix_format(&source, text), "0.0.0.0/0");
    source = source_of(&v6, (uid_t)-1, 32, 64);
    assert_string_equal(prefix_format(&source, text), "2001:db8:1:2::/64");
    source = source_of(&v6, (uid_t)-1, 32, 500);
    assert_string_equal(prefix_format(&source, text), "2001:db8:1:2:3::4");
    source = source_of(&path, 1000, 32, 64);
    assert_int_equal(source.family, AF_UNIX);
    assert_int_equal(source.length, 32);
    assert_string_equal(prefix_format(&source, text), "uid:1000");
    source = source_of(&none, 0, 32, 64);
    assert_string_equal(prefix_format(&source, text), "uid:0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_parse_ip__good__formats_back),
        cmocka_unit_test(address_parse_ip__bad__false),
        cmocka_unit_test(address_parse_unix__paths__formats_back),
        cmocka_unit_test(address_format__odd_unix_names__escaped_within_bounds),
        cmocka_unit_test(address_unmap__mapped__ipv4_with_port),
        cmocka_unit_test(address_equal__pairs__compared),
        cmocka_unit_test(address_is__kinds__told),
        cmocka_unit_test(prefix_parse__good__formats_canonically),
        cmocka_unit_test(prefix_parse__bad__false),
        cmocka_unit_test(prefix_contains__pairs__compared),
        cmocka_unit_test(source_of__peers__cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
