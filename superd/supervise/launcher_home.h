/*
 * launcher_home: where launchers of one kind live: those that services share, or those of one
 * isolated service, with the namespaces and the group that were made for them.
 *
 * The inside of launchers.c, apart because making a home is a matter of its own. Nobody else
 * includes this.
 */
#ifndef SUPERD_SUPERVISE_LAUNCHER_HOME_H
#define SUPERD_SUPERVISE_LAUNCHER_HOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "launch/pool.h"

struct config;
struct plan;

/* Where launchers of one kind live. */
struct home {
    struct launchers *all;
    struct launch_place place;
    struct launch_pool *pool;
    char *cgroup;
    uint64_t used_ms;
    uint64_t pass; /* of launchers_collect() */
    bool stale;    /* something of it is broken: make another one for the next order */
    bool busy;     /* it is telling something: not to be ended now */
    struct home *prev, *next;
};

struct launchers {
    struct launch_pool_settings settings; /* the caller's callbacks */
    const struct config *config;
    const struct plan *plans;
    unsigned processors;
    struct home *shared[HOME_OWN]; /* NULL: no service needs it */
    struct home **own;             /* by service; NULL: not started */
    struct home *homes;            /* all that are there */
    size_t own_count, in_flight;
    uint64_t pass;
    uv_timer_t idle_timer;
    bool waiting; /* somebody was told that there are too many homes */
    bool retired, paused;
};

/* Make the home of KIND, for PLAN where it is a service's own, and enter it in ALL. Returns 0, or
 * -errno and nothing is left. */
int home_begin(struct launchers *all, enum launch_home kind, const struct plan *plan);

/* End its launchers, take it out and free it. */
void home_end(struct home *home);

#endif
