/*
 * kernel: what this kernel, and its settings, let us do, by trying; and what of it a service asks
 * for in vain.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_KERNEL_H
#define SUPERD_LAUNCH_ISOLATION_KERNEL_H

#include <stdbool.h>

#include "config/config.h"

enum kernel_part {
    KERNEL_USER_NAMESPACE,
    KERNEL_MOUNT_NAMESPACE,
    KERNEL_PID_NAMESPACE,
    KERNEL_NETWORK_NAMESPACE,
    KERNEL_IPC_NAMESPACE,
    KERNEL_UTS_NAMESPACE,
    KERNEL_CGROUP_NAMESPACE,
    KERNEL_MOUNT_SETATTR, /* the new mount interface: Linux 5.12 */
    KERNEL_SECCOMP,
    KERNEL_LANDLOCK,
    KERNEL_LANDLOCK_SIGNALS, /* Linux 6.12 */
    KERNEL_CGROUP,
    KERNEL_PART_MAX
};

/* Can it be had? ERROR is 0, or the errno that trying gave. */
struct kernel {
    int error[KERNEL_PART_MAX];
    unsigned controllers; /* enum cgroup_controller */
    bool no_right;        /* we are root without the capability for namespaces and mounts */
};

extern const char *const kernel_part_names[KERNEL_PART_MAX];

/* Find out. Forks once and waits for that child, some milliseconds; what it finds is kept. */
const struct kernel *kernel_probe(void);

/* Call SAY with each thing that SERVICE asks for and this kernel does not give: a sentence. Returns
 * how many. */
unsigned kernel_missing(const struct kernel *kernel, const struct service_config *service,
                        void (*say)(void *data, const char *what), void *data);

#endif
