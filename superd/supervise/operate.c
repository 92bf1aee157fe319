/*
 * operate: see operate.h. One timer for all deadlines: there are few, and it looks for the next one
 * when it has fired.
 */
#include "supervise/operate.h"

#include <utlist.h>

#include "base/log.h"
#include "supervise/instance.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

static struct standing_order *order_of(struct supervisor *supervisor, struct scope scope)
{
    if (scope.listener)
        return &scope.listener->order;
    return scope.service ? &scope.service->order : &supervisor->order;
}

static bool in_scope(const struct instance *instance, struct scope scope)
{
    if (scope.listener)
        return instance->via == scope.listener;
    return !scope.service || instance->service == scope.service;
}

uint32_t operate_live(const struct supervisor *supervisor, struct scope scope)
{
    if (scope.listener)
        return scope.listener->live;
    return scope.service ? scope.service->instance_count : (uint32_t)supervisor->instance_count;
}

static void say(struct supervisor *supervisor, struct scope scope, const char *state)
{
    struct service *service = scope.listener ? scope.listener->service : scope.service;

    log_event(LEVEL_INFO, "drain", log_text("state", state),
              log_text("service", service ? service->name : NULL),
              log_text("listener", scope.listener ? scope.listener->config->written : NULL),
              log_u64("live", operate_live(supervisor, scope)));
}

static void review(struct supervisor *supervisor, struct scope scope)
{
    struct service *service, *next;

    if (scope.listener)
        scope.service = scope.listener->service;
    HASH_ITER (hh, supervisor->services, service, next) {
        if (service->config && (!scope.service || service == scope.service))
            service_review(service);
    }
}

/* ---- Ending instances ----------------------------------------------------------------------- */

/* All of the scope, or those alone that hold a listening socket. Ending one does not take it out of
 * the table: reaping does. */
static void end_instances(struct supervisor *supervisor, struct scope scope, bool listening_only)
{
    struct instance *instance, *next;

    HASH_ITER (by_id, supervisor->by_id, instance, next) {
        if (in_scope(instance, scope) &&
            (!listening_only || instance->config->mode == MODE_LISTENER))
            instance_end(instance, OUTCOME_TERMINATED);
    }
}

/* ---- Deadlines ------------------------------------------------------------------------------ */

/* End what is due; returns the earlier of NEXT and the deadline that is still to come. */
static uint64_t look_at(struct supervisor *supervisor, struct scope scope, uint64_t now,
                        uint64_t next)
{
    struct standing_order *order = order_of(supervisor, scope);

    if (!order->draining || order->deadline_ms == UINT64_MAX)
        return next;
    if (order->deadline_ms > now)
        return order->deadline_ms < next ? order->deadline_ms : next;
    order->deadline_ms = UINT64_MAX;
    if (operate_live(supervisor, scope) > 0) {
        say(supervisor, scope, "deadline");
        end_instances(supervisor, scope, false);
    }
    return next;
}

static void on_deadline(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    uint64_t now = uv_now(&supervisor->loop);
    uint64_t next = look_at(supervisor, (struct scope){0}, now, UINT64_MAX);
    struct service *service, *following;
    struct listener *listener;

    HASH_ITER (hh, supervisor->services, service, following) {
        next = look_at(supervisor, (struct scope){.service = service}, now, next);
        DL_FOREACH (service->listeners, listener) {
            next = look_at(supervisor, (struct scope){.listener = listener}, now, next);
        }
    }
    if (next != UINT64_MAX)
        uv_timer_start(timer, on_deadline, next - now, 0);
}

/* ---- What is asked -------------------------------------------------------------------------- */

void operate_pause(struct supervisor *supervisor, struct scope scope)
{
    order_of(supervisor, scope)->paused = true;
    review(supervisor, scope);
}

void operate_resume(struct supervisor *supervisor, struct scope scope)
{
    *order_of(supervisor, scope) = (struct standing_order){0};
    review(supervisor, scope);
}

static void drained(struct supervisor *supervisor, struct scope scope)
{
    say(supervisor, scope, "done");
    if (supervisor->hooks.drained)
        supervisor->hooks.drained(supervisor->hooks.data);
}

void operate_drain(struct supervisor *supervisor, struct scope scope, uint64_t deadline_ms)
{
    uint64_t now = uv_now(&supervisor->loop);
    struct standing_order *order = order_of(supervisor, scope);

    order->draining = true;
    order->deadline_ms = deadline_ms < UINT64_MAX - now ? now + deadline_ms : UINT64_MAX;
    say(supervisor, scope, "begun");
    review(supervisor, scope);
    end_instances(supervisor, scope, true);
    if (operate_live(supervisor, scope) == 0)
        drained(supervisor, scope);
    else
        on_deadline(&supervisor->drain_timer);
}

void operate_go_on(struct supervisor *supervisor)
{
    on_deadline(&supervisor->drain_timer);
}

void operate_ended(struct service *service, struct listener *listener)
{
    struct supervisor *supervisor = service->supervisor;
    const struct scope scopes[] = {{.listener = listener}, {.service = service}, {.service = NULL}};

    for (int i = listener ? 0 : 1; i < 3; i++) {
        if (order_of(supervisor, scopes[i])->draining && operate_live(supervisor, scopes[i]) == 0)
            drained(supervisor, scopes[i]);
    }
}

void operate_forget(struct supervisor *supervisor, struct listener *listener)
{
    struct instance *instance, *next_instance;
    struct service *service, *next;

    HASH_ITER (hh, supervisor->services, service, next) {
        if (service->parked.listener == listener)
            service->parked.listener = NULL;
    }
    if (listener->live == 0)
        return;
    HASH_ITER (by_id, supervisor->by_id, instance, next_instance) {
        if (instance->via == listener)
            instance->via = NULL;
    }
    listener->live = 0;
}

void operate_begin(struct supervisor *supervisor)
{
    uv_timer_init(&supervisor->loop, &supervisor->drain_timer);
    supervisor->drain_timer.data = supervisor;
}

void operate_stop(struct supervisor *supervisor)
{
    uv_close((uv_handle_t *)&supervisor->drain_timer, NULL);
}
