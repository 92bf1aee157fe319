/*
 * launchers: see launchers.h.
 */
#include "supervise/launchers.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/fd.h"
#include "base/log.h"
#include "launch/isolation/cgroup.h"
#include "launch/isolation/namespaces.h"

/* Where launchers of one kind live. */
struct home {
    struct launchers *all;
    struct launch_place place;
    struct launch_pool *pool;
    char *cgroup;
    uint64_t used_ms;
    uint64_t pass; /* of launchers_collect() */
    bool stale;    /* something of it is broken: make another one for the next order */
    bool busy;     /* it is telling something: not to be ended now */
    struct home *prev, *next;
};

struct launchers {
    struct launch_pool_settings settings; /* the caller's callbacks */
    const struct config *config;
    const struct plan *plans;
    unsigned processors;
    struct home *shared[HOME_OWN]; /* NULL: no service needs it */
    struct home **own;             /* by service; NULL: not started */
    struct home *homes;            /* all that are there */
    size_t own_count, in_flight;
    uint64_t pass;
    uv_timer_t idle_timer;
    bool waiting; /* somebody was told that there are too many homes */
    bool retired;
};

/* ---- What pools tell ------------------------------------------------------------------------ */

static void end_home(struct home *home)
{
    struct launchers *all = home->all;

    launch_pool_destroy(home->pool);
    DL_DELETE(all->homes, home);
    if (home->place.home == HOME_OWN) {
        all->own[home->place.plan - all->plans] = NULL;
        all->own_count--;
    } else {
        all->shared[home->place.home] = NULL;
    }
    fd_close(&home->place.channel);
    free(home->cgroup);
    free(home);
}

/* Say once what a person needs to mend it: the step is in each launch's own event. */
static void say_failure(struct home *home, const struct launch_report *report)
{
    struct namespaces_failure failure = {.step = report->step, .error = report->error};

    if (home->place.channel >= 0)
        namespaces_failed(home->place.channel, &failure);
    log_event(LEVEL_ERROR, "error", log_text("service", home->place.plan->service->name),
              log_text("what", "isolation"), log_text("step", launch_step_names[failure.step]),
              log_text("at", failure.what[0] ? failure.what : NULL),
              log_text("error", strerror(failure.error)));
}

/* Is it the place that failed, not this launch? A process namespace whose process 1 was killed
 * lets nobody in any more (ENOMEM). */
static bool is_broken(const struct home *home, const struct launch_report *report)
{
    if (home->place.home != HOME_OWN)
        return false;
    return (report->step >= STEP_USER_NAMESPACE && report->step <= STEP_SYSTEM_CALLS) ||
           report->step == STEP_STUCK || (report->step == STEP_CLONE && report->error == ENOMEM);
}

static void on_report(void *data, const struct launch_report *report)
{
    struct home *home = data;
    struct launchers *all = home->all;

    all->in_flight--;
    if (is_broken(home, report) && !home->stale) {
        home->stale = true;
        say_failure(home, report);
    }
    home->busy = true; /* what follows may send orders, and so want the place of an idle home */
    all->settings.on_report(all->settings.data, report);
    home->busy = false;
    if (all->waiting && launch_pool_in_flight(home->pool) == 0) {
        all->waiting = false;
        all->settings.on_room(all->settings.data);
    }
}

static void on_room(void *data)
{
    struct launchers *all = ((struct home *)data)->all;

    all->settings.on_room(all->settings.data);
}

static void on_empty(void *data)
{
    struct home *home = data;
    struct launchers *all = home->all;

    end_home(home);
    if (!all->homes)
        all->settings.on_empty(all->settings.data);
}

static void on_replaced(void *data, pid_t old, pid_t new, int error)
{
    struct launchers *all = ((struct home *)data)->all;

    all->settings.on_replaced(all->settings.data, old, new, error);
}

/* ---- Beginning a home ----------------------------------------------------------------------- */

static int begin_cgroup(struct home *home)
{
    const struct service_config *service = home->place.plan->service;
    const struct isolation_settings *settings = &service->isolation;
    unsigned controllers = cgroup_controllers_of(&settings->resources) |
                           cgroup_controllers_of(&settings->per_instance);
    char path[PATH_MAX];
    int r;

    if (settings->cgroup == SHARING_OFF)
        return 0;
    r = cgroup_begin(controllers);
    if (r == 0)
        r = cgroup_service(service, path, sizeof path);
    if (r < 0) {
        /* A group without limits keeps nothing off anybody: where there can be none, so be it. What
         * needs one has been refused, or warned of, when the configuration was read. */
        bool needed = settings->on_missing == MISSING_REFUSE &&
                      (controllers || settings->cgroup == SHARING_CONNECTION);

        return needed ? r : 0;
    }
    home->cgroup = strdup(path);
    home->place.cgroup = home->cgroup;
    return home->cgroup ? 0 : -ENOMEM;
}

static int begin_namespaces(struct home *home)
{
    const struct service_config *service = home->place.plan->service;
    int pair[2];
    pid_t pid;

    if (!namespaces_needed(service))
        return 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -errno;
    pid = fork();
    if (pid == 0)
        namespaces_make(service, pair[1], home->cgroup);
    fd_close(&pair[1]);
    if (pid < 0) {
        fd_close(&pair[0]);
        return -EAGAIN;
    }
    home->place.channel = pair[0];
    return 0;
}

static unsigned launchers_of(const struct launchers *all, const struct home *home)
{
    unsigned written = home->place.home == HOME_OWN ? home->place.plan->service->isolation.launchers
                                                    : all->config->daemon.launchers;

    return written ? written : all->processors;
}

static int begin_pool(struct home *home)
{
    struct launchers *all = home->all;
    struct launch_pool_settings settings = all->settings;

    settings.plans = all->plans;
    settings.plan_count = all->config->service_count;
    settings.launchers = launchers_of(all, home);
    settings.place = home->place;
    settings.late_ms = all->config->daemon.launch_timeout_ms;
    settings.data = home;
    settings.on_report = on_report;
    settings.on_room = on_room;
    settings.on_empty = on_empty;
    settings.on_replaced = on_replaced;
    return launch_pool_create(&settings, &home->pool);
}

static int begin_home(struct launchers *all, enum launch_home kind, const struct plan *plan)
{
    struct home *home = calloc(1, sizeof *home);
    int r = 0;

    if (!home)
        return -ENOMEM;
    home->all = all;
    home->place = (struct launch_place){.home = kind, .plan = plan, .channel = -1};
    if (kind == HOME_OWN)
        r = begin_cgroup(home);
    if (r == 0 && kind == HOME_OWN)
        r = begin_namespaces(home);
    if (r == 0)
        r = begin_pool(home);
    if (r < 0) {
        fd_close(&home->place.channel);
        free(home->cgroup);
        free(home);
        return r;
    }
    DL_APPEND(all->homes, home);
    if (kind == HOME_OWN) {
        all->own[plan - all->plans] = home;
        all->own_count++;
    } else {
        all->shared[kind] = home;
    }
    return 0;
}

/* ---- Idle ones, and too many ---------------------------------------------------------------- */

static bool is_idle(const struct home *home)
{
    return home->place.home == HOME_OWN && !home->busy && launch_pool_in_flight(home->pool) == 0;
}

static struct home *longest_idle(const struct launchers *all)
{
    struct home *home, *found = NULL;

    DL_FOREACH (all->homes, home) {
        if (is_idle(home) && (!found || home->used_ms < found->used_ms))
            found = home;
    }
    return found;
}

static void on_idle_timer(uv_timer_t *timer)
{
    struct launchers *all = timer->data;
    uint64_t now = uv_now(all->settings.loop), limit = all->config->daemon.template_idle_ms;
    struct home *home, *next;

    DL_FOREACH_SAFE (all->homes, home, next) {
        if (is_idle(home) && now - home->used_ms >= limit)
            end_home(home);
    }
    home = longest_idle(all);
    if (home)
        uv_timer_start(timer, on_idle_timer, home->used_ms + limit - now, 0);
    else if (all->own_count)
        uv_timer_start(timer, on_idle_timer, limit, 0);
}

/* ---- Orders --------------------------------------------------------------------------------- */

static struct home *home_of(const struct launchers *all, uint32_t service)
{
    const struct plan *plan = &all->plans[service];

    return plan->home == HOME_OWN ? all->own[service] : all->shared[plan->home];
}

bool launchers_room(struct launchers *all, uint32_t service)
{
    const struct home *home = home_of(all, service);

    if (all->retired)
        return false;
    if (home)
        return launch_pool_room(home->pool);
    if (all->plans[service].home != HOME_OWN || all->own_count < all->config->daemon.templates ||
        longest_idle(all))
        return true;
    all->waiting = true;
    return false;
}

/* The home of a service whose orders are to go there now. */
static int find_home(struct launchers *all, uint32_t service, struct home **home_r)
{
    const struct plan *plan = &all->plans[service];
    struct home *home = home_of(all, service);
    int r;

    if (home && home->stale && is_idle(home)) {
        end_home(home);
        home = NULL;
    }
    if (!home) {
        if (plan->home == HOME_OWN && all->own_count >= all->config->daemon.templates)
            end_home(longest_idle(all)); /* there is one: launchers_room() */
        r = begin_home(all, plan->home, plan);
        if (r < 0)
            return r;
        home = home_of(all, service);
    }
    home->used_ms = uv_now(all->settings.loop);
    if (plan->home == HOME_OWN && !uv_is_active((uv_handle_t *)&all->idle_timer))
        uv_timer_start(&all->idle_timer, on_idle_timer, all->config->daemon.template_idle_ms, 0);
    *home_r = home;
    return 0;
}

int launchers_send(struct launchers *all, const struct order *order, int connection,
                   int stderr_pipe)
{
    struct home *home;
    int r;

    if (!launchers_room(all, order->service))
        return -EAGAIN;
    r = find_home(all, order->service, &home);
    if (r < 0)
        return r == -EAGAIN ? -ENOMEM : r; /* no process to be had is no matter of waiting */
    r = launch_pool_send(home->pool, order, connection, stderr_pipe);
    if (r == 0)
        all->in_flight++;
    return r;
}

/* ---- All of them ---------------------------------------------------------------------------- */

/* One that has orders out and has not been asked in this pass. */
static struct home *next_to_ask(const struct launchers *all)
{
    struct home *home;

    DL_FOREACH (all->homes, home) {
        if (home->pass != all->pass && launch_pool_in_flight(home->pool))
            return home;
    }
    return NULL;
}

void launchers_collect(struct launchers *all)
{
    struct home *home;

    /* What a report leads to may end homes and begin others: look for the next one afresh. */
    all->pass++;
    while ((home = next_to_ask(all))) {
        home->pass = all->pass;
        launch_pool_collect(home->pool);
    }
}

bool launchers_reaped(struct launchers *all, pid_t pid)
{
    struct home *home, *next;

    DL_FOREACH_SAFE (all->homes, home, next) {
        if (launch_pool_reaped(home->pool, pid))
            return true;
    }
    return false;
}

size_t launchers_in_flight(const struct launchers *all)
{
    return all->in_flight;
}

uint64_t launchers_oldest(const struct launchers *all)
{
    const struct home *home;
    uint64_t oldest = 0;

    DL_FOREACH (all->homes, home) {
        uint64_t one = launch_pool_oldest(home->pool);

        if (one && (!oldest || one < oldest))
            oldest = one;
    }
    return oldest;
}

void launchers_visit(const struct launchers *all, void (*visit)(void *data, pid_t pid), void *data)
{
    const struct home *home;

    DL_FOREACH (all->homes, home) {
        launch_pool_visit(home->pool, visit, data);
    }
}

void launchers_retire(struct launchers *all)
{
    struct home *home, *next;

    all->retired = true;
    uv_timer_stop(&all->idle_timer);
    if (!all->homes) {
        all->settings.on_empty(all->settings.data);
        return;
    }
    /* Who is empty ends here; when that was the last, ALL is gone after it. */
    DL_FOREACH_SAFE (all->homes, home, next) {
        launch_pool_retire(home->pool);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void launchers_destroy(struct launchers *all)
{
    while (all->homes)
        end_home(all->homes);
    free(all->own);
    all->own = NULL;
    uv_close((uv_handle_t *)&all->idle_timer, on_timer_closed);
}

/* Shared launchers begin at once: those that services need. */
static int begin_shared(struct launchers *all)
{
    bool wanted[HOME_OWN] = {false};

    for (size_t i = 0; i < all->config->service_count; i++) {
        if (all->plans[i].home != HOME_OWN)
            wanted[all->plans[i].home] = true;
    }
    /* Nothing is served yet: be as ready as for most that may come. */
    if (all->config->service_count == 0)
        wanted[HOME_PLAIN] = true;
    for (unsigned kind = 0; kind < HOME_OWN; kind++) {
        int r = wanted[kind] ? begin_home(all, (enum launch_home)kind, NULL) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

int launchers_create(const struct config *config, const struct plan *plans,
                     const struct launch_pool_settings *callbacks, struct launchers **launchers_r)
{
    struct launchers *all = calloc(1, sizeof *all);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int r;

    if (!all)
        return -ENOMEM;
    all->settings = *callbacks;
    all->config = config;
    all->plans = plans;
    all->processors = processors > 0 ? (unsigned)processors : 1;
    all->own = calloc(config->service_count + 1, sizeof *all->own);
    if (!all->own) {
        free(all);
        return -ENOMEM;
    }
    uv_timer_init(callbacks->loop, &all->idle_timer);
    all->idle_timer.data = all;
    r = begin_shared(all);
    if (r < 0) {
        launchers_destroy(all);
        return r;
    }
    *launchers_r = all;
    return 0;
}
