/*
 * service: see service.h.
 */
#include "supervise/service.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "net/listener.h"
#include "supervise/accept.h"
#include "supervise/events.h"
#include "supervise/groups.h"
#include "supervise/listener_access.h"
#include "supervise/looping.h"
#include "supervise/refusals.h"

struct service *service_find(struct supervisor *supervisor, const char *name)
{
    struct service *service;

    HASH_FIND_STR(supervisor->services, name, service);
    return service;
}

struct moment service_moment(const struct supervisor *supervisor)
{
    return (struct moment){.now_ms = uv_now(&supervisor->loop), .wall_s = (int64_t)time(NULL)};
}

struct prefix service_source(const struct service *service, const struct peer *peer)
{
    const struct limit_settings *limits = service->policy.admission.limits;

    return source_of(&peer->address, peer->uid, limits->source_prefix_v4, limits->source_prefix_v6);
}

void service_count(struct service *service, enum history_kind kind)
{
    history_count(&service->history, kind, uv_now(&service->supervisor->loop));
}

/* ---- Begin, change, end --------------------------------------------------------------------- */

struct service *service_create(struct supervisor *supervisor, const char *name)
{
    size_t size = strlen(name) + 1;
    struct service *service = calloc(1, sizeof *service + size);

    if (!service)
        return NULL;
    service->supervisor = supervisor;
    service->parked.fd = -1;
    service->dynamic_uid = (uid_t)-1;
    memcpy(service->name, name, size);
    HASH_ADD_STR(supervisor->services, name, service);
    if (!service->hh.tbl) {
        free(service);
        return NULL;
    }
    uv_timer_init(&supervisor->loop, &service->retry);
    service->retry.data = service;
    return service;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void unlist_held(struct service *service)
{
    if (!service->in_held_list)
        return;
    DL_DELETE2(service->supervisor->held_head, service, held_prev, held_next);
    service->in_held_list = false;
}

static void free_service(struct service *service)
{
    dynamic_users_give_back(&service->supervisor->dynamic_users, service->dynamic_uid);
    unlist_held(service);
    accept_drop_parked(service);
    if (service->supervisor->state != STATE_STOPPED)
        refusals_forget(service->supervisor->refusals, service);
    if (service->generation)
        groups_leave(service->supervisor, service->name);
    HASH_DEL(service->supervisor->services, service);
    admission_service_destroy(service->admission);
    policy_destroy(&service->policy);
    free(service->history);
    if (service->generation)
        generation_release(service->generation);
    uv_close((uv_handle_t *)&service->retry, on_closed);
}

/* The policy in force is POLICY, taken over, from here on. */
static void enforce(struct service *service, struct policy *policy)
{
    struct policy old = service->policy;

    admission_service_configure(service->admission, &policy->admission);
    service->policy = *policy;
    *policy = (struct policy){0};
    policy_destroy(&old);
}

bool service_prepare(struct supervisor *supervisor, const struct service_config *config,
                     const struct access_contents *contents, struct service_change *change_r)
{
    struct service_change change = {.service = service_find(supervisor, config->name)};

    if (!policy_make(config, contents, &change.policy))
        return false;
    if (!change.service) {
        change.service = service_create(supervisor, config->name);
        change.fresh = change.service != NULL;
    }
    if (change.service && !change.service->admission)
        change.service->admission = admission_service_create(supervisor->admission,
                                                             &change.policy.admission);
    if (!change.service || !change.service->admission) {
        service_abandon(&change);
        return false;
    }
    *change_r = change;
    return true;
}

void service_abandon(struct service_change *change)
{
    if (change->fresh)
        free_service(change->service);
    policy_destroy(&change->policy);
}

void service_commit(struct service_change *change, struct generation *generation,
                    const struct service_config *config, uint32_t index)
{
    struct service *service = change->service;

    enforce(service, &change->policy);
    if (config->isolation.cgroup == SHARING_OFF && service->generation &&
        (!service->config || service->config->isolation.cgroup != SHARING_OFF))
        groups_leave(service->supervisor, service->name);
    generation_hold(generation);
    if (service->generation)
        generation_release(service->generation);
    service->generation = generation;
    service->config = config;
    service->index = index;
}

bool service_renew_access(struct service *service)
{
    struct policy policy;

    if (!policy_make(service->config, &service->supervisor->access_contents, &policy))
        return false;
    enforce(service, &policy);
    if (service->config->mode == MODE_LISTENER)
        listener_access_apply(service);
    service_review(service);
    return true;
}

void service_remove(struct service *service)
{
    service->config = NULL;
    uv_timer_stop(&service->retry);
    unlist_held(service);
    accept_drop_parked(service);
    if (service->instance_count == 0)
        free_service(service);
}

/* ---- Watching ------------------------------------------------------------------------------- */

/* Where the next connection needs a dynamic user: is there one? */
static bool has_user(const struct service *service, uint64_t now_ms, uint64_t *retry_ms)
{
    enum dynamic_user dynamic = service->config->identity.dynamic;

    if (dynamic == DYNAMIC_NO || (dynamic == DYNAMIC_SERVICE && service->dynamic_uid != (uid_t)-1))
        return true;
    return dynamic_users_room(&service->supervisor->dynamic_users, now_ms, retry_ms);
}

enum reason service_hold_reason(struct service *service, uint64_t *retry_ms)
{
    struct supervisor *supervisor = service->supervisor;
    struct moment moment = service_moment(supervisor);
    struct verdict verdict;

    *retry_ms = 0;
    if (supervisor->state > STATE_RUNNING || !service->config || supervisor->order.draining ||
        service->order.draining)
        return REASON_DRAINING;
    if (supervisor->order.paused || service->order.paused)
        return REASON_PAUSED;
    if (throttle_active(&service->throttle, moment.now_ms)) {
        *retry_ms = service->throttle.until_ms;
        return REASON_THROTTLED;
    }
    if (!launchers_room(service->generation->launchers, service->index))
        return REASON_LAUNCHERS;
    if (supervisor_descriptors_left(supervisor) == 0)
        return REASON_DAEMON_LIMIT;
    if (!has_user(service, moment.now_ms, retry_ms))
        return REASON_DYNAMIC_USERS;
    verdict = admission_ready(service->admission, moment);
    if (verdict.decision != DECISION_HOLD)
        return service->parked.fd >= 0 ? REASON_SERVICE_LIMIT : REASON_NONE;
    if (verdict.reason == REASON_SERVICE_LIMIT && service->parked.fd < 0 &&
        admission_look_ahead(service->admission))
        return REASON_NONE; /* one connection is accepted, to see whose it is */
    *retry_ms = verdict.retry_ms ? moment.now_ms + verdict.retry_ms : 0;
    return verdict.reason;
}

static void watch(struct listener *listener, bool wanted)
{
    if (listener->fd < 0 || wanted == listener->watched)
        return;
    if (wanted)
        uv_poll_start(&listener->poll, UV_READABLE, accept_ready_cb);
    else
        uv_poll_stop(&listener->poll);
    listener->watched = wanted;
}

static void on_retry(uv_timer_t *timer)
{
    accept_parked(timer->data);
    service_review(timer->data);
}

static void wait_for(struct service *service, enum reason reason, uint64_t retry_ms)
{
    uint64_t now = uv_now(&service->supervisor->loop);

    if (retry_ms)
        uv_timer_start(&service->retry, on_retry, retry_ms > now ? retry_ms - now : 0, 0);
    else
        uv_timer_stop(&service->retry);
    if (!supervisor_reason_is_daemons(reason)) {
        unlist_held(service);
    } else if (!service->in_held_list) {
        DL_APPEND2(service->supervisor->held_head, service, held_prev, held_next);
        service->in_held_list = true;
    }
}

/* A full service is held and resumed at each end of an instance: the log has the first of it, and then
 * one hold with its resume an interval, with the number of those between. */
static void say_hold(struct service *service, enum reason reason)
{
    uint64_t now = uv_now(&service->supervisor->loop);
    uint64_t interval = service->supervisor->generation->config->daemon.log_summary_ms;

    if (reason == REASON_NONE) {
        if (service->hold_said)
            event_resume(service);
        service->hold_said = false;
    } else if (reason == REASON_LAUNCHERS) {
        event_hold(service, reason); /* for debugging alone, so it does not count */
    } else if (!service->hold_said_ms || now - service->hold_said_ms >= interval) {
        event_hold(service, reason);
        service->hold_said = true;
        service->hold_said_ms = now ? now : 1;
        service->holds_unsaid = 0;
    } else {
        service->holds_unsaid++;
    }
}

void service_review(struct service *service)
{
    uint64_t retry_ms = 0;
    enum reason reason = service_hold_reason(service, &retry_ms);
    struct listener *listener;

    DL_FOREACH (service->listeners, listener) {
        watch(listener, reason == REASON_NONE && !listener->instance && !listener->closed &&
                            !listener->order.paused && !listener->order.draining);
    }
    wait_for(service, reason, retry_ms);
    if (reason == service->held)
        return;
    service->metrics.held[reason]++;
    say_hold(service, reason);
    service->held = reason;
}

void service_instance_gone(struct service *service)
{
    struct supervisor *supervisor = service->supervisor;

    if (!service->config) {
        if (service->instance_count == 0)
            free_service(service);
    } else {
        accept_parked(service);
        if (service->held != REASON_NONE || service->config->mode == MODE_LISTENER ||
            service->throttle.until_ms)
            service_review(service);
    }
    if (supervisor->held_head || supervisor->state > STATE_RUNNING)
        supervisor_room(supervisor);
}

/* ---- Throttle ------------------------------------------------------------------------------- */

static void event_throttle(const struct service *service, const char *why)
{
    log_event(LEVEL_ERROR, "throttle", log_text("service", service->name), log_text("why", why),
              log_u64("seconds", service->throttle.wait_ms / 1000),
              log_u64("failures", service->throttle.failures));
}

void service_launch_failed(struct service *service)
{
    service->failed++;
    if (throttle_failed(&service->throttle, uv_now(&service->supervisor->loop)))
        event_throttle(service, "launches fail");
}

void service_launch_succeeded(struct service *service)
{
    service->launched++;
    /* In listener mode a launch proves nothing: see service_listener_returned(). */
    if (!service->config || service->config->mode != MODE_LISTENER)
        throttle_succeeded(&service->throttle);
}

void service_listener_returned(struct service *service, struct listener *listener,
                               const struct instance *instance)
{
    if (!looping_after(listener, instance))
        throttle_succeeded(&service->throttle);
    else if (throttle_failed(&service->throttle, uv_now(&service->supervisor->loop)))
        event_throttle(service, "its handler ends without taking what waits on the socket");
}
