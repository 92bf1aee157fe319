/*
 * waiting: who waits on a socket that somebody else takes from: to tell a handler in listener mode that
 * does its work from one that ends without taking anything, to be started again for ever.
 */
#ifndef SUPERD_NET_WAITING_H
#define SUPERD_NET_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

#define WAITING_MOST 256

/* Marks of those who wait; a mark says who, not when. */
struct waiting {
    uint64_t marks[WAITING_MOST];
    size_t count;
    bool known; /* false: it cannot be told, or more than WAITING_MOST wait */
};

/* The connections in the backlog of the TCP listener that is bound to LOCAL, asked for through DIAG
 * (activity_open()). Walks through all connections of the host, so not for every launch. */
void waiting_connections(int diag, const struct address *local, struct waiting *waiting_r);

/* The first datagram of FD: its sender and its length; no byte of it is read. */
void waiting_datagram(int fd, struct waiting *waiting_r);

/* Has any that waited BEFORE been taken, as far as one can tell from who waits NOW? */
bool waiting_taken(const struct waiting *before, const struct waiting *now);

#endif
