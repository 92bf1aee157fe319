/*
 * cgroup_limits: the limits of a service or an instance as the files of its group. See cgroup.h.
 */
#include "launch/isolation/cgroup_limits.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/strbuf.h"
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
    if (settings->io_weight || settings->io_count)
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

const char *cgroup_io_text(const struct io_limit *limit, char text[CGROUP_IO_TEXT_SIZE])
{
    struct strbuf sb;

    strbuf_init(&sb, text, CGROUP_IO_TEXT_SIZE);
    strbuf_printf(&sb, "%u:%u", limit->major, limit->minor);
    for (int i = 0; i < IO_RATE_MAX; i++) {
        if (limit->rate[i] == UINT64_MAX)
            strbuf_printf(&sb, " %s=max", io_rate_names[i]);
        else
            strbuf_printf(&sb, " %s=%" PRIu64, io_rate_names[i], limit->rate[i]);
    }
    return text;
}

/* Each disk has a line of its own, which begins with its numbers; one at a time can be written. */
static void lift_io(int at)
{
    struct io_limit none = {.rate = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}};
    int fd = openat(at, "io.max", O_RDONLY | O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    char line[256], text[CGROUP_IO_TEXT_SIZE];

    while (file && fgets(line, sizeof line, file)) {
        if (sscanf(line, "%u:%u ", &none.major, &none.minor) == 2)
            fd_write_file(at, "io.max", cgroup_io_text(&none, text));
    }
    if (file)
        fclose(file);
    else
        fd_close(&fd);
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
    lift_io(at);
}

int cgroup_set_limits(int at, const struct resource_settings *limits)
{
    char text[64], io[CGROUP_IO_TEXT_SIZE];
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
    for (size_t i = 0; r == 0 && i < limits->io_count; i++)
        r = fd_write_file(at, "io.max", cgroup_io_text(&limits->io[i], io));
    return r;
}
