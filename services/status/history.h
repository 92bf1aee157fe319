/*
 * How many connections were admitted and refused in each few seconds of the last minutes, as superd
 * tells it at its control socket (`history`).
 *
 * What must hold: the time before superd was started is not known, which is not the same as zero.
 *
 * No I/O here; times are arguments, in milliseconds since 1970.
 */
#ifndef STATUS_HISTORY_H
#define STATUS_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HISTORY_STEP_S = 5, /* superd's; what it tells in other steps is not taken */
    HISTORY_STEPS = 60,
    HISTORY_SERVICES_MAX = 1024,
};

enum history_kind { HISTORY_ADMITTED, HISTORY_REFUSED, HISTORY_KINDS };

/* Of one service, or of all. */
struct history_counts {
    double counts[HISTORY_KINDS][HISTORY_STEPS]; /* the oldest first; the last one is now */
};

struct history_service {
    char *name;
    struct history_counts counts;
};

struct history {
    int64_t step;     /* superd's number of the step that is now; -1: nothing was told */
    int64_t begun_ms; /* when it began, since 1970 */
    int known_steps;  /* counted from now */
    int64_t known_ms; /* of the time before that step */
    struct history_counts total;
    struct history_service *services; /* sorted by name */
    size_t service_count;
};

/* Take what superd told at `now`: an array of the pages of its answer.  To be freed. */
void history_read(struct history *history, const json_t *pages, int64_t now);
void history_free(struct history *history);

/* The counts of a service, NULL when nothing was counted. */
const struct history_counts *history_find(const struct history *history, const char *service);

/* Per second, over the last `steps` steps that are over, as far as they are known; -1 when none is. */
double history_rate(const struct history *history, enum history_kind kind, int steps);

#endif
