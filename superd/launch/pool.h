/*
 * pool: the supervisor's side of the launchers of one generation: starts them, gives out orders,
 * takes reports, replaces a launcher that dies, and finds the orders that died with it.
 *
 * What must hold: every order that launch_pool_send() took is answered by exactly one call of
 * `on_report`, whatever happens to launchers. The pool knows nothing of services, instances or
 * admission; an order is a number to it.
 */
#ifndef SUPERD_LAUNCH_POOL_H
#define SUPERD_LAUNCH_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "launch/launcher.h"
#include "launch/order.h"

struct launch_pool;

struct launch_pool_settings {
    uv_loop_t *loop;
    const struct plan *plans; /* must live as long as the pool */
    size_t plan_count;
    unsigned launchers;        /* >= 1 */
    struct launch_place place; /* what it points to must live as long as the pool */
    struct rlimit descriptors;
    uint64_t
        late_ms; /* an order that is not carried out for so long has failed; 0: wait for ever */

    void *data; /* given to each of: */
    void (*on_report)(void *data, const struct launch_report *report);
    void (*on_room)(void *data);  /* orders can be sent again after launch_pool_room() said no */
    void (*on_empty)(void *data); /* no order is on its way any more (after launch_pool_retire) */
    /* The launcher OLD died (0: one was missing); NEW took its place, or 0 and the errno why not yet. */
    void (*on_replaced)(void *data, pid_t old, pid_t new, int error);
};

/* Fork the launchers. Returns 0 and the pool, or -errno with nothing left behind. Launchers that cannot be
 * forked now, even all of them, are no failure: on_replaced tells, they are made as soon as that can be, and
 * orders wait for them. */
int launch_pool_create(const struct launch_pool_settings *settings, struct launch_pool **pool_r);

/* May another order be sent now? */
bool launch_pool_room(const struct launch_pool *pool);

/* Send ORDER with CONNECTION and STDERR_PIPE (-1: none; must agree with order->has_stderr). The
 * caller keeps its descriptors and may close them at once. Returns 0, -EAGAIN when there is no
 * room, or another -errno (nothing was sent). */
int launch_pool_send(struct launch_pool *pool, const struct order *order, int connection,
                     int stderr_pipe);

/* Read the reports that are there now, which costs no system call: in every turn of the loop, and before
 * reaping, so that a child is known when its end is seen. Who never calls it has them a little later. */
void launch_pool_collect(struct launch_pool *pool);

/* A child of the supervisor's has ended. True when it was one of this pool's launchers; then it is
 * being replaced. */
bool launch_pool_reaped(struct launch_pool *pool, pid_t pid);

/* Orders on their way, and the smallest of their instance ids (0: none). */
size_t launch_pool_in_flight(const struct launch_pool *pool);
uint64_t launch_pool_oldest(const struct launch_pool *pool);

/* Call VISIT with the pid of each launcher that lives. */
void launch_pool_visit(const struct launch_pool *pool, void (*visit)(void *data, pid_t pid),
                       void *data);

/* Give out no more orders; on_empty is called when the last is answered (at once if there is none).
 */
void launch_pool_retire(struct launch_pool *pool);

/* End it: the launchers see their socket closed and exit. Orders still on their way are not
 * answered. The memory is freed by the loop a little later. */
void launch_pool_destroy(struct launch_pool *pool);

#endif
