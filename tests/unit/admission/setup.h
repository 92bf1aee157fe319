/*
 * setup: a daemon with one service, for the tests of its decisions.
 */
#ifndef TESTS_UNIT_ADMISSION_SETUP_H
#define TESTS_UNIT_ADMISSION_SETUP_H

#include "fixture.h"

#include "admission/admission.h"

extern const uint8_t setup_seed[ADMISSION_SEED_SIZE];

/* The settings may be changed by a test, and then be applied. */
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

/* A service for four instances, and no other limit that is met by chance. It is Monday, 23 November
 * 2026, 09:00 UTC. */
void setup_begin(struct setup *setup, uint32_t sources, uint32_t instances);

/* Use the settings as they are now. */
void setup_apply(struct setup *setup);

/* Nothing is live any more. */
void setup_end(struct setup *setup);

struct verdict setup_decide(struct setup *setup, const char *address);
/* The connection is admitted. */
struct source *setup_admit(struct setup *setup, const char *address);

/* It is refused for REASON, and that is counted. */
void setup_expect_refused(struct setup *setup, const char *address, enum reason reason);
void setup_expect_held(struct setup *setup, const char *address, enum reason reason);

/* Whether listeners may be watched. */
void setup_expect_ready(struct setup *setup, enum decision decision, enum reason reason);

#endif
