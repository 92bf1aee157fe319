/*
 * Decisions: every reason, in its order; holds; fair share; traps; what is asked without counting.
 */
#include "setup.h"

#include "base/zone.h"

static void reason_names__all__are_there_and_differ(void **state)
{
    (void)state;
    for (int i = 0; i < REASON_MAX; i++) {
        assert_non_null(reason_names[i]);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(reason_names[i], reason_names[j]);
        }
    }
}

static void decide__rule_denies__denied_with_its_place(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.rules[0] = (struct access_rule){.position = {"a.conf", 5},
                                          .written = "192.0.2.0/24",
                                          .kind = ACCESS_PREFIX,
                                          .prefix = fixture_prefix("192.0.2.0/24")};
    setup.access.rule_count = 1;
    setup_apply(&setup);
    setup_expect_refused(&setup, "192.0.2.7", REASON_DENIED);
    struct verdict verdict = setup_decide(&setup, "192.0.2.7");
    assert_string_equal(verdict.position.file, "a.conf");
    assert_int_equal(verdict.position.line, 5);
    assert_string_equal(verdict.rule, "192.0.2.0/24");
    /* A mapped address is the IPv4 address that it means. */
    setup_expect_refused(&setup, "::ffff:192.0.2.7", REASON_DENIED);
    admission_release(setup.service, setup_admit(&setup, "192.0.3.7"));
    assert_int_equal(admission_source_count(setup.admission), 1);
    setup_end(&setup);
}

static void decide__rule_allows__verdict_names_it(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.rules[0] = (struct access_rule){.position = {"a.conf", 6},
                                          .written = "192.0.2.0/24",
                                          .allow = true,
                                          .kind = ACCESS_PREFIX,
                                          .prefix = fixture_prefix("192.0.2.0/24")};
    setup.access.rule_count = 1;
    setup_apply(&setup);
    struct verdict verdict = setup_decide(&setup, "192.0.2.7");
    assert_int_equal(verdict.decision, DECISION_ADMIT);
    assert_int_equal(verdict.position.line, 6);
    setup_expect_refused(&setup, "192.0.3.7", REASON_DENIED);
    admission_release(setup.service, verdict.source);
    setup_end(&setup);
}

static void decide__unix_peer__rules_and_limits_by_uid(void **state)
{
    struct setup setup;
    struct peer alice = fixture_user(1000), bob = fixture_user(1001);
    const gid_t staff = 50;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.rules[0] = (struct access_rule){.allow = true, .kind = ACCESS_UID, .id = 1000};
    setup.rules[1] = (struct access_rule){.allow = true, .kind = ACCESS_GID, .id = staff};
    setup.access.rule_count = 2;
    setup.limits.per_source = 1;
    setup_apply(&setup);
    struct verdict first = admission_decide(setup.service, &alice, setup.moment);
    assert_int_equal(first.decision, DECISION_ADMIT);
    struct verdict verdict = admission_decide(setup.service, &alice, setup.moment);
    assert_int_equal(verdict.reason, REASON_SOURCE_LIMIT);
    verdict = admission_decide(setup.service, &bob, setup.moment);
    assert_int_equal(verdict.reason, REASON_DENIED);
    bob.groups = &staff;
    bob.group_count = 1;
    verdict = admission_decide(setup.service, &bob, setup.moment);
    assert_int_equal(verdict.decision, DECISION_ADMIT);
    admission_release(setup.service, verdict.source);
    admission_release(setup.service, first.source);
    setup_end(&setup);
}

static void decide__outside_hours__closed_hours_until_they_begin(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    /* 23 November 2026, a Monday, 09:00 UTC. */
    setup.hours = (struct hours_range){.position = {"a.conf", 9},
                                       .written = "Mon-Fri 10:00-18:00",
                                       .days = 0x1f,
                                       .begin = 600,
                                       .end = 1080};
    setup.access.hours = &setup.hours;
    setup.access.hours_count = 1;
    setup_apply(&setup);
    setup_expect_refused(&setup, "192.0.2.1", REASON_CLOSED_HOURS);
    struct verdict verdict = setup_decide(&setup, "192.0.2.1");
    assert_int_equal(verdict.position.line, 9);
    assert_string_equal(verdict.rule, "Mon-Fri 10:00-18:00");
    setup.moment.wall_s += 3599;
    setup_expect_refused(&setup, "192.0.2.1", REASON_CLOSED_HOURS);
    setup.moment.wall_s += 1;
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    setup.moment.wall_s -= 1; /* the clock was set back */
    setup_expect_refused(&setup, "192.0.2.1", REASON_CLOSED_HOURS);

    /* In a zone an hour to the east it is ten o'clock; and the last answer is not remembered. */
    struct zone *zone;
    assert_int_equal(zone_load("AAA-1", &zone), 0);
    setup.policy.zone = zone;
    admission_service_configure(setup.service, &setup.policy);
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    setup_end(&setup);
    zone_destroy(zone);
}

static void decide__source_has_its_limit__source_limit(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.per_source = 1;
    setup_apply(&setup);
    struct source *first = setup_admit(&setup, "192.0.2.1");
    setup_expect_refused(&setup, "192.0.2.1", REASON_SOURCE_LIMIT);
    struct source *second = setup_admit(&setup, "192.0.2.2");
    struct source *sixth = setup_admit(&setup, "2001:db8::1");
    setup_expect_refused(&setup, "2001:db8::ffff:2", REASON_SOURCE_LIMIT); /* the same /64 */
    assert_int_equal(admission_source_live(sixth), 1);
    admission_release(setup.service, first);
    first = setup_admit(&setup, "192.0.2.1");
    admission_release(setup.service, first);
    admission_release(setup.service, second);
    admission_release(setup.service, sixth);
    setup_end(&setup);
}

static void decide__source_is_too_fast__source_rate(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.per_source_rate = (struct rate){10, 1000};
    setup.limits.per_source_burst = 2;
    setup_apply(&setup);
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    setup_expect_refused(&setup, "192.0.2.1", REASON_SOURCE_RATE);
    admission_release(setup.service, setup_admit(&setup, "192.0.2.2"));
    setup.moment.now_ms += 99;
    setup_expect_refused(&setup, "192.0.2.1", REASON_SOURCE_RATE);
    setup.moment.now_ms += 1;
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    setup_end(&setup);
}

static void decide__table_is_full_of_live_sources__source_table(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 2, 10);
    setup_apply(&setup);
    struct source *first = setup_admit(&setup, "192.0.2.1");
    struct source *second = setup_admit(&setup, "192.0.2.2");
    setup_expect_refused(&setup, "192.0.2.3", REASON_SOURCE_TABLE);
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    admission_release(setup.service, second);
    second = setup_admit(&setup, "192.0.2.3");
    admission_release(setup.service, first);
    admission_release(setup.service, second);
    setup_end(&setup);
}

static void decide__service_is_full__held_in_time(void **state)
{
    struct setup setup;
    struct source *sources[4];
    const char *const addresses[] = {"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"};

    (void)state;
    setup_begin(&setup, 10, 10);
    setup_apply(&setup);
    for (int i = 0; i < 4; i++) {
        setup_expect_ready(&setup, DECISION_ADMIT, REASON_NONE);
        sources[i] = setup_admit(&setup, addresses[i]);
    }
    setup_expect_ready(&setup, DECISION_HOLD, REASON_SERVICE_LIMIT);
    setup_expect_held(&setup, "192.0.2.9", REASON_SERVICE_LIMIT);
    assert_int_equal(setup_decide(&setup, "192.0.2.9").retry_ms, 0);
    setup_expect_held(&setup, "192.0.2.1", REASON_SERVICE_LIMIT); /* half is not more than half */
    assert_false(admission_look_ahead(setup.service));
    admission_release(setup.service, sources[0]);
    setup_expect_ready(&setup, DECISION_ADMIT, REASON_NONE);
    sources[0] = setup_admit(&setup, "192.0.2.9");

    setup.limits.when_full = FULL_REFUSE;
    setup_expect_ready(&setup, DECISION_ADMIT, REASON_NONE);
    setup_expect_refused(&setup, "192.0.2.10", REASON_SERVICE_LIMIT);
    admission_set_overload(setup.admission, true); /* this one still holds */
    setup_expect_ready(&setup, DECISION_HOLD, REASON_LOAD);
    for (int i = 0; i < 4; i++) {
        admission_release(setup.service, sources[i]);
    }
    setup_end(&setup);
}

static void decide__greedy_source_fills_the_service__fair_share(void **state)
{
    struct setup setup;
    struct source *greedy[3];

    (void)state;
    setup_begin(&setup, 10, 10);
    setup_apply(&setup);
    for (int i = 0; i < 3; i++) {
        greedy[i] = setup_admit(&setup, "192.0.2.1");
        assert_false(admission_look_ahead(setup.service)); /* not full yet */
    }
    struct source *polite = setup_admit(&setup, "192.0.2.2");
    assert_true(admission_look_ahead(setup.service));
    setup_expect_refused(&setup, "192.0.2.1", REASON_FAIR_SHARE);
    setup_expect_held(&setup, "192.0.2.2", REASON_SERVICE_LIMIT);
    setup_expect_held(&setup, "192.0.2.3", REASON_SERVICE_LIMIT);
    setup.limits.when_full = FULL_REFUSE;
    setup_expect_refused(&setup, "192.0.2.1", REASON_FAIR_SHARE);
    setup_expect_refused(&setup, "192.0.2.3", REASON_SERVICE_LIMIT);
    setup.limits.when_full = FULL_HOLD;
    admission_release(setup.service, greedy[0]);
    assert_false(admission_look_ahead(setup.service));
    greedy[0] = setup_admit(&setup, "192.0.2.3"); /* who waited is next */
    assert_false(admission_look_ahead(setup.service));
    admission_release(setup.service, polite);
    for (int i = 0; i < 3; i++) {
        admission_release(setup.service, greedy[i]);
    }
    setup_end(&setup);
}

static void decide__one_instance__everybody_waits_for_his_turn(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.instances = 1;
    setup_apply(&setup);
    struct source *source = setup_admit(&setup, "192.0.2.1");
    setup_expect_held(&setup, "192.0.2.1", REASON_SERVICE_LIMIT);
    assert_false(admission_look_ahead(setup.service));
    admission_release(setup.service, source);
    setup_end(&setup);
}

static void decide__service_is_too_fast__held_until_a_token_comes(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.rate = (struct rate){60, 60000};
    setup.limits.burst = 1;
    setup_apply(&setup);
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    setup.moment.now_ms += 400;
    struct verdict verdict = admission_ready(setup.service, setup.moment);
    assert_int_equal(verdict.reason, REASON_SERVICE_RATE);
    assert_int_equal(verdict.retry_ms, 600);
    setup_expect_held(&setup, "192.0.2.2", REASON_SERVICE_RATE);
    setup.limits.when_full = FULL_REFUSE;
    setup_expect_ready(&setup, DECISION_ADMIT, REASON_NONE);
    setup_expect_refused(&setup, "192.0.2.2", REASON_SERVICE_RATE);
    setup.moment.now_ms += verdict.retry_ms; /* refusals took none of it */
    admission_release(setup.service, setup_admit(&setup, "192.0.2.2"));
    setup_end(&setup);
}

/* Whoever is refused for his own fault takes no token from others. */
static void decide__refused_flood__takes_no_service_tokens(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.rate = (struct rate){2, 60000};
    setup.limits.per_source = 1;
    setup_apply(&setup);
    struct source *first = setup_admit(&setup, "192.0.2.1");
    for (int i = 0; i < 1000; i++) {
        setup_expect_refused(&setup, "192.0.2.1", REASON_SOURCE_LIMIT);
    }
    struct source *second = setup_admit(&setup, "192.0.2.2");
    setup_expect_ready(&setup, DECISION_HOLD, REASON_SERVICE_RATE);
    admission_release(setup.service, first);
    admission_release(setup.service, second);
    setup_end(&setup);
}

static void decide__daemon_is_full__daemon_limit(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 1);
    setup_apply(&setup);
    struct source *source = setup_admit(&setup, "192.0.2.1");
    setup_expect_ready(&setup, DECISION_HOLD, REASON_DAEMON_LIMIT);
    setup_expect_held(&setup, "192.0.2.2", REASON_DAEMON_LIMIT);
    setup.limits.when_full = FULL_REFUSE; /* the daemon's limit always holds */
    setup_expect_ready(&setup, DECISION_HOLD, REASON_DAEMON_LIMIT);
    setup_expect_held(&setup, "192.0.2.2", REASON_DAEMON_LIMIT);
    admission_release(setup.service, source);
    assert_int_equal(admission_live(setup.admission), 0);
    setup_end(&setup);
}

static void decide__overload__load(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup_apply(&setup);
    admission_set_overload(setup.admission, true);
    setup_expect_ready(&setup, DECISION_HOLD, REASON_LOAD);
    setup_expect_held(&setup, "192.0.2.1", REASON_LOAD);
    assert_int_equal(admission_decide_listener(setup.service, setup.moment).reason, REASON_LOAD);
    admission_set_overload(setup.admission, false);
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    setup_end(&setup);
}

static void decide__trapped__refused_everywhere_until_the_end(void **state)
{
    struct setup setup;
    struct prefix v4 = fixture_prefix("192.0.2.1"), v6 = fixture_prefix("2001:db8::/64");

    (void)state;
    setup_begin(&setup, 10, 10);
    setup_apply(&setup);
    struct admission_service *other = admission_service_create(setup.admission, &setup.policy);
    assert_non_null(other);
    struct peer peer = fixture_ip("192.0.2.1");
    uint64_t now_ms = setup.moment.now_ms;

    assert_true(admission_trap(setup.admission, &v4, now_ms, now_ms + 600000));
    assert_true(admission_trap(setup.admission, &v6, now_ms, now_ms + 300000));
    setup_expect_refused(&setup, "192.0.2.1", REASON_TRAPPED);
    setup_expect_refused(&setup, "2001:db8::5", REASON_TRAPPED);
    assert_int_equal(admission_decide(other, &peer, setup.moment).reason, REASON_TRAPPED);
    assert_int_equal(admission_explain(other, &peer, setup.moment).reason, REASON_TRAPPED);
    assert_int_equal(admission_check_access(other, &peer, setup.moment).reason, REASON_TRAPPED);
    admission_release(setup.service, setup_admit(&setup, "192.0.2.2"));
    admission_release(setup.service, setup_admit(&setup, "2001:db8:0:1::5"));
    setup.moment.now_ms = now_ms + 300000;
    admission_release(setup.service, setup_admit(&setup, "2001:db8::5"));
    /* Touched again, for a shorter time: the end that stands stays. */
    assert_true(admission_trap(setup.admission, &v4, now_ms, now_ms + 1));
    setup.moment.now_ms = now_ms + 599999;
    setup_expect_refused(&setup, "192.0.2.1", REASON_TRAPPED);
    setup.moment.now_ms = now_ms + 600000;
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    admission_service_destroy(other);
    setup_end(&setup);
}

static void trap__flood_of_traps__leaves_half_of_the_table(void **state)
{
    struct setup setup;
    uint32_t trapped = 0;

    (void)state;
    setup_begin(&setup, 1000, 1000);
    setup.limits.instances = 1000;
    setup_apply(&setup);
    uint64_t now_ms = setup.moment.now_ms;
    for (uint32_t i = 0; i < 100000; i++) {
        struct peer peer = fixture_v4(UINT32_C(0x0a000000) + i);
        struct prefix prefix = source_of(&peer.address, peer.uid, 32, 64);
        trapped += admission_trap(setup.admission, &prefix, now_ms, now_ms + 60000);
    }
    assert_int_equal(trapped, 500);
    assert_int_equal(admission_source_count(setup.admission), 500);
    for (uint32_t i = 0; i < 500; i++) {
        struct peer peer = fixture_v4(UINT32_C(0x0b000000) + i);
        assert_int_equal(admission_decide(setup.service, &peer, setup.moment).decision,
                         DECISION_ADMIT);
    }
    setup_expect_refused(&setup, "192.0.2.1", REASON_SOURCE_TABLE);
    setup_expect_refused(&setup, "10.0.0.0", REASON_TRAPPED); /* none of it was forgotten */
    setup_expect_refused(&setup, "10.0.1.243", REASON_TRAPPED);
    setup.moment.now_ms += 60000; /* and when the time is over there is room at once */
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    for (uint32_t i = 0; i < 500; i++) {
        struct peer peer = fixture_v4(UINT32_C(0x0b000000) + i);
        struct verdict verdict = admission_decide(setup.service, &peer, setup.moment);
        admission_release(setup.service, verdict.source);
        admission_release(setup.service, verdict.source);
    }
    setup_end(&setup);
}

/* Each check stands before the next: all at once, taken away one by one. */
static void decide__several_reasons__first_in_order_is_named(void **state)
{
    struct setup setup;
    struct prefix prefix = fixture_prefix("192.0.2.1");

    (void)state;
    setup_begin(&setup, 10, 3);
    setup.limits.instances = 3;
    setup.limits.per_source_rate = setup.limits.rate = (struct rate){3, 3600000};
    setup_apply(&setup);
    struct source *sources[3];
    for (int i = 0; i < 3; i++) {
        sources[i] = setup_admit(&setup, "192.0.2.1");
    }
    setup.limits.per_source = 3;
    setup.hours = (struct hours_range){.days = 0};
    setup.access.hours = &setup.hours;
    setup.access.hours_count = 1;
    setup.rules[0] = (struct access_rule){.kind = ACCESS_PREFIX,
                                          .prefix = fixture_prefix("192.0.2.0/24")};
    setup.access.rule_count = 1;
    setup_apply(&setup);
    admission_set_overload(setup.admission, true);
    uint64_t now_ms = setup.moment.now_ms;
    assert_true(admission_trap(setup.admission, &prefix, now_ms, now_ms + 10));

    setup_expect_refused(&setup, "192.0.2.1", REASON_TRAPPED);
    setup.moment.now_ms += 10;
    setup_expect_refused(&setup, "192.0.2.1", REASON_DENIED);
    setup.access.rule_count = 0;
    setup_apply(&setup);
    setup_expect_refused(&setup, "192.0.2.1", REASON_CLOSED_HOURS);
    setup.access.hours_count = 0;
    setup_apply(&setup);
    setup_expect_refused(&setup, "192.0.2.1", REASON_SOURCE_LIMIT);
    setup.limits.per_source = 4;
    setup_expect_refused(&setup, "192.0.2.1", REASON_SOURCE_RATE);
    setup.limits.per_source_rate.events = 0;
    setup_expect_refused(&setup, "192.0.2.1", REASON_FAIR_SHARE);
    setup_expect_held(&setup, "192.0.2.2", REASON_SERVICE_LIMIT);
    setup.limits.instances = 6;
    setup_apply(&setup);
    setup_expect_held(&setup, "192.0.2.1", REASON_DAEMON_LIMIT);
    assert_true(admission_configure(setup.admission, 10, 6));
    setup_expect_held(&setup, "192.0.2.1", REASON_SERVICE_RATE);
    setup.limits.rate.events = 0;
    setup_expect_held(&setup, "192.0.2.1", REASON_LOAD);
    admission_set_overload(setup.admission, false);
    admission_release(setup.service, setup_admit(&setup, "192.0.2.1"));
    for (int i = 0; i < 3; i++) {
        admission_release(setup.service, sources[i]);
    }
    setup_end(&setup);
}

static void decide_listener__counts_in_service_and_daemon_for_no_source(void **state)
{
    struct setup setup;

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.instances = 1;
    setup.limits.when_full = FULL_REFUSE;
    setup_apply(&setup);
    struct verdict verdict = admission_decide_listener(setup.service, setup.moment);
    assert_int_equal(verdict.decision, DECISION_ADMIT);
    assert_null(verdict.source);
    assert_int_equal(admission_live(setup.admission), 1);
    assert_int_equal(admission_source_count(setup.admission), 0);
    verdict = admission_decide_listener(setup.service, setup.moment);
    assert_int_equal(verdict.decision, DECISION_HOLD);
    assert_int_equal(verdict.reason, REASON_SERVICE_LIMIT);
    admission_release(setup.service, NULL);
    assert_int_equal(admission_live(setup.admission), 0);
    setup_end(&setup);
}

static void check_access__full_service__never_holds_and_counts_refusals_alone(void **state)
{
    struct setup setup;
    struct peer good = fixture_ip("192.0.2.1"), bad = fixture_ip("198.51.100.1");

    (void)state;
    setup_begin(&setup, 10, 0);
    setup.rules[0] = (struct access_rule){.kind = ACCESS_PREFIX,
                                          .prefix = fixture_prefix("198.51.100.0/24")};
    setup.access.rule_count = 1;
    setup_apply(&setup);
    assert_int_equal(admission_check_access(setup.service, &good, setup.moment).decision,
                     DECISION_ADMIT);
    struct verdict verdict = admission_check_access(setup.service, &bad, setup.moment);
    assert_int_equal(verdict.decision, DECISION_REFUSE);
    assert_int_equal(verdict.reason, REASON_DENIED);
    assert_int_equal(admission_service_counts(setup.service)->refused[REASON_DENIED], 1);
    assert_int_equal(admission_service_counts(setup.service)->admitted, 0);
    assert_int_equal(admission_source_count(setup.admission), 0);
    setup_end(&setup);
}

static void explain__any_peer__counts_nothing(void **state)
{
    struct setup setup;
    struct peer peer = fixture_ip("192.0.2.1");

    (void)state;
    setup_begin(&setup, 10, 10);
    setup.limits.rate = setup.limits.per_source_rate = (struct rate){1, 3600000};
    setup_apply(&setup);
    for (int i = 0; i < 10; i++) {
        struct verdict verdict = admission_explain(setup.service, &peer, setup.moment);
        assert_int_equal(verdict.decision, DECISION_ADMIT);
        assert_null(verdict.source);
    }
    assert_int_equal(admission_source_count(setup.admission), 0);
    struct source *source = setup_admit(&setup, "192.0.2.1");
    assert_int_equal(admission_explain(setup.service, &peer, setup.moment).reason,
                     REASON_SOURCE_RATE);
    assert_int_equal(admission_service_counts(setup.service)->refused[REASON_SOURCE_RATE], 0);
    admission_release(setup.service, source);
    setup_end(&setup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reason_names__all__are_there_and_differ),
        cmocka_unit_test(decide__rule_denies__denied_with_its_place),
        cmocka_unit_test(decide__rule_allows__verdict_names_it),
        cmocka_unit_test(decide__unix_peer__rules_and_limits_by_uid),
        cmocka_unit_test(decide__outside_hours__closed_hours_until_they_begin),
        cmocka_unit_test(decide__source_has_its_limit__source_limit),
        cmocka_unit_test(decide__source_is_too_fast__source_rate),
        cmocka_unit_test(decide__table_is_full_of_live_sources__source_table),
        cmocka_unit_test(decide__service_is_full__held_in_time),
        cmocka_unit_test(decide__greedy_source_fills_the_service__fair_share),
        cmocka_unit_test(decide__one_instance__everybody_waits_for_his_turn),
        cmocka_unit_test(decide__service_is_too_fast__held_until_a_token_comes),
        cmocka_unit_test(decide__refused_flood__takes_no_service_tokens),
        cmocka_unit_test(decide__daemon_is_full__daemon_limit),
        cmocka_unit_test(decide__overload__load),
        cmocka_unit_test(decide__trapped__refused_everywhere_until_the_end),
        cmocka_unit_test(trap__flood_of_traps__leaves_half_of_the_table),
        cmocka_unit_test(decide__several_reasons__first_in_order_is_named),
        cmocka_unit_test(decide_listener__counts_in_service_and_daemon_for_no_source),
        cmocka_unit_test(check_access__full_service__never_holds_and_counts_refusals_alone),
        cmocka_unit_test(explain__any_peer__counts_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
