/*
 * handover_write_services: services, sources and instances for a handover. See handover.h and
 * handover_writing.h.
 */
#include <stdlib.h>
#include <utlist.h>

#include "admission/save.h"
#include "base/clock.h"
#include "supervise/deadlines.h"
#include "supervise/generation.h"
#include "supervise/handover.h"
#include "supervise/handover_writing.h"

/* ---- Small things --------------------------------------------------------------------------- */

/* As the system calls have it: the same for every program on this kernel. */
static json_t *address_json(const struct address *address)
{
    return writing_hex(&address->un, address->length);
}

static json_t *prefix_json(const struct prefix *prefix)
{
    return json_pack("[i, i, o]", prefix->family, prefix->length,
                     writing_hex(prefix->bytes, sizeof prefix->bytes));
}

static json_t *numbers(const uint64_t *values, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_integer((json_int_t)values[i]));
    return array;
}

/* Those that are not 0, by name: another version may have other ones. */
static json_t *by_name(const uint64_t *values, const char *const *names, size_t count)
{
    json_t *object = json_object();

    for (size_t i = 0; i < count; i++) {
        if (values[i])
            json_object_set_new(object, names[i], json_integer((json_int_t)values[i]));
    }
    return object;
}

static void remember(struct writing *w, const void *pointer, size_t number)
{
    struct place *place = malloc(sizeof *place);

    if (!place) {
        w->failed = true;
        return;
    }
    *place = (struct place){.pointer = pointer, .number = number};
    HASH_ADD_PTR(w->places, pointer, place);
    if (!place->hh.tbl) {
        free(place);
        w->failed = true;
    }
}

/* -1: it has none. */
static json_int_t place_of(const struct writing *w, const void *pointer)
{
    struct place *place;

    HASH_FIND_PTR(w->places, &pointer, place);
    return place ? (json_int_t)place->number : -1;
}

/* ---- Configurations ------------------------------------------------------------------------- */

/* What outlives its generation of CONFIG, once; returns its place. */
static json_int_t config_place(struct writing *w, const struct generation *generation,
                               const struct service_config *config)
{
    const struct time_settings *time = &config->time;
    json_int_t place = place_of(w, config);

    if (place >= 0)
        return place;
    place = (json_int_t)json_array_size(w->configs);
    writing_append(w, w->configs,
                   json_pack("{s:s, s:I, s:s, s:I, s:s, s:{s:I, s:I, s:I, s:I, s:I}}", "service",
                             config->name, "generation", (json_int_t)generation->number, "mode",
                             service_mode_names[config->mode], "instances",
                             (json_int_t)config->limits.instances, "cgroup",
                             sharing_names[config->isolation.cgroup], "time", "total",
                             (json_int_t)time->total, "idle", (json_int_t)time->idle, "first_byte",
                             (json_int_t)time->first_byte, "gone", (json_int_t)time->gone, "grace",
                             (json_int_t)time->grace));
    remember(w, config, (size_t)place);
    return place;
}

/* ---- Services ------------------------------------------------------------------------------- */

static json_t *listener_json(struct writing *w, const struct listener *listener)
{
    const struct listener_config *config = listener->config;

    remember(w, listener, w->listeners++);
    return json_pack("{s:o, s:o, s:i, s:o, s:b, s:b, s:b, s:o}", "key", writing_text(listener->key),
                     "written", writing_text(config->written), "type", config->type, "fd",
                     writing_descriptor(w, listener->fd), "inherited", listener->inherited,
                     "leaving", listener->leaving != NULL, "taken", listener->instance != NULL,
                     "order", writing_order(&listener->order));
}

static json_t *parked_json(struct writing *w, const struct parked *parked)
{
    if (parked->fd < 0)
        return NULL;
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:o*}", "fd",
                     writing_descriptor(w, parked->fd), "peer", address_json(&parked->peer.address),
                     "uid", (json_int_t)parked->peer.uid, "gid", (json_int_t)parked->peer.gid,
                     "pid", (json_int_t)parked->peer_pid, "listener", place_of(w, parked->listener),
                     "admitted", parked->admitted, "source",
                     parked->source ? prefix_json(admission_source_prefix(parked->source)) : NULL);
}

static json_t *histogram_json(const struct histogram *histogram)
{
    return json_pack("{s:o, s:I, s:I}", "buckets", numbers(histogram->buckets, METRICS_BOUNDS + 1),
                     "count", (json_int_t)histogram->count, "sum", (json_int_t)histogram->sum);
}

static json_t *counters_json(const struct service *service)
{
    const struct admission_counts *counts = admission_service_counts(service->admission);
    const struct rate_bucket bucket = admission_service_bucket(service->admission);
    const struct service_metrics *metrics = &service->metrics;

    return json_pack(
        "{s:I, s:o, s:[I, I], s:I, s:I, s:o, s:o, s:o, s:o, s:I}", "admitted",
        (json_int_t)counts->admitted, "refused", by_name(counts->refused, reason_names, REASON_MAX),
        "bucket", (json_int_t)bucket.level, (json_int_t)bucket.last_ms, "launched",
        (json_int_t)service->launched, "failed", (json_int_t)service->failed, "launch",
        histogram_json(&metrics->launch), "duration", histogram_json(&metrics->duration),
        "outcomes", by_name(metrics->outcomes, outcome_names, OUTCOME_MAX), "held",
        by_name(metrics->held, reason_names, REASON_MAX), "cpu_us", (json_int_t)metrics->cpu_us);
}

/* Nothing that it counted lately: NULL. */
static json_t *history_json(const struct service *service)
{
    uint64_t now = clock_now_ms();
    struct history_counts counts;
    json_t *kinds = json_array();

    if (!history_export(service->history, now, &counts)) {
        json_decref(kinds);
        return NULL;
    }
    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        json_t *steps = json_array();

        for (int i = 0; i < HISTORY_STEPS; i++)
            json_array_append_new(steps, json_integer(counts.counts[kind][i]));
        json_array_append_new(kinds, steps);
    }
    return json_pack("{s:I, s:o}", "at_ms", (json_int_t)now, "counts", kinds);
}

/* A service that was removed has no configuration but those of its instances, of which any will do. */
static const struct service_config *config_of(const struct service *service)
{
    return service->config      ? service->config
           : service->instances ? service->instances->config
                                : NULL;
}

static json_t *service_json(struct writing *w, const struct service *service)
{
    const struct service_config *config = config_of(service);
    const struct throttle *throttle = &service->throttle;
    const struct listener *listener;
    json_t *listeners = json_array();
    json_int_t place = config_place(
        w, service->config ? service->generation : service->instances->generation, config);

    DL_FOREACH (service->listeners, listener) {
        writing_append(w, listeners, listener_json(w, listener));
    }
    return json_pack("{s:s, s:I, s:b, s:o, s:o*, s:o, s:o, s:[I, I, I], s:I, s:o*}", "name",
                     service->name, "config", place, "removed", service->config == NULL,
                     "listeners", listeners, "parked", parked_json(w, &service->parked), "order",
                     writing_order(&service->order), "counters", counters_json(service), "throttle",
                     (json_int_t)throttle->failures, (json_int_t)throttle->wait_ms,
                     (json_int_t)throttle->until_ms, "dynamic_uid",
                     (json_int_t)service->dynamic_uid, "history", history_json(service));
}

json_t *write_services(struct writing *w)
{
    const struct service *service;
    json_t *array = json_array();

    for (service = w->supervisor->services; service; service = service->hh.next) {
        if (!config_of(service))
            continue;
        remember(w, service->admission, json_array_size(array));
        writing_append(w, array, service_json(w, service));
    }
    return array;
}

static void add_source(void *data, const struct source_record *record)
{
    struct writing *w = data;
    json_int_t service;

    if (!record->service) {
        writing_append(w, w->array,
                       json_pack("{s:o, s:I}", "prefix", prefix_json(&record->prefix),
                                 "trapped_until_ms", (json_int_t)record->until_ms));
        return;
    }
    service = place_of(w, record->service);
    if (service < 0)
        return;
    writing_append(w, w->array,
                   json_pack("{s:o, s:I, s:I, s:I, s:I, s:[I, I]}", "prefix",
                             prefix_json(&record->prefix), "service", service, "admitted",
                             (json_int_t)record->admitted, "refused", (json_int_t)record->refused,
                             "last_seen_ms", (json_int_t)record->last_seen_ms, "bucket",
                             (json_int_t)record->bucket.level, (json_int_t)record->bucket.last_ms));
}

json_t *write_sources(struct writing *w)
{
    json_t *array = w->array = json_array();

    admission_save(w->supervisor->admission, HANDOVER_SOURCES, add_source, w);
    return array;
}

/* ---- Instances ------------------------------------------------------------------------------ */

static json_t *deadlines_json(const struct deadlines *d)
{
    if (!d)
        return NULL;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}", "begun_ms", (json_int_t)d->begun_ms,
                     "active_ms", (json_int_t)d->active_ms, "received", (json_int_t)d->received,
                     "acknowledged", (json_int_t)d->acknowledged, "gone_ms", (json_int_t)d->gone_ms,
                     "first_byte_done", d->first_byte_done);
}

static json_t *instance_json(struct writing *w, const struct instance *instance)
{
    uint64_t timer_ms = instance->timer_open ? uv_timer_get_due_in(&instance->timer) : 0;

    return json_pack(
        "{s:I, s:I, s:I, s:i, s:s, s:b, s:I, s:I, s:b, s:o, s:o, s:I, s:I, s:I, s:I, s:o*, "
        "s:o*}",
        "id", (json_int_t)instance->id, "pid", (json_int_t)instance->pid, "config",
        config_place(w, instance->generation, instance->config), "state", (int)instance->state,
        "wanted", outcome_names[instance->wanted], "kill", instance->kill_wanted, "dynamic_uid",
        (json_int_t)instance->dynamic_uid, "via", place_of(w, instance->via), "listening",
        instance->listener != NULL, "peer", address_json(&instance->peer), "local",
        address_json(&instance->local), "uid", (json_int_t)instance->peer_uid, "begun_ns",
        (json_int_t)instance->begun_ns, "running_ns", (json_int_t)instance->running_ns, "timer_ms",
        (json_int_t)timer_ms, "deadlines", deadlines_json(instance->deadlines), "source",
        instance->source ? prefix_json(admission_source_prefix(instance->source)) : NULL);
}

/* Those that are being launched are left out: there are none when it matters. */
json_t *write_instances(struct writing *w)
{
    const struct instance *instance;
    json_t *array = json_array();

    for (instance = w->supervisor->by_id; instance; instance = instance->by_id.next) {
        if (instance->state != INSTANCE_LAUNCHING)
            writing_append(w, array, instance_json(w, instance));
    }
    return array;
}

static void add_stderr(void *data, const struct stderr_record *record)
{
    struct writing *w = data;

    writing_append(w, w->array,
                   json_pack("{s:I, s:s, s:o, s:b, s:o, s:b, s:I}", "instance",
                             (json_int_t)record->instance, "service", record->service, "fd",
                             writing_descriptor(w, record->fd), "finished", record->finished,
                             "line", writing_hex(record->line, record->line_length), "skipping",
                             record->skipping, "dropped", (json_int_t)record->dropped));
}

json_t *write_stderr(struct writing *w)
{
    json_t *array = w->array = json_array();

    stderr_readers_visit(w->supervisor->stderr_readers, add_stderr, w);
    return array;
}
