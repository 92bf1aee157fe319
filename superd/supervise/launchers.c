/*
 * launchers: see launchers.h.
 */
#include "supervise/launchers.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

#include "base/log.h"
#include "supervise/launcher_home.h"

#define APART_MS (10 * 60 * 1000) /* from a launch that hung */

/* ---- Idle ones, and too many ---------------------------------------------------------------- */

static bool is_idle(const struct home *home)
{
    return home->plan && !home->busy && launch_pool_in_flight(home->pool) == 0;
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
            home_end(home);
    }
    home = longest_idle(all);
    if (home)
        uv_timer_start(timer, on_idle_timer, home->used_ms + limit - now, 0);
    else if (all->own_count)
        uv_timer_start(timer, on_idle_timer, limit, 0);
}

/* ---- Orders --------------------------------------------------------------------------------- */

static bool has_own(const struct launchers *all, uint32_t service)
{
    return all->plans[service].home == HOME_OWN ||
           uv_now(all->settings.loop) < all->apart[service].until_ms;
}

static struct home *home_of(const struct launchers *all, uint32_t service)
{
    return has_own(all, service) ? all->own[service] : all->shared[all->plans[service].home];
}

void launchers_set_apart(struct launchers *all, uint32_t service)
{
    const char *name = all->plans[service].service->name;

    if (all->plans[service].home == HOME_OWN)
        return;
    if (!has_own(all, service))
        log_event(LEVEL_WARNING, "launcher", log_text("state", "apart"), log_text("service", name));
    all->apart[service] = (struct apart){.until_ms = uv_now(all->settings.loop) + APART_MS};
}

static void say_crowded(struct launchers *all, uint32_t service)
{
    struct apart *apart = &all->apart[service];

    if (apart->said || all->plans[service].home == HOME_OWN)
        return;
    apart->said = true;
    log_event(LEVEL_WARNING, "launcher", log_text("state", "crowded"),
              log_text("service", all->plans[service].service->name));
}

bool launchers_room(struct launchers *all, uint32_t service)
{
    const struct home *home = home_of(all, service);

    if (all->retired || all->paused)
        return false;
    if (home)
        return launch_pool_room(home->pool);
    if (!has_own(all, service) || all->own_count < all->config->daemon.templates ||
        longest_idle(all))
        return true;
    all->waiting = true;
    say_crowded(all, service);
    return false;
}

/* The home of a service whose orders are to go there now. */
static int find_home(struct launchers *all, uint32_t service, struct home **home_r)
{
    const struct plan *plan = &all->plans[service];
    struct home *home = home_of(all, service);
    int r;

    if (home && home->stale && is_idle(home)) {
        home_end(home);
        home = NULL;
    }
    if (!home) {
        bool own = has_own(all, service);

        if (own && all->own_count >= all->config->daemon.templates)
            home_end(longest_idle(all)); /* there is one: launchers_room() */
        r = home_begin(all, plan->home, own ? plan : NULL);
        if (r < 0)
            return r;
        home = home_of(all, service);
    }
    home->used_ms = uv_now(all->settings.loop);
    if (home->plan && !uv_is_active((uv_handle_t *)&all->idle_timer))
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

void launchers_pause(struct launchers *all, bool pause)
{
    all->paused = pause;
    if (!pause)
        all->settings.on_room(all->settings.data);
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
        home_end(all->homes);
    free(all->own);
    free(all->apart);
    all->own = NULL;
    all->apart = NULL;
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
        int r = wanted[kind] ? home_begin(all, (enum launch_home)kind, NULL) : 0;

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
    all->apart = calloc(config->service_count + 1, sizeof *all->apart);
    if (!all->own || !all->apart) {
        free(all->own);
        free(all->apart);
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
