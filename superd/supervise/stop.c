/*
 * stop: see stop.h.
 */
#include "supervise/stop.h"

#include "base/log.h"
#include "supervise/accept.h"
#include "supervise/groups.h"
#include "supervise/instance.h"
#include "supervise/listeners.h"
#include "supervise/notify.h"
#include "supervise/operate.h"
#include "supervise/overload.h"
#include "supervise/reaper.h"
#include "supervise/refusals.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"
#include "supervise/tree.h"

/* Every instance, safe against its removal by ACT. */
static void each_instance(struct supervisor *supervisor, void (*act)(struct instance *instance))
{
    struct instance *instance, *next;

    HASH_ITER (by_id, supervisor->by_id, instance, next) {
        act(instance);
    }
}

static void terminate(struct instance *instance)
{
    instance_end(instance, OUTCOME_TERMINATED);
}

static void kill_now(struct instance *instance)
{
    instance_end(instance, OUTCOME_TERMINATED);
    instance_kill(instance);
}

/* A listener-mode instance waits for connections that are not to come any more. */
static void terminate_listening(struct instance *instance)
{
    if (instance->config->mode == MODE_LISTENER)
        terminate(instance);
}

/* ---- STOPPED: close what the loop still has ------------------------------------------------- */

static void close_all(struct supervisor *supervisor)
{
    struct service *service, *next;

    HASH_ITER (hh, supervisor->services, service, next) {
        if (service->config)
            service_remove(service); /* without instances it goes at once */
    }
    tree_stop(supervisor);
    groups_stop(supervisor);
    uv_close((uv_handle_t *)&supervisor->sweep_timer, NULL);
    overload_stop(supervisor);
    operate_stop(supervisor);
    if (supervisor->hooks.stopped)
        supervisor->hooks.stopped(supervisor->hooks.data);
    access_files_stop(supervisor);
    stderr_readers_destroy(supervisor->stderr_readers);
    reaper_clear(supervisor);
    if (supervisor->generation)
        generation_release(supervisor->generation);
    supervisor->generation = NULL;
    uv_close((uv_handle_t *)&supervisor->signals, NULL);
    uv_close((uv_handle_t *)&supervisor->turn_end, NULL);
    uv_close((uv_handle_t *)&supervisor->more_turns, NULL);
    uv_close((uv_handle_t *)&supervisor->log_timer, NULL);
    uv_close((uv_handle_t *)&supervisor->stop_timer, NULL);
}

static void enter_stopped(struct supervisor *supervisor)
{
    supervisor->state = STATE_STOPPED;
    refusals_destroy(supervisor->refusals);
    log_event(LEVEL_INFO, "stop", log_u64("left", supervisor->instance_count));
    close_all(supervisor);
}

/* ---- TERMINATING ---------------------------------------------------------------------------- */

static void on_stragglers(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;

    log_event(LEVEL_ERROR, "error", log_text("what", "processes survive SIGKILL and are left"),
              log_u64("instances", supervisor->instance_count));
    supervisor->exit_code = EXIT_STRAGGLERS;
    enter_stopped(supervisor);
    /* Their instances hold services and generations, which end with the process. */
    uv_stop(&supervisor->loop);
}

static void enter_terminating(struct supervisor *supervisor, void (*act)(struct instance *instance))
{
    uint64_t grace = 0;
    struct instance *instance;

    supervisor->state = STATE_TERMINATING;
    for (instance = supervisor->by_id; instance; instance = instance->by_id.next) {
        if (instance->config->time.grace > grace)
            grace = instance->config->time.grace;
    }
    each_instance(supervisor, act);
    uv_timer_start(&supervisor->stop_timer, on_stragglers, grace + STOP_STRAGGLERS_MS, 0);
    stop_check(supervisor);
}

static void on_grace_over(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;

    log_event(LEVEL_INFO, "drain", log_text("state", "grace over"),
              log_u64("live", supervisor->instance_count));
    enter_terminating(supervisor, terminate);
}

/* ---- DRAINING ------------------------------------------------------------------------------- */

static void enter_draining(struct supervisor *supervisor, const char *why)
{
    uint64_t grace = supervisor->generation->config->daemon.grace_ms;
    struct service *service, *next;

    supervisor->state = STATE_DRAINING;
    notify_send("STOPPING=1");
    log_event(LEVEL_INFO, "drain", log_text("why", why),
              log_u64("live", supervisor->instance_count), log_u64("grace_ms", grace));
    HASH_ITER (hh, supervisor->services, service, next) {
        listeners_close(service);
        accept_drop_parked(service);
    }
    each_instance(supervisor, terminate_listening);
    uv_timer_start(&supervisor->stop_timer, on_grace_over, grace, 0);
    stop_check(supervisor);
}

void stop_begin(struct supervisor *supervisor, const char *why)
{
    if (supervisor->state == STATE_RUNNING) {
        enter_draining(supervisor, why);
    } else if (supervisor->state == STATE_DRAINING || supervisor->state == STATE_TERMINATING) {
        log_event(LEVEL_INFO, "drain", log_text("why", why), log_text("state", "at once"),
                  log_u64("live", supervisor->instance_count));
        enter_terminating(supervisor, kill_now);
    }
}

void stop_check(struct supervisor *supervisor)
{
    if (supervisor->state != STATE_DRAINING && supervisor->state != STATE_TERMINATING)
        return;
    if (supervisor->instance_count == 0 && !supervisor->tree_ends && !supervisor->reloading &&
        !supervisor->rereading && !supervisor->retiring && !supervisor->upgrade)
        enter_stopped(supervisor);
}
