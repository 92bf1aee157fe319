/*
 * deadlines: see deadlines.h.
 */
#include "supervise/deadlines.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "net/activity.h"
#include "supervise/instance.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

/* How often a limit that nothing announces (the client went) is looked at, between these bounds. */
#define GONE_LOOK_MIN_MS 100
#define GONE_LOOK_MAX_MS 5000

bool deadlines_need_activity(const struct service_config *config)
{
    return config->time.idle || config->time.first_byte || config->time.gone;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t gone_interval(uint64_t gone)
{
    uint64_t interval = gone / 4;

    if (interval < GONE_LOOK_MIN_MS)
        interval = GONE_LOOK_MIN_MS;
    return earlier(interval, GONE_LOOK_MAX_MS);
}

/* Bring what is remembered up to date with what the kernel counted. */
static void learn(struct deadlines *d, const struct activity *activity, uint64_t now)
{
    if (activity->received != d->received) {
        d->active_ms = now - earlier(activity->received_ms, now);
        d->received = activity->received;
    }
    if (activity->acknowledged != d->acknowledged) {
        uint64_t when = now - earlier(activity->acknowledged_ms, now);

        if (when > d->active_ms)
            d->active_ms = when;
        d->acknowledged = activity->acknowledged;
    }
    if (activity->received)
        d->first_byte_done = true;
    if (activity->open)
        d->gone_ms = 0;
    else if (!d->gone_ms)
        d->gone_ms = now;
}

/* Since when no byte has moved: none can once the connection has gone. */
static uint64_t idle_since(const struct deadlines *d)
{
    return d->gone_ms > d->active_ms ? d->gone_ms : d->active_ms;
}

/* What is over by NOW; OUTCOME_NONE: nothing. */
static enum outcome overdue(const struct time_settings *time, const struct deadlines *d, bool known,
                            uint64_t now)
{
    if (time->total && now >= d->begun_ms + time->total)
        return OUTCOME_DEADLINE;
    if (!known)
        return OUTCOME_NONE;
    if (time->gone && d->gone_ms && now >= d->gone_ms + time->gone)
        return OUTCOME_GONE;
    /* What a client sent between the last look and its going is not known. */
    if (time->first_byte && !d->first_byte_done && !d->gone_ms &&
        now >= d->begun_ms + time->first_byte)
        return OUTCOME_FIRST_BYTE;
    if (time->idle && now >= idle_since(d) + time->idle)
        return OUTCOME_IDLE;
    return OUTCOME_NONE;
}

/* When a limit may be over next; UINT64_MAX: none is left. */
static uint64_t next_look(const struct time_settings *time, const struct deadlines *d, uint64_t now)
{
    uint64_t at = time->total ? d->begun_ms + time->total : UINT64_MAX;

    if (time->gone)
        at = earlier(at, d->gone_ms ? d->gone_ms + time->gone : now + gone_interval(time->gone));
    if (time->idle)
        at = earlier(at, idle_since(d) + time->idle);
    if (time->first_byte && !d->first_byte_done && !d->gone_ms)
        at = earlier(at, d->begun_ms + time->first_byte);
    return at;
}

static bool ask(struct instance *instance, uint64_t now)
{
    struct supervisor *supervisor = instance->service->supervisor;
    struct activity activity;
    int r;

    if (!deadlines_need_activity(instance->config))
        return false;
    r = activity_ask(supervisor->activity_fd, &instance->local, &instance->peer, &activity);
    if (r < 0) {
        /* Not knowing is no reason to end somebody; the total limit still holds. */
        log_event(LEVEL_WARNING, "error", log_text("service", instance->service->name),
                  log_u64("instance", instance->id), log_text("what", "sock_diag"),
                  log_text("error", strerror(-r)));
        return false;
    }
    learn(instance->deadlines, &activity, now);
    return true;
}

static void on_look(uv_timer_t *timer)
{
    struct instance *instance = timer->data;
    const struct time_settings *time = &instance->config->time;
    uint64_t now = clock_now_ms(), at;
    bool known = ask(instance, now);
    enum outcome outcome = overdue(time, instance->deadlines, known, now);

    if (outcome != OUTCOME_NONE) {
        instance_end(instance, outcome);
        return;
    }
    at = known ? next_look(time, instance->deadlines, now)
               : earlier(now + GONE_LOOK_MAX_MS,
                         time->total ? instance->deadlines->begun_ms + time->total : UINT64_MAX);
    if (at != UINT64_MAX)
        instance_timer(instance, on_look, at > now ? at - now : 1);
}

void deadlines_begin(struct instance *instance)
{
    struct deadlines *d = instance->deadlines;
    uint64_t now = clock_now_ms(), at;

    if (!d)
        return;
    d->begun_ms = d->active_ms = now;
    at = next_look(&instance->config->time, d, now);
    if (at != UINT64_MAX)
        instance_timer(instance, on_look, at - now);
}

void deadlines_go_on(struct instance *instance)
{
    if (instance->deadlines)
        instance_timer(instance, on_look, 1);
}
