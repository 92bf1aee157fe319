/*
 * overload: see overload.h. Files of /proc are made by the kernel while they are read, so reading them
 * here does not block.
 */
#include "supervise/overload.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admission/admission.h"
#include "base/log.h"
#include "config/config.h"
#include "supervise/generation.h"
#include "supervise/supervisor.h"

bool overload_parse_load(const char *text, double *load_r)
{
    return sscanf(text, "%lf", load_r) == 1;
}

bool overload_parse_pressure(const char *text, double *percent_r)
{
    return sscanf(text, "some avg10=%lf", percent_r) == 1;
}

static bool above(const char *path, bool (*parse)(const char *text, double *value_r), double limit)
{
    char text[256];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    double value;
    ssize_t n;

    if (fd < 0)
        return false; /* the check of the configuration said that it is missing */
    n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return parse(text, &value) && value > limit;
}

static void on_look(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    const struct daemon_settings *settings = &supervisor->generation->config->daemon;
    bool overloaded = (settings->load > 0 &&
                       above("/proc/loadavg", overload_parse_load, settings->load)) ||
                      (settings->pressure > 0 &&
                       above("/proc/pressure/cpu", overload_parse_pressure, settings->pressure));

    admission_set_overload(supervisor->admission, overloaded);
    if (!overloaded && supervisor->held_head)
        supervisor_room(supervisor);
}

void overload_begin(struct supervisor *supervisor)
{
    uv_timer_init(&supervisor->loop, &supervisor->overload_timer);
    supervisor->overload_timer.data = supervisor;
}

void overload_configure(struct supervisor *supervisor)
{
    const struct daemon_settings *settings = &supervisor->generation->config->daemon;

    uv_timer_stop(&supervisor->overload_timer);
    admission_set_overload(supervisor->admission, false);
    if (settings->load <= 0 && settings->pressure <= 0)
        return;
    on_look(&supervisor->overload_timer);
    uv_timer_start(&supervisor->overload_timer, on_look, OVERLOAD_INTERVAL_MS,
                   OVERLOAD_INTERVAL_MS);
}

void overload_stop(struct supervisor *supervisor)
{
    uv_close((uv_handle_t *)&supervisor->overload_timer, NULL);
}
