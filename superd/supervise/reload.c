/*
 * reload: see reload.h.
 */
#include "supervise/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "config/load.h"
#include "launch/isolation/refuse.h"
#include "supervise/accept.h"
#include "supervise/events.h"
#include "supervise/generation.h"
#include "supervise/instance.h"
#include "supervise/listeners.h"
#include "supervise/notify.h"
#include "supervise/overload.h"
#include "supervise/service.h"
#include "supervise/stop.h"
#include "supervise/supervisor.h"

struct reload { /* a reading under way */
    uv_work_t work;
    struct supervisor *supervisor;
    struct config *config;
    struct access_contents contents;
    struct diagnostics list;
    struct generation *generation; /* a reference to the one before */
    struct config_changes changes;
    uint64_t begun_ms;
};

/* ---- What the launchers say ----------------------------------------------------------------- */

static void on_report(void *data, const struct launch_report *report)
{
    instance_reported(data, report);
}

static void on_room(void *data)
{
    supervisor_room(data);
}

/* Only a pool that was retired reports that it is empty, and only one retires at a time. */
static void on_empty(void *data)
{
    struct supervisor *supervisor = data;
    struct generation *generation = supervisor->retiring;

    supervisor->retiring = NULL;
    generation_pool_empty(generation);
    if (supervisor->reload_again && !supervisor->reloading && !supervisor->upgrade)
        reload_begin(supervisor);
}

static void on_replaced(void *data, pid_t old, pid_t new, int error)
{
    (void)data;
    log_event(LEVEL_WARNING, "launcher", log_text("state", new ? "replaced" : "missing"),
              log_i64("old", old), log_i64("pid", new),
              log_text("error", error ? strerror(error) : NULL));
}

/* ---- Commit --------------------------------------------------------------------------------- */

static void abandon_services(struct service_change *changes, size_t count)
{
    for (size_t i = 0; changes && i < count; i++)
        service_abandon(&changes[i]);
    free(changes);
}

/* Changes of all services of CONFIG, in their order; NULL: no memory. */
static struct service_change *prepare_services(struct supervisor *supervisor,
                                               const struct config *config,
                                               const struct access_contents *contents)
{
    struct service_change *changes = calloc(config->service_count + 1, sizeof *changes);

    for (size_t i = 0; changes && i < config->service_count; i++) {
        if (!service_prepare(supervisor, &config->services[i], contents, &changes[i])) {
            abandon_services(changes, i);
            return NULL;
        }
    }
    return changes;
}

static void commit_services(struct generation *generation, struct service_change *changes)
{
    const struct config *config = generation->config;

    for (uint32_t i = 0; i < config->service_count; i++)
        service_commit(&changes[i], generation, &config->services[i], i);
    free(changes);
}

static void remove_services(struct supervisor *supervisor, const struct generation *generation)
{
    struct service *service, *next;

    HASH_ITER (hh, supervisor->services, service, next) {
        if (service->config && service->generation != generation)
            service_remove(service);
    }
}

static void review_services(struct supervisor *supervisor)
{
    struct service *service, *next;

    HASH_ITER (hh, supervisor->services, service, next) {
        if (!service->config)
            continue;
        accept_parked(service); /* the new limits may have room for it */
        service_review(service);
    }
}

static void count_descriptors(struct supervisor *supervisor)
{
    struct service *service, *next;
    struct listener *listener;

    supervisor->descriptors_fixed = DESCRIPTOR_RESERVE;
    HASH_ITER (hh, supervisor->services, service, next) {
        for (listener = service->listeners; listener; listener = listener->next)
            supervisor->descriptors_fixed++;
    }
}

/* From here on nothing can fail. */
static void switch_over(struct supervisor *supervisor, struct generation *generation,
                        struct service_change *changes, struct listener_plan *plan)
{
    struct generation *old = supervisor->generation;

    commit_services(generation, changes);
    supervisor->generation = generation;
    listeners_commit(plan);
    remove_services(supervisor, generation);
    count_descriptors(supervisor);
    if (old && !old->launchers) { /* of the program before: upgrade.h */
        generation_release(old);
    } else if (old) {
        supervisor->retiring = old;
        generation_retire(old);
    }
    overload_configure(supervisor);
    access_files_watch(supervisor);
    review_services(supervisor);
}

static void say(struct diagnostics *list, const char *what, int error)
{
    diagnostics_add(list, SEVERITY_ERROR, (struct position){0}, NULL, "%s: %s", what,
                    strerror(-error));
}

static uint32_t most_instances(const struct supervisor *supervisor, const struct config *config)
{
    size_t allowed = supervisor->descriptor_limit > 2 * DESCRIPTOR_RESERVE
                         ? supervisor->descriptor_limit - DESCRIPTOR_RESERVE
                         : DESCRIPTOR_RESERVE;
    uint32_t written = config->daemon.instances;

    return written && written < allowed ? written : (uint32_t)allowed;
}

static bool configure_admission(struct supervisor *supervisor, const struct config *config)
{
    uint32_t instances = most_instances(supervisor, config);
    uint8_t seed[ADMISSION_SEED_SIZE];

    if (supervisor->admission)
        return admission_configure(supervisor->admission, config->daemon.sources, instances);
    if (getrandom(seed, sizeof seed, 0) != sizeof seed)
        return false;
    supervisor->admission = admission_create(config->daemon.sources, instances, seed);
    return supervisor->admission != NULL;
}

/* Another program was here before, whose launchers are gone: there is nothing to go back to. */
static bool is_taking_over(const struct supervisor *supervisor)
{
    return supervisor->generation && !supervisor->generation->launchers;
}

/* Who has a dynamic user keeps it, also when the range came back that it is from. */
static void reserve_users(struct supervisor *supervisor)
{
    const struct instance *instance;
    const struct service *service;

    for (service = supervisor->services; service; service = service->hh.next)
        dynamic_users_reserve(&supervisor->dynamic_users, service->dynamic_uid);
    for (instance = supervisor->by_id; instance; instance = instance->by_id.next)
        dynamic_users_reserve(&supervisor->dynamic_users, instance->dynamic_uid);
}

static bool begin_generation(struct supervisor *supervisor, struct config *config,
                             struct access_contents *contents, struct diagnostics *list)
{
    const struct launch_pool_settings callbacks = {.loop = &supervisor->loop,
                                                   .descriptors = supervisor->descriptors,
                                                   .data = supervisor,
                                                   .on_report = on_report,
                                                   .on_room = on_room,
                                                   .on_empty = on_empty,
                                                   .on_replaced = on_replaced};
    uint64_t number = supervisor->generation ? supervisor->generation->number + 1 : 1;
    struct generation *generation;
    struct service_change *changes = NULL;
    struct listener_plan plan;
    int r;

    if (!listeners_prepare(supervisor, config, &plan, list)) {
        config_free(config);
        return false;
    }
    r = generation_begin(config, number, &callbacks, &generation);
    if (r < 0) {
        say(list, "cannot start launchers", r);
        listeners_abandon(&plan);
        config_free(config);
        return false;
    }
    if (!configure_admission(supervisor, config))
        say(list, "source table", -ENOMEM);
    else if (!dynamic_users_configure(&supervisor->dynamic_users, config->daemon.dynamic_first,
                                      config->daemon.dynamic_last))
        say(list, "isolation.users", -ENOMEM);
    else if (!(changes = prepare_services(supervisor, config, contents)))
        say(list, "services", -ENOMEM);
    else if ((r = log_open(&config->daemon.log)) < 0 && !is_taking_over(supervisor))
        say(list, "superd.log.target", r);
    else {
        if (r < 0) /* the program before us had it open still; without a log is better than not */
            log_event(LEVEL_ERROR, "error", log_text("what", "log"),
                      log_text("error", strerror(-r)));
        reserve_users(supervisor);
        access_contents_free(&supervisor->access_contents);
        supervisor->access_contents = *contents;
        *contents = (struct access_contents){0};
        switch_over(supervisor, generation, changes, &plan);
        return true;
    }
    abandon_services(changes, config->service_count);
    listeners_abandon(&plan);
    generation_release(generation); /* and the configuration with it */
    return false;
}

bool reload_commit(struct supervisor *supervisor, struct config *config,
                   struct access_contents *contents, struct diagnostics *list)
{
    bool done = begin_generation(supervisor, config, contents, list);

    access_contents_free(contents);
    return done;
}

/* ---- The steps of a reload ------------------------------------------------------------------ */

static void read_files(uv_work_t *work)
{
    struct reload *reload = work->data;
    struct supervisor *supervisor = reload->supervisor;

    reload->config = config_load(supervisor->config_path, supervisor->surroundings, &reload->list);
    if (reload->config)
        isolation_refuse(reload->config, &reload->list);
    if (reload->config && !access_contents_read(reload->config, &reload->contents, &reload->list))
        diagnostics_add(&reload->list, SEVERITY_ERROR, (struct position){0}, NULL, "out of memory");
    if (reload->config &&
        !config_changes_find(&reload->changes, reload->generation->config, reload->config))
        diagnostics_add(&reload->list, SEVERITY_ERROR, (struct position){0}, NULL, "out of memory");
}

static void say_failed(struct reload *reload)
{
    diagnostics_sort(&reload->list);
    event_diagnostics(&reload->list);
    log_event(LEVEL_ERROR, "reload-failed",
              log_u64("generation", reload->supervisor->generation->number),
              log_u64("errors", reload->list.errors));
}

static void say_done(struct reload *reload)
{
    const struct generation *generation = reload->supervisor->generation;

    diagnostics_sort(&reload->list);
    event_diagnostics(&reload->list);
    log_event(LEVEL_INFO, "reload", log_u64("generation", generation->number),
              log_u64("services", generation->config->service_count),
              log_u64("failed", generation->config->failed_count),
              log_u64("duration_ms", clock_now_ms() - reload->begun_ms));
}

/* An error of one service costs that service at start, but at a reload the others go on as they
 * are: a typo must never close a port that serves. */
static bool acceptable(const struct reload *reload)
{
    return reload->config && !diagnostics_failed(&reload->list);
}

static void end_reload(struct reload *reload, bool done)
{
    struct supervisor *supervisor = reload->supervisor;
    const struct reload_result result = {.number = supervisor->reloads,
                                         .done = done,
                                         .list = &reload->list,
                                         .changes = done ? &reload->changes : NULL,
                                         .duration_ms = clock_now_ms() - reload->begun_ms};

    if (supervisor->hooks.reloaded)
        supervisor->hooks.reloaded(supervisor->hooks.data, &result);
    config_free(reload->config);
    access_contents_free(&reload->contents);
    config_changes_clear(&reload->changes);
    diagnostics_clear(&reload->list);
    generation_release(reload->generation);
    free(reload);
}

static void on_read(uv_work_t *work, int status)
{
    struct reload *reload = work->data;
    struct supervisor *supervisor = reload->supervisor;
    struct config *config = reload->config;
    bool done = false;

    if (supervisor->state != STATE_RUNNING) {
        diagnostics_add(&reload->list, SEVERITY_ERROR, (struct position){0}, NULL,
                        "superd is stopping");
    } else if (status == 0 && acceptable(reload)) {
        reload->config = NULL;
        done = reload_commit(supervisor, config, &reload->contents, &reload->list);
    }
    if (done)
        say_done(reload);
    else if (supervisor->state == STATE_RUNNING)
        say_failed(reload);
    end_reload(reload, done);
    memory_give_back();
    notify_send("READY=1");
    supervisor->reloading = false;
    if (supervisor->state != STATE_RUNNING)
        stop_check(supervisor);
    else if (supervisor->reload_again && !supervisor->upgrade)
        reload_begin(supervisor);
}

/* Nobody is told of a reload that could not begin: 0 says so. */
static uint64_t could_not_begin(struct supervisor *supervisor, const char *error)
{
    supervisor->reloading = false;
    log_event(LEVEL_ERROR, "reload-failed", log_text("error", error));
    return 0;
}

uint64_t reload_begin(struct supervisor *supervisor)
{
    struct reload *reload;

    if (supervisor->state != STATE_RUNNING)
        return 0;
    /* One at a time, also while the last generation's launchers still have orders in hand. An upgrade reads
     * the files itself, and when it fails there is a reload after it. */
    supervisor->reload_again = supervisor->reloading || supervisor->retiring || supervisor->upgrade;
    if (supervisor->reload_again)
        return supervisor->reloads + 1;
    reload = calloc(1, sizeof *reload);
    if (!reload)
        return could_not_begin(supervisor, "out of memory");
    reload->supervisor = supervisor;
    reload->generation = supervisor->generation;
    reload->work.data = reload;
    reload->begun_ms = clock_now_ms();
    diagnostics_init(&reload->list);
    supervisor->reloading = true;
    if (uv_queue_work(&supervisor->loop, &reload->work, read_files, on_read) < 0) {
        free(reload);
        return could_not_begin(supervisor, "no thread");
    }
    generation_hold(reload->generation);
    notify_reloading();
    return ++supervisor->reloads;
}
