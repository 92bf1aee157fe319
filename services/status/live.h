/*
 * The stream of server-sent events (HTML Living Standard, 9.2): every few seconds the sections of
 * the page that have changed, until the client leaves.
 */
#ifndef STATUS_LIVE_H
#define STATUS_LIVE_H

#include <stdint.h>

#include "../page/reply.h"

struct live_settings {
    const char *path;    /* of the control socket */
    int64_t interval_ms; /* between two looks at superd */
    int64_t total_ms;    /* after which the stream ends; browsers then connect again */
};

/* Answers the exchange with the stream. */
void live_answer(const struct live_settings *settings, struct exchange *exchange);

#endif
