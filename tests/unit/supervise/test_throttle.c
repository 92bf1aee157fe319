/*
 * throttle: failures in a row stop launches, longer each time; one success resets.
 */
#include "unit.h"

#include "supervise/throttle.h"

static void throttle_failed__below_the_number__no_pause(void **state)
{
    struct throttle throttle = {0};

    (void)state;
    for (int i = 1; i < THROTTLE_FAILURES; i++)
        assert_false(throttle_failed(&throttle, 1000));
    assert_false(throttle_active(&throttle, 1000));
}

static void throttle_failed__again_and_again__pause_doubles_up_to_the_last(void **state)
{
    struct throttle throttle = {0};
    uint64_t now = 5000, expected = THROTTLE_FIRST_MS;

    (void)state;
    for (int i = 1; i < THROTTLE_FAILURES; i++)
        throttle_failed(&throttle, now);
    for (int i = 0; i < 10; i++) {
        assert_true(throttle_failed(&throttle, now));
        assert_int_equal(throttle.until_ms - now, expected);
        assert_true(throttle_active(&throttle, now + expected - 1));
        assert_false(throttle_active(&throttle, now + expected));
        now += expected;
        expected = expected * 2 < THROTTLE_LAST_MS ? expected * 2 : THROTTLE_LAST_MS;
    }
    assert_int_equal(expected, THROTTLE_LAST_MS);
}

static void throttle_failed__while_paused__pause_is_not_prolonged(void **state)
{
    struct throttle throttle = {0};
    uint64_t until;

    (void)state;
    for (int i = 0; i < THROTTLE_FAILURES; i++)
        throttle_failed(&throttle, 0);
    until = throttle.until_ms;
    assert_false(throttle_failed(&throttle, until - 1));
    assert_int_equal(throttle.until_ms, until);
}

static void throttle_succeeded__once__begins_anew(void **state)
{
    struct throttle throttle = {0};

    (void)state;
    for (int i = 0; i < 10; i++)
        throttle_failed(&throttle, (uint64_t)i * THROTTLE_LAST_MS);
    throttle_succeeded(&throttle);
    assert_false(throttle_active(&throttle, 1));
    for (int i = 1; i < THROTTLE_FAILURES; i++)
        assert_false(throttle_failed(&throttle, 0));
    assert_true(throttle_failed(&throttle, 0));
    assert_int_equal(throttle.until_ms, THROTTLE_FIRST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throttle_failed__below_the_number__no_pause),
        cmocka_unit_test(throttle_failed__again_and_again__pause_doubles_up_to_the_last),
        cmocka_unit_test(throttle_failed__while_paused__pause_is_not_prolonged),
        cmocka_unit_test(throttle_succeeded__once__begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
