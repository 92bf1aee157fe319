/*
 * Rules: which one decides; a model that looks at all of them; a hundred thousand.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "admission/access.h"

#define RULES_MAX 64

static struct access_rule rule(bool allow, const char *prefix, unsigned line)
{
    return (struct access_rule){.position = {"superd.conf", line},
                                .written = prefix,
                                .allow = allow,
                                .kind = ACCESS_PREFIX,
                                .prefix = fixture_prefix(prefix)};
}

static struct access_rule id_rule(bool allow, enum access_kind kind, uint32_t id, unsigned line)
{
    return (struct access_rule){.position = {"superd.conf", line},
                                .written = "an id",
                                .allow = allow,
                                .kind = kind,
                                .id = id};
}

static struct access_table *table_of(struct access_settings *settings,
                                     const struct access_rule *rules, size_t count)
{
    *settings = (struct access_settings){.given = true, .rules = rules, .rule_count = count};
    struct access_table *table = access_table_create(settings, NULL, 0);
    assert_non_null(table);
    return table;
}

static struct access_answer ask(const struct access_table *table, const char *address)
{
    struct prefix prefix = fixture_prefix(address);

    return access_ask_ip(table, &prefix);
}

static void access_ask__no_rules__all_are_allowed(void **state)
{
    struct access_settings settings;
    struct access_table *table = table_of(&settings, NULL, 0);

    (void)state;
    assert_true(ask(table, "192.0.2.1").allowed);
    assert_true(ask(table, "2001:db8::1").allowed);
    assert_false(ask(table, "2001:db8::1").matched);
    assert_true(access_ask_unix(table, 0, 0, NULL, 0).allowed);
    access_table_destroy(table);
}

static void access_ask__any_allow_rule__others_are_denied(void **state)
{
    const struct access_rule rules[] = {rule(true, "192.0.2.0/24", 1)};
    struct access_settings settings;
    struct access_table *table = table_of(&settings, rules, 1);

    (void)state;
    assert_true(ask(table, "192.0.2.0").allowed);
    assert_true(ask(table, "192.0.2.255").allowed);
    assert_false(ask(table, "192.0.1.255").allowed);
    assert_false(ask(table, "192.0.3.0").allowed);
    assert_false(ask(table, "192.0.3.0").matched);
    assert_false(ask(table, "::1").allowed);
    assert_false(access_ask_unix(table, 0, 0, NULL, 0).allowed);
    access_table_destroy(table);
}

static void access_ask__nested_prefixes__longest_wins(void **state)
{
    const struct access_rule rules[] = {
        rule(false, "10.0.0.0/8", 1),        rule(true, "10.1.0.0/16", 2),
        rule(false, "10.1.2.3", 3),          rule(true, "2001:db8::/32", 4),
        rule(false, "2001:db8:0:1::/64", 5), rule(false, "0.0.0.0/0", 6),
    };
    struct access_settings settings;
    struct access_table *table = table_of(&settings, rules, 6);

    (void)state;
    assert_int_equal(ask(table, "10.0.0.1").position.line, 1);
    assert_int_equal(ask(table, "10.1.2.2").position.line, 2);
    assert_true(ask(table, "10.1.2.2").allowed);
    assert_int_equal(ask(table, "10.1.2.3").position.line, 3);
    assert_int_equal(ask(table, "10.1.2.4").position.line, 2);
    assert_int_equal(ask(table, "10.255.255.255").position.line, 1);
    assert_int_equal(ask(table, "11.0.0.0").position.line, 6);
    assert_int_equal(ask(table, "255.255.255.255").position.line, 6);
    assert_int_equal(ask(table, "2001:db8::1").position.line, 4);
    assert_int_equal(ask(table, "2001:db8:0:1:ffff::").position.line, 5);
    assert_int_equal(ask(table, "2001:db8:0:2::").position.line, 4);
    assert_false(ask(table, "2001:db9::").matched);
    assert_string_equal(ask(table, "10.1.2.3").rule, "10.1.2.3");
    assert_string_equal(ask(table, "10.1.2.3").position.file, "superd.conf");
    access_table_destroy(table);
}

static void access_ask__equal_length__deny_wins_in_any_order(void **state)
{
    const struct access_rule rules[] = {
        rule(true, "192.0.2.0/24", 1), rule(false, "192.0.2.0/24", 2),
        rule(false, "198.51.100.0/24", 3), rule(true, "198.51.100.0/24", 4)};
    struct access_settings settings;
    struct access_table *table = table_of(&settings, rules, 4);

    (void)state;
    assert_int_equal(ask(table, "192.0.2.1").position.line, 2);
    assert_int_equal(ask(table, "198.51.100.1").position.line, 3);
    access_table_destroy(table);
}

static void access_ask_unix__uid_before_gid_and_deny_first(void **state)
{
    const struct access_rule rules[] = {
        id_rule(true, ACCESS_GID, 100, 1), id_rule(false, ACCESS_UID, 1000, 2),
        id_rule(true, ACCESS_UID, 1001, 3), id_rule(false, ACCESS_GID, 200, 4),
        id_rule(true, ACCESS_UID, 1000, 5)};
    const gid_t groups[] = {300, 200, 100};
    struct access_settings settings;
    struct access_table *table = table_of(&settings, rules, 5);

    (void)state;
    assert_int_equal(access_ask_unix(table, 1000, 100, NULL, 0).position.line, 2);
    assert_int_equal(access_ask_unix(table, 1001, 200, NULL, 0).position.line, 3);
    assert_int_equal(access_ask_unix(table, 5, 100, NULL, 0).position.line, 1);
    assert_int_equal(access_ask_unix(table, 5, 100, groups, 3).position.line, 4);
    assert_false(access_ask_unix(table, 5, 100, groups, 3).allowed);
    assert_false(access_ask_unix(table, 5, 5, groups, 1).matched);
    assert_false(access_ask_unix(table, 5, 5, groups, 1).allowed);
    access_table_destroy(table);
}

static void access_ask__file__place_is_in_the_file(void **state)
{
    const struct access_rule rules[] = {{.position = {"superd.conf", 7},
                                         .written = "file:/blocked",
                                         .kind = ACCESS_FILE,
                                         .file = "/blocked"},
                                        {.position = {"superd.conf", 8},
                                         .written = "file:/empty",
                                         .kind = ACCESS_FILE,
                                         .file = "/empty"}};
    struct access_settings settings = {.rules = rules, .rule_count = 2};
    const struct prefix prefixes[] = {fixture_prefix("203.0.113.0/24"), fixture_prefix("::1")};
    const unsigned lines[] = {3, 9};
    char path[] = "/blocked"; /* not the rule's own: ours may go */
    const struct access_file file = {path, prefixes, lines, 2};
    struct access_table *table = access_table_create(&settings, &file, 1);

    (void)state;
    assert_non_null(table);
    memset(path, 'x', sizeof path - 1);
    struct access_answer answer = ask(table, "203.0.113.9");
    assert_false(answer.allowed);
    assert_string_equal(answer.position.file, "/blocked");
    assert_int_equal(answer.position.line, 3);
    assert_string_equal(answer.rule, "file:/blocked");
    assert_int_equal(ask(table, "::1").position.line, 9);
    assert_true(ask(table, "203.0.114.1").allowed);
    access_table_destroy(table);
}

/* An allow rule whose file is empty still means that others are not allowed. */
static void access_ask__allowed_file_is_empty__nobody_is_allowed(void **state)
{
    const struct access_rule rules[] = {
        {.written = "file:/f", .allow = true, .kind = ACCESS_FILE, .file = "/f"}};
    struct access_settings settings = {.rules = rules, .rule_count = 1};
    struct access_table *table = access_table_create(&settings, NULL, 0);

    (void)state;
    assert_non_null(table);
    assert_false(ask(table, "192.0.2.1").allowed);
    access_table_destroy(table);
}

static void access_table_create__memory_runs_out__null_and_no_leak(void **state)
{
    const struct access_rule rules[] = {rule(true, "10.0.0.0/8", 1),
                                        id_rule(true, ACCESS_UID, 1, 2),
                                        rule(true, "2001:db8::/32", 3)};
    struct access_settings settings = {.rules = rules, .rule_count = 3};
    struct access_table *table = NULL;
    long failed = 0;

    (void)state;
    while (table == NULL) {
        fixture_fail_allocation(++failed);
        table = access_table_create(&settings, NULL, 0);
        fixture_fail_allocation(0);
        assert_true(failed < 100);
        /* The last ones only give memory back, and their failure does no harm. */
        if (table != NULL) {
            assert_true(ask(table, "10.0.0.1").allowed);
            assert_true(ask(table, "2001:db8::").allowed);
            assert_false(ask(table, "11.0.0.1").allowed);
        }
    }
    assert_true(failed > 8);
    access_table_destroy(table);
}

/* ---- Against all rules, one by one ---------------------------------------------------------- */

static const struct access_rule *model_find(const struct access_rule *rules, size_t count,
                                            const struct prefix *address)
{
    const struct access_rule *best = NULL;

    for (size_t i = 0; i < count; i++) {
        if (prefix_contains(&rules[i].prefix, address) &&
            (best == NULL || rules[i].prefix.length > best->prefix.length ||
             (rules[i].prefix.length == best->prefix.length && best->allow && !rules[i].allow))) {
            best = &rules[i];
        }
    }
    return best;
}

/* An address whose bits are alike often, so that prefixes nest, touch and reach the ends. */
static struct prefix random_address(struct fixture_random *random)
{
    static const uint8_t bytes[8] = {0, 0, 0xff, 0xff, 0x80, 0x7f, 1, 0xfe};
    bool v4 = fixture_one_in(random, 2);
    struct prefix address = {.family = v4 ? AF_INET : AF_INET6, .length = v4 ? 32 : 128};

    for (unsigned i = 0; i < address.length / 8; i++) {
        address.bytes[i] = bytes[fixture_below(random, 8)];
    }
    return address;
}

static struct prefix random_prefix(struct fixture_random *random)
{
    struct prefix prefix = random_address(random);

    prefix.length = (uint8_t)fixture_below(random, prefix.length + 1U);
    for (unsigned bit = prefix.length; bit < 128; bit++) {
        prefix.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    }
    return prefix;
}

static void check_answer(const struct access_table *table, const struct access_rule *rules,
                         size_t count, struct prefix address, bool otherwise, uint64_t seed,
                         uint64_t step)
{
    const struct access_rule *expected = model_find(rules, count, &address);
    struct access_answer answer = access_ask_ip(table, &address);

    fixture_check(answer.matched == (expected != NULL), seed, step);
    fixture_check(answer.allowed == (expected != NULL ? expected->allow : otherwise), seed, step);
    fixture_check(answer.position.line == (expected != NULL ? expected->position.line : 0), seed,
                  step);
}

static void access_ask__random_rules__as_the_model_says(void **state)
{
    uint64_t first = fixture_seed();

    (void)state;
    for (uint64_t seed = first; seed < first + 1500; seed++) {
        struct fixture_random random = {seed};
        struct access_rule rules[RULES_MAX];
        struct access_settings settings;
        size_t count = fixture_below(&random, RULES_MAX + 1);
        bool otherwise = true;
        for (size_t i = 0; i < count; i++) {
            rules[i] = rule(fixture_one_in(&random, 2), "::", (unsigned)i + 1);
            rules[i].prefix = i > 0 && fixture_one_in(&random, 6)
                                  ? rules[fixture_below(&random, i)].prefix
                                  : random_prefix(&random);
            otherwise = otherwise && !rules[i].allow;
        }
        struct access_table *table = table_of(&settings, rules, count);
        for (uint64_t step = 0; step < 200; step++) {
            struct prefix address = random_address(&random);
            check_answer(table, rules, count, address, otherwise, seed, step);
            if (count == 0) {
                continue;
            }
            /* A rule's first and last address. */
            address = rules[fixture_below(&random, count)].prefix;
            unsigned length = address.length;
            address.length = address.family == AF_INET ? 32 : 128;
            check_answer(table, rules, count, address, otherwise, seed, step);
            for (unsigned bit = length; bit < address.length; bit++) {
                address.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
            }
            check_answer(table, rules, count, address, otherwise, seed, step);
        }
        access_table_destroy(table);
    }
}

static void access_ask__hundred_thousand_prefixes__as_the_model_says(void **state)
{
    const size_t count = 100000;
    uint64_t seed = fixture_seed();
    struct fixture_random random = {seed};
    struct prefix *prefixes = calloc(count, sizeof *prefixes);
    unsigned *lines = calloc(count, sizeof *lines);
    const struct access_rule deny = {.written = "file:/f", .kind = ACCESS_FILE, .file = "/f"};
    struct access_settings settings = {.rules = &deny, .rule_count = 1};

    (void)state;
    assert_non_null(prefixes);
    assert_non_null(lines);
    for (size_t i = 0; i < count; i++) {
        struct prefix prefix = {.family = AF_INET,
                                .length = (uint8_t)(12 + fixture_below(&random, 21))};
        uint32_t bits = (uint32_t)fixture_next(&random) & ~UINT32_C(0) << (32 - prefix.length);
        for (unsigned byte = 0; byte < 4; byte++) {
            prefix.bytes[byte] = (uint8_t)(bits >> (24 - 8 * byte));
        }
        prefixes[i] = prefix;
        lines[i] = (unsigned)i + 1;
    }
    const struct access_file file = {"/f", prefixes, lines, count};
    struct access_table *table = access_table_create(&settings, &file, 1);
    assert_non_null(table);
    for (uint64_t step = 0; step < 100; step++) {
        struct prefix address = prefixes[fixture_below(&random, count)];
        address.bytes[3] ^= (uint8_t)fixture_below(&random, 4);
        address.length = 32;
        unsigned best = 0;
        for (size_t i = 0; i < count; i++) {
            if (prefix_contains(&prefixes[i], &address) &&
                (best == 0 || prefixes[i].length > prefixes[best - 1].length)) {
                best = lines[i];
            }
        }
        fixture_check(access_ask_ip(table, &address).position.line == best, seed, step);
    }
    access_table_destroy(table);
    free(prefixes);
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(access_ask__no_rules__all_are_allowed),
        cmocka_unit_test(access_ask__any_allow_rule__others_are_denied),
        cmocka_unit_test(access_ask__nested_prefixes__longest_wins),
        cmocka_unit_test(access_ask__equal_length__deny_wins_in_any_order),
        cmocka_unit_test(access_ask_unix__uid_before_gid_and_deny_first),
        cmocka_unit_test(access_ask__file__place_is_in_the_file),
        cmocka_unit_test(access_ask__allowed_file_is_empty__nobody_is_allowed),
        cmocka_unit_test(access_table_create__memory_runs_out__null_and_no_leak),
        cmocka_unit_test(access_ask__random_rules__as_the_model_says),
        cmocka_unit_test(access_ask__hundred_thousand_prefixes__as_the_model_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
