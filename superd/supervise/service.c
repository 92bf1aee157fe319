/*
 * service: see service.h.
 */
#include "supervise/service.h"

#include <poll.h>
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
#include "supervise/listener_access.h"
#include "supervise/refusals.h"

/* A listener-mode instance that ends sooner than this, leaving its socket readable, may be looping.
 */
#define LOOP_LIFETIME_NS 1000000000ULL

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
    const struct limit_settings *limits = service->policy.limits;

    return source_of(&peer->address, peer->uid, limits->source_prefix_v4, limits->source_prefix_v6);
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

/* What a policy points to and a service owns. */
struct policy_parts {
    struct access_table *table;
    struct zone *zone;
};

static void destroy_parts(struct policy_parts parts)
{
    access_table_destroy(parts.table);
    zone_destroy(parts.zone);
}

static bool make_parts(const struct service *service, const struct service_config *config,
                       struct policy_parts *parts)
{
    const struct access_contents *contents = &service->supervisor->access_contents;

    *parts = (struct policy_parts){
        .table = access_table_create(&config->access, contents->files, contents->count)};
    if (!parts->table)
        return false;
    /* The check of the configuration has loaded this zone before: it is there. */
    if (config->access.hours_count && zone_load(config->access.time_zone, &parts->zone) < 0) {
        destroy_parts(*parts);
        return false;
    }
    return true;
}

/* Compile the rules of CONFIG and give them, with its limits, to admission. */
static bool apply_policy(struct service *service, const struct service_config *config)
{
    struct policy_parts parts, old = {service->access_table, service->zone};
    struct admission_policy policy;

    if (!make_parts(service, config, &parts))
        return false;
    policy = (struct admission_policy){.limits = &config->limits,
                                       .access = &config->access,
                                       .table = parts.table,
                                       .zone = parts.zone};
    if (service->admission)
        admission_service_configure(service->admission, &policy);
    else
        service->admission = admission_service_create(service->supervisor->admission, &policy);
    if (!service->admission) {
        destroy_parts(parts);
        return false;
    }
    destroy_parts(old);
    service->access_table = parts.table;
    service->zone = parts.zone;
    service->policy = policy;
    return true;
}

bool service_configure(struct service *service, struct generation *generation,
                       const struct service_config *config, uint32_t index)
{
    if (!apply_policy(service, config))
        return false;
    generation_hold(generation);
    if (service->generation)
        generation_release(service->generation);
    service->generation = generation;
    service->config = config;
    service->index = index;
    return true;
}

bool service_renew_access(struct service *service)
{
    if (!apply_policy(service, service->config))
        return false;
    if (service->config->mode == MODE_LISTENER)
        listener_access_apply(service);
    return true;
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
    HASH_DEL(service->supervisor->services, service);
    admission_service_destroy(service->admission);
    destroy_parts((struct policy_parts){service->access_table, service->zone});
    if (service->generation)
        generation_release(service->generation);
    uv_close((uv_handle_t *)&service->retry, on_closed);
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
        watch(listener, reason == REASON_NONE && !listener->instance && !listener->order.paused &&
                            !listener->order.draining);
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

/* Whether something still waits on a socket, and, for TCP, how much. */
static bool still_readable(const struct listener *listener)
{
    struct pollfd p = {.fd = listener->fd, .events = POLLIN};

    return listener->fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

void service_listener_returned(struct service *service, struct listener *listener,
                               const struct instance *instance)
{
    bool progress = true;

    if (clock_now_ns() - instance->running_ns < LOOP_LIFETIME_NS && still_readable(listener))
        progress = instance->queued > 0 && listener_backlog(listener->fd) < instance->queued;
    if (progress)
        throttle_succeeded(&service->throttle);
    else if (throttle_failed(&service->throttle, uv_now(&service->supervisor->loop)))
        event_throttle(service, "its handler ends without taking what waits on the socket");
}
