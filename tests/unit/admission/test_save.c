/*
 * Saving and loading what admission has counted: decisions are the same on both sides.
 */
#include <stdlib.h>
#include <string.h>

#include "setup.h"

#include "admission/save.h"

struct saved {
    struct source_record records[64];
    size_t count;
};

static void take(void *data, const struct source_record *record)
{
    struct saved *saved = data;

    assert_true(saved->count < 64);
    saved->records[saved->count++] = *record;
}

static struct saved save(struct setup *setup, uint32_t idle)
{
    struct saved saved = {.count = 0};

    admission_save(setup->admission, idle, take, &saved);
    return saved;
}

/* A second daemon with what the first had, but its live instances. */
static void load(struct setup *next, const struct setup *setup, const struct saved *saved)
{
    setup_begin(next, 8, 100);
    next->limits = setup->limits;
    setup_apply(next);
    next->moment = setup->moment;
    admission_load_service(next->service, admission_service_counts(setup->service),
                           admission_service_bucket(setup->service));
    for (size_t i = 0; i < saved->count; i++)
        admission_load_source(next->admission, saved->records[i].service ? next->service : NULL,
                              &saved->records[i], next->moment.now_ms);
}

static void instances__live__count_on(void **state)
{
    struct setup one, two;
    struct source *a, *b, *loaded[2];
    struct saved saved;

    (void)state;
    setup_begin(&one, 8, 100);
    one.limits.per_source = 2;
    setup_apply(&one);
    a = setup_admit(&one, "192.0.2.1");
    b = setup_admit(&one, "192.0.2.1");
    saved = save(&one, 8);
    load(&two, &one, &saved);
    assert_int_equal(admission_service_counts(two.service)->live, 0);
    assert_int_equal(admission_service_counts(two.service)->admitted, 2);
    for (int i = 0; i < 2; i++)
        loaded[i] = admission_load_instance(two.service, admission_source_prefix(a));
    assert_int_equal(admission_live(two.admission), 2);
    assert_int_equal(admission_source_live(loaded[0]), 2);
    setup_expect_refused(&two, "192.0.2.1", REASON_SOURCE_LIMIT);
    admission_release(two.service, loaded[0]);
    loaded[0] = setup_admit(&two, "192.0.2.1");
    admission_release(two.service, loaded[0]);
    admission_release(two.service, loaded[1]);
    admission_release(one.service, a);
    admission_release(one.service, b);
    setup_end(&two);
    setup_end(&one);
}

static void buckets__tokens_taken__stay_taken(void **state)
{
    struct setup one, two;
    struct saved saved;

    (void)state;
    setup_begin(&one, 8, 100);
    one.limits.per_source_rate = (struct rate){2, 3600000};
    setup_apply(&one);
    admission_release(one.service, setup_admit(&one, "192.0.2.1"));
    saved = save(&one, 8);
    load(&two, &one, &saved);
    admission_release(two.service, setup_admit(&two, "192.0.2.1"));
    setup_expect_refused(&two, "192.0.2.1", REASON_SOURCE_RATE);
    admission_release(two.service, setup_admit(&two, "192.0.2.2"));
    setup_end(&two);
    setup_end(&one);
}

static void traps__stand_until_their_time(void **state)
{
    const struct peer peer = fixture_ip("192.0.2.1");
    const struct prefix prefix = source_of(&peer.address, peer.uid, 24, 64);
    struct setup one, two;
    struct saved saved;

    (void)state;
    setup_begin(&one, 8, 100);
    setup_apply(&one);
    assert_true(
        admission_trap(one.admission, &prefix, one.moment.now_ms, one.moment.now_ms + 1000));
    saved = save(&one, 0); /* a trap is no idle one */
    load(&two, &one, &saved);
    setup_expect_refused(&two, "192.0.2.77", REASON_TRAPPED);
    two.moment.now_ms += 1000;
    admission_release(two.service, setup_admit(&two, "192.0.2.77"));
    setup_end(&two);
    setup_end(&one);
}

static void idle__more_than_wanted__the_newest_of_them(void **state)
{
    static const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"};
    struct setup one;
    struct saved saved;

    (void)state;
    setup_begin(&one, 8, 100);
    setup_apply(&one);
    for (size_t i = 0; i < 4; i++)
        admission_release(one.service, setup_admit(&one, addresses[i]));
    saved = save(&one, 2);
    assert_int_equal(saved.count, 2);
    assert_int_equal(saved.records[0].prefix.bytes[3], 3); /* oldest first, so they stay in order */
    assert_int_equal(saved.records[1].prefix.bytes[3], 4);
    saved = save(&one, 0);
    assert_int_equal(saved.count, 0);
    saved = save(&one, 100);
    assert_int_equal(saved.count, 4);
    setup_end(&one);
}

/* A table that is too small for all that live: they count in the service all the same. */
static void table__too_small__instances_without_a_source(void **state)
{
    struct source *sources[3];
    struct setup one;

    (void)state;
    setup_begin(&one, 2, 100);
    setup_apply(&one);
    for (size_t i = 0; i < 3; i++) {
        const struct prefix prefix = {
            .family = AF_INET, .length = 32, .bytes = {10, 0, 0, (uint8_t)i}};

        sources[i] = admission_load_instance(one.service, &prefix);
    }
    assert_non_null(sources[1]);
    assert_null(sources[2]);
    assert_int_equal(admission_service_counts(one.service)->live, 3);
    for (size_t i = 0; i < 3; i++)
        admission_release(one.service, sources[i]);
    setup_end(&one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances__live__count_on),
        cmocka_unit_test(buckets__tokens_taken__stay_taken),
        cmocka_unit_test(traps__stand_until_their_time),
        cmocka_unit_test(idle__more_than_wanted__the_newest_of_them),
        cmocka_unit_test(table__too_small__instances_without_a_source),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
