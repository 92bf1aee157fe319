/*
 * reaper: collects children that have ended.
 *
 * Children are instances, launchers, and, because superd is a child subreaper (or pid 1), what
 * handlers left behind. A child may end before the report that names it has been read: its end is
 * then kept until the report claims it. What is kept is bounded by the orders on their way, and an
 * end seen before an order was sent can never be claimed by that order (pids recur).
 */
#ifndef SUPERD_SUPERVISE_REAPER_H
#define SUPERD_SUPERVISE_REAPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <uthash.h>

struct supervisor;

struct unclaimed {
    pid_t pid;
    int status;
    struct rusage usage;
    uint64_t
        last_instance; /* the youngest id when it was reaped: older orders alone may claim it */
    UT_hash_handle hh;
};

/* Reap all that have ended. To be called on SIGCHLD. */
void reaper_run(struct supervisor *supervisor);

/* Has PID, which the order of instance ID made, ended already? Then its end is given out once. */
bool reaper_claim(struct supervisor *supervisor, pid_t pid, uint64_t id, struct unclaimed *end_r);

/* Forget what is kept. */
void reaper_clear(struct supervisor *supervisor);

#endif
