/*
 * answer_services: status, list, show, wait-ready: the daemon and its services as JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "config.h"
#include "config/dump.h"
#include "control/state.h"
#include "net/listener.h"
#include "supervise/generation.h"

#define ROW_LISTENERS  4   /* of a service in a table */
#define SHOW_LISTENERS 256 /* of a service alone */

/* ---- Words ---------------------------------------------------------------------------------- */

const char *listener_text(const struct listener *listener, char text[LISTENER_TEXT_SIZE])
{
    const struct listener_config *config = listener->config;
    char address[ADDRESS_TEXT_SIZE];

    if (listener->fd < 0)
        snprintf(text, LISTENER_TEXT_SIZE, "%s", config->written);
    else
        snprintf(text, LISTENER_TEXT_SIZE, "%s%s",
                 config->type == SOCK_DGRAM && listener->bound.sa.sa_family != AF_UNIX ? "udp "
                                                                                       : "",
                 address_format(&listener->bound, address));
    return text;
}

static const char *listener_state_word(const struct listener *listener)
{
    if (listener->fd < 0)
        return "absent";
    if (listener->order.draining)
        return "draining";
    if (listener->order.paused)
        return "paused";
    if (listener->instance)
        return "taken";
    return listener->watched ? "open" : "held";
}

static bool all_listeners_paused(const struct service *service)
{
    const struct listener *listener;

    DL_FOREACH (service->listeners, listener) {
        if (!listener->order.paused && !listener->order.draining)
            return false;
    }
    return service->listeners;
}

const char *service_state_word(const struct service *service)
{
    if (!service->config)
        return "removed";
    switch (service->held) {
    case REASON_NONE:
        return all_listeners_paused(service) ? "paused" : "open";
    case REASON_PAUSED:
    case REASON_DRAINING:
    case REASON_THROTTLED:
        return reason_names[service->held];
    default:
        return "held";
    }
}

static const struct admission_counts *counts_of(const struct service *service)
{
    static const struct admission_counts none;

    return service->admission ? admission_service_counts(service->admission) : &none;
}

static uint64_t refused_total(const struct admission_counts *counts)
{
    uint64_t total = 0;

    for (int i = 0; i < REASON_MAX; i++)
        total += counts->refused[i];
    return total;
}

struct service *find_service(struct control *control, const struct request *request,
                             struct protocol_error *error)
{
    const char *name = protocol_text(request, "service");
    struct service *service = service_find(control->supervisor, name);

    if (!service) {
        protocol_fail(error, "no service is called \"%.64s\"", name);
        protocol_hint(error, "\"list\" tells all of them");
    }
    return service;
}

/* ---- A row ---------------------------------------------------------------------------------- */

static json_t *listener_texts(const struct service *service, size_t most, size_t *count)
{
    json_t *texts = json_array();
    const struct listener *listener;
    char text[LISTENER_TEXT_SIZE];

    *count = 0;
    DL_FOREACH (service->listeners, listener) {
        if ((*count)++ < most)
            json_array_append_new(texts, protocol_string(listener_text(listener, text)));
    }
    return texts;
}

static json_t *row(const struct service *service)
{
    const struct admission_counts *counts = counts_of(service);
    const struct histogram *launch = &service->metrics.launch;
    size_t listener_count;
    json_t *listeners = listener_texts(service, ROW_LISTENERS, &listener_count);

    return json_pack(
        "{s:s, s:s, s:s*, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}",
        "service", service->name, "state", service_state_word(service), "reason",
        service->held != REASON_NONE ? reason_names[service->held] : NULL, "listeners", listeners,
        "listener_count", (json_int_t)listener_count, "live", (json_int_t)service->instance_count,
        "limit", (json_int_t)(service->config ? service->config->limits.instances : 0), "admitted",
        (json_int_t)counts->admitted, "refused", (json_int_t)refused_total(counts), "failed",
        (json_int_t)service->failed, "launches", (json_int_t)launch->count, "launch_us_sum",
        (json_int_t)launch->sum, "launch_us_p50",
        (json_int_t)histogram_quantile(launch, &metrics_launch_us, 0.5), "launch_us_p99",
        (json_int_t)histogram_quantile(launch, &metrics_launch_us, 0.99), "paused",
        (int)service->order.paused, "draining", (int)service->order.draining);
}

/* One of `list`: what was configured, and no numbers. */
static json_t *entry(const struct service *service)
{
    const struct service_config *config = service->config;
    size_t listener_count;
    json_t *listeners = listener_texts(service, SHOW_LISTENERS, &listener_count);

    if (!config)
        return json_pack("{s:s, s:s, s:o}", "service", service->name, "state", "removed",
                         "listeners", listeners);
    return json_pack("{s:s, s:s, s:o, s:I, s:s, s:o*, s:o*}", "service", service->name, "state",
                     service_state_word(service), "listeners", listeners, "listener_count",
                     (json_int_t)listener_count, "mode", service_mode_names[config->mode],
                     "program", protocol_string(config->program), "user",
                     protocol_string(config->identity.name));
}

/* ---- Pages ---------------------------------------------------------------------------------- */

static size_t first_after(const struct config *config, const char *name)
{
    size_t low = 0, high = config->service_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(config->services[middle].name, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Services that no configuration has any more, but that have instances. */
static void add_row(json_t *rows, json_t *made)
{
    if (made)
        json_array_append_new(rows, made);
}

static void add_removed(struct control *control, json_t *rows,
                        json_t *(*make)(const struct service *service))
{
    struct service *service, *next;

    HASH_ITER (hh, control->supervisor->services, service, next) {
        if (!service->config && json_array_size(rows) < 2 * PAGE_ROWS)
            add_row(rows, make(service));
    }
}

json_t *services_page(struct control *control, const struct request *request, uint64_t most,
                      json_t *(*make)(const struct service *service))
{
    const struct config *config = control->supervisor->generation->config;
    const char *after = protocol_text(request, "after");
    uint64_t limit = protocol_number(request, "limit", most);
    json_t *rows = json_array();
    const char *next = NULL;
    size_t first = after ? first_after(config, after) : 0, i = first;

    if (limit > most || limit == 0)
        limit = most;
    for (; i < config->service_count && i - first < PAGE_LOOKS && json_array_size(rows) < limit;
         i++) {
        const struct service *service = service_find(control->supervisor, config->services[i].name);

        if (service)
            add_row(rows, make(service));
        next = config->services[i].name;
    }
    if (i == config->service_count) {
        next = NULL;
        add_removed(control, rows, make);
    }
    return json_pack("{s:o, s:s*}", "services", rows, "next", next);
}

/* ---- The daemon ----------------------------------------------------------------------------- */

static void add_pid(void *data, pid_t pid)
{
    json_array_append_new(data, json_integer(pid));
}

static const char *daemon_state_word(const struct supervisor *supervisor)
{
    if (supervisor->state > STATE_RUNNING)
        return supervisor->state == STATE_DRAINING ? "stopping" : "terminating";
    if (supervisor->order.draining)
        return "draining";
    if (supervisor->order.paused)
        return "paused";
    return supervisor->reloading ? "reloading" : "running";
}

static json_t *about_daemon(const struct control *control)
{
    const struct supervisor *supervisor = control->supervisor;
    const struct config *config = supervisor->generation->config;
    json_t *launchers = json_array();
    char started[CLOCK_TEXT_SIZE];

    launchers_visit(supervisor->generation->launchers, add_pid, launchers);
    return json_pack(
        "{s:s, s:I, s:s, s:I, s:o, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I, "
        "s:I, s:I}",
        "version", PACKAGE_VERSION, "pid", (json_int_t)getpid(), "state",
        daemon_state_word(supervisor), "generation", (json_int_t)supervisor->generation->number,
        "config", protocol_string(supervisor->config_path), "started",
        clock_format(supervisor->started_wall_us, started), "uptime_ms",
        (json_int_t)(clock_now_ms() - supervisor->started_ms), "services",
        (json_int_t)config->service_count, "services_failed", (json_int_t)config->failed_count,
        "instances", (json_int_t)supervisor->instance_count, "sources",
        (json_int_t)admission_source_count(supervisor->admission), "descriptors_limit",
        (json_int_t)supervisor->descriptor_limit, "descriptors_left",
        (json_int_t)supervisor_descriptors_left(supervisor), "launchers", launchers, "log_lost",
        (json_int_t)log_lost(), "clients", (json_int_t)clients_count(control->clients), "upgrades",
        (json_int_t)supervisor->upgrades);
}

/* ---- One service ---------------------------------------------------------------------------- */

static json_t *by_name(const uint64_t *counts, const char *const *names, int count)
{
    json_t *object = json_object();

    for (int i = 0; i < count; i++) {
        if (counts[i])
            json_object_set_new(object, names[i], json_integer((json_int_t)counts[i]));
    }
    return object;
}

static json_t *histogram_json(const struct histogram *histogram,
                              const struct histogram_bounds *bounds)
{
    json_t *buckets = json_array();

    for (int i = 0; i < METRICS_BOUNDS; i++)
        json_array_append_new(buckets, json_pack("[I, I]", (json_int_t)bounds->bounds[i],
                                                 (json_int_t)histogram->buckets[i]));
    json_array_append_new(buckets,
                          json_pack("[n, I]", (json_int_t)histogram->buckets[METRICS_BOUNDS]));
    return json_pack("{s:I, s:I, s:I, s:I, s:o}", "count", (json_int_t)histogram->count, "sum",
                     (json_int_t)histogram->sum, "p50",
                     (json_int_t)histogram_quantile(histogram, bounds, 0.5), "p99",
                     (json_int_t)histogram_quantile(histogram, bounds, 0.99), "buckets", buckets);
}

static json_t *listeners_json(const struct service *service)
{
    json_t *array = json_array();
    const struct listener *listener;
    char text[LISTENER_TEXT_SIZE];

    DL_FOREACH (service->listeners, listener) {
        int waiting = listener->fd >= 0 ? listener_backlog(listener->fd) : -1;
        json_t *object = json_pack(
            "{s:o, s:o, s:o, s:s, s:I}", "listener", protocol_string(listener->config->written),
            "key", protocol_string(listener->key), "address",
            protocol_string(listener_text(listener, text)), "state", listener_state_word(listener),
            "live", (json_int_t)listener->live);

        if (waiting >= 0)
            json_object_set_new(object, "waiting", json_integer(waiting));
        json_array_append_new(array, object);
        if (json_array_size(array) == SHOW_LISTENERS)
            break;
    }
    return array;
}

/* The settings as they are in force, defaults included. The environment may hold secrets: `dump`, which
 * not everybody may ask for, has it. */
static json_t *settings_json(const struct service_config *config)
{
    json_t *object = json_object();

    for (const struct schema_row *r = schema_next(NULL); r; r = schema_next(r)) {
        char *value;

        if (r->scope != SCOPE_SERVICE || strcmp(r->name, "environment") == 0 ||
            strcmp(r->name, "listen") == 0)
            continue;
        value = dump_value(r, config);
        if (value && *value)
            json_object_set_new(object, r->name, protocol_string(value));
        free(value);
    }
    return object;
}

static json_t *details(const struct service *service)
{
    const struct service_metrics *metrics = &service->metrics;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o*, s:o*}", "listeners",
                     listeners_json(service), "refused_by_reason",
                     by_name(counts_of(service)->refused, reason_names, REASON_MAX),
                     "held_by_reason", by_name(metrics->held, reason_names, REASON_MAX), "outcomes",
                     by_name(metrics->outcomes, outcome_names, OUTCOME_MAX), "launch_us",
                     histogram_json(&metrics->launch, &metrics_launch_us), "duration_ms",
                     histogram_json(&metrics->duration, &metrics_duration_ms), "cpu_us",
                     (json_int_t)metrics->cpu_us, "group", group_json(service), "settings",
                     service->config ? settings_json(service->config) : NULL);
}

/* ---- Commands ------------------------------------------------------------------------------- */

json_t *answer_status(struct control *control, struct client *client, const struct request *request,
                      struct protocol_error *error)
{
    json_t *result = services_page(control, request, PAGE_ROWS, row);

    (void)client;
    (void)error;
    if (result)
        json_object_set_new(result, "daemon", about_daemon(control));
    return result;
}

json_t *answer_list(struct control *control, struct client *client, const struct request *request,
                    struct protocol_error *error)
{
    (void)client;
    (void)error;
    return services_page(control, request, PAGE_ROWS, entry);
}

json_t *answer_show(struct control *control, struct client *client, const struct request *request,
                    struct protocol_error *error)
{
    const struct service *service = find_service(control, request, error);
    json_t *result = service ? row(service) : NULL, *more = service ? details(service) : NULL;

    (void)client;
    if (!result || !more || json_object_update(result, more) < 0) {
        json_decref(result);
        result = NULL;
    }
    json_decref(more);
    return result;
}

/* There is a socket to ask at only when the first configuration is in force: the answer is yes. */
json_t *answer_wait_ready(struct control *control, struct client *client,
                          const struct request *request, struct protocol_error *error)
{
    const struct config *config = control->supervisor->generation->config;

    (void)client;
    (void)request;
    (void)error;
    return json_pack("{s:b, s:I, s:I, s:I}", "ready", 1, "generation",
                     (json_int_t)control->supervisor->generation->number, "services",
                     (json_int_t)config->service_count, "services_failed",
                     (json_int_t)config->failed_count);
}
