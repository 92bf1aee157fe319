/*
 * deadlines: the time limits of an instance (`time` group): total, idle, first_byte, gone.
 *
 * One timer per instance, set for the earliest thing that may be due. Bytes are not watched: when a
 * limit may have passed, the kernel is asked what it counted (net/activity.h), and the timer is set
 * for the moment at which it could pass next.
 */
#ifndef SUPERD_SUPERVISE_DEADLINES_H
#define SUPERD_SUPERVISE_DEADLINES_H

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

struct instance;
struct service_config;

/* What is remembered between two looks; only of instances whose service has such limits. */
struct deadlines {
    uint64_t begun_ms;               /* monotonic; limits count from here */
    uint64_t active_ms;              /* when a byte was last seen to have moved */
    uint64_t received, acknowledged; /* as they were then */
    uint64_t gone_ms;                /* since when the client is gone; 0: it is not */
    bool first_byte_done;
};

/* Has CONFIG a limit for which the connection must be asked about? Then an instance needs a
 * `struct deadlines`. */
bool deadlines_need_activity(const struct service_config *config);

/* The instance runs: start its timer, if it has limits. */
void deadlines_begin(struct instance *instance);

/* It runs since the daemon's last program: what is remembered of it holds, look at once. */
void deadlines_go_on(struct instance *instance);

#endif
