/*
 * history: how many connections a service has admitted and refused in each few seconds of the last
 * minutes, for charts and rates.
 *
 * Counted where admission counts, so that the sums agree with its counters. What must hold: a
 * service that nobody connects to costs nothing, neither memory nor a timer: the counts are made
 * with the first connection, and steps pass when somebody counts or looks. Without memory nothing
 * is counted here, and nothing else suffers.
 *
 * Pure; times are the monotonic clock's, in milliseconds. Steps are multiples of HISTORY_STEP_MS of that
 * clock, so they are the same for every service, and for a superd that takes over from another.
 */
#ifndef SUPERD_SUPERVISE_HISTORY_H
#define SUPERD_SUPERVISE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define HISTORY_STEP_MS 5000
#define HISTORY_STEPS   60

enum history_kind { HISTORY_ADMITTED, HISTORY_REFUSED, HISTORY_KINDS };

/* Each kind's counts in their order, the oldest first; the last one is the step that is now. */
struct history_counts {
    uint32_t counts[HISTORY_KINDS][HISTORY_STEPS];
};

struct history; /* of one service; to be freed with free() */

/* Count one. *HISTORY is made when it is NULL; it stays NULL when there is no memory. */
void history_count(struct history **history, enum history_kind kind, uint64_t now_ms);

/* The counts as they are at NOW_MS. False: all are zero. HISTORY may be NULL. */
bool history_export(const struct history *history, uint64_t now_ms, struct history_counts *counts);

/* Add what history_export() told at AT_MS, by this process or the one before it. False: no memory. */
bool history_import(struct history **history, uint64_t at_ms, const struct history_counts *counts);

/* How many of the steps at NOW_MS, counted from now, are known, at least in part, where counting began
 * at SINCE_MS. */
int history_known_steps(uint64_t since_ms, uint64_t now_ms);

#endif
