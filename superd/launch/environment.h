/*
 * environment: what a handler is told of its connection, in the names of UCSPI (tcpserver,
 * s6-tcpserver, s6-ipcserver), systemd and CGI, and sd_listen_fds(3). superd-handler(7) promises
 * them.
 *
 * It is made in the launcher, so that this work is spread over the processors; in memory of fixed
 * size, so that it cannot fail for lack of any.
 */
#ifndef SUPERD_LAUNCH_ENVIRONMENT_H
#define SUPERD_LAUNCH_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "launch/order.h"
#include "launch/plan.h"

#define ENVIRONMENT_TEXT      4096 /* bytes for the variables of one connection */
#define ENVIRONMENT_VARIABLES 32   /* most of them */

/* Reused from launch to launch; all zero at first. */
struct environment {
    const char **variables; /* what exec takes: the plan's, then the connection's, then NULL */
    size_t capacity;
    char text[ENVIRONMENT_TEXT];
    char *listen_pid; /* where the digits of LISTEN_PID go; NULL outside listener mode. The child
                         alone knows its pid. There is room for 11 characters. */
};

/* Have room for the environment of any of the COUNT plans: environment_make() then allocates nothing.
 * False: no memory. */
bool environment_prepare(struct environment *environment, const struct plan *plans, size_t count);

/* Make it for ORDER under PLAN; CONNECTION is asked for its local address. Returns false when there
 * is no memory or it does not fit. */
bool environment_make(struct environment *environment, const struct plan *plan,
                      const struct order *order, int connection);

#endif
