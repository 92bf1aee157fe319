/*
 * events: what a daemon has said in its log (JSON lines), and waiting for what it is to say.
 *
 * An event is found once: expect_event() marks what it returns, so that the next call with the same
 * words waits for the next such event. All functions fail the case when the deadline passes.
 */
#ifndef TESTS_E2E_EVENTS_H
#define TESTS_E2E_EVENTS_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct event {
    json_t *json;
    bool found;
};

struct events {
    char path[PATH_MAX];
    int fd; /* the log, read up to here; -1: it is not there yet */
    int watch;
    struct event *list;
    size_t count, room;
    char *partial; /* a line whose end has not been read */
    size_t partial_length;
};

void events_open(struct events *events, const char *path);
/* From now on read the log at PATH, in the same directory; what was read stays. */
void events_follow(struct events *events, const char *path);

void events_close(struct events *events);

/* Read what is new in the log. Follows a log that was renamed and made anew. */
void events_read(struct events *events);

/* Wait for an event of this name whose fields have these values: key, value, ..., NULL. Numbers and
 * booleans are given as text; a value of "*" wants the field to be there. */
json_t *expect_event(struct events *events, const char *name, ...) __attribute__((sentinel));

/* The same, but only look: NULL when there is none so far. Does not mark. */
json_t *find_event(struct events *events, const char *name, ...) __attribute__((sentinel));

/* How many there are so far, found ones included. */
size_t count_events(struct events *events, const char *name, ...) __attribute__((sentinel));

/* Fields; the case fails when there is no such one. The text is valid as long as EVENTS. */
const char *event_text(const json_t *event, const char *key);
long long event_number(const json_t *event, const char *key);

/* Print the last lines of the log. */
void events_show(const struct events *events);

#endif
