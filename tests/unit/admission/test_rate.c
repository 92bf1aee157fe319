/*
 * Token buckets: their words, their edges, and a model that computes with big numbers.
 */
#include "fixture.h"

#include "admission/rate.h"

static const struct rate per_second = {10, 1000};

static bool take(struct rate_bucket *bucket, struct rate rate, uint32_t burst, uint64_t now_ms)
{
    if (rate_wait_ms(bucket, rate, burst, now_ms) > 0) {
        return false;
    }
    rate_take(bucket, rate, burst, now_ms);
    return true;
}

static void rate_take__burst_is_empty__token_comes_back_on_time(void **state)
{
    struct rate_bucket bucket = RATE_BUCKET_FULL;

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(take(&bucket, per_second, 3, 5000));
    }
    assert_int_equal(rate_wait_ms(&bucket, per_second, 3, 5000), 100);
    assert_int_equal(rate_wait_ms(&bucket, per_second, 3, 5099), 1);
    assert_true(take(&bucket, per_second, 3, 5100));
    assert_false(take(&bucket, per_second, 3, 5100));
}

static void rate_take__no_burst_given__is_events(void **state)
{
    struct rate_bucket bucket = RATE_BUCKET_FULL;

    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_true(take(&bucket, per_second, 0, 0));
    }
    assert_false(take(&bucket, per_second, 0, 0));
}

static void rate_wait__no_rate__never(void **state)
{
    struct rate_bucket bucket = RATE_BUCKET_FULL;
    const struct rate none = {0};

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(take(&bucket, none, 1, 7));
    }
}

/* A third of a token each time: what is left over must not be lost. */
static void rate_take__asked_very_often__does_not_drift(void **state)
{
    const struct rate rate = {7, 3600000};
    struct rate_bucket bucket = RATE_BUCKET_FULL;
    uint64_t now_ms = 0, taken = 0;

    (void)state;
    for (; now_ms <= 10 * 86400000; now_ms += 997) {
        taken += take(&bucket, rate, 5, now_ms);
    }
    assert_int_equal(taken, 5 + (now_ms - 997) * 7 / 3600000);
}

static void rate_wait__years_without_a_question__is_full_and_not_more(void **state)
{
    const uint64_t year = UINT64_C(31557600000);
    const struct rate fast = {UINT32_MAX, 1000};
    struct rate_bucket bucket = RATE_BUCKET_FULL, many = RATE_BUCKET_FULL;

    (void)state;
    while (take(&bucket, per_second, 3, 1)) {
    }
    for (int i = 0; i < 3; i++) {
        assert_true(take(&bucket, per_second, 3, 500 * year));
    }
    assert_false(take(&bucket, per_second, 3, 500 * year));
    assert_true(take(&many, fast, UINT32_MAX, 1));
    assert_true(take(&many, fast, UINT32_MAX, 500 * year));
}

static void rate_wait__clock_at_its_end__is_right(void **state)
{
    struct rate_bucket bucket = RATE_BUCKET_FULL;
    const uint64_t end = UINT64_MAX;

    (void)state;
    assert_true(take(&bucket, per_second, 1, 0));
    assert_true(take(&bucket, per_second, 1, end - 200));
    assert_int_equal(rate_wait_ms(&bucket, per_second, 1, end - 101), 1);
    assert_true(take(&bucket, per_second, 1, end - 100));
    assert_false(take(&bucket, per_second, 1, end - 1));
    assert_true(take(&bucket, per_second, 1, end));
}

static void rate_wait__clock_goes_back__gives_and_takes_nothing(void **state)
{
    struct rate_bucket bucket = RATE_BUCKET_FULL;

    (void)state;
    assert_true(take(&bucket, per_second, 1, 10000));
    assert_int_equal(rate_wait_ms(&bucket, per_second, 1, 9000), 1100);
    assert_int_equal(rate_wait_ms(&bucket, per_second, 1, 10050), 50);
    assert_true(take(&bucket, per_second, 1, 10100));
}

static void rate_wait__rate_and_burst_change__tokens_stay_up_to_the_burst(void **state)
{
    struct rate_bucket bucket = RATE_BUCKET_FULL;
    const struct rate slow = {60, 3600000};

    (void)state;
    for (int i = 0; i < 3; i++) { /* 7 are left */
        assert_true(take(&bucket, per_second, 10, 0));
    }
    struct rate_bucket smaller = bucket, larger = bucket;
    for (int i = 0; i < 5; i++) {
        assert_true(take(&smaller, slow, 5, 0));
    }
    assert_false(take(&smaller, slow, 5, 0));
    for (int i = 0; i < 7; i++) {
        assert_true(take(&larger, slow, 20, 0));
    }
    assert_int_equal(rate_wait_ms(&larger, slow, 20, 0), 60000);
}

/* The same in 128 bits: all the time that was let by is multiplied, then cut. */
struct model {
    unsigned __int128 level, last_ms;
};

#define MODEL_TOKEN ((unsigned __int128)3600000)

static unsigned __int128 model_level(const struct model *model, struct rate rate, uint32_t burst,
                                     uint64_t now_ms)
{
    unsigned __int128 most = (burst != 0 ? burst : rate.events) * MODEL_TOKEN;
    unsigned __int128 level = model->level + (now_ms - model->last_ms) * rate.events * MODEL_TOKEN /
                                                 rate.period_ms;

    return level < most ? level : most;
}

static uint64_t model_wait(const struct model *model, struct rate rate, uint32_t burst,
                           uint64_t now_ms)
{
    unsigned __int128 level = model_level(model, rate, burst, now_ms);
    unsigned __int128 speed = rate.events * MODEL_TOKEN;

    if (level >= MODEL_TOKEN) {
        return 0;
    }
    return (uint64_t)(((MODEL_TOKEN - level) * rate.period_ms + speed - 1) / speed);
}

static void rate__random_events__as_the_model_says(void **state)
{
    static const uint32_t periods[3] = {1000, 60000, 3600000};
    uint64_t first = fixture_seed();

    (void)state;
    for (uint64_t seed = first; seed < first + 300; seed++) {
        struct fixture_random random = {seed};
        struct rate_bucket bucket = RATE_BUCKET_FULL;
        struct model model = {.level = (unsigned __int128)1 << 100};
        struct rate rate = {1, 1000};
        uint32_t burst = 0;
        uint64_t now_ms = fixture_one_in(&random, 2) ? 0 : UINT64_MAX - (UINT64_C(1) << 40);

        for (uint64_t step = 0; step < 1000; step++) {
            if (fixture_one_in(&random, 200) || step == 0) {
                rate.events = 1 + (uint32_t)(fixture_next(&random) >>
                                             (32 + fixture_below(&random, 32)));
                rate.events = rate.events != 0 ? rate.events : 1;
                rate.period_ms = periods[fixture_below(&random, 3)];
                burst = (uint32_t)(fixture_next(&random) >> (32 + fixture_below(&random, 32)));
            }
            uint64_t span = fixture_next(&random) >> (34 + fixture_below(&random, 30));
            now_ms = span > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + span;
            uint64_t wait = rate_wait_ms(&bucket, rate, burst, now_ms);
            fixture_check(wait == model_wait(&model, rate, burst, now_ms), seed, step);
            if (wait == 0 && !fixture_one_in(&random, 5)) {
                rate_take(&bucket, rate, burst, now_ms);
                model.level = model_level(&model, rate, burst, now_ms) - MODEL_TOKEN;
                model.last_ms = now_ms;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_take__burst_is_empty__token_comes_back_on_time),
        cmocka_unit_test(rate_take__no_burst_given__is_events),
        cmocka_unit_test(rate_wait__no_rate__never),
        cmocka_unit_test(rate_take__asked_very_often__does_not_drift),
        cmocka_unit_test(rate_wait__years_without_a_question__is_full_and_not_more),
        cmocka_unit_test(rate_wait__clock_at_its_end__is_right),
        cmocka_unit_test(rate_wait__clock_goes_back__gives_and_takes_nothing),
        cmocka_unit_test(rate_wait__rate_and_burst_change__tokens_stay_up_to_the_burst),
        cmocka_unit_test(rate__random_events__as_the_model_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
