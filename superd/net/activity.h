/*
 * activity: what the kernel counted on a TCP connection of somebody else's: asked by its addresses
 * through sock_diag(7), so that no descriptor of the connection has to be kept (which would keep it
 * open after the handler closed it) and no byte is read.
 */
#ifndef SUPERD_NET_ACTIVITY_H
#define SUPERD_NET_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"

struct activity {
    bool open; /* the client may still send or be sent to; false also when not found */
    bool found;
    uint64_t received;        /* bytes from the client that arrived */
    uint64_t acknowledged;    /* bytes to the client that it acknowledged */
    uint32_t received_ms;     /* since data last arrived */
    uint32_t acknowledged_ms; /* since it last acknowledged */
};

/* A socket to ask through, close-on-exec, or -errno. */
int activity_open(void);

/* Ask about the connection from PEER to LOCAL. Answers at once (the kernel replies within the
 * call). Returns 0 or -errno when the kernel cannot be asked; a connection it does not know is not
 * found. */
int activity_ask(int diag, const struct address *local, const struct address *peer,
                 struct activity *activity_r);

#endif
