/*
 * launcher_home: where launchers of one kind live: those that services share, or those of one
 * service, isolated (with the namespaces and the group that were made for them) or apart.
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
    const struct plan *plan; /* of the one service that it is for; NULL: services share it */
    struct launch_pool *pool;
    char *cgroup;
    uint64_t used_ms;
    uint64_t pass; /* of launchers_collect() */
    bool stale;    /* something of it is broken: make another one for the next order */
    bool busy;     /* it is telling something: not to be ended now */
    struct home *prev, *next;
};

/* A service whose launches hung. */
struct apart {
    uint64_t until_ms; /* it does not share launchers before; 0: it does */
    bool said;         /* that there was no room for its own */
};

struct launchers {
    struct launch_pool_settings settings; /* the caller's callbacks */
    const struct config *config;
    const struct plan *plans;
    unsigned processors;
    struct home *shared[HOME_OWN]; /* NULL: no service needs it */
    struct home **own;             /* by service; NULL: not started */
    struct apart *apart;           /* by service */
    struct home *homes;            /* all that are there */
    size_t own_count, in_flight;
    uint64_t pass;
    uv_timer_t idle_timer;
    bool waiting; /* somebody was told that there are too many homes */
    bool retired, paused;
};

/* Make a home of KIND, for PLAN alone if that is not NULL, and enter it in ALL. Returns 0, or
 * -errno and nothing is left. */
int home_begin(struct launchers *all, enum launch_home kind, const struct plan *plan);

/* End its launchers, take it out and free it. */
void home_end(struct home *home);

#endif
