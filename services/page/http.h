/*
 * A connection's requests, one after the other, until one of the two sides has had enough: what all
 * handlers that speak HTTP have in common.  What is answered is the caller's.
 */
#ifndef PAGE_HTTP_H
#define PAGE_HTTP_H

#include <stdint.h>

#include "reply.h"

struct http_settings {
    const char *server;    /* what the Server field says */
    unsigned max_requests; /* on one connection */
    int64_t idle_ms;       /* wait so long for another request */
    int64_t request_ms;    /* a request may take so long to arrive */
    void *data;            /* given to: */
    /* Sends the answer.  `refusal` is a status when the request cannot be understood, else 0. */
    void (*answer)(void *data, struct exchange *exchange, int refusal);
};

/* Serves the connection to its end; not to be called twice at a time. */
void http_serve(const struct http_settings *settings, struct connection *connection);

#endif
