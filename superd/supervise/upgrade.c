/*
 * upgrade: see upgrade.h. Here: up to the exec. What follows is in take_over.c.
 */
#include "supervise/upgrade.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "supervise/generation.h"
#include "supervise/handover.h"
#include "supervise/notify.h"
#include "supervise/refusals.h"
#include "supervise/reload.h"
#include "supervise/service.h"
#include "supervise/stop.h"
#include "supervise/supervisor.h"
#include "supervise/upgrade_check.h"

#define LOOK_MS    5   /* while it is waited for quiet */
#define ERRORS_MAX 100 /* lines of a check that are told; more would be no help to anybody */

enum phase {
    PHASE_CHECKING,
    PHASE_REFUSED, /* until the loop is about to sleep: who asked may not be waiting yet */
    PHASE_CHECKED, /* until a reload that was under way is over; no other will begin */
    PHASE_QUIET
};

struct upgrade {
    struct supervisor *supervisor;
    enum phase phase;
    char *binary;
    struct upgrade_check *check; /* NULL: it has ended */
    uv_timer_t timer;
    uint64_t quiet_ms; /* QUIET: since when */
    json_t *errors;
};

/* ---- Failing -------------------------------------------------------------------------------- */

static void add_error(struct upgrade *upgrade, const char *text)
{
    json_t *value = json_string(text);

    json_array_append_new(upgrade->errors, value ? value : json_string("(not UTF-8)"));
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct upgrade *upgrade = handle->data;

    free(upgrade->binary);
    json_decref(upgrade->errors);
    free(upgrade);
}

static void go_on_serving(struct supervisor *supervisor)
{
    launchers_pause(supervisor->generation->launchers, false);
    notify_send("READY=1");
}

static void failed(struct upgrade *upgrade)
{
    struct supervisor *supervisor = upgrade->supervisor;
    const struct upgrade_result result = {.errors = upgrade->errors};
    const json_t *error;
    size_t i;

    json_array_foreach(upgrade->errors, i, error)
    {
        log_event(LEVEL_ERROR, "error", log_text("what", "upgrade"),
                  log_text("error", json_string_value(error)));
    }
    log_event(LEVEL_ERROR, "upgrade-failed", log_text("binary", upgrade->binary),
              log_u64("errors", json_array_size(upgrade->errors)));
    supervisor->upgrade = NULL;
    if (upgrade->check)
        upgrade_check_cancel(upgrade->check);
    if (upgrade->phase == PHASE_QUIET)
        go_on_serving(supervisor);
    if (supervisor->hooks.upgraded)
        supervisor->hooks.upgraded(supervisor->hooks.data, &result);
    uv_close((uv_handle_t *)&upgrade->timer, on_timer_closed);
    if (supervisor->reload_again && !supervisor->reloading && !supervisor->retiring)
        reload_begin(supervisor);
    stop_check(supervisor);
}

static void add_errno(struct upgrade *upgrade, const char *what, int error)
{
    char text[1024];

    snprintf(text, sizeof text, "%s: %s", what, strerror(-error));
    add_error(upgrade, text);
}

/* ---- The exec ------------------------------------------------------------------------------- */

static json_t *make_state(struct upgrade *upgrade)
{
    struct supervisor *supervisor = upgrade->supervisor;
    bool final = upgrade->phase == PHASE_QUIET;
    json_t *control = supervisor->hooks.save ? supervisor->hooks.save(supervisor->hooks.data, final)
                                             : NULL;
    json_t *state = handover_state(supervisor, control);

    if (state)
        json_object_set_new(state, "quiet_ms", json_integer((json_int_t)upgrade->quiet_ms));
    return state;
}

/* Returns -errno when it could not be done. */
static int exec_binary(struct upgrade *upgrade, const json_t *state, int fd)
{
    const char *notify = notify_path();
    char *arguments[] = {upgrade->binary, (char *)"-c", (char *)upgrade->supervisor->config_path,
                         NULL};
    char number[16];
    int r;

    snprintf(number, sizeof number, "%d", fd);
    r = handover_keep(state, true);
    if (r == 0)
        r = fd_set_cloexec(fd, false);
    if (r == 0 && (setenv(HANDOVER_ENVIRONMENT, number, 1) != 0 ||
                   (notify && setenv("NOTIFY_SOCKET", notify, 1) != 0)))
        r = -ENOMEM;
    if (r == 0) {
        execv(upgrade->binary, arguments);
        r = -errno;
    }
    unsetenv(HANDOVER_ENVIRONMENT);
    unsetenv("NOTIFY_SOCKET");
    handover_keep(state, false);
    return r;
}

static void step_over(struct upgrade *upgrade)
{
    json_t *state;
    int fd, r;

    refusals_write(upgrade->supervisor->refusals);
    log_event(LEVEL_INFO, "upgrade", log_text("state", "begun"),
              log_text("binary", upgrade->binary),
              log_u64("instances", upgrade->supervisor->instance_count));
    log_flush();
    state = make_state(upgrade);
    fd = state ? handover_write(state) : -ENOMEM;
    r = fd >= 0 ? exec_binary(upgrade, state, fd) : fd;
    /* Still here. */
    if (fd >= 0)
        close(fd);
    json_decref(state);
    add_errno(upgrade, fd >= 0 ? upgrade->binary : "the handover cannot be written", r);
    failed(upgrade);
}

/* ---- Quiet ---------------------------------------------------------------------------------- */

/* What is half done; NULL: nothing. */
static const char *under_way(const struct supervisor *supervisor)
{
    if (launchers_in_flight(supervisor->generation->launchers))
        return "launches";
    if (supervisor->rereading)
        return "reading files of access rules";
    if (supervisor->removing_groups)
        return "removing control groups";
    if (supervisor->tree_ends)
        return "ending processes that instances have left";
    return log_flush() ? NULL : "writing the log";
}

/* Nothing is under way: now. Otherwise the loop comes back. */
static void try_step(struct upgrade *upgrade)
{
    const char *what = under_way(upgrade->supervisor);
    char text[256];

    if (!what) {
        step_over(upgrade);
    } else if (clock_now_ms() - upgrade->quiet_ms > UPGRADE_QUIET_MS) {
        snprintf(text, sizeof text, "not finished within %d s: %s", UPGRADE_QUIET_MS / 1000, what);
        add_error(upgrade, text);
        failed(upgrade);
    }
}

static void on_look(uv_timer_t *timer)
{
    (void)timer; /* the end of this turn looks */
}

static void be_quiet(struct upgrade *upgrade)
{
    struct supervisor *supervisor = upgrade->supervisor;
    struct service *service;

    upgrade->phase = PHASE_QUIET;
    upgrade->quiet_ms = clock_now_ms();
    notify_reloading();
    launchers_pause(supervisor->generation->launchers, true);
    for (service = supervisor->services; service; service = service->hh.next) {
        if (service->config)
            service_review(service);
    }
    uv_timer_start(&upgrade->timer, on_look, LOOK_MS, LOOK_MS);
}

void upgrade_look(struct supervisor *supervisor)
{
    struct upgrade *upgrade = supervisor->upgrade;

    if (!upgrade)
        return;
    if (supervisor->state != STATE_RUNNING) {
        add_error(upgrade, "superd is stopping");
        failed(upgrade);
        return;
    }
    if (upgrade->phase == PHASE_CHECKED && !supervisor->reloading && !supervisor->retiring)
        be_quiet(upgrade);
    if (upgrade->phase == PHASE_QUIET)
        try_step(upgrade);
    else if (upgrade->phase == PHASE_REFUSED)
        failed(upgrade);
}

/* ---- The check ------------------------------------------------------------------------------ */

static void on_check_end(void *data, bool good, char *output)
{
    struct upgrade *upgrade = data;
    char *line, text[64];
    size_t more = 0;

    upgrade->check = NULL;
    if (good) {
        upgrade->phase = PHASE_CHECKED;
        return;
    }
    while ((line = strsep(&output, "\n"))) {
        if (*line && json_array_size(upgrade->errors) < ERRORS_MAX)
            add_error(upgrade, line);
        else
            more += *line != '\0';
    }
    snprintf(text, sizeof text, "and %zu more lines", more);
    if (more)
        add_error(upgrade, text);
    upgrade->phase = PHASE_REFUSED;
}

bool upgrade_reaped(struct supervisor *supervisor, pid_t pid, int status)
{
    struct upgrade *upgrade = supervisor->upgrade;

    return upgrade && upgrade->check && upgrade_check_reaped(upgrade->check, pid, status);
}

static int start_check(struct upgrade *upgrade)
{
    struct supervisor *supervisor = upgrade->supervisor;
    json_t *state = make_state(upgrade);
    int fd = state ? handover_write(state) : -ENOMEM, r;

    json_decref(state);
    if (fd < 0)
        return fd;
    r = upgrade_check_start(&(struct upgrade_check_settings){.loop = &supervisor->loop,
                                                             .binary = upgrade->binary,
                                                             .config_path = supervisor->config_path,
                                                             .state = fd,
                                                             .data = upgrade,
                                                             .on_end = on_check_end},
                            &upgrade->check);
    close(fd);
    return r;
}

bool upgrade_begin(struct supervisor *supervisor, const char *binary, const char **error_r)
{
    struct upgrade *upgrade;
    int r;

    if (supervisor->state != STATE_RUNNING || supervisor->upgrade) {
        *error_r = supervisor->upgrade ? "an upgrade is under way" : "superd is stopping";
        return false;
    }
    upgrade = calloc(1, sizeof *upgrade);
    if (upgrade) {
        upgrade->supervisor = supervisor;
        upgrade->binary = strdup(binary ? binary : supervisor->binary);
        upgrade->errors = json_array();
    }
    if (!upgrade || !upgrade->binary || !upgrade->errors) {
        if (upgrade) {
            free(upgrade->binary);
            json_decref(upgrade->errors);
        }
        free(upgrade);
        *error_r = "out of memory";
        return false;
    }
    uv_timer_init(&supervisor->loop, &upgrade->timer);
    upgrade->timer.data = upgrade;
    supervisor->upgrade = upgrade;
    r = start_check(upgrade);
    if (r < 0) {
        add_errno(upgrade, upgrade->binary, r);
        upgrade->phase = PHASE_REFUSED;
    }
    return true;
}
