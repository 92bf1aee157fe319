/*
 * handover_services: configurations, services, listeners and sources of a handover. See handover.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "admission/save.h"
#include "base/clock.h"
#include "base/fd.h"
#include "net/filter.h"
#include "net/listener.h"
#include "supervise/generation.h"
#include "supervise/handover_reading.h"

/* ---- Configurations ------------------------------------------------------------------------- */

static struct config *make_config(void)
{
    struct arena *arena = arena_create();
    struct config *config = arena ? arena_alloc(arena, sizeof *config) : NULL;

    if (!config) {
        arena_destroy(arena);
        return NULL;
    }
    config->arena = arena;
    config->daemon.log_addresses = "full";
    return config;
}

static struct generation *make_generation(struct reading *r, uint64_t number)
{
    struct generation **larger = realloc(r->generations,
                                         (r->generation_count + 1) * sizeof *larger);
    struct generation *generation = calloc(1, sizeof *generation);

    if (larger)
        r->generations = larger;
    if (generation)
        generation->config = make_config();
    if (!larger || !generation || !generation->config) {
        free(generation);
        return NULL;
    }
    generation->number = number;
    generation->references = 1;
    r->generations[r->generation_count++] = generation;
    return generation;
}

static struct generation *find_generation(struct reading *r, uint64_t number)
{
    for (size_t i = 0; i < r->generation_count; i++) {
        if (r->generations[i]->number == number)
            return r->generations[i];
    }
    return make_generation(r, number);
}

static int index_of(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return -1;
}

static bool read_config(struct reading *r, const json_t *value, struct born *born)
{
    const char *name, *mode, *cgroup;
    json_int_t number, instances, total, idle, first_byte, gone, grace;
    struct service_config *config;
    int mode_index, cgroup_index;

    if (json_unpack((json_t *)value, "{s:s, s:I, s:s, s:I, s:s, s:{s:I, s:I, s:I, s:I, s:I}}",
                    "service", &name, "generation", &number, "mode", &mode, "instances", &instances,
                    "cgroup", &cgroup, "time", "total", &total, "idle", &idle, "first_byte",
                    &first_byte, "gone", &gone, "grace", &grace) != 0)
        return reading_wrong(r, "a configuration is not as it should be");
    mode_index = index_of(mode, service_mode_names, MODE_MAX);
    cgroup_index = index_of(cgroup, sharing_names, SHARING_MAX);
    if (mode_index < 0 || cgroup_index < 0)
        return reading_wrong(r, "service %s has a mode or a control group that is not known", name);
    born->generation = find_generation(r, (uint64_t)number);
    if (!born->generation)
        return reading_wrong(r, "out of memory");
    config = arena_alloc(born->generation->config->arena, sizeof *config);
    if (!config || !(config->name = arena_strdup(born->generation->config->arena, name)))
        return reading_wrong(r, "out of memory");
    config->mode = (enum service_mode)mode_index;
    config->isolation.cgroup = (enum sharing)cgroup_index;
    config->limits.instances = (uint32_t)instances;
    config->limits.per_source = (uint32_t)instances;
    config->time = (struct time_settings){(uint64_t)total, (uint64_t)idle, (uint64_t)first_byte,
                                          (uint64_t)gone, (uint64_t)grace};
    born->config = config;
    return true;
}

bool read_configs(struct reading *r)
{
    const json_t *array = reading_array(r, r->state, "configs"), *value,
                 *current = json_object_get(r->state, "generation");
    struct generation *generation;
    size_t i;

    r->configs = calloc(json_array_size(array) + 1, sizeof *r->configs);
    if (!array || !r->configs || !json_is_integer(current))
        return reading_wrong(r, "\"generation\" is missing");
    json_array_foreach(array, i, value)
    {
        if (!read_config(r, value, &r->configs[r->config_count]))
            return false;
        r->config_count++;
    }
    generation = find_generation(r, (uint64_t)json_integer_value(current));
    if (!generation)
        return reading_wrong(r, "out of memory");
    if (r->supervisor) {
        generation_hold(generation);
        r->supervisor->generation = generation;
    }
    return true;
}

/* ---- Listeners ------------------------------------------------------------------------------ */

/* Have the loop know FD without changing it: uv_poll_init() would make it non-blocking, which belongs to
 * the open file, and a handler that has the socket expects to block. So another file stands at its
 * number for a moment. */
static int init_poll_of_taken(uv_loop_t *loop, uv_poll_t *poll, int fd)
{
    int keep = fd_dup_above(fd, 3), other = eventfd(0, EFD_CLOEXEC), r = -errno;

    if (keep >= 0 && other >= 0 && dup3(other, fd, O_CLOEXEC) >= 0) {
        r = uv_poll_init(loop, poll, fd);
        if (dup3(keep, fd, O_CLOEXEC) < 0)
            r = -errno;
    }
    fd_close(&keep);
    fd_close(&other);
    return r;
}

static bool open_listener(struct listener *listener, uv_loop_t *loop, bool taken, bool leaving)
{
    if (listener->fd < 0)
        return true;
    listener_bound(listener->fd, &listener->bound);
    if ((taken ? init_poll_of_taken(loop, &listener->poll, listener->fd)
               : uv_poll_init(loop, &listener->poll, listener->fd)) < 0)
        return false;
    listener->poll.data = listener;
    listener->poll_open = true;
    /* Whether it still leaves, the configuration to come decides anew. */
    if (leaving)
        filter_set(listener->fd, NULL, 0, true);
    return true;
}

/* Make the listener of SERVICE; its configuration, in part, lives as GENERATION does. */
static struct listener *make_listener(struct service *service, char *key, const char *written,
                                      int type)
{
    struct arena *arena = service->generation->config->arena;
    struct listener_config *config = arena_alloc(arena, sizeof *config);
    struct listener *listener = calloc(1, sizeof *listener);

    if (!config || !listener || !key || !written || !(config->key = arena_strdup(arena, key)) ||
        !(config->written = arena_strdup(arena, written))) {
        free(listener);
        free(key);
        return NULL;
    }
    config->type = type;
    listener->config = config;
    listener->key = key;
    listener->service = service;
    return listener;
}

static bool read_listener(struct reading *r, const json_t *value, struct service *service)
{
    int type, fd, inherited, leaving, taken, paused, draining;
    json_t *key, *written;
    json_int_t deadline;
    struct listener *listener, **larger;
    char *text;

    larger = realloc(r->listeners, (r->listener_count + 1) * sizeof *larger);
    if (!larger)
        return reading_wrong(r, "out of memory");
    r->listeners = larger;
    r->listeners[r->listener_count++] = NULL;
    if (json_unpack((json_t *)value, "{s:o, s:o, s:i, s:i, s:b, s:b, s:b, s:{s:b, s:b, s:I}}",
                    "key", &key, "written", &written, "type", &type, "fd", &fd, "inherited",
                    &inherited, "leaving", &leaving, "taken", &taken, "order", "paused", &paused,
                    "draining", &draining, "deadline_ms", &deadline) != 0)
        return reading_wrong(r, "a listener is not as it should be");
    if (!service)
        return true;
    text = reading_text(written);
    listener = make_listener(service, reading_text(key), text, type);
    free(text);
    if (!listener)
        return reading_wrong(r, "out of memory");
    listener->fd = fd;
    listener->inherited = inherited;
    listener->order = (struct standing_order){paused, draining, (uint64_t)deadline};
    DL_APPEND(service->listeners, listener);
    r->listeners[r->listener_count - 1] = listener;
    if (!reading_descriptor(r, fd) ||
        !open_listener(listener, &r->supervisor->loop, taken, leaving))
        return reading_wrong(r, "listener %s cannot be watched", listener->key);
    return true;
}

/* ---- Services ------------------------------------------------------------------------------- */

static void read_histogram(const json_t *value, struct histogram *histogram)
{
    const json_t *buckets = json_object_get(value, "buckets");

    if (json_array_size(buckets) != METRICS_BOUNDS + 1)
        return; /* of other bounds: it begins anew */
    for (size_t i = 0; i <= METRICS_BOUNDS; i++)
        histogram->buckets[i] = (uint64_t)json_integer_value(json_array_get(buckets, i));
    histogram->count = (uint64_t)json_integer_value(json_object_get(value, "count"));
    histogram->sum = (uint64_t)json_integer_value(json_object_get(value, "sum"));
}

static bool read_counters(struct reading *r, const json_t *value, struct service *service)
{
    json_int_t admitted, level, last, launched, failed, cpu;
    json_t *refused, *launch, *duration, *outcomes, *held;
    struct admission_counts counts = {0};

    if (json_unpack((json_t *)value, "{s:I, s:o, s:[I, I], s:I, s:I, s:o, s:o, s:o, s:o, s:I}",
                    "admitted", &admitted, "refused", &refused, "bucket", &level, &last, "launched",
                    &launched, "failed", &failed, "launch", &launch, "duration", &duration,
                    "outcomes", &outcomes, "held", &held, "cpu_us", &cpu) != 0)
        return reading_wrong(r, "the counters of a service are not as they should be");
    if (!service)
        return true;
    counts.admitted = (uint64_t)admitted;
    reading_by_name(refused, reason_names, REASON_MAX, counts.refused);
    admission_load_service(service->admission, &counts,
                           (struct rate_bucket){(uint64_t)level, (uint64_t)last});
    service->launched = (uint64_t)launched;
    service->failed = (uint64_t)failed;
    read_histogram(launch, &service->metrics.launch);
    read_histogram(duration, &service->metrics.duration);
    reading_by_name(outcomes, outcome_names, OUTCOME_MAX, service->metrics.outcomes);
    reading_by_name(held, reason_names, REASON_MAX, service->metrics.held);
    service->metrics.cpu_us = (uint64_t)cpu;
    return true;
}

/* It is for looking at alone: what is not as it should be is left out. */
static void read_history(const json_t *value, struct service *service)
{
    const json_t *kinds = json_object_get(value, "counts");
    struct history_counts counts = {0};

    if (json_array_size(kinds) != HISTORY_KINDS)
        return;
    for (size_t kind = 0; kind < HISTORY_KINDS; kind++) {
        const json_t *steps = json_array_get(kinds, kind);

        if (json_array_size(steps) != HISTORY_STEPS)
            return;
        for (size_t i = 0; i < HISTORY_STEPS; i++)
            counts.counts[kind][i] = (uint32_t)json_integer_value(json_array_get(steps, i));
    }
    history_import(&service->history, (uint64_t)json_integer_value(json_object_get(value, "at_ms")),
                   &counts);
}

static bool read_parked(struct reading *r, const json_t *value, struct service *service)
{
    json_int_t uid, gid, pid, listener;
    json_t *peer, *source = NULL;
    struct prefix prefix;
    struct parked parked = {0};
    int admitted;

    if (!value)
        return true;
    if (json_unpack((json_t *)value, "{s:i, s:o, s:I, s:I, s:I, s:I, s:b, s?o}", "fd", &parked.fd,
                    "peer", &peer, "uid", &uid, "gid", &gid, "pid", &pid, "listener", &listener,
                    "admitted", &admitted, "source", &source) != 0 ||
        !reading_address(peer, &parked.peer.address) ||
        (source && !reading_prefix(source, &prefix)) ||
        (listener >= 0 && (size_t)listener >= r->listener_count) ||
        !reading_descriptor(r, parked.fd))
        return reading_wrong(r, "a connection that waits is not as it should be");
    if (!service)
        return true;
    parked.peer.uid = (uid_t)uid;
    parked.peer.gid = (gid_t)gid;
    parked.peer_pid = (pid_t)pid;
    parked.admitted = admitted;
    if (listener >= 0)
        parked.listener = r->listeners[listener];
    if (admitted)
        parked.source = admission_load_instance(service->admission, source ? &prefix : NULL);
    service->parked = parked;
    return true;
}

static struct service *make_service(struct supervisor *supervisor, const char *name,
                                    const struct born *born)
{
    static const struct access_contents none;
    struct service *service = service_create(supervisor, name);

    if (!service || !policy_make(born->config, &none, &service->policy))
        return NULL;
    service->admission = admission_service_create(supervisor->admission,
                                                  &service->policy.admission);
    service->generation = born->generation;
    generation_hold(service->generation);
    return service->admission ? service : NULL;
}

static bool read_service(struct reading *r, const json_t *value, size_t number)
{
    json_int_t config, failures, wait_ms, until_ms, uid, deadline;
    json_t *listeners, *parked = NULL, *counters, *listener;
    struct service *service = NULL;
    int removed, paused, draining;
    const char *name;
    size_t i;

    if (json_unpack((json_t *)value,
                    "{s:s, s:I, s:b, s:o, s?o, s:o, s:[I, I, I], s:I, s:{s:b, s:b, s:I}}", "name",
                    &name, "config", &config, "removed", &removed, "listeners", &listeners,
                    "parked", &parked, "counters", &counters, "throttle", &failures, &wait_ms,
                    &until_ms, "dynamic_uid", &uid, "order", "paused", &paused, "draining",
                    &draining, "deadline_ms", &deadline) != 0 ||
        config < 0 || (size_t)config >= r->config_count)
        return reading_wrong(r, "a service is not as it should be");
    if (r->supervisor) {
        service = make_service(r->supervisor, name, &r->configs[config]);
        if (!service)
            return reading_wrong(r, "out of memory");
        service->config = removed ? NULL : r->configs[config].config;
        service->order = (struct standing_order){paused, draining, (uint64_t)deadline};
        service->throttle = (struct throttle){(unsigned)failures, (uint64_t)wait_ms,
                                              (uint64_t)until_ms};
        service->dynamic_uid = (uid_t)uid;
        dynamic_users_reserve(&r->supervisor->dynamic_users, service->dynamic_uid);
        read_history(json_object_get(value, "history"), service);
        r->services[number] = service;
    }
    json_array_foreach(listeners, i, listener)
    {
        if (!read_listener(r, listener, service))
            return false;
    }
    return read_counters(r, counters, service) && read_parked(r, parked, service);
}

bool read_services(struct reading *r)
{
    const json_t *array = reading_array(r, r->state, "services"), *value;
    size_t i;

    if (!array)
        return false;
    r->services = calloc(json_array_size(array) + 1, sizeof *r->services);
    if (!r->services)
        return reading_wrong(r, "out of memory");
    r->service_count = json_array_size(array);
    json_array_foreach(array, i, value)
    {
        if (!read_service(r, value, i))
            return false;
    }
    return true;
}

/* ---- Sources -------------------------------------------------------------------------------- */

static bool read_source(struct reading *r, const json_t *value, uint64_t now)
{
    json_int_t service = -1, admitted = 0, refused = 0, seen = 0, level = 0, last = 0, until = 0;
    struct source_record record = {0};
    json_t *prefix;

    if (json_unpack((json_t *)value, "{s:o, s?I, s?I, s?I, s?I, s?[I, I], s?I}", "prefix", &prefix,
                    "service", &service, "admitted", &admitted, "refused", &refused, "last_seen_ms",
                    &seen, "bucket", &level, &last, "trapped_until_ms", &until) != 0 ||
        !reading_prefix(prefix, &record.prefix) ||
        (service >= 0 && (size_t)service >= r->service_count) || (service < 0 && !until))
        return reading_wrong(r, "a source is not as it should be");
    record.admitted = (uint64_t)admitted;
    record.refused = (uint64_t)refused;
    record.last_seen_ms = (uint64_t)seen;
    record.bucket = (struct rate_bucket){(uint64_t)level, (uint64_t)last};
    record.until_ms = (uint64_t)until;
    if (r->supervisor)
        admission_load_source(r->supervisor->admission,
                              service >= 0 ? r->services[service]->admission : NULL, &record, now);
    return true;
}

bool read_sources(struct reading *r)
{
    const json_t *array = reading_array(r, r->state, "sources"), *value;
    uint64_t now = clock_now_ms();
    size_t i;

    json_array_foreach(array, i, value)
    {
        if (!read_source(r, value, now))
            return false;
    }
    return array;
}
