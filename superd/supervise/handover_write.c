/*
 * handover_write: the state of a daemon as JSON. See handover.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

#include "admission/save.h"
#include "base/fd.h"
#include "config.h"
#include "launch/isolation/cgroup.h"
#include "net/listener.h"
#include "supervise/deadlines.h"
#include "supervise/generation.h"
#include "supervise/groups.h"
#include "supervise/handover.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

/* The place of what is pointed to in one of the arrays. */
struct place {
    const void *pointer;
    size_t number;
    UT_hash_handle hh;
};

struct writing {
    const struct supervisor *supervisor;
    struct place *places;
    json_t *descriptors, *configs;
    size_t listeners; /* so far */
    json_t *array;    /* that a visitor appends to */
    bool failed;
};

/* ---- Small things --------------------------------------------------------------------------- */

static void append(struct writing *w, json_t *array, json_t *value)
{
    if (!value || json_array_append_new(array, value) != 0)
        w->failed = true;
}

/* FD as a number, which is to survive the exec. */
static json_t *descriptor(struct writing *w, int fd)
{
    if (fd >= 0)
        append(w, w->descriptors, json_integer(fd));
    return json_integer(fd);
}

static json_t *hex(const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *byte = bytes;
    char *text = malloc(2 * length + 1);
    json_t *value;

    if (!text)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[byte[i] >> 4];
        text[2 * i + 1] = digits[byte[i] & 15];
    }
    value = json_stringn(text, 2 * length);
    free(text);
    return value;
}

/* A text that somebody else wrote, such as a path, need not be UTF-8. */
static json_t *text_json(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;

    return value || !text ? value : json_pack("{s:o}", "hex", hex(text, strlen(text)));
}

/* As the system calls have it: the same for every program on this kernel. */
static json_t *address_json(const struct address *address)
{
    return hex(&address->un, address->length);
}

static json_t *prefix_json(const struct prefix *prefix)
{
    return json_pack("[i, i, o]", prefix->family, prefix->length,
                     hex(prefix->bytes, sizeof prefix->bytes));
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

static json_t *order_json(const struct standing_order *order)
{
    return json_pack("{s:b, s:b, s:I}", "paused", order->paused, "draining", order->draining,
                     "deadline_ms", (json_int_t)order->deadline_ms);
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
    append(w, w->configs,
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
    return json_pack("{s:o, s:o, s:i, s:o, s:b, s:b, s:b, s:o}", "key", text_json(listener->key),
                     "written", text_json(config->written), "type", config->type, "fd",
                     descriptor(w, listener->fd), "inherited", listener->inherited, "leaving",
                     listener->leaving != NULL, "taken", listener->instance != NULL, "order",
                     order_json(&listener->order));
}

static json_t *parked_json(struct writing *w, const struct parked *parked)
{
    if (parked->fd < 0)
        return NULL;
    return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:o*}", "fd", descriptor(w, parked->fd),
                     "peer", address_json(&parked->peer.address), "uid",
                     (json_int_t)parked->peer.uid, "gid", (json_int_t)parked->peer.gid, "pid",
                     (json_int_t)parked->peer_pid, "listener", place_of(w, parked->listener),
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
        append(w, listeners, listener_json(w, listener));
    }
    return json_pack("{s:s, s:I, s:b, s:o, s:o*, s:o, s:o, s:[I, I, I], s:I}", "name",
                     service->name, "config", place, "removed", service->config == NULL,
                     "listeners", listeners, "parked", parked_json(w, &service->parked), "order",
                     order_json(&service->order), "counters", counters_json(service), "throttle",
                     (json_int_t)throttle->failures, (json_int_t)throttle->wait_ms,
                     (json_int_t)throttle->until_ms, "dynamic_uid",
                     (json_int_t)service->dynamic_uid);
}

static json_t *services_json(struct writing *w)
{
    const struct service *service;
    json_t *array = json_array();

    for (service = w->supervisor->services; service; service = service->hh.next) {
        if (!config_of(service))
            continue;
        remember(w, service->admission, json_array_size(array));
        append(w, array, service_json(w, service));
    }
    return array;
}

static void add_source(void *data, const struct source_record *record)
{
    struct writing *w = data;
    json_int_t service;

    if (!record->service) {
        append(w, w->array,
               json_pack("{s:o, s:I}", "prefix", prefix_json(&record->prefix), "trapped_until_ms",
                         (json_int_t)record->until_ms));
        return;
    }
    service = place_of(w, record->service);
    if (service < 0)
        return;
    append(w, w->array,
           json_pack("{s:o, s:I, s:I, s:I, s:I, s:[I, I]}", "prefix", prefix_json(&record->prefix),
                     "service", service, "admitted", (json_int_t)record->admitted, "refused",
                     (json_int_t)record->refused, "last_seen_ms", (json_int_t)record->last_seen_ms,
                     "bucket", (json_int_t)record->bucket.level,
                     (json_int_t)record->bucket.last_ms));
}

static json_t *sources_json(struct writing *w)
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
static json_t *instances_json(struct writing *w)
{
    const struct instance *instance;
    json_t *array = json_array();

    for (instance = w->supervisor->by_id; instance; instance = instance->by_id.next) {
        if (instance->state != INSTANCE_LAUNCHING)
            append(w, array, instance_json(w, instance));
    }
    return array;
}

static void add_stderr(void *data, const struct stderr_record *record)
{
    struct writing *w = data;

    append(w, w->array,
           json_pack("{s:I, s:s, s:o, s:b, s:o, s:b, s:I}", "instance",
                     (json_int_t)record->instance, "service", record->service, "fd",
                     descriptor(w, record->fd), "finished", record->finished, "line",
                     hex(record->line, record->line_length), "skipping", record->skipping,
                     "dropped", (json_int_t)record->dropped));
}

static json_t *stderr_json(struct writing *w)
{
    json_t *array = w->array = json_array();

    stderr_readers_visit(w->supervisor->stderr_readers, add_stderr, w);
    return array;
}

/* ---- The daemon ----------------------------------------------------------------------------- */

static void add_group(void *data, const char *path)
{
    struct writing *w = data;

    append(w, w->array, text_json(path));
}

static json_t *cgroup_json(struct writing *w)
{
    const char *base, *own;
    unsigned enabled;
    json_t *waiting = w->array = json_array();

    groups_visit(w->supervisor, add_group, w);
    cgroup_place(&base, &own, &enabled);
    return json_pack("{s:o, s:o, s:I, s:o}", "base", text_json(base), "own", text_json(own),
                     "enabled", (json_int_t)enabled, "waiting", waiting);
}

static json_t *inherited_json(struct writing *w)
{
    json_t *array = json_array();
    const char *name;
    bool given;
    int fd;

    for (size_t i = 0; inherited_at(i, &fd, &name, &given); i++)
        append(w, array,
               json_pack("{s:o, s:o, s:b}", "fd", descriptor(w, fd), "name", text_json(name),
                         "given", given));
    return array;
}

static json_t *config_text(const struct config *config)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    int r = file ? config_dump(config, file) : -ENOMEM;
    json_t *value = NULL;

    if (file && fclose(file) == 0 && r == 0)
        value = json_stringn(text, length); /* NULL also when a path in it is no UTF-8 */
    free(text);
    return value;
}

static json_t *daemon_json(struct writing *w)
{
    const struct supervisor *s = w->supervisor;
    const struct config *config = s->generation->config;
    uint32_t sources, instances;

    admission_bounds(s->admission, &sources, &instances);
    return json_pack(
        "{s:i, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o*, s:o*, s:[I, I], s:[I, I], "
        "s:[I, I], s:o, s:o, s:o}",
        "version", HANDOVER_VERSION, "superd", PACKAGE_VERSION, "pid", (int)getpid(), "generation",
        (json_int_t)s->generation->number, "last_instance", (json_int_t)s->last_instance,
        "started_ms", (json_int_t)s->started_ms, "started_wall_us", (json_int_t)s->started_wall_us,
        "reloads", (json_int_t)s->reloads, "upgrades", (json_int_t)s->upgrades, "turns",
        (json_int_t)s->turns, "config_text", config_text(config), "pid_file",
        text_json(config->daemon.pid_file), "limit", (json_int_t)s->descriptors.rlim_cur,
        (json_int_t)s->descriptors.rlim_max, "bounds", (json_int_t)sources, (json_int_t)instances,
        "dynamic_users", (json_int_t)s->dynamic_users.first,
        (json_int_t)(s->dynamic_users.count ? s->dynamic_users.first + s->dynamic_users.count - 1
                                            : 0),
        "order", order_json(&s->order), "cgroup", cgroup_json(w), "inherited", inherited_json(w));
}

static void set(struct writing *w, json_t *state, const char *name, json_t *value)
{
    if (!value || json_object_set_new(state, name, value) != 0)
        w->failed = true;
}

static void forget_places(struct writing *w)
{
    struct place *place, *next;

    HASH_ITER (hh, w->places, place, next) {
        HASH_DEL(w->places, place);
        free(place);
    }
}

json_t *handover_state(const struct supervisor *supervisor, json_t *control)
{
    struct writing w = {
        .supervisor = supervisor, .descriptors = json_array(), .configs = json_array()};
    json_t *state = daemon_json(&w);

    set(&w, state, "services", services_json(&w)); /* before what refers to listeners */
    set(&w, state, "sources", sources_json(&w));
    set(&w, state, "instances", instances_json(&w));
    set(&w, state, "stderr", stderr_json(&w));
    set(&w, state, "configs", w.configs);
    if (control) {
        json_array_extend(w.descriptors, json_object_get(control, "descriptors"));
        set(&w, state, "control", control);
    }
    set(&w, state, "descriptors", w.descriptors);
    forget_places(&w);
    if (!w.failed)
        return state;
    json_decref(state);
    return NULL;
}

/* ---- The memory file ------------------------------------------------------------------------ */

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);

        if (n < 0)
            return -errno;
        text += n;
        length -= (size_t)n;
    }
    return 0;
}

/* Not by json_dumpfd(), which makes a system call of each word. */
int handover_write(const json_t *state)
{
    int fd = memfd_create("superd-handover", MFD_CLOEXEC), r;
    char *text = json_dumps(state, JSON_COMPACT);

    if (fd < 0)
        r = -errno;
    else
        r = text ? write_all(fd, text, strlen(text)) : -ENOMEM;
    free(text);
    if (r == 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    fd_close(&fd);
    return r < 0 ? r : -EIO;
}

int handover_keep(const json_t *state, bool keep)
{
    const json_t *value;
    size_t i;
    int r = 0;

    json_array_foreach(json_object_get(state, "descriptors"), i, value)
    {
        int one = fd_set_cloexec((int)json_integer_value(value), !keep);

        if (one < 0)
            r = one;
    }
    return r;
}
