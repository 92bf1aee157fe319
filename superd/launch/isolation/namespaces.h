/*
 * namespaces: making those of a service, once, and giving them to its launchers.
 *
 * A process of their own makes them (the maker: a fork of the supervisor's, gone within
 * milliseconds) and leaves one message in a socket: the namespaces as descriptors, or what went
 * wrong. The message stays there, and every launcher, also one that replaces another later, reads
 * it without taking it out. The namespaces live as long as the socket does, or a process in them.
 *
 * Where the service has a process namespace, the maker's child is its process 1: it collects
 * orphans, cannot be signalled from inside, and ends when the supervisor and all launchers have let
 * go of the socket and no other process is left.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_NAMESPACES_H
#define SUPERD_LAUNCH_ISOLATION_NAMESPACES_H

#include "launch/order.h"

struct plan;
struct service_config;

/* What went wrong, for a person. */
struct namespaces_failure {
    enum launch_step step; /* STEP_NONE: nothing did */
    int error;
    char what[192]; /* a path, a sysctl; "" for none */
};

/* Does the service need any? Only then is there a maker. */
bool namespaces_needed(const struct service_config *service);

/* Be the maker; CHANNEL is the end of the socket to write to; CGROUP the service's
 * control group, NULL for none. Never returns. */
_Noreturn void namespaces_make(const struct plan *plan, int channel, const char *cgroup);

/* Enter them, from the launchers' end of the socket: waits for the message. Returns 0, or -1 with
 * the failure in *FAILURE_R. */
int namespaces_enter(int channel, struct namespaces_failure *failure_r);

/* After namespaces_enter(): open the mount namespace again. Returns a descriptor or -errno. */
int namespaces_open_mounts(int channel);

/* Look at the message without waiting. False: there is none (yet), or it is no failure. */
bool namespaces_failed(int channel, struct namespaces_failure *failure_r);

/* Does this service need a user namespace because we are no root? */
bool namespaces_unprivileged(const struct service_config *service);

#endif
