/*
 * cgroup_usage: see cgroup_usage.h.
 */
#include "launch/isolation/cgroup_usage.h"

#include <string.h>

#include "base/units.h"
#include "launch/isolation/cgroup_host.h"

static uint64_t number_in(const char *path, const char *name)
{
    uint64_t number;
    char text[32];

    if (!cgroup_read(path, name, text, sizeof text))
        return CGROUP_UNKNOWN;
    text[strcspn(text, "\n")] = '\0';
    return units_parse_number(text, UINT64_MAX - 1, &number) ? number : CGROUP_UNKNOWN;
}

/* "usage_usec N" is the first line; the file is there without any controller. */
static uint64_t processor_time(const char *path)
{
    static const char name[] = "usage_usec ";
    char text[1024], *at;
    uint64_t number;

    if (!cgroup_read(path, "cpu.stat", text, sizeof text) || !(at = strstr(text, name)))
        return CGROUP_UNKNOWN;
    at += sizeof name - 1;
    at[strcspn(at, "\n")] = '\0';
    return units_parse_number(at, UINT64_MAX - 1, &number) ? number : CGROUP_UNKNOWN;
}

void cgroup_usage(const char *path, struct cgroup_usage *usage_r)
{
    *usage_r = (struct cgroup_usage){.cpu_us = processor_time(path),
                                     .memory = number_in(path, "memory.current"),
                                     .memory_peak = number_in(path, "memory.peak"),
                                     .processes = number_in(path, "pids.current")};
}
