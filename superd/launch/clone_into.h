/*
 * clone_into: a child that is born in a control group (clone3(2), CLONE_INTO_CGROUP).
 *
 * Writing its pid to cgroup.procs instead takes a lock of the kernel's for writing, and so waits for
 * an RCU grace period: more than 10 ms, against 4 us. The C library has no clone3() for a child with
 * a stack of its own, so this is the one place with a few instructions for each architecture.
 */
#ifndef SUPERD_LAUNCH_CLONE_INTO_H
#define SUPERD_LAUNCH_CLONE_INTO_H

#include <stddef.h>
#include <sys/types.h>

struct birth {
    int group;   /* its directory, O_PATH will do */
    int flags;   /* CLONE_..., without a signal: with CLONE_PARENT it is the caller's own */
    void *stack; /* lowest address; aligned to 16 bytes at both ends */
    size_t size; /* of it */
    int (*run)(void *data); /* must not return */
    void *data;
};

/* Make the child; *PID_R is as CLONE_PARENT_SETTID has it. Returns 0 or -errno: -ENOSYS also where
 * this architecture is not known here. */
int clone_into(const struct birth *birth, pid_t *pid_r);

#endif
