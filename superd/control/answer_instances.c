/*
 * answer_instances: instances with what /proc and the kernel's socket tables tell of them, and sources.
 *
 * A page of instances is copied in the loop; a thread then looks at their processes and connections. A
 * pid may pass to another process meanwhile, so what was found counts only if the instance is still
 * there afterwards: superd reaps its children itself, and until it has, the pid cannot recur.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc.h"
#include "control/job.h"
#include "launch/isolation/cgroup.h"
#include "launch/isolation/cgroup_usage.h"
#include "net/activity.h"
#include "supervise/generation.h"

static const char *const state_words[] = {
    [INSTANCE_LAUNCHING] = "launching",
    [INSTANCE_RUNNING] = "running",
    [INSTANCE_TERMINATING] = "terminating",
    [INSTANCE_KILLED] = "killed",
};

#define SERVICE_NAME_SIZE 64 /* a longer name is an error of the configuration */

/* One instance while it is looked at. */
struct sample {
    uint64_t id;
    pid_t pid;
    bool connected; /* the two addresses are those of a connection */
    struct address local, peer;
    bool grouped; /* it has a control group of its own */
    char service[SERVICE_NAME_SIZE];
    bool process_known, bytes_known;
    uint64_t cpu_ms, memory, processes; /* CGROUP_UNKNOWN: so many as nobody counts */
    struct activity activity;
};

struct page {
    size_t count;
    bool more;
    struct sample samples[PAGE_ROWS];
};

/* ---- In the thread -------------------------------------------------------------------------- */

static void look_at_process(struct sample *sample)
{
    struct proc_stat stat;

    sample->process_known = proc_stat(sample->pid, &stat);
    if (!sample->process_known)
        return;
    sample->cpu_ms = (stat.user_ticks + stat.system_ticks) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
    sample->memory = stat.resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* All that it started counts there, the process of its own and others. */
static void look_at_group(struct sample *sample)
{
    struct cgroup_usage usage;
    char path[PATH_MAX];

    if (!cgroup_instance_path(sample->service, sample->id, path, sizeof path))
        return;
    cgroup_usage(path, &usage);
    if (usage.cpu_us != CGROUP_UNKNOWN)
        sample->cpu_ms = usage.cpu_us / 1000;
    if (usage.memory != CGROUP_UNKNOWN)
        sample->memory = usage.memory;
    sample->processes = usage.processes;
}

static void look(struct job *job)
{
    struct page *page = job->data;
    int diag = activity_open();

    for (size_t i = 0; i < page->count; i++) {
        struct sample *sample = &page->samples[i];

        if (sample->pid > 0)
            look_at_process(sample);
        if (sample->process_known && sample->grouped)
            look_at_group(sample);
        sample->bytes_known = sample->connected && diag >= 0 &&
                              activity_ask(diag, &sample->local, &sample->peer,
                                           &sample->activity) == 0 &&
                              sample->activity.found;
    }
    if (diag >= 0)
        close(diag);
}

/* ---- In the loop ---------------------------------------------------------------------------- */

bool instance_is_of(const struct instance *instance, const struct prefix *prefix)
{
    struct prefix own = source_of(&instance->peer, instance->peer_uid, 32, 128);

    return instance->peer.length && prefix_contains(prefix, &own);
}

static void take_sample(struct page *page, const struct instance *instance)
{
    struct sample *sample = &page->samples[page->count++];

    *sample = (struct sample){.id = instance->id,
                              .pid = instance->pid,
                              .grouped = instance->config->isolation.cgroup == SHARING_CONNECTION,
                              .processes = CGROUP_UNKNOWN};
    snprintf(sample->service, sizeof sample->service, "%s", instance->service->name);
    sample->connected = instance->local.length && instance->peer.length &&
                        instance->local.sa.sa_family == instance->peer.sa.sa_family;
    sample->local = instance->local;
    sample->peer = instance->peer;
}

/* Who a UNIX peer is, is more than the name of its socket, which has none mostly. */
static json_t *peer_json(const struct instance *instance)
{
    char text[ADDRESS_TEXT_SIZE], source[PREFIX_TEXT_SIZE];
    struct prefix prefix;

    if (!instance->peer.length)
        return NULL;
    if (instance->peer.sa.sa_family != AF_UNIX)
        return json_string(address_format(&instance->peer, text));
    prefix = source_of(&instance->peer, instance->peer_uid, 32, 128);
    return json_string(prefix_format(&prefix, source));
}

static json_t *instance_json(const struct instance *instance, const struct sample *sample)
{
    char listener[LISTENER_TEXT_SIZE];
    json_t *object = json_pack(
        "{s:I, s:s, s:I, s:s, s:o*, s:s*, s:I, s:I}", "instance", (json_int_t)instance->id,
        "service", instance->service->name, "pid", (json_int_t)instance->pid, "state",
        state_words[instance->state], "peer", peer_json(instance), "listener",
        instance->via ? listener_text(instance->via, listener) : NULL, "age_ms",
        (json_int_t)((clock_now_ns() - instance->begun_ns) / 1000000), "generation",
        (json_int_t)instance->generation->number);

    if (object && sample->process_known) {
        json_object_set_new(object, "cpu_ms", json_integer((json_int_t)sample->cpu_ms));
        json_object_set_new(object, "memory", json_integer((json_int_t)sample->memory));
        if (sample->processes != CGROUP_UNKNOWN)
            json_object_set_new(object, "processes", json_integer((json_int_t)sample->processes));
    }
    if (object && sample->bytes_known) {
        json_object_set_new(object, "bytes_in",
                            json_integer((json_int_t)sample->activity.received));
        json_object_set_new(object, "bytes_out",
                            json_integer((json_int_t)sample->activity.acknowledged));
    }
    return object;
}

static json_t *page_json(struct job *job, struct protocol_error *error)
{
    const struct page *page = job->data;
    json_t *rows = json_array();
    char next[24] = "";

    (void)error;
    for (size_t i = 0; i < page->count; i++) {
        const struct sample *sample = &page->samples[i];
        const struct instance *instance = instance_find(job->control->supervisor, sample->id);

        if (instance)
            json_array_append_new(rows, instance_json(instance, sample));
    }
    if (page->more)
        snprintf(next, sizeof next, "%" PRIu64, page->samples[page->count - 1].id);
    return json_pack("{s:o, s:s*}", "instances", rows, "next", page->more ? next : NULL);
}

json_t *answer_instances(struct control *control, struct client *client,
                         const struct request *request, struct protocol_error *error)
{
    const struct job job = {.run = look, .result = page_json, .free_data = free};
    const char *after_text = protocol_text(request, "after");
    uint64_t after = 0, limit = protocol_number(request, "limit", PAGE_ROWS);
    const struct service *service = NULL;
    struct instance *instance;
    struct job with_page = job;
    struct prefix prefix;
    struct page *page;
    bool by_source;

    if (!find_source(request, &prefix, &by_source, error))
        return NULL;
    if (protocol_text(request, "service") && !(service = find_service(control, request, error)))
        return NULL;
    if (after_text && !units_parse_number(after_text, UINT64_MAX, &after)) {
        protocol_fail(error, "\"after\" is what \"next\" of the page before said");
        return NULL;
    }
    page = malloc(sizeof *page);
    if (!page) {
        protocol_fail(error, "out of memory");
        return NULL;
    }
    page->count = 0;
    page->more = false;
    if (limit > PAGE_ROWS || limit == 0)
        limit = PAGE_ROWS;
    /* The table is in the order of ids: uthash keeps the order of insertion. */
    for (instance = control->supervisor->by_id; instance; instance = instance->by_id.next) {
        if (instance->id <= after || (service && instance->service != service) ||
            (by_source && !instance_is_of(instance, &prefix)))
            continue;
        page->more = page->count == limit;
        if (page->more)
            break;
        take_sample(page, instance);
    }
    with_page.data = page;
    job_start(control, client, request, &with_page, error);
    return NULL;
}

/* ---- Sources -------------------------------------------------------------------------------- */

/* The busiest of a table that may hold millions: kept in a heap whose top is the least of them. */
struct top {
    const struct admission_service *service; /* only of it; NULL: of all */
    const struct prefix *prefix;             /* only within it; NULL: all */
    uint64_t total;
    size_t count, limit;
    struct source_view views[PAGE_ROWS];
};

static bool is_less(const struct source_view *a, const struct source_view *b)
{
    if (a->live != b->live)
        return a->live < b->live;
    if (a->admitted + a->refused != b->admitted + b->refused)
        return a->admitted + a->refused < b->admitted + b->refused;
    return a->last_seen_ms < b->last_seen_ms;
}

static void swap(struct source_view *a, struct source_view *b)
{
    struct source_view c = *a;

    *a = *b;
    *b = c;
}

static void sift_up(struct top *top, size_t i)
{
    for (; i > 0 && is_less(&top->views[i], &top->views[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&top->views[i], &top->views[(i - 1) / 2]);
}

static void sift_down(struct top *top)
{
    for (size_t i = 0;;) {
        size_t least = i;

        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < top->count; child++) {
            if (is_less(&top->views[child], &top->views[least]))
                least = child;
        }
        if (least == i)
            return;
        swap(&top->views[i], &top->views[least]);
        i = least;
    }
}

static void consider(void *data, const struct source_view *view)
{
    struct top *top = data;

    if ((top->service && view->service != top->service) ||
        (top->prefix && !prefix_contains(top->prefix, &view->prefix)))
        return;
    top->total++;
    if (top->count < top->limit) {
        top->views[top->count] = *view;
        sift_up(top, top->count++);
    } else if (is_less(&top->views[0], view)) {
        top->views[0] = *view;
        sift_down(top);
    }
}

static const char *service_of(const struct control *control,
                              const struct admission_service *admission)
{
    struct service *service, *next;

    HASH_ITER (hh, control->supervisor->services, service, next) {
        if (admission && service->admission == admission)
            return service->name;
    }
    return NULL;
}

static json_t *source_json(const struct control *control, const struct source_view *view)
{
    uint64_t now = uv_now(&control->supervisor->loop);
    char text[PREFIX_TEXT_SIZE];
    json_t *object = json_pack(
        "{s:s, s:s*, s:I, s:I, s:I, s:I}", "source", prefix_format(&view->prefix, text), "service",
        service_of(control, view->service), "live", (json_int_t)view->live, "admitted",
        (json_int_t)view->admitted, "refused", (json_int_t)view->refused, "seen_ms",
        (json_int_t)(now > view->last_seen_ms ? now - view->last_seen_ms : 0));

    if (object && view->trapped_until_ms > now)
        json_object_set_new(object, "trapped_ms",
                            json_integer((json_int_t)(view->trapped_until_ms - now)));
    return object;
}

static int by_rank(const void *a, const void *b)
{
    return is_less(a, b) ? 1 : is_less(b, a) ? -1 : 0;
}

json_t *answer_sources(struct control *control, struct client *client,
                       const struct request *request, struct protocol_error *error)
{
    uint64_t limit = protocol_number(request, "limit", PAGE_ROWS);
    const struct service *service = NULL;
    struct prefix prefix;
    struct top *top;
    json_t *rows;
    json_int_t total;
    bool by_source;

    (void)client;
    if (!find_source(request, &prefix, &by_source, error))
        return NULL;
    if (protocol_text(request, "service") && !(service = find_service(control, request, error)))
        return NULL;
    top = calloc(1, sizeof *top);
    if (!top)
        return NULL;
    top->limit = limit > PAGE_ROWS || limit == 0 ? PAGE_ROWS : (size_t)limit;
    top->service = service ? service->admission : NULL;
    top->prefix = by_source ? &prefix : NULL;
    admission_visit_sources(control->supervisor->admission, consider, top);
    qsort(top->views, top->count, sizeof *top->views, by_rank);
    rows = json_array();
    for (size_t i = 0; i < top->count; i++)
        json_array_append_new(rows, source_json(control, &top->views[i]));
    total = (json_int_t)top->total;
    free(top);
    return json_pack("{s:o, s:I}", "sources", rows, "total", total);
}
