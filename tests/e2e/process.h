/*
 * process: running other programs to their end, from a case.
 */
#ifndef TESTS_E2E_PROCESS_H
#define TESTS_E2E_PROCESS_H

#include <stddef.h>

/* Run ARGUMENTS (found in PATH), with standard input from /dev/null. What it writes to both outputs
 * is in *OUTPUT_R (NULL: not wanted), which lives as long as the process. Returns its exit status, or
 * 128 and the signal. The case fails when it does not end in time. */
int process_run(const char *const *arguments, char **output_r);

/* The same, which must end with 0; shows what was said if not. */
char *process_check(const char *const *arguments);

/* A line for the shell, with printf's conversions. */
char *process_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Where NAME is (in PATH and the folders of daemons); NULL: nowhere. */
const char *process_find(const char *name);

#endif
