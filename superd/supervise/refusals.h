/*
 * refusals: the log of refused connections, so that a flood does not move on to the disk.
 *
 * Per service, source and reason the first REFUSALS_SINGLY of an interval are written one by one;
 * the rest is counted and written as one line with `count` when the interval ends. There are
 * REFUSALS_TABLE such triples at most, and REFUSALS_LINES single lines an interval; beyond that a refusal is
 * counted under its service and reason alone. All memory is taken at the start.
 */
#ifndef SUPERD_SUPERVISE_REFUSALS_H
#define SUPERD_SUPERVISE_REFUSALS_H

#include <stdint.h>
#include <uv.h>

#include "admission/admission.h"

#define REFUSALS_SINGLY 3
#define REFUSALS_TABLE  1024
#define REFUSALS_LINES  100

struct refusals;
struct service;

int refusals_create(uv_loop_t *loop, struct refusals **refusals_r);
void refusals_destroy(struct refusals *refusals); /* what is counted is written first */

/* A connection of PEER was refused by SERVICE; SOURCE is what it counts under. */
void refusals_add(struct refusals *refusals, const struct service *service, const struct peer *peer,
                  const struct prefix *source, const struct verdict *verdict);

/* Write what is counted now, before its interval is over. */
void refusals_write(struct refusals *refusals);

/* SERVICE is about to be freed: write what is counted for it and forget it. */
void refusals_forget(struct refusals *refusals, const struct service *service);

#endif
