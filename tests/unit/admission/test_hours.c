/*
 * Hours: ranges, midnight, time zones and their changes, and a model in minutes of the week.
 */
#include "fixture.h"

#include <errno.h>
#include <time.h>

#include "admission/hours.h"

#define WORKDAYS 0x1f
#define SATURDAY 0x20
#define SUNDAY   0x40
#define ALL_DAYS 0x7f

static const char berlin[] = "CET-1CEST,M3.5.0,M10.5.0/3";
static const char new_york[] = "EST5EDT,M3.2.0,M11.1.0";

static int64_t utc(int year, int month, int day, int hour, int minute, int second)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second};

    return timegm(&tm);
}

static bool is_open(const struct hours_range *range, const struct zone *zone, int64_t wall_s)
{
    return hours_ask(range, 1, zone, wall_s).open;
}

static void hours_ask__no_ranges__always_open(void **state)
{
    struct hours_answer answer = hours_ask(NULL, 0, NULL, 0);

    (void)state;
    assert_true(answer.open);
    assert_true(answer.until_s == INT64_MAX);
}

/* 23 November 2026 is a Monday. */
static void hours_ask__working_hours__begin_is_in_and_end_is_out(void **state)
{
    const struct hours_range range = {.days = WORKDAYS, .begin = 8 * 60, .end = 18 * 60};

    (void)state;
    assert_false(is_open(&range, NULL, utc(2026, 11, 23, 7, 59, 59)));
    assert_true(is_open(&range, NULL, utc(2026, 11, 23, 8, 0, 0)));
    assert_true(is_open(&range, NULL, utc(2026, 11, 23, 17, 59, 59)));
    assert_false(is_open(&range, NULL, utc(2026, 11, 23, 18, 0, 0)));
    assert_true(is_open(&range, NULL, utc(2026, 11, 27, 12, 0, 0)));
    assert_false(is_open(&range, NULL, utc(2026, 11, 28, 12, 0, 0)));
}

static void hours_ask__across_midnight__belongs_to_the_day_it_begins(void **state)
{
    const struct hours_range range = {.days = SUNDAY, .begin = 22 * 60, .end = 6 * 60};

    (void)state;
    assert_false(is_open(&range, NULL, utc(2026, 11, 22, 5, 0, 0)));
    assert_true(is_open(&range, NULL, utc(2026, 11, 22, 22, 0, 0)));
    assert_true(is_open(&range, NULL, utc(2026, 11, 22, 23, 59, 59)));
    assert_true(is_open(&range, NULL, utc(2026, 11, 23, 0, 0, 0)));
    assert_true(is_open(&range, NULL, utc(2026, 11, 23, 5, 59, 59)));
    assert_false(is_open(&range, NULL, utc(2026, 11, 23, 6, 0, 0)));
    assert_false(is_open(&range, NULL, utc(2026, 11, 23, 22, 0, 0)));
}

static void hours_ask__whole_days__both_ways_to_write(void **state)
{
    const struct hours_range day = {.days = SATURDAY, .begin = 0, .end = 1440};
    const struct hours_range round = {.days = SATURDAY, .begin = 12 * 60, .end = 12 * 60};

    (void)state;
    assert_false(is_open(&day, NULL, utc(2026, 11, 27, 23, 59, 59)));
    assert_true(is_open(&day, NULL, utc(2026, 11, 28, 0, 0, 0)));
    assert_true(is_open(&day, NULL, utc(2026, 11, 28, 23, 59, 59)));
    assert_false(is_open(&day, NULL, utc(2026, 11, 29, 0, 0, 0)));
    assert_false(is_open(&round, NULL, utc(2026, 11, 28, 11, 59, 59)));
    assert_true(is_open(&round, NULL, utc(2026, 11, 29, 11, 59, 59)));
    assert_false(is_open(&round, NULL, utc(2026, 11, 29, 12, 0, 0)));
}

static void hours_ask__zone__is_what_its_clocks_show(void **state)
{
    const struct hours_range range = {.days = WORKDAYS, .begin = 8 * 60, .end = 18 * 60};
    struct zone *zone;

    (void)state;
    assert_int_equal(zone_load(new_york, &zone), 0);
    assert_false(is_open(&range, zone, utc(2026, 11, 23, 12, 59, 59))); /* 07:59 EST */
    assert_true(is_open(&range, zone, utc(2026, 11, 23, 13, 0, 0)));
    assert_true(is_open(&range, zone, utc(2026, 7, 6, 12, 0, 0))); /* 08:00 EDT */
    assert_false(is_open(&range, zone, utc(2026, 7, 6, 22, 0, 0)));
    zone_destroy(zone);
}

/* 29 March 2026, 01:00 UTC: 02:00 becomes 03:00. */
static void hours_ask__summer_time_begins__left_out_hour_does_not_come(void **state)
{
    const struct hours_range gap = {.days = SUNDAY, .begin = 2 * 60, .end = 3 * 60};
    const struct hours_range night = {.days = SATURDAY, .begin = 22 * 60, .end = 6 * 60};
    struct zone *zone;
    unsigned seconds = 0;

    (void)state;
    assert_int_equal(zone_load(berlin, &zone), 0);
    for (int64_t s = utc(2026, 3, 29, 0, 0, 0); s < utc(2026, 3, 29, 4, 0, 0); s++) {
        assert_false(is_open(&gap, zone, s));
    }
    for (int64_t s = utc(2026, 3, 28, 12, 0, 0); s < utc(2026, 3, 29, 12, 0, 0); s++) {
        seconds += is_open(&night, zone, s);
    }
    assert_int_equal(seconds, 7 * 3600);
    zone_destroy(zone);
}

/* 25 October 2026, 01:00 UTC: 03:00 becomes 02:00. */
static void hours_ask__summer_time_ends__double_hour_comes_twice(void **state)
{
    const struct hours_range hour = {.days = SUNDAY, .begin = 2 * 60, .end = 3 * 60};
    struct zone *zone;
    unsigned seconds = 0;

    (void)state;
    assert_int_equal(zone_load(berlin, &zone), 0);
    for (int64_t s = utc(2026, 10, 24, 12, 0, 0); s < utc(2026, 10, 25, 12, 0, 0); s++) {
        seconds += is_open(&hour, zone, s);
    }
    assert_int_equal(seconds, 2 * 3600);
    assert_true(is_open(&hour, zone, utc(2026, 10, 25, 0, 0, 0)));
    assert_true(is_open(&hour, zone, utc(2026, 10, 25, 1, 59, 59)));
    zone_destroy(zone);
}

/* 8 March 2026, 07:00 UTC, and 1 November 2026, 06:00 UTC. */
static void hours_ask__new_york_changes__on_its_own_days(void **state)
{
    const struct hours_range morning = {.days = ALL_DAYS, .begin = 3 * 60, .end = 4 * 60};
    struct zone *zone;

    (void)state;
    assert_int_equal(zone_load(new_york, &zone), 0);
    assert_false(is_open(&morning, zone, utc(2026, 3, 8, 6, 59, 59))); /* 01:59 EST */
    assert_true(is_open(&morning, zone, utc(2026, 3, 8, 7, 0, 0)));    /* 03:00 EDT */
    assert_true(is_open(&morning, zone, utc(2026, 3, 9, 7, 0, 0)));
    assert_false(is_open(&morning, zone, utc(2026, 11, 1, 7, 0, 0))); /* 02:00 EST */
    assert_true(is_open(&morning, zone, utc(2026, 11, 1, 8, 0, 0)));
    zone_destroy(zone);
}

/* At 02:00:30 it becomes 03:00:30: an answer must not outlive that, though the minute goes on. */
static void hours_ask__change_within_a_minute__answer_ends_with_it(void **state)
{
    const struct hours_range range = {.days = ALL_DAYS, .begin = 3 * 60, .end = 4 * 60};
    int64_t change = utc(2026, 3, 1, 2, 0, 30);
    struct zone *zone;

    (void)state;
    assert_int_equal(zone_load("AAA0BBB,J60/2:00:30,J300", &zone), 0);
    assert_false(is_open(&range, zone, change - 1));
    assert_int_equal(hours_ask(&range, 1, zone, change - 20).until_s, change);
    assert_true(is_open(&range, zone, change));
    zone_destroy(zone);
}

static void hours_ask__zone_by_name__is_the_zone_by_rule(void **state)
{
    const struct hours_range range = {.days = WORKDAYS, .begin = 8 * 60, .end = 18 * 60};
    struct zone *named, *ruled;
    int error = zone_load("Europe/Berlin", &named);

    (void)state;
    if (error == -ENOENT) {
        skip(); /* no time-zone files here */
    }
    assert_int_equal(error, 0);
    assert_int_equal(zone_load(berlin, &ruled), 0);
    for (int64_t s = utc(2026, 1, 1, 0, 0, 0); s < utc(2027, 1, 1, 0, 0, 0); s += 299) {
        assert_int_equal(is_open(&range, named, s), is_open(&range, ruled, s));
    }
    zone_destroy(named);
    zone_destroy(ruled);
}

static void hours_ask__ends_of_the_clock__do_not_overflow(void **state)
{
    const struct hours_range range = {.days = ALL_DAYS, .begin = 0, .end = 1440};
    struct zone *zone;

    (void)state;
    assert_int_equal(zone_load("AAA-3", &zone), 0);
    assert_true(is_open(&range, zone, INT64_MAX));
    assert_true(is_open(&range, zone, INT64_MIN));
    zone_destroy(zone);
}

/* A range as minutes of a week that goes round. */
static bool model_open(const struct hours_range *ranges, size_t count, int64_t local_s)
{
    const int64_t week = 7 * 1440;
    int64_t minute = (local_s >= 0 ? local_s / 60 : -((-local_s + 59) / 60)) + 3 * 1440;

    for (size_t i = 0; i < count; i++) {
        int64_t length = ranges[i].end - ranges[i].begin;
        length += length <= 0 ? 1440 : 0;
        for (int day = 0; day < 7; day++) {
            int64_t since = ((minute - day * 1440 - ranges[i].begin) % week + week) % week;
            if ((ranges[i].days >> day & 1) != 0 && since < length) {
                return true;
            }
        }
    }
    return false;
}

static void hours_ask__random_ranges__as_the_model_says(void **state)
{
    uint64_t first = fixture_seed();
    struct zone *zones[3] = {NULL};

    (void)state;
    assert_int_equal(zone_load(berlin, &zones[1]), 0);
    assert_int_equal(zone_load(new_york, &zones[2]), 0);
    for (uint64_t seed = first; seed < first + 200; seed++) {
        struct fixture_random random = {seed};
        struct hours_range ranges[4];
        size_t count = 1 + fixture_below(&random, 4);
        const struct zone *zone = zones[fixture_below(&random, 3)];
        for (size_t i = 0; i < count; i++) {
            ranges[i] = (struct hours_range){.days = (uint8_t)fixture_below(&random, 128),
                                             .begin = (uint16_t)fixture_below(&random, 1441),
                                             .end = (uint16_t)fixture_below(&random, 1441)};
        }
        for (uint64_t step = 0; step < 1000; step++) {
            int64_t wall_s = (int64_t)(fixture_next(&random) >> 30) - (INT64_C(1) << 33);
            struct hours_answer answer = hours_ask(ranges, count, zone, wall_s);
            int64_t later = answer.until_s - 1;
            fixture_check(answer.open ==
                              model_open(ranges, count, wall_s + zone_at(zone, wall_s).offset_s),
                          seed, step);
            fixture_check(answer.from_s <= wall_s && later >= wall_s, seed, step);
            fixture_check(answer.open ==
                              model_open(ranges, count, later + zone_at(zone, later).offset_s),
                          seed, step);
        }
    }
    zone_destroy(zones[1]);
    zone_destroy(zones[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hours_ask__no_ranges__always_open),
        cmocka_unit_test(hours_ask__working_hours__begin_is_in_and_end_is_out),
        cmocka_unit_test(hours_ask__across_midnight__belongs_to_the_day_it_begins),
        cmocka_unit_test(hours_ask__whole_days__both_ways_to_write),
        cmocka_unit_test(hours_ask__zone__is_what_its_clocks_show),
        cmocka_unit_test(hours_ask__summer_time_begins__left_out_hour_does_not_come),
        cmocka_unit_test(hours_ask__summer_time_ends__double_hour_comes_twice),
        cmocka_unit_test(hours_ask__new_york_changes__on_its_own_days),
        cmocka_unit_test(hours_ask__change_within_a_minute__answer_ends_with_it),
        cmocka_unit_test(hours_ask__zone_by_name__is_the_zone_by_rule),
        cmocka_unit_test(hours_ask__ends_of_the_clock__do_not_overflow),
        cmocka_unit_test(hours_ask__random_ranges__as_the_model_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
