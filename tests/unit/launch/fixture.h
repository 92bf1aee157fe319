/*
 * A configuration made by hand, of one or more services, for tests of what comes after the loader.
 */
#ifndef TESTS_UNIT_LAUNCH_FIXTURE_H
#define TESTS_UNIT_LAUNCH_FIXTURE_H

#include "config/config.h"

/* A configuration of COUNT services called s0, s1, ..., each running PROGRAM with ARGUMENTS (NULL at the
 * end) as whoever runs the test, with stderr to the log. Destroy it by arena_destroy(config->arena). */
struct config *fixture_config(size_t count, const char *program, const char *const *arguments);

/* Service INDEX, to be changed before plans are made. */
struct service_config *fixture_service(struct config *config, size_t index);

#endif
