/*
 * What superd says of itself at one moment, as far as the page shows it: a few answers of the
 * control socket, put together.  Bounded, whatever superd has: what is left out is said.
 */
#ifndef STATUS_SNAPSHOT_H
#define STATUS_SNAPSHOT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ask.h"

enum {
    SNAPSHOT_SERVICES_MAX = 1024,
    SNAPSHOT_INSTANCES_MAX = 64,
    SNAPSHOT_TOLD_MAX = 24,  /* services whose refusals are told by reason */
    SNAPSHOT_LOG_LINES = 40, /* the newest */
};

struct snapshot {
    int64_t now_ms;    /* since 1970 */
    json_t *daemon;    /* an object; as status says, like the rest */
    json_t *services;  /* an array */
    json_t *instances; /* an array, the newest last */
    json_t *reasons;   /* an array of {"service", "refused": {}, "held": {}} */
    json_t *history;   /* an array of the pages of history */
    json_t *events;    /* an array of the log's lines, the newest last */
    bool services_cut, instances_cut;
};

/* Takes one.  False: `why` says why, and there is nothing to free. */
bool snapshot_take(struct snapshot *snapshot, const char *path, char why[ASK_WHY_SIZE]);
void snapshot_free(struct snapshot *snapshot);

/* A number, or a text ("": none), of a row of it. */
int64_t snapshot_number(const json_t *row, const char *key);
const char *snapshot_text(const json_t *row, const char *key);

/* All metrics, as text for Prometheus, to be freed; NULL: `why` says why. */
char *snapshot_metrics(const char *path, size_t *length_r, char why[ASK_WHY_SIZE]);

#endif
