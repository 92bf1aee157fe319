/*
 * throttle: stop launching a service for a while because its launches fail: 1 s, doubling to 60 s;
 * one success resets it. Pure: the time is an argument.
 */
#ifndef SUPERD_SUPERVISE_THROTTLE_H
#define SUPERD_SUPERVISE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_FIRST_MS 1000
#define THROTTLE_LAST_MS  60000
#define THROTTLE_FAILURES 3 /* in a row, before it begins: one failure may be an accident */

struct throttle {      /* all zero: not throttled */
    unsigned failures; /* in a row */
    uint64_t wait_ms;  /* the last pause */
    uint64_t until_ms; /* monotonic; 0: not throttled */
};

/* A launch failed at NOW_MS. Returns true when a pause begins with this one. */
bool throttle_failed(struct throttle *throttle, uint64_t now_ms);
void throttle_succeeded(struct throttle *throttle);
bool throttle_active(const struct throttle *throttle, uint64_t now_ms);

#endif
