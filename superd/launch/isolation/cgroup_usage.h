/* cgroup_usage: what the processes of a group have used, as far as the kernel counts it there. */
#ifndef SUPERD_LAUNCH_ISOLATION_CGROUP_USAGE_H
#define SUPERD_LAUNCH_ISOLATION_CGROUP_USAGE_H

#include <stdint.h>

#define CGROUP_UNKNOWN UINT64_MAX /* the controller is not there */

struct cgroup_usage {
    uint64_t cpu_us;              /* since the group was made */
    uint64_t memory, memory_peak; /* bytes */
    uint64_t processes;
};

/* Read it of the group at PATH. What cannot be read is CGROUP_UNKNOWN; of a path that is no group,
 * all of it. */
void cgroup_usage(const char *path, struct cgroup_usage *usage_r);

#endif
