/*
 * supervisor: see supervisor.h. Here: start, the turn of the loop, signals.
 */
#include "supervise/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/memory.h"
#include "launch/isolation/cgroup.h"
#include "net/activity.h"
#include "supervise/accept.h"
#include "supervise/events.h"
#include "supervise/groups.h"
#include "supervise/notify.h"
#include "supervise/operate.h"
#include "supervise/overload.h"
#include "supervise/reaper.h"
#include "supervise/refusals.h"
#include "supervise/reload.h"
#include "supervise/service.h"
#include "supervise/stop.h"
#include "supervise/tree.h"
#include "supervise/upgrade.h"

#define HELD_PER_TURN    64  /* held services that may try in one turn of the loop */
#define LOG_RETRY_MS     100 /* a log that takes no lines is tried again so often */
#define LOG_DELAY_MS     10  /* that a line may wait for others, to be written with them */
#define SIGNALS_PER_TURN 16

/* ---- Room ----------------------------------------------------------------------------------- */

size_t supervisor_descriptors_left(const struct supervisor *supervisor)
{
    /* An instance that is being launched has its connection and both ends of a pipe here; one that
     * runs has the read end alone. */
    size_t in_flight = supervisor->generation
                           ? launchers_in_flight(supervisor->generation->launchers)
                           : 0;
    size_t used = supervisor->descriptors_fixed + stderr_readers_count(supervisor->stderr_readers) +
                  2 * in_flight;

    return used + 3 < supervisor->descriptor_limit ? supervisor->descriptor_limit - used - 3 : 0;
}

bool supervisor_reason_is_daemons(enum reason reason)
{
    return reason == REASON_LAUNCHERS || reason == REASON_DAEMON_LIMIT || reason == REASON_LOAD;
}

/* Its being active is all that matters: the loop then takes another turn instead of sleeping. */
static void on_more_turns(uv_idle_t *idle)
{
    (void)idle;
}

void supervisor_room(struct supervisor *supervisor)
{
    struct service *service;

    DL_COUNT2(supervisor->held_head, service, supervisor->held_tries, held_next);
    if (!uv_is_closing((uv_handle_t *)&supervisor->more_turns))
        uv_idle_start(&supervisor->more_turns, on_more_turns);
}

/* Let held services try, oldest first, until one of them is held again. Launchers are not everybody's:
 * who waits for his own is no reason for the next one to wait, so then each has its turn. */
static void try_held(struct supervisor *supervisor)
{
    for (int i = 0; i < HELD_PER_TURN && supervisor->held_head; i++) {
        struct service *service = supervisor->held_head;

        DL_DELETE2(supervisor->held_head, service, held_prev, held_next);
        service->in_held_list = false;
        accept_parked(service);
        service_review(service);
        if (service->in_held_list &&
            (service->held != REASON_LAUNCHERS || supervisor->held_tries <= 1)) {
            uv_idle_stop(&supervisor->more_turns);
            return;
        }
        if (supervisor->held_tries)
            supervisor->held_tries--;
    }
    if (!supervisor->held_head)
        uv_idle_stop(&supervisor->more_turns);
}

static void on_log_due(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;

    supervisor->log_due = true; /* the end of this turn flushes */
}

static void flush_log(struct supervisor *supervisor)
{
    enum log_wait waiting = log_waiting();
    bool stopped = supervisor->state == STATE_STOPPED, written = true;

    if (supervisor->log_due || stopped || waiting == LOG_WAIT_PRESSING) {
        supervisor->log_due = false;
        written = log_flush();
    } else if (waiting == LOG_WAIT_MORE && !uv_is_active((uv_handle_t *)&supervisor->log_timer)) {
        uv_timer_start(&supervisor->log_timer, on_log_due, LOG_DELAY_MS, 0);
    }
    if (!written && !stopped)
        uv_timer_start(&supervisor->log_timer, on_log_due, LOG_RETRY_MS, 0);
}

/* Before the loop sleeps. */
static void on_turn_end(uv_prepare_t *prepare)
{
    struct supervisor *supervisor = prepare->data;

    supervisor->turns++;
    reaper_collect_reports(supervisor);
    if (uv_is_active((uv_handle_t *)&supervisor->more_turns)) {
        try_held(supervisor);
        stop_check(supervisor);
    }
    upgrade_look(supervisor);
    flush_log(supervisor);
}

/* ---- Signals -------------------------------------------------------------------------------- */

static void on_signal(struct supervisor *supervisor, const struct signalfd_siginfo *info)
{
    switch (info->ssi_signo) {
    case SIGCHLD:
        reaper_signalled(supervisor, (pid_t)info->ssi_pid);
        break;
    case SIGTERM:
        stop_begin(supervisor, "SIGTERM");
        break;
    case SIGINT:
        stop_begin(supervisor, "SIGINT");
        break;
    case SIGHUP:
        reload_begin(supervisor);
        break;
    case SIGUSR2: {
        const char *error;

        if (!upgrade_begin(supervisor, NULL, &error))
            log_event(LEVEL_ERROR, "upgrade-failed", log_text("error", error));
        break;
    }
    case SIGUSR1: {
        int r = log_reopen();

        if (r < 0)
            log_event(LEVEL_ERROR, "error", log_text("what", "reopen log"),
                      log_text("error", strerror(-r)));
        break;
    }
    default:
        break;
    }
}

static void on_signals(uv_poll_t *handle, int status, int events)
{
    struct supervisor *supervisor = handle->data;
    struct signalfd_siginfo info[SIGNALS_PER_TURN];
    ssize_t n = read(supervisor->signal_fd, info, sizeof info);

    (void)status;
    (void)events;
    /* One of them may be the end: then there is nothing left to reap or reload for the others. */
    for (ssize_t i = 0; i < n / (ssize_t)sizeof *info && supervisor->state != STATE_STOPPED; i++)
        on_signal(supervisor, &info[i]);
}

/* Signals are read from a descriptor: no handler, so nothing is interrupted, and many ends of
 * children are one event. A blocked signal also reaches a pid 1, which the kernel otherwise spares.
 */
static int open_signals(struct supervisor *supervisor)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -errno;
    /* Somebody may have ignored it for us (nohup does SIGHUP); SIGCHLD ignored would reap by
     * itself. */
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN); /* launchers put it back */
    supervisor->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return supervisor->signal_fd < 0 ? -errno : 0;
}

/* ---- Start ---------------------------------------------------------------------------------- */

static void on_stderr_end(void *data, uint64_t id)
{
    struct instance *instance = instance_find(data, id);

    if (instance)
        reaper_hint(instance);
}

static int open_loop(struct supervisor *supervisor)
{
    int r = uv_loop_init(&supervisor->loop);

    if (r < 0)
        return r;
    r = open_signals(supervisor);
    if (r < 0)
        return r;
    r = stderr_readers_create(&supervisor->loop, on_stderr_end, supervisor,
                              &supervisor->stderr_readers);
    if (r < 0)
        return r;
    r = refusals_create(&supervisor->loop, &supervisor->refusals);
    if (r < 0)
        return r;
    uv_timer_init(&supervisor->loop, &supervisor->log_timer);
    uv_timer_init(&supervisor->loop, &supervisor->stop_timer);
    uv_prepare_init(&supervisor->loop, &supervisor->turn_end);
    uv_idle_init(&supervisor->loop, &supervisor->more_turns);
    supervisor->log_timer.data = supervisor->stop_timer.data = supervisor->turn_end.data =
        supervisor->signals.data = supervisor;
    tree_begin(supervisor);
    groups_begin(supervisor);
    uv_timer_init(&supervisor->loop, &supervisor->sweep_timer);
    supervisor->sweep_timer.data = supervisor;
    operate_begin(supervisor);
    overload_begin(supervisor);
    uv_timer_init(&supervisor->loop, &supervisor->access_timer);
    supervisor->access_timer.data = supervisor;
    uv_prepare_start(&supervisor->turn_end, on_turn_end);
    r = uv_poll_init(&supervisor->loop, &supervisor->signals, supervisor->signal_fd);
    if (r < 0)
        return r;
    supervisor->signals.data = supervisor;
    return uv_poll_start(&supervisor->signals, UV_READABLE, on_signals);
}

static void say_ready(struct supervisor *supervisor, int ready_fd)
{
    const struct generation *generation = supervisor->generation;

    supervisor->state = STATE_RUNNING;
    log_event(LEVEL_INFO, "ready", log_u64("generation", generation->number),
              log_u64("services", generation->config->service_count),
              log_u64("failed", generation->config->failed_count));
    log_flush();
    notify_send("READY=1\nSTATUS=serving");
    notify_ready_fd(ready_fd);
    memory_give_back();
}

int supervisor_start(struct supervisor *supervisor, struct config *config,
                     const struct supervisor_settings *settings)
{
    struct access_contents contents;
    struct diagnostics list;
    int r;

    supervisor->config_path = settings->config_path;
    supervisor->binary = settings->binary;
    supervisor->surroundings = settings->surroundings;
    supervisor->descriptors = settings->descriptors;
    supervisor->hooks = settings->hooks;
    supervisor->started_ms = clock_now_ms();
    supervisor->started_wall_us = clock_wall_us();
    supervisor->descriptor_limit = fd_limit_raise();
    supervisor->descriptors_fixed = DESCRIPTOR_RESERVE;
    supervisor->activity_fd = activity_open();
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* orphans of handlers come to us: tree.h */
    r = open_loop(supervisor);
    if (r < 0) {
        log_event(LEVEL_ERROR, "error", log_text("what", "start"), log_text("error", strerror(-r)));
        config_free(config);
        return EXIT_SYSTEM;
    }
    if (settings->handover)
        return upgrade_take_over(supervisor, config, settings->complaint, settings->handover);
    diagnostics_init(&list);
    if (!access_contents_read(config, &contents, &list) ||
        !reload_commit(supervisor, config, &contents, &list)) {
        event_diagnostics(&list);
        diagnostics_clear(&list);
        return EXIT_SYSTEM;
    }
    event_diagnostics(&list);
    diagnostics_clear(&list);
    if (supervisor->hooks.begun)
        supervisor->hooks.begun(supervisor->hooks.data);
    say_ready(supervisor, settings->ready_fd);
    return EXIT_OK;
}

int supervisor_run(struct supervisor *supervisor)
{
    uv_run(&supervisor->loop, UV_RUN_DEFAULT);
    admission_destroy(supervisor->admission);
    fd_close(&supervisor->signal_fd);
    fd_close(&supervisor->activity_fd);
    cgroup_end();
    dynamic_users_free(&supervisor->dynamic_users);
    uv_loop_close(&supervisor->loop); /* EBUSY only with stragglers, which is the end anyway */
    return supervisor->exit_code;
}
