/*
 * report: reading what the handler specimen says about itself, "key=value" a line.
 */
#ifndef TESTS_E2E_REPORT_H
#define TESTS_E2E_REPORT_H

#include <stdbool.h>
#include <stddef.h>

/* The value of KEY; the case fails when REPORT has none. Lives as long as the process. */
const char *report_value(const char *report, const char *key);

/* Is there such a key? */
bool report_has(const char *report, const char *key);

/* How many keys begin with PREFIX. */
size_t report_count(const char *report, const char *prefix);

/* The value of KEY is this. */
void report_expect(const char *report, const char *key, const char *value);

#endif
