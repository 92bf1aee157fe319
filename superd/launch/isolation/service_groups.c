/*
 * service_groups: see service_groups.h.
 */
#include "launch/isolation/service_groups.h"

#include <sys/resource.h>

#include "base/fd.h"
#include "launch/isolation/cgroup.h"

#define OTHERS 24 /* descriptors that a launcher needs besides */

/* As many as leave room for what comes with an order, where there are very few descriptors. */
static size_t find_room(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= SERVICE_GROUPS_OPEN + OTHERS)
        return SERVICE_GROUPS_OPEN;
    return limit.rlim_cur > OTHERS ? (size_t)limit.rlim_cur - OTHERS : 1;
}

static void close_entry(struct service_groups *groups, size_t i)
{
    fd_close(&groups->open[i].directory);
    groups->open[i] = groups->open[--groups->count];
}

static size_t find(const struct service_groups *groups, uint32_t number)
{
    size_t i = 0;

    while (i < groups->count && groups->open[i].service != number)
        i++;
    return i;
}

static void close_longest_unused(struct service_groups *groups)
{
    size_t oldest = 0;

    for (size_t i = 1; i < groups->count; i++) {
        if (groups->open[i].used < groups->open[oldest].used)
            oldest = i;
    }
    close_entry(groups, oldest);
}

int service_groups_open(struct service_groups *groups, uint32_t number,
                        const struct service_config *service)
{
    size_t i = find(groups, number);

    if (i == groups->count) {
        int directory = cgroup_open(service);

        if (directory < 0)
            return directory;
        if (!groups->room)
            groups->room = find_room();
        if (groups->count == groups->room)
            close_longest_unused(groups);
        i = groups->count++;
        groups->open[i].service = number;
        groups->open[i].directory = directory;
    }
    groups->open[i].used = ++groups->turns;
    return groups->open[i].directory;
}

void service_groups_forget(struct service_groups *groups, uint32_t number)
{
    size_t i = find(groups, number);

    if (i < groups->count)
        close_entry(groups, i);
}
