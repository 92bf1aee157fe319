/*
 * test_samples: quantiles of the kept samples, against values worked out by hand.
 */
#include "unit.h"

#include "samples.h"

static void samples_quantile__none__zero(void **state)
{
    (void)state;
    struct samples samples;
    samples_init(&samples);
    assert_int_equal(samples_quantile(&samples, 0.5), 0);
    assert_true(samples_mean(&samples) == 0);
    samples_free(&samples);
}

static void samples_quantile__one_to_thousand_backwards__nearest_rank(void **state)
{
    (void)state;
    struct samples samples;
    samples_init(&samples);
    for (uint64_t value = 1000; value > 0; value--) {
        samples_add(&samples, value);
    }
    assert_int_equal(samples_quantile(&samples, 0), 1);
    assert_int_equal(samples_quantile(&samples, 0.5), 500);
    assert_int_equal(samples_quantile(&samples, 0.99), 990);
    assert_int_equal(samples_quantile(&samples, 0.999), 999);
    assert_int_equal(samples_quantile(&samples, 1), 1000);
    assert_true(samples_mean(&samples) == 500.5);
    samples_free(&samples);
}

static void samples_quantile__added_after_sorting__counted(void **state)
{
    (void)state;
    struct samples samples;
    samples_init(&samples);
    samples_add(&samples, 10);
    assert_int_equal(samples_quantile(&samples, 1), 10);
    samples_add(&samples, 5);
    assert_int_equal(samples_quantile(&samples, 0.5), 5);
    assert_int_equal(samples_quantile(&samples, 1), 10);
    samples_free(&samples);
}

static void samples_merge__two__all_values_of_both(void **state)
{
    (void)state;
    struct samples left, right;
    samples_init(&left);
    samples_init(&right);
    for (uint64_t value = 0; value < 3000; value++) {
        samples_add(value % 2 == 0 ? &left : &right, value);
    }
    right.lost = 2;
    assert_true(samples_merge(&left, &right));
    assert_int_equal(left.count, 3000);
    assert_int_equal(left.lost, 2);
    assert_int_equal(samples_quantile(&left, 0.5), 1499);
    assert_int_equal(samples_quantile(&left, 1), 2999);
    samples_free(&left);
    samples_free(&right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_quantile__none__zero),
        cmocka_unit_test(samples_quantile__one_to_thousand_backwards__nearest_rank),
        cmocka_unit_test(samples_quantile__added_after_sorting__counted),
        cmocka_unit_test(samples_merge__two__all_values_of_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
