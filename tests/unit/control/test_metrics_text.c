/* Histograms, and the text that Prometheus reads. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/metrics_text.h"

static const struct histogram_bounds bounds = {
    {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192}};

static char *written(void (*write)(FILE *file))
{
    static char *text;
    size_t length;
    FILE *file;

    free(text);
    file = open_memstream(&text, &length);
    assert_non_null(file);
    write(file);
    fclose(file);
    return text;
}

static void histogram_add__values_at_bounds__fall_into_their_buckets(void **state)
{
    struct histogram h = {.count = 0};

    (void)state;
    for (uint64_t value = 0; value <= 9; value++)
        histogram_add(&h, &bounds, value);
    histogram_add(&h, &bounds, 8192);
    histogram_add(&h, &bounds, 8193);
    assert_int_equal(h.buckets[0], 2); /* 0 1 */
    assert_int_equal(h.buckets[1], 1); /* 2 */
    assert_int_equal(h.buckets[2], 2); /* 3 4 */
    assert_int_equal(h.buckets[3], 4); /* 5 6 7 8 */
    assert_int_equal(h.buckets[4], 1); /* 9 */
    assert_int_equal(h.buckets[METRICS_BOUNDS - 1], 1);
    assert_int_equal(h.buckets[METRICS_BOUNDS], 1);
    assert_int_equal(h.count, 12);
    assert_int_equal(h.sum, 45 + 8192 + 8193);
}

static void histogram_quantile__known_values__lies_in_the_right_bucket(void **state)
{
    struct histogram h = {.count = 0};

    (void)state;
    assert_int_equal(histogram_quantile(&h, &bounds, 0.5), 0);
    for (int i = 0; i < 90; i++)
        histogram_add(&h, &bounds, 3);
    for (int i = 0; i < 10; i++)
        histogram_add(&h, &bounds, 1000);
    assert_in_range(histogram_quantile(&h, &bounds, 0.5), 3, 4);
    assert_in_range(histogram_quantile(&h, &bounds, 0.9), 4, 4);
    assert_in_range(histogram_quantile(&h, &bounds, 0.99), 513, 1024);
    histogram_add(&h, &bounds, UINT32_MAX);
    assert_int_equal(histogram_quantile(&h, &bounds, 1), 8192);
}

static void write_numbers(FILE *file)
{
    metrics_text_family(file, "a_total", "counter", "What it counts.");
    metrics_text_number(file, "a_total", NULL, NULL, NULL, 9007199254740991.0);
    metrics_text_number(file, "a_total", "x", NULL, NULL, 0.25);
    metrics_text_number(file, "a_total", "q\"\\\n", "reason", "denied", 1795361635.125);
}

static void number__labels__are_escaped_and_exact(void **state)
{
    (void)state;
    assert_string_equal(written(write_numbers),
                        "# HELP a_total What it counts.\n"
                        "# TYPE a_total counter\n"
                        "a_total 9007199254740991\n"
                        "a_total{service=\"x\"} 0.25\n"
                        "a_total{service=\"q\\\"\\\\\\n\",reason=\"denied\"} 1795361635.125\n");
}

static void write_histogram(FILE *file)
{
    struct histogram h = {.count = 0};

    histogram_add(&h, &bounds, 2);
    histogram_add(&h, &bounds, 3);
    histogram_add(&h, &bounds, 100000);
    metrics_text_histogram(file, "h_seconds", "s", &h, &bounds, 1000);
}

static void histogram__buckets__are_cumulated(void **state)
{
    const char *text = written(write_histogram);

    (void)state;
    assert_non_null(strstr(text, "h_seconds_bucket{service=\"s\",le=\"0.001\"} 0\n"));
    assert_non_null(strstr(text, "h_seconds_bucket{service=\"s\",le=\"0.002\"} 1\n"));
    assert_non_null(strstr(text, "h_seconds_bucket{service=\"s\",le=\"0.004\"} 2\n"));
    assert_non_null(strstr(text, "h_seconds_bucket{service=\"s\",le=\"8.192\"} 2\n"));
    assert_non_null(strstr(text, "h_seconds_bucket{service=\"s\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(text, "h_seconds_sum{service=\"s\"} 100.005\n"));
    assert_non_null(strstr(text, "h_seconds_count{service=\"s\"} 3\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram_add__values_at_bounds__fall_into_their_buckets),
        cmocka_unit_test(histogram_quantile__known_values__lies_in_the_right_bucket),
        cmocka_unit_test(number__labels__are_escaped_and_exact),
        cmocka_unit_test(histogram__buckets__are_cumulated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
