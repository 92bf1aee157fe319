/*
 * reaper: collects children that have ended.
 *
 * Asking the kernel for "any child" makes it walk through all of them, so with 10,000 instances alive it
 * would cost more than a launch. Children are asked for by pid: the one that SIGCHLD names (several
 * ends may be one signal), and the instances whose stderr has ended. Of very young instances stderr is
 * not watched yet: while few instances are alive all children are looked at instead. That look also
 * follows at most ten times a second, for what the others missed.
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

struct instance;
struct supervisor;

struct unclaimed {
    pid_t pid;
    int status;
    struct rusage usage;
    uint64_t
        last_instance; /* the youngest id when it was reaped: older orders alone may claim it */
    UT_hash_handle hh;
};

/* Take the reports of launches that are there: in every turn, and before somebody looks at instances. */
void reaper_collect_reports(struct supervisor *supervisor);

/* SIGCHLD has come, naming PID. */
void reaper_signalled(struct supervisor *supervisor, pid_t pid);

/* INSTANCE has probably ended, or will in a moment. */
void reaper_hint(struct instance *instance);

/* INSTANCE is being freed. */
void reaper_forget(struct instance *instance);

/* Has PID, which the order of instance ID made, ended already? Then its end is given out once. */
bool reaper_claim(struct supervisor *supervisor, pid_t pid, uint64_t id, struct unclaimed *end_r);

/* Forget what is kept. */
void reaper_clear(struct supervisor *supervisor);

#endif
