/*
 * What lasts: counts across reloads, the table of sources, the flood, and memory that runs out.
 */
#include "setup.h"

static void configure__limits_shrink__live_ones_still_count(void **state)
{
    struct setup setup;
    struct source *sources[4];

    (void)state;
    setup_begin(&setup, 10, 10);
    setup_apply(&setup);
    for (int i = 0; i < 4; i++) {
        sources[i] = setup_admit(&setup, i < 2 ? "192.0.2.1" : "192.0.2.2");
    }
    assert_false(admission_look_ahead(setup.service));
    /* The policy is another one, as after a reload. */
    struct limit_settings smaller = setup.limits;
    smaller.instances = 3;
    smaller.per_source = 2;
    struct admission_policy policy = {
        .limits = &smaller, .access = &setup.access, .table = setup.table};
    admission_service_configure(setup.service, &policy);
    assert_int_equal(admission_service_counts(setup.service)->live, 4);
    assert_true(admission_look_ahead(setup.service)); /* two of three */
    admission_release(setup.service, sources[0]);
    assert_true(admission_look_ahead(setup.service)); /* the other one has two of three */
    setup_expect_held(&setup, "192.0.2.1", REASON_SERVICE_LIMIT);
    setup_expect_refused(&setup, "192.0.2.2", REASON_SOURCE_LIMIT);
    admission_release(setup.service, sources[1]);
    sources[1] = setup_admit(&setup, "192.0.2.1");
    for (int i = 1; i < 4; i++) {
        admission_release(setup.service, sources[i]);
    }
    assert_int_equal(admission_service_counts(setup.service)->live, 0);
    setup_end(&setup);
}

/* Use the same policy with another limit, as a reload would bring it. */
static void change_instances(struct setup *setup, struct limit_settings *limits, uint32_t instances)
{
    *limits = setup->limits;
    limits->instances = instances;
    setup->policy.limits = limits;
    admission_service_configure(setup->service, &setup->policy);
}

static void configure__limits_grow__who_was_greedy_may_not_be_any_more(void **state)
{
    struct setup setup;
    struct limit_settings limits[4];
    struct source *sources[12];

    (void)state;
    setup_begin(&setup, 20, 20);
    setup.limits.instances = 12;
    setup_apply(&setup);
    for (int i = 0; i < 12; i++) {
        sources[i] = setup_admit(&setup, i < 6 ? "192.0.2.1" : i < 11 ? "192.0.2.2" : "192.0.2.3");
    }
    assert_false(admission_look_ahead(setup.service)); /* six of twelve */
    change_instances(&setup, &limits[0], 4);
    assert_true(admission_look_ahead(setup.service));
    for (int i = 0; i < 3; i++) { /* the first falls from six to three: still more than two */
        admission_release(setup.service, sources[i]);
    }
    change_instances(&setup, &limits[1], 8); /* now the second is, with five of eight */
    assert_true(admission_look_ahead(setup.service));
    setup_expect_refused(&setup, "192.0.2.2", REASON_FAIR_SHARE);
    setup_expect_held(&setup, "192.0.2.1", REASON_SERVICE_LIMIT);
    change_instances(&setup, &limits[2], 10);
    sources[0] = setup_admit(&setup, "192.0.2.4");
    assert_false(admission_look_ahead(setup.service)); /* five of ten */
    setup_expect_held(&setup, "192.0.2.2", REASON_SERVICE_LIMIT);
    admission_release(setup.service, sources[0]);
    for (int i = 3; i < 12; i++) {
        admission_release(setup.service, sources[i]);
    }
    setup_end(&setup);
}

/* An instance goes back to the very entry it was counted in. */
static void configure__prefix_length_changes__release_finds_its_entry(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.per_source = 1;
    setup_apply(&setup);
    struct source *by_address = setup_admit(&setup, "192.0.2.1");
    setup.limits.source_prefix_v4 = 24;
    setup_apply(&setup);
    struct source *by_network = setup_admit(&setup, "192.0.2.1");
    assert_ptr_not_equal(by_address, by_network);
    setup_expect_refused(&setup, "192.0.2.2", REASON_SOURCE_LIMIT);
    admission_release(setup.service, by_address);
    setup_expect_refused(&setup, "192.0.2.2", REASON_SOURCE_LIMIT);
    admission_release(setup.service, by_network);
    admission_release(setup.service, setup_admit(&setup, "192.0.2.2"));
    setup_end(&setup);
}

static void configure__two_services__count_a_source_each_for_itself(void **state)
{
    struct setup setup;
    struct peer peer = fixture_ip("192.0.2.1");

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.per_source = 1;
    setup_apply(&setup);
    struct admission_service *other = admission_service_create(setup.admission, &setup.policy);
    assert_non_null(other);
    struct source *here = setup_admit(&setup, "192.0.2.1");
    struct verdict there = admission_decide(other, &peer, setup.moment);
    assert_int_equal(there.decision, DECISION_ADMIT);
    assert_int_equal(admission_decide(other, &peer, setup.moment).reason, REASON_SOURCE_LIMIT);
    admission_release(setup.service, here);
    assert_int_equal(admission_decide(other, &peer, setup.moment).reason, REASON_SOURCE_LIMIT);
    admission_release(other, there.source);
    assert_int_equal(admission_source_count(setup.admission), 2);
    admission_service_destroy(other);
    assert_int_equal(admission_source_count(setup.admission), 1);
    setup_end(&setup);
}

/* ---- The table ------------------------------------------------------------------------------ */

struct seen {
    unsigned entries, traps;
    uint64_t live, admitted, refused;
};

static void see(void *data, const struct source_view *view)
{
    struct seen *seen = data;

    seen->entries++;
    seen->traps += view->service == NULL;
    assert_int_equal(view->trapped_until_ms != 0, view->service == NULL);
    seen->live += view->live;
    seen->admitted += view->admitted;
    seen->refused += view->refused;
}

static void visit_sources__entries_and_traps__are_seen_once(void **state)
{
    struct setup setup;
    struct seen seen = {0};
    struct prefix prefix = fixture_prefix("198.51.100.1");

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.per_source = 2;
    setup_apply(&setup);
    struct source *first = setup_admit(&setup, "192.0.2.1");
    admission_release(setup.service, setup_admit(&setup, "192.0.2.2"));
    struct source *second = setup_admit(&setup, "192.0.2.1");
    setup_expect_refused(&setup, "192.0.2.1", REASON_SOURCE_LIMIT);
    assert_true(admission_trap(setup.admission, &prefix, 5, UINT64_MAX));
    admission_visit_sources(setup.admission, see, &seen);
    assert_int_equal(seen.entries, 3);
    assert_int_equal(seen.traps, 1);
    assert_int_equal(seen.live, 2);
    assert_int_equal(seen.admitted, 3);
    assert_int_equal(seen.refused, 1);
    admission_release(setup.service, first);
    admission_release(setup.service, second);
    setup_end(&setup);
}

/* A million addresses come and go past a table of a thousand, a hundred of whose sources stay. */
static void decide__flood_of_a_million_addresses__forgets_no_live_source(void **state)
{
    struct setup setup;
    struct source *live[100];

    (void)state;
    setup_begin(&setup, 1000, 200);
    setup.limits.instances = 200;
    setup.limits.per_source = 1;
    setup_apply(&setup);
    for (uint32_t i = 0; i < 100; i++) {
        struct peer peer = fixture_v4(UINT32_C(0x0a000000) + i);
        struct verdict verdict = admission_decide(setup.service, &peer, setup.moment);
        assert_int_equal(verdict.decision, DECISION_ADMIT);
        live[i] = verdict.source;
    }
    unsigned long before = fixture_allocations;
    for (uint32_t i = 0; i < 1000000; i++) {
        struct peer peer = fixture_v4(UINT32_C(0x20000000) + i * 977);
        setup.moment.now_ms += i % 16 == 0;
        struct verdict verdict = admission_decide(setup.service, &peer, setup.moment);
        assert_int_equal(verdict.decision, DECISION_ADMIT);
        admission_release(setup.service, verdict.source);
        assert_true(admission_source_count(setup.admission) <= 1000);
    }
    assert_int_equal(fixture_allocations, before);
    for (uint32_t i = 0; i < 100; i++) {
        struct peer peer = fixture_v4(UINT32_C(0x0a000000) + i);
        struct verdict verdict = admission_decide(setup.service, &peer, setup.moment);
        assert_int_equal(verdict.reason, REASON_SOURCE_LIMIT);
        admission_release(setup.service, live[i]);
    }
    assert_int_equal(admission_live(setup.admission), 0);
    assert_int_equal(admission_source_count(setup.admission), 1000);
    setup_end(&setup);
}

static void configure__bounds_change__live_ones_are_kept(void **state)
{
    struct setup setup;
    struct source *sources[4];
    const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"};

    (void)state;
    setup_begin(&setup, 4, 10);
    setup_apply(&setup);
    for (int i = 0; i < 4; i++) {
        sources[i] = setup_admit(&setup, addresses[i]);
    }
    /* The heap of traps, the heads (then the heap is there already), the places. */
    static const long numbers[] = {1, 2, 2};
    for (int i = 0; i < 3; i++) {
        fixture_fail_allocation(numbers[i]);
        assert_false(admission_configure(setup.admission, 4000, 1));
        fixture_fail_allocation(0);
        setup.limits.instances = 100;
        setup_expect_refused(&setup, "192.0.2.9", REASON_SOURCE_TABLE);
    }
    assert_true(admission_configure(setup.admission, 4000, 5));
    struct source *fifth = setup_admit(&setup, "192.0.2.9");
    setup_expect_ready(&setup, DECISION_HOLD, REASON_DAEMON_LIMIT);
    assert_true(admission_configure(setup.admission, 0, 5)); /* 0 is taken as 1 */
    assert_int_equal(admission_source_count(setup.admission), 5);
    admission_release(setup.service, fifth);
    for (int i = 0; i < 4; i++) {
        admission_release(setup.service, sources[i]);
    }
    assert_int_equal(admission_source_count(setup.admission), 1);
    setup_end(&setup);
}

static void create__memory_runs_out__null_and_no_leak(void **state)
{
    struct setup setup;
    struct admission *admission = NULL;
    long failed = 0;

    (void)state;
    while (admission == NULL) {
        fixture_fail_allocation(++failed);
        admission = admission_create(100, 10, setup_seed);
        fixture_fail_allocation(0);
    }
    assert_int_equal(failed, 5); /* itself, heads, places, traps; then none */
    admission_destroy(admission);
    setup_begin(&setup, 10, 10);
    setup_apply(&setup);
    fixture_fail_allocation(1);
    assert_null(admission_service_create(setup.admission, &setup.policy));
    fixture_fail_allocation(0);
    admission_service_destroy(NULL);
    admission_destroy(NULL);
    setup_end(&setup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configure__limits_shrink__live_ones_still_count),
        cmocka_unit_test(configure__limits_grow__who_was_greedy_may_not_be_any_more),
        cmocka_unit_test(configure__prefix_length_changes__release_finds_its_entry),
        cmocka_unit_test(configure__two_services__count_a_source_each_for_itself),
        cmocka_unit_test(visit_sources__entries_and_traps__are_seen_once),
        cmocka_unit_test(decide__flood_of_a_million_addresses__forgets_no_live_source),
        cmocka_unit_test(configure__bounds_change__live_ones_are_kept),
        cmocka_unit_test(create__memory_runs_out__null_and_no_leak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
