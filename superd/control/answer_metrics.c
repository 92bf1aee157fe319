/*
 * answer_metrics: all counters as text for Prometheus, in pieces: a family after the other, and in each
 * the services by name, so that a daemon of many services is not held up by who asks.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"
#include "config.h"
#include "control/metrics_text.h"
#include "control/state.h"
#include "supervise/events.h"
#include "supervise/generation.h"

struct family {
    const char *name, *type, *help;
    /* One of: */
    double (*value)(const struct control *control);
    double (*of_service)(const struct service *service);
    void (*write)(FILE *file, const struct family *family, const struct service *service);
};

/* ---- The daemon ----------------------------------------------------------------------------- */

static double get_start(const struct control *control)
{
    return (double)control->supervisor->started_wall_us / 1e6;
}

static double get_generation(const struct control *control)
{
    return (double)control->supervisor->generation->number;
}

static double get_reloads(const struct control *control)
{
    return (double)control->supervisor->reloads;
}

static double get_services(const struct control *control)
{
    return (double)control->supervisor->generation->config->service_count;
}

static double get_services_failed(const struct control *control)
{
    return (double)control->supervisor->generation->config->failed_count;
}

static double get_instances(const struct control *control)
{
    return (double)control->supervisor->instance_count;
}

static double get_sources(const struct control *control)
{
    return admission_source_count(control->supervisor->admission);
}

static double get_descriptor_limit(const struct control *control)
{
    return (double)control->supervisor->descriptor_limit;
}

static double get_descriptors_left(const struct control *control)
{
    return (double)supervisor_descriptors_left(control->supervisor);
}

/* The second number of /proc/self/statm (proc(5)), in pages. */
static double get_memory(const struct control *control)
{
    char text[128];
    long pages = 0;

    (void)control;
    if (!proc_read(0, "statm", text, sizeof text) || sscanf(text, "%*d %ld", &pages) != 1)
        pages = 0;
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double get_cpu(const struct control *control)
{
    struct rusage usage;

    (void)control;
    getrusage(RUSAGE_SELF, &usage);
    return (double)event_cpu_us(&usage) / 1e6;
}

static double get_turns(const struct control *control)
{
    return (double)control->supervisor->turns;
}

/* Life without what was spent running and waiting for a processor: /proc/self/schedstat has both in
 * nanoseconds, so the loop need not measure (libuv's own way costs a system call a turn). */
static double get_idle(const struct control *control)
{
    double lived = (double)(clock_now_ms() - control->supervisor->started_ms) / 1e3;
    uint64_t running = 0, waiting = 0;
    char text[128];

    if (!proc_read(0, "schedstat", text, sizeof text) ||
        sscanf(text, "%" SCNu64 " %" SCNu64, &running, &waiting) != 2)
        return lived - get_cpu(control); /* a kernel without that account */
    lived -= (double)(running + waiting) / 1e9;
    return lived > 0 ? lived : 0; /* what was spent before the first look at the clock */
}

static double get_log_lost(const struct control *control)
{
    (void)control;
    return (double)log_lost();
}

static double get_clients(const struct control *control)
{
    return (double)clients_count(control->clients);
}

/* ---- Services ------------------------------------------------------------------------------- */

static const struct admission_counts *counts_of(const struct service *service)
{
    return admission_service_counts(service->admission);
}

static double get_open(const struct service *service)
{
    return service->held == REASON_NONE;
}

static double get_live(const struct service *service)
{
    return service->instance_count;
}

static double get_limit(const struct service *service)
{
    return service->policy.admission.limits->instances;
}

static double get_admitted(const struct service *service)
{
    return (double)counts_of(service)->admitted;
}

static double get_launched(const struct service *service)
{
    return (double)service->launched;
}

static double get_failed(const struct service *service)
{
    return (double)service->failed;
}

static double get_cpu_of_instances(const struct service *service)
{
    return (double)service->metrics.cpu_us / 1e6;
}

static void write_named(FILE *file, const struct family *family, const struct service *service,
                        const char *label, const char *const *names, const uint64_t *counts,
                        int count)
{
    for (int i = 0; i < count; i++) {
        if (counts[i])
            metrics_text_number(file, family->name, service->name, label, names[i],
                                (double)counts[i]);
    }
}

static void write_refused(FILE *file, const struct family *family, const struct service *service)
{
    write_named(file, family, service, "reason", reason_names, counts_of(service)->refused,
                REASON_MAX);
}

static void write_held(FILE *file, const struct family *family, const struct service *service)
{
    write_named(file, family, service, "reason", reason_names, service->metrics.held, REASON_MAX);
}

static void write_outcomes(FILE *file, const struct family *family, const struct service *service)
{
    write_named(file, family, service, "outcome", outcome_names, service->metrics.outcomes,
                OUTCOME_MAX);
}

static void write_launch(FILE *file, const struct family *family, const struct service *service)
{
    metrics_text_histogram(file, family->name, service->name, &service->metrics.launch,
                           &metrics_launch_us, 1e6);
}

static void write_duration(FILE *file, const struct family *family, const struct service *service)
{
    metrics_text_histogram(file, family->name, service->name, &service->metrics.duration,
                           &metrics_duration_ms, 1e3);
}

/* clang-format off */
static const struct family families[] = {
    {"superd_start_time_seconds", "gauge", "When the daemon started, in seconds since 1970.", .value = get_start},
    {"superd_generation", "gauge", "Number of the configuration in force.", .value = get_generation},
    {"superd_reloads_total", "counter", "Reloads that were begun.", .value = get_reloads},
    {"superd_services", "gauge", "Services of the configuration in force.", .value = get_services},
    {"superd_services_failed", "gauge", "Services left out because their configuration is wrong.", .value = get_services_failed},
    {"superd_instances", "gauge", "Live instances of all services.", .value = get_instances},
    {"superd_sources", "gauge", "Entries in the table of sources.", .value = get_sources},
    {"superd_descriptors_limit", "gauge", "Descriptors that the daemon may have open.", .value = get_descriptor_limit},
    {"superd_descriptors_left", "gauge", "Instances that the descriptors allow beside those that live.", .value = get_descriptors_left},
    {"superd_resident_memory_bytes", "gauge", "Resident memory of the supervising process.", .value = get_memory},
    {"superd_cpu_seconds_total", "counter", "Processor time of the supervising process.", .value = get_cpu},
    {"superd_loop_turns_total", "counter", "Turns of the event loop.", .value = get_turns},
    {"superd_loop_idle_seconds_total", "counter", "Time the event loop has slept.", .value = get_idle},
    {"superd_log_lost_total", "counter", "Log lines dropped because nobody took them.", .value = get_log_lost},
    {"superd_control_clients", "gauge", "Clients of the control socket.", .value = get_clients},

    {"superd_service_open", "gauge", "1 while the listeners of the service are watched.", .of_service = get_open},
    {"superd_service_instances", "gauge", "Live instances.", .of_service = get_live},
    {"superd_service_instances_limit", "gauge", "limits.instances.", .of_service = get_limit},
    {"superd_service_admitted_total", "counter", "Connections admitted.", .of_service = get_admitted},
    {"superd_service_refused_total", "counter", "Connections refused, by reason.", .write = write_refused},
    {"superd_service_held_total", "counter", "Times that the listeners were held, by reason.", .write = write_held},
    {"superd_service_launches_total", "counter", "Launches that succeeded.", .of_service = get_launched},
    {"superd_service_launch_failures_total", "counter", "Launches that failed.", .of_service = get_failed},
    {"superd_service_outcomes_total", "counter", "Instances that ended, by outcome.", .write = write_outcomes},
    {"superd_service_cpu_seconds_total", "counter", "Processor time of instances that ended.", .of_service = get_cpu_of_instances},
    {"superd_service_launch_seconds", "histogram", "Time from admission to the handler's exec.", .write = write_launch},
    {"superd_service_duration_seconds", "histogram", "How long instances lived.", .write = write_duration},
};
/* clang-format on */

#define FAMILIES (sizeof families / sizeof *families)

/* ---- Pieces --------------------------------------------------------------------------------- */

/* Where a piece begins: at a family, behind a service ("": before the first). */
struct place {
    size_t family;
    const char *service;
};

static void write_one(FILE *file, const struct family *family, const struct service *service)
{
    if (family->write)
        family->write(file, family, service);
    else
        metrics_text_number(file, family->name, service->name, NULL, NULL,
                            family->of_service(service));
}

/* Write the rest of the family that PLACE is in. False when the piece is full: PLACE is then where the
 * next begins. */
static bool write_family(const struct control *control, FILE *file, struct place *place)
{
    const struct family *family = &families[place->family];
    const struct config *config = control->supervisor->generation->config;

    if (!*place->service)
        metrics_text_family(file, family->name, family->type, family->help);
    if (family->value) {
        metrics_text_number(file, family->name, NULL, NULL, NULL, family->value(control));
        return true;
    }
    for (size_t i = 0; i < config->service_count; i++) {
        const struct service *service;

        if (strcmp(config->services[i].name, place->service) <= 0)
            continue;
        if (ftell(file) > METRICS_PIECE)
            return false;
        service = service_find(control->supervisor, config->services[i].name);
        if (service)
            write_one(file, family, service);
        place->service = config->services[i].name;
    }
    return true;
}

static bool read_place(const char *after, struct place *place)
{
    char *end;

    *place = (struct place){.service = ""};
    if (!after)
        return true;
    place->family = strtoul(after, &end, 10);
    place->service = end + 1;
    return *end == ' ' && place->family < FAMILIES;
}

static json_t *piece_json(const char *text, const struct place *place)
{
    char next[512];

    snprintf(next, sizeof next, "%zu %s", place->family, place->service);
    return json_pack("{s:s, s:s*}", "text", text, "next", place->family < FAMILIES ? next : NULL);
}

json_t *answer_metrics(struct control *control, struct client *client,
                       const struct request *request, struct protocol_error *error)
{
    struct place place;
    json_t *result = NULL;
    char *text = NULL;
    size_t length;
    FILE *file;

    (void)client;
    if (!read_place(protocol_text(request, "after"), &place)) {
        protocol_fail(error, "\"after\" is what \"next\" of the piece before said");
        return NULL;
    }
    file = open_memstream(&text, &length);
    if (!file)
        return NULL;
    while (place.family < FAMILIES && write_family(control, file, &place))
        place = (struct place){.family = place.family + 1, .service = ""};
    if (fclose(file) == 0)
        result = piece_json(text, &place);
    free(text);
    return result;
}
