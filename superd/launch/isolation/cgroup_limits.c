/*
 * cgroup_limits: the limits of a service or an instance as the files of its group. See cgroup.h.
 */
#include "launch/isolation/cgroup_limits.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fd.h"
#include "config/config.h"
#include "launch/isolation/cgroup.h"

#define PERIOD_US 100000 /* over which a quota of processor time is counted */

unsigned cgroup_controllers_of(const struct resource_settings *settings)
{
    unsigned controllers = 0;

    if (settings->memory.set || settings->swap.set)
        controllers |= CONTROLLER_MEMORY;
    if (settings->processes.set)
        controllers |= CONTROLLER_PIDS;
    if (settings->cpu || settings->cpu_weight)
        controllers |= CONTROLLER_CPU;
    if (settings->io_weight)
        controllers |= CONTROLLER_IO;
    return controllers;
}

static int set_amount(int at, const char *name, uint64_t amount)
{
    char text[32];

    if (amount == UINT64_MAX)
        return fd_write_file(at, name, "max");
    snprintf(text, sizeof text, "%" PRIu64, amount);
    return fd_write_file(at, name, text);
}

/* A file that is not there limits nothing. */
void cgroup_lift_limits(int at, const struct resource_settings *limits)
{
    if (!limits->memory.set || limits->memory.soft == limits->memory.hard)
        fd_write_file(at, "memory.high", "max");
    if (!limits->memory.set)
        fd_write_file(at, "memory.max", "max");
    if (!limits->swap.set)
        fd_write_file(at, "memory.swap.max", "max");
    if (!limits->processes.set)
        fd_write_file(at, "pids.max", "max");
    if (!limits->cpu)
        fd_write_file(at, "cpu.max", "max");
    if (!limits->cpu_weight)
        fd_write_file(at, "cpu.weight", "100");
    if (!limits->io_weight)
        fd_write_file(at, "io.weight", "default 100");
}

int cgroup_set_limits(int at, const struct resource_settings *limits)
{
    char text[64];
    int r = 0;

    if (limits->memory.set) {
        r = set_amount(at, "memory.max", limits->memory.hard);
        if (r == 0 && limits->memory.soft != limits->memory.hard)
            r = set_amount(at, "memory.high", limits->memory.soft);
    }
    if (r == 0 && limits->swap.set)
        r = set_amount(at, "memory.swap.max", limits->swap.hard);
    if (r == 0 && limits->processes.set)
        r = set_amount(at, "pids.max", limits->processes.hard);
    if (r == 0 && limits->cpu) {
        snprintf(text, sizeof text, "%" PRIu64 " %d", (uint64_t)limits->cpu * PERIOD_US / 100,
                 PERIOD_US);
        r = fd_write_file(at, "cpu.max", text);
    }
    if (r == 0 && limits->cpu_weight)
        r = set_amount(at, "cpu.weight", limits->cpu_weight);
    if (r == 0 && limits->io_weight)
        r = set_amount(at, "io.weight", limits->io_weight);
    return r;
}
