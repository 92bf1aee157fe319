/*
 * accept: from a readable listener to a decision, and what follows from it: an instance, a refusal,
 * or a parked connection. The only place that accepts.
 */
#ifndef SUPERD_SUPERVISE_ACCEPT_H
#define SUPERD_SUPERVISE_ACCEPT_H

#include <uv.h>

struct service;
struct listener;

/* The loop's callback of a listener's uv_poll_t (data: the listener). */
void accept_ready_cb(uv_poll_t *handle, int status, int events);

/* Something became free: let the parked connection of SERVICE try again. */
void accept_parked(struct service *service);

/* Close the parked connection, if there is one. */
void accept_drop_parked(struct service *service);

#endif
