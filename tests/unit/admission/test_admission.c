/*
 * Decisions: every reason once, in its order; holds; fair share; traps; reloads; the flood.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "base/zone.h"

/* A daemon with one service, whose settings a test may change before or while it is used. */
struct setup {
    struct admission *admission;
    struct admission_service *service;
    struct limit_settings limits;
    struct access_settings access;
    struct access_rule rules[4];
    struct hours_range hours;
    struct admission_policy policy;
    struct access_table *table;
    struct moment moment;
};

static const uint8_t seed[ADMISSION_SEED_SIZE] = {42};

static void set_up(struct setup *setup, uint32_t sources, uint32_t instances)
{
    memset(setup, 0, sizeof *setup);
    setup->limits = (struct limit_settings){
        .instances = 4, .per_source = 100, .source_prefix_v4 = 32, .source_prefix_v6 = 64};
    setup->access = (struct access_settings){.rules = setup->rules};
    setup->moment = (struct moment){.now_ms = 1000000, .wall_s = 1795424400};
    setup->admission = admission_create(sources, instances, seed);
    assert_non_null(setup->admission);
}

/* Use the settings as they are now. */
static void apply(struct setup *setup)
{
    struct access_table *old = setup->table;

    setup->table = access_table_create(&setup->access, NULL, 0);
    assert_non_null(setup->table);
    setup->policy = (struct admission_policy){
        .limits = &setup->limits, .access = &setup->access, .table = setup->table};
    if (setup->service == NULL) {
        setup->service = admission_service_create(setup->admission, &setup->policy);
        assert_non_null(setup->service);
    } else {
        admission_service_configure(setup->service, &setup->policy);
    }
    access_table_destroy(old);
}

static void tear_down(struct setup *setup)
{
    admission_service_destroy(setup->service);
    access_table_destroy(setup->table);
    admission_destroy(setup->admission);
}

static struct verdict decide(struct setup *setup, const char *address)
{
    struct peer peer = fixture_ip(address);

    return admission_decide(setup->service, &peer, setup->moment);
}

static struct source *admit(struct setup *setup, const char *address)
{
    struct verdict verdict = decide(setup, address);

    assert_int_equal(verdict.decision, DECISION_ADMIT);
    assert_int_equal(verdict.reason, REASON_NONE);
    assert_non_null(verdict.source);
    return verdict.source;
}

static void expect_refused(struct setup *setup, const char *address, enum reason reason)
{
    uint64_t before = admission_service_counts(setup->service)->refused[reason];
    struct verdict verdict = decide(setup, address);

    assert_int_equal(verdict.decision, DECISION_REFUSE);
    assert_string_equal(reason_names[verdict.reason], reason_names[reason]);
    assert_null(verdict.source);
    assert_int_equal(admission_service_counts(setup->service)->refused[reason], before + 1);
}

static void expect_held(struct setup *setup, const char *address, enum reason reason)
{
    struct verdict verdict = decide(setup, address);

    assert_int_equal(verdict.decision, DECISION_HOLD);
    assert_string_equal(reason_names[verdict.reason], reason_names[reason]);
    assert_null(verdict.source);
    assert_int_equal(admission_service_counts(setup->service)->refused[reason], 0);
}

static void expect_ready(struct setup *setup, enum decision decision, enum reason reason)
{
    struct verdict verdict = admission_ready(setup->service, setup->moment);

    assert_int_equal(verdict.decision, decision);
    assert_string_equal(reason_names[verdict.reason], reason_names[reason]);
}

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
    set_up(&setup, 10, 10);
    setup.rules[0] = (struct access_rule){.position = {"a.conf", 5},
                                          .written = "192.0.2.0/24",
                                          .kind = ACCESS_PREFIX,
                                          .prefix = fixture_prefix("192.0.2.0/24")};
    setup.access.rule_count = 1;
    apply(&setup);
    expect_refused(&setup, "192.0.2.7", REASON_DENIED);
    struct verdict verdict = decide(&setup, "192.0.2.7");
    assert_string_equal(verdict.position.file, "a.conf");
    assert_int_equal(verdict.position.line, 5);
    assert_string_equal(verdict.rule, "192.0.2.0/24");
    /* A mapped address is the IPv4 address that it means. */
    expect_refused(&setup, "::ffff:192.0.2.7", REASON_DENIED);
    admission_release(setup.service, admit(&setup, "192.0.3.7"));
    assert_int_equal(admission_source_count(setup.admission), 1);
    tear_down(&setup);
}

static void decide__rule_allows__verdict_names_it(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    setup.rules[0] = (struct access_rule){.position = {"a.conf", 6},
                                          .written = "192.0.2.0/24",
                                          .allow = true,
                                          .kind = ACCESS_PREFIX,
                                          .prefix = fixture_prefix("192.0.2.0/24")};
    setup.access.rule_count = 1;
    apply(&setup);
    struct verdict verdict = decide(&setup, "192.0.2.7");
    assert_int_equal(verdict.decision, DECISION_ADMIT);
    assert_int_equal(verdict.position.line, 6);
    expect_refused(&setup, "192.0.3.7", REASON_DENIED);
    admission_release(setup.service, verdict.source);
    tear_down(&setup);
}

static void decide__unix_peer__rules_and_limits_by_uid(void **state)
{
    struct setup setup;
    struct peer alice = fixture_user(1000), bob = fixture_user(1001);
    const gid_t staff = 50;

    (void)state;
    set_up(&setup, 10, 10);
    setup.rules[0] = (struct access_rule){.allow = true, .kind = ACCESS_UID, .id = 1000};
    setup.rules[1] = (struct access_rule){.allow = true, .kind = ACCESS_GID, .id = staff};
    setup.access.rule_count = 2;
    setup.limits.per_source = 1;
    apply(&setup);
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
    tear_down(&setup);
}

static void decide__outside_hours__closed_hours_until_they_begin(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    /* 23 November 2026, a Monday, 09:00 UTC. */
    setup.hours = (struct hours_range){.position = {"a.conf", 9},
                                       .written = "Mon-Fri 10:00-18:00",
                                       .days = 0x1f,
                                       .begin = 600,
                                       .end = 1080};
    setup.access.hours = &setup.hours;
    setup.access.hours_count = 1;
    apply(&setup);
    expect_refused(&setup, "192.0.2.1", REASON_CLOSED_HOURS);
    struct verdict verdict = decide(&setup, "192.0.2.1");
    assert_int_equal(verdict.position.line, 9);
    assert_string_equal(verdict.rule, "Mon-Fri 10:00-18:00");
    setup.moment.wall_s += 3599;
    expect_refused(&setup, "192.0.2.1", REASON_CLOSED_HOURS);
    setup.moment.wall_s += 1;
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    setup.moment.wall_s -= 1; /* the clock was set back */
    expect_refused(&setup, "192.0.2.1", REASON_CLOSED_HOURS);

    /* In a zone an hour to the east it is ten o'clock; and the last answer is not remembered. */
    struct zone *zone;
    assert_int_equal(zone_load("AAA-1", &zone), 0);
    setup.policy.zone = zone;
    admission_service_configure(setup.service, &setup.policy);
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    tear_down(&setup);
    zone_destroy(zone);
}

static void decide__source_has_its_limit__source_limit(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    setup.limits.per_source = 1;
    apply(&setup);
    struct source *first = admit(&setup, "192.0.2.1");
    expect_refused(&setup, "192.0.2.1", REASON_SOURCE_LIMIT);
    struct source *second = admit(&setup, "192.0.2.2");
    struct source *sixth = admit(&setup, "2001:db8::1");
    expect_refused(&setup, "2001:db8::ffff:2", REASON_SOURCE_LIMIT); /* the same /64 */
    assert_int_equal(admission_source_live(sixth), 1);
    admission_release(setup.service, first);
    first = admit(&setup, "192.0.2.1");
    admission_release(setup.service, first);
    admission_release(setup.service, second);
    admission_release(setup.service, sixth);
    tear_down(&setup);
}

static void decide__source_is_too_fast__source_rate(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    setup.limits.per_source_rate = (struct rate){10, 1000};
    setup.limits.per_source_burst = 2;
    apply(&setup);
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    expect_refused(&setup, "192.0.2.1", REASON_SOURCE_RATE);
    admission_release(setup.service, admit(&setup, "192.0.2.2"));
    setup.moment.now_ms += 99;
    expect_refused(&setup, "192.0.2.1", REASON_SOURCE_RATE);
    setup.moment.now_ms += 1;
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    tear_down(&setup);
}

static void decide__table_is_full_of_live_sources__source_table(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 2, 10);
    apply(&setup);
    struct source *first = admit(&setup, "192.0.2.1");
    struct source *second = admit(&setup, "192.0.2.2");
    expect_refused(&setup, "192.0.2.3", REASON_SOURCE_TABLE);
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    admission_release(setup.service, second);
    second = admit(&setup, "192.0.2.3");
    admission_release(setup.service, first);
    admission_release(setup.service, second);
    tear_down(&setup);
}

static void decide__service_is_full__held_in_time(void **state)
{
    struct setup setup;
    struct source *sources[4];
    const char *const addresses[] = {"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"};

    (void)state;
    set_up(&setup, 10, 10);
    apply(&setup);
    for (int i = 0; i < 4; i++) {
        expect_ready(&setup, DECISION_ADMIT, REASON_NONE);
        sources[i] = admit(&setup, addresses[i]);
    }
    expect_ready(&setup, DECISION_HOLD, REASON_SERVICE_LIMIT);
    expect_held(&setup, "192.0.2.9", REASON_SERVICE_LIMIT);
    assert_int_equal(decide(&setup, "192.0.2.9").retry_ms, 0);
    expect_held(&setup, "192.0.2.1", REASON_SERVICE_LIMIT); /* half is not more than half */
    assert_false(admission_look_ahead(setup.service));
    admission_release(setup.service, sources[0]);
    expect_ready(&setup, DECISION_ADMIT, REASON_NONE);
    sources[0] = admit(&setup, "192.0.2.9");

    setup.limits.when_full = FULL_REFUSE;
    expect_ready(&setup, DECISION_ADMIT, REASON_NONE);
    expect_refused(&setup, "192.0.2.10", REASON_SERVICE_LIMIT);
    admission_set_overload(setup.admission, true); /* this one still holds */
    expect_ready(&setup, DECISION_HOLD, REASON_LOAD);
    for (int i = 0; i < 4; i++) {
        admission_release(setup.service, sources[i]);
    }
    tear_down(&setup);
}

static void decide__greedy_source_fills_the_service__fair_share(void **state)
{
    struct setup setup;
    struct source *greedy[3];

    (void)state;
    set_up(&setup, 10, 10);
    apply(&setup);
    for (int i = 0; i < 3; i++) {
        greedy[i] = admit(&setup, "192.0.2.1");
        assert_false(admission_look_ahead(setup.service)); /* not full yet */
    }
    struct source *polite = admit(&setup, "192.0.2.2");
    assert_true(admission_look_ahead(setup.service));
    expect_refused(&setup, "192.0.2.1", REASON_FAIR_SHARE);
    expect_held(&setup, "192.0.2.2", REASON_SERVICE_LIMIT);
    expect_held(&setup, "192.0.2.3", REASON_SERVICE_LIMIT);
    setup.limits.when_full = FULL_REFUSE;
    expect_refused(&setup, "192.0.2.1", REASON_FAIR_SHARE);
    expect_refused(&setup, "192.0.2.3", REASON_SERVICE_LIMIT);
    setup.limits.when_full = FULL_HOLD;
    admission_release(setup.service, greedy[0]);
    assert_false(admission_look_ahead(setup.service));
    greedy[0] = admit(&setup, "192.0.2.3"); /* who waited is next */
    assert_false(admission_look_ahead(setup.service));
    admission_release(setup.service, polite);
    for (int i = 0; i < 3; i++) {
        admission_release(setup.service, greedy[i]);
    }
    tear_down(&setup);
}

static void decide__one_instance__everybody_waits_for_his_turn(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    setup.limits.instances = 1;
    apply(&setup);
    struct source *source = admit(&setup, "192.0.2.1");
    expect_held(&setup, "192.0.2.1", REASON_SERVICE_LIMIT);
    assert_false(admission_look_ahead(setup.service));
    admission_release(setup.service, source);
    tear_down(&setup);
}

static void decide__service_is_too_fast__held_until_a_token_comes(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    setup.limits.rate = (struct rate){60, 60000};
    setup.limits.burst = 1;
    apply(&setup);
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    setup.moment.now_ms += 400;
    struct verdict verdict = admission_ready(setup.service, setup.moment);
    assert_int_equal(verdict.reason, REASON_SERVICE_RATE);
    assert_int_equal(verdict.retry_ms, 600);
    expect_held(&setup, "192.0.2.2", REASON_SERVICE_RATE);
    setup.limits.when_full = FULL_REFUSE;
    expect_ready(&setup, DECISION_ADMIT, REASON_NONE);
    expect_refused(&setup, "192.0.2.2", REASON_SERVICE_RATE);
    setup.moment.now_ms += verdict.retry_ms; /* refusals took none of it */
    admission_release(setup.service, admit(&setup, "192.0.2.2"));
    tear_down(&setup);
}

/* Whoever is refused for his own fault takes no token from others. */
static void decide__refused_flood__takes_no_service_tokens(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    setup.limits.rate = (struct rate){2, 60000};
    setup.limits.per_source = 1;
    apply(&setup);
    struct source *first = admit(&setup, "192.0.2.1");
    for (int i = 0; i < 1000; i++) {
        expect_refused(&setup, "192.0.2.1", REASON_SOURCE_LIMIT);
    }
    struct source *second = admit(&setup, "192.0.2.2");
    expect_ready(&setup, DECISION_HOLD, REASON_SERVICE_RATE);
    admission_release(setup.service, first);
    admission_release(setup.service, second);
    tear_down(&setup);
}

static void decide__daemon_is_full__daemon_limit(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 1);
    apply(&setup);
    struct source *source = admit(&setup, "192.0.2.1");
    expect_ready(&setup, DECISION_HOLD, REASON_DAEMON_LIMIT);
    expect_held(&setup, "192.0.2.2", REASON_DAEMON_LIMIT);
    setup.limits.when_full = FULL_REFUSE; /* the daemon's limit always holds */
    expect_ready(&setup, DECISION_HOLD, REASON_DAEMON_LIMIT);
    expect_held(&setup, "192.0.2.2", REASON_DAEMON_LIMIT);
    admission_release(setup.service, source);
    assert_int_equal(admission_live(setup.admission), 0);
    tear_down(&setup);
}

static void decide__overload__load(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    apply(&setup);
    admission_set_overload(setup.admission, true);
    expect_ready(&setup, DECISION_HOLD, REASON_LOAD);
    expect_held(&setup, "192.0.2.1", REASON_LOAD);
    assert_int_equal(admission_decide_listener(setup.service, setup.moment).reason, REASON_LOAD);
    admission_set_overload(setup.admission, false);
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    tear_down(&setup);
}

static void decide__trapped__refused_everywhere_until_the_end(void **state)
{
    struct setup setup;
    struct prefix v4 = fixture_prefix("192.0.2.1"), v6 = fixture_prefix("2001:db8::/64");

    (void)state;
    set_up(&setup, 10, 10);
    apply(&setup);
    struct admission_service *other = admission_service_create(setup.admission, &setup.policy);
    assert_non_null(other);
    struct peer peer = fixture_ip("192.0.2.1");
    uint64_t now_ms = setup.moment.now_ms;

    assert_true(admission_trap(setup.admission, &v4, now_ms, now_ms + 600000));
    assert_true(admission_trap(setup.admission, &v6, now_ms, now_ms + 300000));
    expect_refused(&setup, "192.0.2.1", REASON_TRAPPED);
    expect_refused(&setup, "2001:db8::5", REASON_TRAPPED);
    assert_int_equal(admission_decide(other, &peer, setup.moment).reason, REASON_TRAPPED);
    assert_int_equal(admission_explain(other, &peer, setup.moment).reason, REASON_TRAPPED);
    assert_int_equal(admission_check_access(other, &peer, setup.moment).reason, REASON_TRAPPED);
    admission_release(setup.service, admit(&setup, "192.0.2.2"));
    admission_release(setup.service, admit(&setup, "2001:db8:0:1::5"));
    setup.moment.now_ms = now_ms + 300000;
    admission_release(setup.service, admit(&setup, "2001:db8::5"));
    /* Touched again, for a shorter time: the end that stands stays. */
    assert_true(admission_trap(setup.admission, &v4, now_ms, now_ms + 1));
    setup.moment.now_ms = now_ms + 599999;
    expect_refused(&setup, "192.0.2.1", REASON_TRAPPED);
    setup.moment.now_ms = now_ms + 600000;
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    admission_service_destroy(other);
    tear_down(&setup);
}

static void trap__flood_of_traps__leaves_half_of_the_table(void **state)
{
    struct setup setup;
    uint32_t trapped = 0;

    (void)state;
    set_up(&setup, 1000, 1000);
    setup.limits.instances = 1000;
    apply(&setup);
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
    expect_refused(&setup, "192.0.2.1", REASON_SOURCE_TABLE);
    expect_refused(&setup, "10.0.0.0", REASON_TRAPPED); /* none of it was forgotten */
    expect_refused(&setup, "10.0.1.243", REASON_TRAPPED);
    setup.moment.now_ms += 60000; /* and when the time is over there is room at once */
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    for (uint32_t i = 0; i < 500; i++) {
        struct peer peer = fixture_v4(UINT32_C(0x0b000000) + i);
        struct verdict verdict = admission_decide(setup.service, &peer, setup.moment);
        admission_release(setup.service, verdict.source);
        admission_release(setup.service, verdict.source);
    }
    tear_down(&setup);
}

/* Each check stands before the next: all at once, taken away one by one. */
static void decide__several_reasons__first_in_order_is_named(void **state)
{
    struct setup setup;
    struct prefix prefix = fixture_prefix("192.0.2.1");

    (void)state;
    set_up(&setup, 10, 3);
    setup.limits.instances = 3;
    setup.limits.per_source_rate = setup.limits.rate = (struct rate){3, 3600000};
    apply(&setup);
    struct source *sources[3];
    for (int i = 0; i < 3; i++) {
        sources[i] = admit(&setup, "192.0.2.1");
    }
    setup.limits.per_source = 3;
    setup.hours = (struct hours_range){.days = 0};
    setup.access.hours = &setup.hours;
    setup.access.hours_count = 1;
    setup.rules[0] = (struct access_rule){.kind = ACCESS_PREFIX,
                                          .prefix = fixture_prefix("192.0.2.0/24")};
    setup.access.rule_count = 1;
    apply(&setup);
    admission_set_overload(setup.admission, true);
    uint64_t now_ms = setup.moment.now_ms;
    assert_true(admission_trap(setup.admission, &prefix, now_ms, now_ms + 10));

    expect_refused(&setup, "192.0.2.1", REASON_TRAPPED);
    setup.moment.now_ms += 10;
    expect_refused(&setup, "192.0.2.1", REASON_DENIED);
    setup.access.rule_count = 0;
    apply(&setup);
    expect_refused(&setup, "192.0.2.1", REASON_CLOSED_HOURS);
    setup.access.hours_count = 0;
    apply(&setup);
    expect_refused(&setup, "192.0.2.1", REASON_SOURCE_LIMIT);
    setup.limits.per_source = 4;
    expect_refused(&setup, "192.0.2.1", REASON_SOURCE_RATE);
    setup.limits.per_source_rate.events = 0;
    expect_refused(&setup, "192.0.2.1", REASON_FAIR_SHARE);
    expect_held(&setup, "192.0.2.2", REASON_SERVICE_LIMIT);
    setup.limits.instances = 6;
    apply(&setup);
    expect_held(&setup, "192.0.2.1", REASON_DAEMON_LIMIT);
    assert_true(admission_configure(setup.admission, 10, 6));
    expect_held(&setup, "192.0.2.1", REASON_SERVICE_RATE);
    setup.limits.rate.events = 0;
    expect_held(&setup, "192.0.2.1", REASON_LOAD);
    admission_set_overload(setup.admission, false);
    admission_release(setup.service, admit(&setup, "192.0.2.1"));
    for (int i = 0; i < 3; i++) {
        admission_release(setup.service, sources[i]);
    }
    tear_down(&setup);
}

static void configure__limits_shrink__live_ones_still_count(void **state)
{
    struct setup setup;
    struct source *sources[4];

    (void)state;
    set_up(&setup, 10, 10);
    apply(&setup);
    for (int i = 0; i < 4; i++) {
        sources[i] = admit(&setup, i < 2 ? "192.0.2.1" : "192.0.2.2");
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
    expect_held(&setup, "192.0.2.1", REASON_SERVICE_LIMIT);
    expect_refused(&setup, "192.0.2.2", REASON_SOURCE_LIMIT);
    admission_release(setup.service, sources[1]);
    sources[1] = admit(&setup, "192.0.2.1");
    for (int i = 1; i < 4; i++) {
        admission_release(setup.service, sources[i]);
    }
    assert_int_equal(admission_service_counts(setup.service)->live, 0);
    tear_down(&setup);
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
    set_up(&setup, 20, 20);
    setup.limits.instances = 12;
    apply(&setup);
    for (int i = 0; i < 12; i++) {
        sources[i] = admit(&setup, i < 6 ? "192.0.2.1" : i < 11 ? "192.0.2.2" : "192.0.2.3");
    }
    assert_false(admission_look_ahead(setup.service)); /* six of twelve */
    change_instances(&setup, &limits[0], 4);
    assert_true(admission_look_ahead(setup.service));
    for (int i = 0; i < 3; i++) { /* the first falls from six to three: still more than two */
        admission_release(setup.service, sources[i]);
    }
    change_instances(&setup, &limits[1], 8); /* now the second is, with five of eight */
    assert_true(admission_look_ahead(setup.service));
    expect_refused(&setup, "192.0.2.2", REASON_FAIR_SHARE);
    expect_held(&setup, "192.0.2.1", REASON_SERVICE_LIMIT);
    change_instances(&setup, &limits[2], 10);
    sources[0] = admit(&setup, "192.0.2.4");
    assert_false(admission_look_ahead(setup.service)); /* five of ten */
    expect_held(&setup, "192.0.2.2", REASON_SERVICE_LIMIT);
    admission_release(setup.service, sources[0]);
    for (int i = 3; i < 12; i++) {
        admission_release(setup.service, sources[i]);
    }
    tear_down(&setup);
}

/* An instance goes back to the very entry it was counted in. */
static void configure__prefix_length_changes__release_finds_its_entry(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    setup.limits.per_source = 1;
    apply(&setup);
    struct source *by_address = admit(&setup, "192.0.2.1");
    setup.limits.source_prefix_v4 = 24;
    apply(&setup);
    struct source *by_network = admit(&setup, "192.0.2.1");
    assert_ptr_not_equal(by_address, by_network);
    expect_refused(&setup, "192.0.2.2", REASON_SOURCE_LIMIT);
    admission_release(setup.service, by_address);
    expect_refused(&setup, "192.0.2.2", REASON_SOURCE_LIMIT);
    admission_release(setup.service, by_network);
    admission_release(setup.service, admit(&setup, "192.0.2.2"));
    tear_down(&setup);
}

static void configure__two_services__count_a_source_each_for_itself(void **state)
{
    struct setup setup;
    struct peer peer = fixture_ip("192.0.2.1");

    (void)state;
    set_up(&setup, 10, 10);
    setup.limits.per_source = 1;
    apply(&setup);
    struct admission_service *other = admission_service_create(setup.admission, &setup.policy);
    assert_non_null(other);
    struct source *here = admit(&setup, "192.0.2.1");
    struct verdict there = admission_decide(other, &peer, setup.moment);
    assert_int_equal(there.decision, DECISION_ADMIT);
    assert_int_equal(admission_decide(other, &peer, setup.moment).reason, REASON_SOURCE_LIMIT);
    admission_release(setup.service, here);
    assert_int_equal(admission_decide(other, &peer, setup.moment).reason, REASON_SOURCE_LIMIT);
    admission_release(other, there.source);
    assert_int_equal(admission_source_count(setup.admission), 2);
    admission_service_destroy(other);
    assert_int_equal(admission_source_count(setup.admission), 1);
    tear_down(&setup);
}

static void decide_listener__counts_in_service_and_daemon_for_no_source(void **state)
{
    struct setup setup;

    (void)state;
    set_up(&setup, 10, 10);
    setup.limits.instances = 1;
    setup.limits.when_full = FULL_REFUSE;
    apply(&setup);
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
    tear_down(&setup);
}

static void check_access__full_service__never_holds_and_counts_refusals_alone(void **state)
{
    struct setup setup;
    struct peer good = fixture_ip("192.0.2.1"), bad = fixture_ip("198.51.100.1");

    (void)state;
    set_up(&setup, 10, 0);
    setup.rules[0] = (struct access_rule){.kind = ACCESS_PREFIX,
                                          .prefix = fixture_prefix("198.51.100.0/24")};
    setup.access.rule_count = 1;
    apply(&setup);
    assert_int_equal(admission_check_access(setup.service, &good, setup.moment).decision,
                     DECISION_ADMIT);
    struct verdict verdict = admission_check_access(setup.service, &bad, setup.moment);
    assert_int_equal(verdict.decision, DECISION_REFUSE);
    assert_int_equal(verdict.reason, REASON_DENIED);
    assert_int_equal(admission_service_counts(setup.service)->refused[REASON_DENIED], 1);
    assert_int_equal(admission_service_counts(setup.service)->admitted, 0);
    assert_int_equal(admission_source_count(setup.admission), 0);
    tear_down(&setup);
}

static void explain__any_peer__counts_nothing(void **state)
{
    struct setup setup;
    struct peer peer = fixture_ip("192.0.2.1");

    (void)state;
    set_up(&setup, 10, 10);
    setup.limits.rate = setup.limits.per_source_rate = (struct rate){1, 3600000};
    apply(&setup);
    for (int i = 0; i < 10; i++) {
        struct verdict verdict = admission_explain(setup.service, &peer, setup.moment);
        assert_int_equal(verdict.decision, DECISION_ADMIT);
        assert_null(verdict.source);
    }
    assert_int_equal(admission_source_count(setup.admission), 0);
    struct source *source = admit(&setup, "192.0.2.1");
    assert_int_equal(admission_explain(setup.service, &peer, setup.moment).reason,
                     REASON_SOURCE_RATE);
    assert_int_equal(admission_service_counts(setup.service)->refused[REASON_SOURCE_RATE], 0);
    admission_release(setup.service, source);
    tear_down(&setup);
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
    set_up(&setup, 10, 10);
    setup.limits.per_source = 2;
    apply(&setup);
    struct source *first = admit(&setup, "192.0.2.1");
    admission_release(setup.service, admit(&setup, "192.0.2.2"));
    struct source *second = admit(&setup, "192.0.2.1");
    expect_refused(&setup, "192.0.2.1", REASON_SOURCE_LIMIT);
    assert_true(admission_trap(setup.admission, &prefix, 5, UINT64_MAX));
    admission_visit_sources(setup.admission, see, &seen);
    assert_int_equal(seen.entries, 3);
    assert_int_equal(seen.traps, 1);
    assert_int_equal(seen.live, 2);
    assert_int_equal(seen.admitted, 3);
    assert_int_equal(seen.refused, 1);
    admission_release(setup.service, first);
    admission_release(setup.service, second);
    tear_down(&setup);
}

/* A million addresses come and go past a table of a thousand, a hundred of whose sources stay. */
static void decide__flood_of_a_million_addresses__forgets_no_live_source(void **state)
{
    struct setup setup;
    struct source *live[100];

    (void)state;
    set_up(&setup, 1000, 200);
    setup.limits.instances = 200;
    setup.limits.per_source = 1;
    apply(&setup);
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
    tear_down(&setup);
}

static void configure__bounds_change__live_ones_are_kept(void **state)
{
    struct setup setup;
    struct source *sources[4];
    const char *const addresses[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"};

    (void)state;
    set_up(&setup, 4, 10);
    apply(&setup);
    for (int i = 0; i < 4; i++) {
        sources[i] = admit(&setup, addresses[i]);
    }
    /* The heap of traps, the heads (then the heap is there already), the places. */
    static const long numbers[] = {1, 2, 2};
    for (int i = 0; i < 3; i++) {
        fixture_fail_allocation(numbers[i]);
        assert_false(admission_configure(setup.admission, 4000, 1));
        fixture_fail_allocation(0);
        setup.limits.instances = 100;
        expect_refused(&setup, "192.0.2.9", REASON_SOURCE_TABLE);
    }
    assert_true(admission_configure(setup.admission, 4000, 5));
    struct source *fifth = admit(&setup, "192.0.2.9");
    expect_ready(&setup, DECISION_HOLD, REASON_DAEMON_LIMIT);
    assert_true(admission_configure(setup.admission, 0, 5)); /* 0 is taken as 1 */
    assert_int_equal(admission_source_count(setup.admission), 5);
    admission_release(setup.service, fifth);
    for (int i = 0; i < 4; i++) {
        admission_release(setup.service, sources[i]);
    }
    assert_int_equal(admission_source_count(setup.admission), 1);
    tear_down(&setup);
}

static void create__memory_runs_out__null_and_no_leak(void **state)
{
    struct setup setup;
    struct admission *admission = NULL;
    long failed = 0;

    (void)state;
    while (admission == NULL) {
        fixture_fail_allocation(++failed);
        admission = admission_create(100, 10, seed);
        fixture_fail_allocation(0);
    }
    assert_int_equal(failed, 5); /* itself, heads, places, traps; then none */
    admission_destroy(admission);
    set_up(&setup, 10, 10);
    apply(&setup);
    fixture_fail_allocation(1);
    assert_null(admission_service_create(setup.admission, &setup.policy));
    fixture_fail_allocation(0);
    admission_service_destroy(NULL);
    admission_destroy(NULL);
    tear_down(&setup);
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
        cmocka_unit_test(configure__limits_shrink__live_ones_still_count),
        cmocka_unit_test(configure__limits_grow__who_was_greedy_may_not_be_any_more),
        cmocka_unit_test(configure__prefix_length_changes__release_finds_its_entry),
        cmocka_unit_test(configure__two_services__count_a_source_each_for_itself),
        cmocka_unit_test(decide_listener__counts_in_service_and_daemon_for_no_source),
        cmocka_unit_test(check_access__full_service__never_holds_and_counts_refusals_alone),
        cmocka_unit_test(explain__any_peer__counts_nothing),
        cmocka_unit_test(visit_sources__entries_and_traps__are_seen_once),
        cmocka_unit_test(decide__flood_of_a_million_addresses__forgets_no_live_source),
        cmocka_unit_test(configure__bounds_change__live_ones_are_kept),
        cmocka_unit_test(create__memory_runs_out__null_and_no_leak),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
