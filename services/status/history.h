/*
 * How many connections were admitted and refused in each few seconds of the last minutes.
 *
 * superd keeps no such history: it is read out of the recent lines of superd's log, and, by a
 * process that lives long enough to ask again and again, out of what its counters have grown by.
 * What must hold: a time that neither tells of is not known, which is not the same as zero.
 *
 * No I/O here; times are arguments, in milliseconds since 1970.
 */
#ifndef STATUS_HISTORY_H
#define STATUS_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HISTORY_STEP_S = 5,
    HISTORY_STEPS = 60,
};

enum history_kind { HISTORY_ADMITTED, HISTORY_REFUSED, HISTORY_KINDS };

/* Of one service, or of all. */
struct history_counts {
    double counts[HISTORY_KINDS][HISTORY_STEPS]; /* the oldest first; the last one is now */
    double last[HISTORY_KINDS];                  /* the counters when they were last seen */
    bool seen;
};

struct history_service {
    char *name;
    struct history_counts counts;
};

struct history {
    int64_t step;       /* number, since 1970, of the step that is now */
    int64_t known_from; /* milliseconds since 1970; INT64_MAX: nothing is known */
    struct history_counts total;
    struct history_service *services;
    size_t service_count;
};

void history_init(struct history *history, int64_t now);
void history_free(struct history *history);

/* Let time pass. */
void history_advance(struct history *history, int64_t now);

/* Take what the log's lines `events`, in order, tell of the time before now: once, at first. */
void history_read_events(struct history *history, const json_t *events, int64_t now);

/* Take by how much the counters of `services` (rows of status) have grown since the last call; the
 * first call only remembers them.  After it the time to come is known. */
void history_read_counters(struct history *history, const json_t *services, int64_t now);

/* The counts of a service, NULL when nothing was counted. */
const struct history_counts *history_find(const struct history *history, const char *service);

/* How many of the steps are known, counted from now. */
int history_known_steps(const struct history *history);

/* Per second, over the last `steps` steps that are over, as far as they are known; -1 when none is. */
double history_rate(const struct history *history, enum history_kind kind, int steps);

/* "2026-11-22T14:03:20.123456Z" in milliseconds since 1970; false when it is none. */
bool history_parse_time(const char *text, int64_t *ms_r);

#endif
