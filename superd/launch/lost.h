/*
 * lost: the orders that get no answer by themselves, because their launcher died, or hangs.
 *
 * What must hold: whatever becomes of launchers, each order is answered, and one that makes its
 * launcher hang (its program lies on a file server that is silent; somebody stopped the child
 * before it became its program) does not keep others from being launched for longer than the
 * pool's `late_ms`.
 */
#ifndef SUPERD_LAUNCH_LOST_H
#define SUPERD_LAUNCH_LOST_H

struct launch_pool;

/* An order was sent: see to it that it is answered. */
void lost_watch(struct launch_pool *pool);

/* Launcher NUMBER has ended, and its reports are read: answer what it had in hand. */
void lost_launcher(struct launch_pool *pool, unsigned number);

#endif
