/*
 * fixture: what the tests of admission share: numbers by a seed, memory that runs out, peers.
 *
 * Every random test begins with fixture_seed(); the seed of a round that fails is printed.
 * SUPERD_TEST_SEED=N runs all rounds from another seed.
 */
#ifndef TESTS_UNIT_ADMISSION_FIXTURE_H
#define TESTS_UNIT_ADMISSION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admission/admission.h"

struct fixture_random {
    uint64_t state;
};

/* The first seed of a test's rounds. */
uint64_t fixture_seed(void);

uint64_t fixture_next(struct fixture_random *random);
/* 0 to BOUND - 1 */
uint64_t fixture_below(struct fixture_random *random, uint64_t bound);
bool fixture_one_in(struct fixture_random *random, uint64_t bound);

/* Fail the test with the seed and the step. */
#define fixture_check(condition, seed, step) \
    fixture_check_at((condition), #condition, (seed), (step), __FILE__, __LINE__)
void fixture_check_at(bool condition, const char *text, uint64_t seed, uint64_t step,
                      const char *file, int line);

/* Tests are linked with --wrap for malloc, calloc and realloc. */
extern unsigned long fixture_allocations;  /* asked for so far */
void fixture_fail_allocation(long number); /* the NUMBER-th from now on, from 1; 0: none fails */

/* A peer with this address, "192.0.2.1" or "2001:db8::1". */
struct peer fixture_ip(const char *text);
struct peer fixture_v4(uint32_t address); /* host order */
struct peer fixture_user(uid_t uid);

/* An address or prefix that parses. */
struct prefix fixture_prefix(const char *text);

#endif
