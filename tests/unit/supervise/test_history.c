/*
 * history: what is counted is in the step when it happened, for as long as the window goes back, and
 * in no other.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "supervise/history.h"

#define STEP  ((uint64_t)HISTORY_STEP_MS)
#define BEGIN (1000 * STEP + 250) /* somewhere in a step */

static struct history_counts expected_counts(void)
{
    struct history_counts counts;

    memset(&counts, 0, sizeof counts);
    return counts;
}

/* At NOW_MS the history has exactly these counts. */
static void expect(const struct history *history, uint64_t now_ms,
                   const struct history_counts *expected)
{
    static const struct history_counts none;
    struct history_counts counts;
    bool any = memcmp(expected, &none, sizeof none) != 0;

    memset(&counts, 0xff, sizeof counts);
    assert_int_equal(history_export(history, now_ms, &counts), any);
    assert_memory_equal(&counts, expected, sizeof counts);
}

static void count(struct history **history, enum history_kind kind, uint64_t now_ms, int times)
{
    while (times-- > 0)
        history_count(history, kind, now_ms);
}

static void history_export__nothing_counted__zeros_and_no_memory(void **state)
{
    const struct history_counts none = expected_counts();

    (void)state;
    expect(NULL, BEGIN, &none);
}

static void history_count__same_step__added_up_by_kind(void **state)
{
    struct history_counts expected = expected_counts();
    struct history *history = NULL;

    (void)state;
    count(&history, HISTORY_ADMITTED, BEGIN, 3);
    count(&history, HISTORY_REFUSED, BEGIN + 1, 2);
    count(&history, HISTORY_ADMITTED, 1001 * STEP - 1, 1); /* the last moment of the step */
    expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 1] = 4;
    expected.counts[HISTORY_REFUSED][HISTORY_STEPS - 1] = 2;
    expect(history, BEGIN, &expected);
    expect(history, 1001 * STEP - 1, &expected);
    free(history);
}

static void history_count__next_step__begins_at_its_first_moment(void **state)
{
    struct history_counts expected = expected_counts();
    struct history *history = NULL;

    (void)state;
    count(&history, HISTORY_ADMITTED, BEGIN, 1);
    count(&history, HISTORY_ADMITTED, 1001 * STEP, 5);
    expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 2] = 1;
    expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 1] = 5;
    expect(history, 1001 * STEP, &expected);
    free(history);
}

/* Every step of several windows, each with another number. */
static void history_count__each_step__the_window_moves(void **state)
{
    struct history *history = NULL;

    (void)state;
    for (int step = 0; step < 3 * HISTORY_STEPS; step++) {
        struct history_counts expected = expected_counts();
        uint64_t now = BEGIN + (uint64_t)step * STEP;

        count(&history, HISTORY_ADMITTED, now, step + 1);
        count(&history, HISTORY_REFUSED, now, step % 7);
        for (int i = 0; i < HISTORY_STEPS && i <= step; i++) {
            expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 1 - i] = (uint32_t)(step - i + 1);
            expected.counts[HISTORY_REFUSED][HISTORY_STEPS - 1 - i] = (uint32_t)((step - i) % 7);
        }
        expect(history, now, &expected);
    }
    free(history);
}

/* Somebody looks, or counts, after a gap of each length up to beyond the window. */
static void history_advance__gaps__what_is_too_old_is_gone(void **state)
{
    (void)state;
    for (uint64_t gap = 0; gap < 2 * HISTORY_STEPS + 2; gap++) {
        struct history_counts expected = expected_counts();
        struct history *history = NULL;
        uint64_t now = BEGIN + gap * STEP;

        count(&history, HISTORY_REFUSED, BEGIN - STEP, 2);
        count(&history, HISTORY_REFUSED, BEGIN, 9);
        if (gap < HISTORY_STEPS)
            expected.counts[HISTORY_REFUSED][HISTORY_STEPS - 1 - gap] = 9;
        if (gap + 1 < HISTORY_STEPS)
            expected.counts[HISTORY_REFUSED][HISTORY_STEPS - 2 - gap] = 2;
        expect(history, now, &expected); /* looking changes nothing: */
        count(&history, HISTORY_ADMITTED, now, 1);
        expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 1] = 1;
        expect(history, now, &expected);
        free(history);
    }
}

static void history_count__first_step_of_the_clock__nothing_before_it(void **state)
{
    struct history_counts expected = expected_counts();
    struct history *history = NULL;

    (void)state;
    count(&history, HISTORY_ADMITTED, 0, 1);
    count(&history, HISTORY_ADMITTED, STEP, 2);
    expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 2] = 1;
    expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 1] = 2;
    expect(history, STEP, &expected);
    free(history);
}

/* A loop's clock may be behind one that was read before. */
static void history_count__clock_behind__nothing_is_lost(void **state)
{
    struct history_counts expected = expected_counts();
    struct history *history = NULL;

    (void)state;
    count(&history, HISTORY_ADMITTED, BEGIN, 1);
    count(&history, HISTORY_ADMITTED, BEGIN - STEP, 1);
    expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 1] = 2;
    expect(history, BEGIN - STEP, &expected);
    free(history);
}

/* A successor takes the counts over, and what it has counted meanwhile stays. */
static void history_import__exported__goes_on_from_there(void **state)
{
    struct history_counts expected = expected_counts(), counts;
    struct history *before = NULL, *after = NULL, *counting = NULL;

    (void)state;
    count(&before, HISTORY_ADMITTED, BEGIN - (HISTORY_STEPS - 1) * STEP, 1);
    count(&before, HISTORY_REFUSED, BEGIN - STEP, 6);
    count(&before, HISTORY_ADMITTED, BEGIN, 4);
    assert_true(history_export(before, BEGIN, &counts));
    assert_true(history_import(&after, BEGIN, &counts));
    expect(after, BEGIN, &counts);
    count(&after, HISTORY_ADMITTED, BEGIN + STEP, 2); /* a step later the oldest is gone */
    expected.counts[HISTORY_REFUSED][HISTORY_STEPS - 3] = 6;
    expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 2] = 4;
    expected.counts[HISTORY_ADMITTED][HISTORY_STEPS - 1] = 2;
    expect(after, BEGIN + STEP, &expected);

    count(&counting, HISTORY_ADMITTED, BEGIN + STEP, 2);
    assert_true(history_import(&counting, BEGIN, &counts)); /* told a step ago */
    expect(counting, BEGIN + STEP, &expected);
    free(before);
    free(after);
    free(counting);
}

static void history_known_steps__since_the_beginning_and_no_further(void **state)
{
    (void)state;
    assert_int_equal(history_known_steps(BEGIN, BEGIN), 1);
    assert_int_equal(history_known_steps(BEGIN, BEGIN - 1), 1);
    assert_int_equal(history_known_steps(BEGIN, 1001 * STEP - 1), 1);
    assert_int_equal(history_known_steps(BEGIN, 1001 * STEP), 2);
    assert_int_equal(history_known_steps(BEGIN, BEGIN + (HISTORY_STEPS - 2) * STEP),
                     HISTORY_STEPS - 1);
    assert_int_equal(history_known_steps(BEGIN, BEGIN + (HISTORY_STEPS - 1) * STEP), HISTORY_STEPS);
    assert_int_equal(history_known_steps(BEGIN, UINT64_MAX), HISTORY_STEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_export__nothing_counted__zeros_and_no_memory),
        cmocka_unit_test(history_count__same_step__added_up_by_kind),
        cmocka_unit_test(history_count__next_step__begins_at_its_first_moment),
        cmocka_unit_test(history_count__each_step__the_window_moves),
        cmocka_unit_test(history_advance__gaps__what_is_too_old_is_gone),
        cmocka_unit_test(history_count__first_step_of_the_clock__nothing_before_it),
        cmocka_unit_test(history_count__clock_behind__nothing_is_lost),
        cmocka_unit_test(history_import__exported__goes_on_from_there),
        cmocka_unit_test(history_known_steps__since_the_beginning_and_no_further),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
