/*
 * report: what a check or a reload found, as text.
 */
#ifndef SUPERD_SUPERCTL_REPORT_H
#define SUPERD_SUPERCTL_REPORT_H

#include <jansson.h>

/* "FILE:LINE: error: MESSAGE" lines on standard error. */
void report_diagnostics(const json_t *diagnostics);

/* "added: a b", "changed: c (limits.instances)", ... on standard output. */
void report_changes(const json_t *changes);

#endif
