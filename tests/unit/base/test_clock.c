/* Tests of superd/base/clock.c. */
#include "unit.h"

#include <string.h>

#include "base/clock.h"

static void clock_format__moments__rfc_3339(void **state)
{
    char text[CLOCK_TEXT_SIZE];

    (void)state;
    assert_string_equal(clock_format(0, text), "1970-01-01T00:00:00.000000Z");
    assert_string_equal(clock_format(-1, text), "1969-12-31T23:59:59.999999Z");
    assert_string_equal(clock_format(1795356200123456, text), "2026-11-22T14:03:20.123456Z");
    assert_string_equal(clock_format(951782400000000, text), "2000-02-29T00:00:00.000000Z");
    assert_true(strlen(clock_format(INT64_MAX, text)) < CLOCK_TEXT_SIZE);
    assert_true(strlen(clock_format(INT64_MIN, text)) < CLOCK_TEXT_SIZE);
}

static void clock_now__twice__never_back(void **state)
{
    uint64_t first = clock_now_ns(), second = clock_now_ns();
    uint64_t ms = clock_now_ms();

    (void)state;
    assert_true(first <= second);
    assert_true(ms >= second / 1000000);
    assert_true(clock_wall_us() > 1600000000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_format__moments__rfc_3339),
        cmocka_unit_test(clock_now__twice__never_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
