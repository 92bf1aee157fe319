/*
 * real: what the tests of real programs share: looking for them, and for users to run them as.
 */
#ifndef TESTS_E2E_REAL_REAL_H
#define TESTS_E2E_REAL_REAL_H

#include "harness.h"
#include "process.h"

/* The path of program NAME; leaves the case, saying which package has it, when it is missing. Lives as
 * long as the process. */
const char *real_program(const char *name, const char *package);

/* The port of the NUMBERth listener of SERVICE. */
unsigned real_port(struct daemon *daemon, const char *service, size_t number);

/* Fill the file at PATH with LENGTH bytes that do not compress. */
void real_fill(const char *path, size_t length);

#endif
