/*
 * pool_state: what a pool of launchers is made of. For pool.c and lost.c alone.
 */
#ifndef SUPERD_LAUNCH_POOL_STATE_H
#define SUPERD_LAUNCH_POOL_STATE_H

#include "launch/pool.h"

/* An order that was seen somewhere, and since when it has been there. */
struct watched {
    uint64_t instance; /* 0: none */
    uint64_t since_ms; /* of the loop's clock */
    bool stuck;        /* its launcher was killed for it */
};

struct launch_pool {
    struct launch_pool_settings settings;
    int socket; /* ours; the other end is kept open too, for launchers to come */
    int launchers_end;
    uv_poll_t poll;
    uv_timer_t lost_timer;
    uv_timer_t late_timer;
    uv_timer_t replace_timer;
    uv_timer_t room_timer;
    uv_timer_t look_timer;
    unsigned handles_open; /* of the six above, still to be closed before free */
    struct launch_board *board;
    uint32_t *collected;     /* of each slot's reports */
    pid_t *pids;             /* 0: dead, to be replaced */
    struct watched *watched; /* what lost.c knows of each */
    unsigned deaths;         /* since the last report */
    uint64_t replace_ms;

    uint64_t in_flight[LAUNCH_ORDERS_MAX]; /* instance ids, ascending */
    bool suspected[LAUNCH_ORDERS_MAX];     /* unaccounted for at the last look */
    size_t in_flight_count;
    struct watched oldest; /* the first of them */
    bool found;            /* a report since the last look by the timer */
    bool stalled;          /* a look by the timer found none */
    bool was_full, retired, destroyed;
};

/* An order is answered: by its launcher, or by what its launcher left behind. */
void launch_pool_answer(struct launch_pool *pool, const struct launch_report *report);

#endif
