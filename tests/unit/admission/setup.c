/*
 * setup: see setup.h.
 */
#include "setup.h"

#include <string.h>

const uint8_t setup_seed[ADMISSION_SEED_SIZE] = {42};

void setup_begin(struct setup *setup, uint32_t sources, uint32_t instances)
{
    memset(setup, 0, sizeof *setup);
    setup->limits = (struct limit_settings){
        .instances = 4, .per_source = 100, .source_prefix_v4 = 32, .source_prefix_v6 = 64};
    setup->access = (struct access_settings){.rules = setup->rules};
    setup->moment = (struct moment){.now_ms = 1000000, .wall_s = 1795424400};
    setup->admission = admission_create(sources, instances, setup_seed);
    assert_non_null(setup->admission);
}

void setup_apply(struct setup *setup)
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

void setup_end(struct setup *setup)
{
    admission_service_destroy(setup->service);
    access_table_destroy(setup->table);
    admission_destroy(setup->admission);
}

struct verdict setup_decide(struct setup *setup, const char *address)
{
    struct peer peer = fixture_ip(address);

    return admission_decide(setup->service, &peer, setup->moment);
}

struct source *setup_admit(struct setup *setup, const char *address)
{
    struct verdict verdict = setup_decide(setup, address);

    assert_int_equal(verdict.decision, DECISION_ADMIT);
    assert_int_equal(verdict.reason, REASON_NONE);
    assert_non_null(verdict.source);
    return verdict.source;
}

void setup_expect_refused(struct setup *setup, const char *address, enum reason reason)
{
    uint64_t before = admission_service_counts(setup->service)->refused[reason];
    struct verdict verdict = setup_decide(setup, address);

    assert_int_equal(verdict.decision, DECISION_REFUSE);
    assert_string_equal(reason_names[verdict.reason], reason_names[reason]);
    assert_null(verdict.source);
    assert_int_equal(admission_service_counts(setup->service)->refused[reason], before + 1);
}

void setup_expect_held(struct setup *setup, const char *address, enum reason reason)
{
    struct verdict verdict = setup_decide(setup, address);

    assert_int_equal(verdict.decision, DECISION_HOLD);
    assert_string_equal(reason_names[verdict.reason], reason_names[reason]);
    assert_null(verdict.source);
    assert_int_equal(admission_service_counts(setup->service)->refused[reason], 0);
}

void setup_expect_ready(struct setup *setup, enum decision decision, enum reason reason)
{
    struct verdict verdict = admission_ready(setup->service, setup->moment);

    assert_int_equal(verdict.decision, decision);
    assert_string_equal(reason_names[verdict.reason], reason_names[reason]);
}
