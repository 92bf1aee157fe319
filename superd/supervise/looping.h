/*
 * looping: a handler in listener mode that ends at once and leaves what waits on its socket where it was
 * would be started again for ever. It is noticed, and its service throttled.
 *
 * Only an instance that lived less than a second and left its socket readable is suspected; whether it
 * took something is then found out, for datagrams by the first that waits, for TCP by who is in the backlog
 * (asked for after LOOPING_SUSPICIONS such ends in a row, for it is costly). For UNIX sockets that cannot
 * be told, and LOOPING_BLIND ends in a row are taken for a loop.
 */
#ifndef SUPERD_SUPERVISE_LOOPING_H
#define SUPERD_SUPERVISE_LOOPING_H

#include <stdbool.h>

#define LOOPING_LIFETIME_NS 1000000000ULL
#define LOOPING_SUSPICIONS  2
#define LOOPING_BLIND       20

struct instance;
struct listener;
struct service;

/* A handler is about to be launched for LISTENER. */
void looping_before(struct listener *listener);

/* INSTANCE, which had LISTENER's socket, has ended. True: it took nothing of what waits. */
bool looping_after(struct listener *listener, const struct instance *instance);

#endif
