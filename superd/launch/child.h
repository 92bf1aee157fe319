/*
 * child: from clone to exec.
 *
 * The child shares its launcher's memory (CLONE_VM) and the launcher sleeps until it execs or ends
 * (CLONE_VFORK); it is the supervisor's child (CLONE_PARENT), which reaps it. What must hold
 * between clone and exec: no allocation, no library function that takes a lock or changes state of
 * the launcher's, nothing but system calls on what the plan prepared.
 *
 * A child is made when there is an order, or it is made ready before: then it takes the order itself, and
 * making a process and a session is no part of the time that a client waits.
 */
#ifndef SUPERD_LAUNCH_CHILD_H
#define SUPERD_LAUNCH_CHILD_H

#include "launch/environment.h"
#include "launch/order.h"
#include "launch/plan.h"

struct child {
    const struct plan *plan;
    const struct environment *environment;
    int connection;   /* becomes 0 and 1 (and 3 in listener mode); number above 9 */
    int stderr_pipe;  /* becomes 2; -1: 2 stays what it is, /dev/null. Number above 9 */
    int rules;        /* landlock rules to enter; -1: none */
    int cgroup;       /* what to write to for a control group of its own; -1: none */
    int group;        /* directory of the control group to be born in; -1: the launcher's */
    bool needed;      /* there is no launch without the group, whichever of the two */
    uid_t uid;        /* of a dynamic user */
    const char *slot; /* the root it goes into instead of mounting a /tmp; NULL: none */
    int mounts;       /* the mount namespace to begin in, where it gets no slot; -1: this one */
    enum launch_step step; /* written by the child: where it failed */
    int error;             /* errno there */
};

/* Start it. *PID_R is written by the kernel before the child runs. Returns when the child has
 * exec'ed or failed: 0, or -errno when there was no process to be had, or not in that group (-ENODEV or
 * -ENOENT: it has been removed); a failure later on is in child->step. */
int child_spawn(struct child *child, pid_t *pid_r);

/* Make a child that runs BEGIN with DATA, in a session and the namespaces FLAGS (of clone(2)) of its own, and
 * ends when that returns. With CLONE_FILES it has the launcher's descriptors: what it receives is then the
 * launcher's to go on with. *PID_R is written as above, and 0 when it has exec'ed or ended, which is when
 * this returns; the result is as above. */
int child_ready(void (*begin)(void *data), void *data, int flags, pid_t *pid_r);

/* For BEGIN: become CHILD. Returns only when that failed, which is in child->step. */
void child_become(struct child *child);

/* For BEGIN, with CLONE_FILES: from now on its descriptors are its own. Returns 0 or -errno. */
int child_keep_descriptors(void);

#endif
