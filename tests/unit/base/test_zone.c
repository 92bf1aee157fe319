/*
 * Time zones: against the C library's own answers, and with files that are damaged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/zone.h"
#include "base/zone_rule.h"

#define DAY_S INT64_C(86400)

static uint64_t next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 20;
}

static long library_offset(int64_t wall_s)
{
    time_t time = (time_t)wall_s;
    struct tm local;

    assert_non_null(localtime_r(&time, &local));
    return local.tm_gmtoff;
}

/* Compare NAME's zone with the C library from FIRST_YEAR to about 2500; false where the system does
 * not have it. */
static bool compare_with_library(const char *name, int first_year)
{
    const int64_t first_s = (first_year - 1970) * 366 * DAY_S;
    struct zone *zone;
    uint64_t state = 1;
    int error = zone_load(name, &zone);

    if (error == -ENOENT) {
        return false;
    }
    assert_int_equal(error, 0);
    setenv("TZ", name, 1);
    tzset();
    for (int i = 0; i < 20000; i++) {
        int64_t wall_s = first_s + (int64_t)(next(&state) % (530 * 365 * DAY_S));
        struct zone_time time = zone_at(zone, wall_s);
        if (time.offset_s != library_offset(wall_s) || time.until_s <= wall_s) {
            fail_msg("%s at %lld: %d, the library says %ld", name, (long long)wall_s, time.offset_s,
                     library_offset(wall_s));
        }
        /* The last second before a change, and the change. */
        if (time.until_s < 500 * 365 * DAY_S) {
            struct zone_time later = zone_at(zone, time.until_s);
            if (library_offset(time.until_s - 1) != time.offset_s ||
                library_offset(time.until_s) != later.offset_s) {
                fail_msg("%s changes at %lld, the library not", name, (long long)time.until_s);
            }
        }
    }
    zone_destroy(zone);
    unsetenv("TZ");
    tzset();
    return true;
}

static void zone_at__named_zones__as_the_library_says(void **state)
{
    static const char *const names[] = {
        "UTC",
        "Europe/Berlin",
        "Europe/Dublin",
        "America/New_York",
        "America/Nuuk",
        "America/Sao_Paulo",
        "Asia/Kathmandu",
        "Asia/Tehran",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Antarctica/Troll",
        "Africa/Casablanca",
    };
    bool any = false;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        any = compare_with_library(names[i], 1900) || any;
    }
    if (!any) {
        skip(); /* no time-zone files here */
    }
}

static void zone_at__rules__as_the_library_says(void **state)
{
    static const char *const rules[] = {
        "CET-1CEST,M3.5.0,M10.5.0/3",       "EST5EDT,M3.2.0,M11.1.0",
        "NZST-12NZDT,M9.5.0,M4.1.0/3",      "IST-1GMT0,M10.5.0,M3.5.0/1",
        "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1", "<+0330>-3:30",
        "AAA1BBB,J60,J300/26:30:15",        "AAA-2BBB-4:30,59,364/12",
        "IST-2IDT,M3.4.4/26,M10.5.0",
    };

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        /* glibc does not apply a rule to the years before 1970. */
        assert_true(compare_with_library(rules[i], 1971));
    }
}

/* What the library does not do alike everywhere. */
static void zone_at__summer_time_all_year__has_no_gap(void **state)
{
    struct zone_rule rule;

    (void)state;
    assert_true(zone_rule_parse("XXX3EDT4,0/0,J365/23", &rule));
    for (int64_t day = 0; day < 3000; day++) {
        assert_int_equal(zone_rule_at(&rule, day * DAY_S + 3 * 3600).offset_s, -4 * 3600);
    }
}

static void zone_at__no_zone__is_utc(void **state)
{
    struct zone_time time = zone_at(NULL, 1234567890);

    (void)state;
    assert_int_equal(time.offset_s, 0);
    assert_true(time.until_s == INT64_MAX);
}

static void zone_at__ends_of_time__is_standard_time(void **state)
{
    struct zone *zone;

    (void)state;
    assert_int_equal(zone_load("CET-1CEST,M3.5.0,M10.5.0/3", &zone), 0);
    assert_int_equal(zone_at(zone, INT64_MAX).offset_s, 3600);
    assert_int_equal(zone_at(zone, INT64_MIN).offset_s, 3600);
    zone_destroy(zone);
}

static void zone_load__no_such_zone__says_so(void **state)
{
    static const char *const names[] = {"No/Such",
                                        "../../../etc/passwd",
                                        "/etc/localtime",
                                        "Europe",
                                        "Europe/Berlin/x",
                                        "AB1",
                                        "CET-1CEST,M3.5.0",
                                        "CET-1CEST,M13.5.0,M10.5.0",
                                        "CET-1CEST,M3.5.0,M10.5.0/3x",
                                        "CET-99",
                                        "XXY",
                                        "<CET-1",
                                        "CET-1CEST,J0,J5",
                                        "CET-1:60"};
    struct zone *zone = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(zone_load(names[i], &zone), -ENOENT);
        assert_null(zone);
    }
}

static void zone_load__no_name__is_what_TZ_says(void **state)
{
    struct zone *zone;

    (void)state;
    setenv("TZ", "AAA-3", 1);
    assert_int_equal(zone_load(NULL, &zone), 0);
    assert_int_equal(zone_at(zone, 0).offset_s, 3 * 3600);
    zone_destroy(zone);
    setenv("TZ", "", 1);
    assert_int_equal(zone_load(NULL, &zone), 0);
    assert_int_equal(zone_at(zone, 0).offset_s, 0);
    zone_destroy(zone);
    unsetenv("TZ");
    assert_int_equal(zone_load(NULL, &zone), 0);
    zone_destroy(zone);
}

/* A small file, version 2: two types, two changes, a rule. */
static size_t make_file(uint8_t file[256])
{
    static const uint8_t block_v1[] = {0, 0, 0, 0, 0, 0}; /* one type, nothing else */
    static const uint8_t block_v2[] = {
        0,   0,   0,   0, 0,   0,   0,   100, 0, 0, 0, 0, 0, 0, 0, 200, /* at 100 and 200 s */
        1,   0,                                                         /* types 1 and 0 */
        0,   0,   0,   0, 0,   0,   0,   0,   7, 8, 1, 4,               /* types: 0 and 1800 s */
        'A', 'A', 'A', 0, 'B', 'B', 'B', 0,
    };
    static const char rule[] = "\nCCC-2\n";
    uint8_t header[44] = "TZif2";
    size_t size = 0;

    header[39] = 1; /* typecnt */
    memcpy(file, header, sizeof header);
    size += sizeof header;
    memcpy(file + size, block_v1, sizeof block_v1);
    size += sizeof block_v1;
    header[35] = 2; /* timecnt */
    header[39] = 2;
    header[43] = 8; /* charcnt */
    memcpy(file + size, header, sizeof header);
    size += sizeof header;
    memcpy(file + size, block_v2, sizeof block_v2);
    size += sizeof block_v2;
    memcpy(file + size, rule, sizeof rule - 1);
    return size + sizeof rule - 1;
}

static void zone_parse__file__changes_and_rule(void **state)
{
    uint8_t file[256];
    struct zone *zone;
    size_t size = make_file(file);

    (void)state;
    assert_int_equal(zone_parse(file, size, &zone), 0);
    assert_int_equal(zone_at(zone, 99).offset_s, 0);
    assert_int_equal(zone_at(zone, 99).until_s, 100);
    assert_int_equal(zone_at(zone, 100).offset_s, 0x708);
    assert_int_equal(zone_at(zone, 199).until_s, 200);
    assert_int_equal(zone_at(zone, 200).offset_s, 7200);
    zone_destroy(zone);
}

static void zone_parse__cut_off__is_refused(void **state)
{
    uint8_t file[256];
    size_t size = make_file(file);

    (void)state;
    for (size_t length = 0; length < size; length++) {
        struct zone *zone = NULL;
        uint8_t *copy = malloc(length + 1); /* so that a read behind it is seen */
        assert_non_null(copy);
        memcpy(copy, file, length);
        assert_int_equal(zone_parse(copy, length, &zone), -EINVAL);
        free(copy);
    }
}

static void zone_parse__bytes_changed__never_reads_beyond(void **state)
{
    uint64_t random = 7;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        uint8_t file[256];
        size_t size = make_file(file);
        struct zone *zone = NULL;
        for (int j = 0; j < 3; j++) {
            file[next(&random) % size] = (uint8_t)next(&random);
        }
        int error = zone_parse(file, size, &zone);
        if (error == 0) {
            struct zone_time time = zone_at(zone, 150);
            assert_in_range(time.offset_s + 200000, 0, 400000);
            zone_destroy(zone);
        } else {
            assert_int_equal(error, -EINVAL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zone_at__named_zones__as_the_library_says),
        cmocka_unit_test(zone_at__rules__as_the_library_says),
        cmocka_unit_test(zone_at__summer_time_all_year__has_no_gap),
        cmocka_unit_test(zone_at__no_zone__is_utc),
        cmocka_unit_test(zone_at__ends_of_time__is_standard_time),
        cmocka_unit_test(zone_load__no_such_zone__says_so),
        cmocka_unit_test(zone_load__no_name__is_what_TZ_says),
        cmocka_unit_test(zone_parse__file__changes_and_rule),
        cmocka_unit_test(zone_parse__cut_off__is_refused),
        cmocka_unit_test(zone_parse__bytes_changed__never_reads_beyond),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
