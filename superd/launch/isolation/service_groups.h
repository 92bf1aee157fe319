/*
 * service_groups: the control groups of services whose launchers others use as well, for the
 * children to be born in.
 *
 * A launcher makes a service's group at the first launch, so that nobody but it waits for the kernel
 * and a service that is never used has none; and it keeps the last ones open, a bounded number. A
 * group that has been removed since is found by the birth that fails in it: forget it, and open it
 * again.
 *
 * Services with limits are none of these: a child that its limits slow down before it runs its
 * program keeps its launcher waiting, and so only launchers of the service's own may.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_SERVICE_GROUPS_H
#define SUPERD_LAUNCH_ISOLATION_SERVICE_GROUPS_H

#include <stddef.h>
#include <stdint.h>

struct service_config;

/* With a launcher's own descriptors they stay within the 64 that the kernel copies for a child
 * without a table made for it. */
#define SERVICE_GROUPS_OPEN 40

struct service_groups { /* all zero to begin with */
    struct {
        uint32_t service;
        int directory;
        uint64_t used;
    } open[SERVICE_GROUPS_OPEN];
    size_t count;
    size_t room;    /* for so many at once; 0: not asked yet */
    uint64_t turns; /* uses so far: the clock of USED */
};

/* The group that instances of SERVICE, the one of that NUMBER, are to be in: a directory that stays
 * the cache's, good until the next call; or -errno. */
int service_groups_open(struct service_groups *groups, uint32_t number,
                        const struct service_config *service);

/* It is not there any more. */
void service_groups_forget(struct service_groups *groups, uint32_t number);

#endif
