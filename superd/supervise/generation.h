/*
 * generation: one immutable configuration in use: its number, its plans, its launchers.
 *
 * Each instance holds the generation it was born in, so that its settings (grace, deadlines) stay
 * as they were; a generation ends when it is no longer the current one, its last order is answered
 * and its last instance has been reaped.
 */
#ifndef SUPERD_SUPERVISE_GENERATION_H
#define SUPERD_SUPERVISE_GENERATION_H

#include <stdint.h>

#include "config/config.h"
#include "supervise/launchers.h"

struct generation {
    uint64_t number;       /* from 1 */
    struct config *config; /* owned */
    const struct plan *plans;
    struct launchers *launchers; /* NULL once its last order is answered after it was replaced */
    unsigned references; /* the supervisor's, one per instance, one while orders are on their way */
};

/* Take CONFIG over, make plans and start launchers with CALLBACKS (loop, data and functions filled
 * in by the caller; the rest is filled in here). Returns 0, or -errno and CONFIG stays the
 * caller's. */
int generation_begin(struct config *config, uint64_t number,
                     const struct launch_pool_settings *callbacks,
                     struct generation **generation_r);

/* It is not the current one any more: no orders go to its launchers. Drops the supervisor's
 * reference. */
void generation_retire(struct generation *generation);

/* End its launchers now, whatever they have in hand (the daemon ends). */
void generation_stop_launchers(struct generation *generation);

void generation_hold(struct generation *generation);
void generation_release(struct generation *generation);

/* To be called from the pool's on_empty. */
void generation_pool_empty(struct generation *generation);

#endif
