/*
 * launcher: the process that turns admitted connections into instances.
 *
 * A fork of the supervisor that keeps two things of it: the plans of its generation and the socket
 * on which orders come. It holds a dozen descriptors whatever the load (costs.md: a process with
 * 15,000 descriptors spawns at a quarter of the rate), takes one order at a time, and ends when
 * the supervisor closes its end.
 */
#ifndef SUPERD_LAUNCH_LAUNCHER_H
#define SUPERD_LAUNCH_LAUNCHER_H

#include <stddef.h>
#include <sys/resource.h>

#include "launch/order.h"
#include "launch/plan.h"

/* Where launchers live: what they enter before their first order. */
struct launch_place {
    enum launch_home home;
    const struct plan *plan; /* HOME_OWN: the service's */
    int channel;             /* HOME_OWN: namespaces.h; -1: it has none */
    const char *cgroup;      /* HOME_OWN: the service's control group; NULL: it has none */
};

struct launcher_job {
    int orders;                 /* the launchers' end of the socket pair */
    struct launch_board *board; /* shared with the supervisor */
    struct launch_slot *slot;   /* this launcher's on it */
    const struct plan *plans;
    size_t plan_count;
    struct launch_place place;
    struct rlimit descriptors; /* RLIMIT_NOFILE for handlers: what superd itself was started with */
};

/* Be a launcher; called in the forked process, never returns. */
_Noreturn void launcher_run(const struct launcher_job *job);

#endif
