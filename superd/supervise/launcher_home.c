/*
 * launcher_home: see launcher_home.h.
 */
#include "supervise/launcher_home.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/fd.h"
#include "base/log.h"
#include "config/config.h"
#include "launch/isolation/cgroup.h"
#include "launch/isolation/namespaces.h"

/* ---- What pools tell ------------------------------------------------------------------------ */

void home_end(struct home *home)
{
    struct launchers *all = home->all;

    launch_pool_destroy(home->pool);
    DL_DELETE(all->homes, home);
    if (home->plan) {
        all->own[home->plan - all->plans] = NULL;
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

    home_end(home);
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
                      (controllers || settings->cgroup == SHARING_CONNECTION ||
                       settings->cgroup_asked);

        return needed ? r : 0;
    }
    home->cgroup = strdup(path);
    home->place.cgroup = home->cgroup;
    return home->cgroup ? 0 : -ENOMEM;
}

/* What the groups of services will be made in, by launchers that others share. Without it there are
 * none, which nobody may have asked for: kernel_missing(). */
static void begin_shared_groups(const struct launchers *all)
{
    bool wanted = false;

    for (size_t i = 0; i < all->config->service_count && !wanted; i++)
        wanted = all->plans[i].in_group;
    if (wanted)
        cgroup_begin(0);
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
        namespaces_make(home->place.plan, pair[1], home->cgroup);
    fd_close(&pair[1]);
    if (pid < 0) {
        fd_close(&pair[0]);
        return -EAGAIN;
    }
    home->place.channel = pair[0];
    return 0;
}

/* There is one more than processors: a launcher sleeps while its child
 * loads its program, and where that waits for something (a page, a lock of the kernel's) another one
 * may work (3 to 4 % at 32 clients on two processors; a fourth one gives nothing more). */
static unsigned launchers_of(const struct launchers *all, const struct home *home)
{
    unsigned written = home->plan ? home->plan->service->isolation.launchers
                                  : all->config->daemon.launchers;

    return written ? written : all->processors + 1;
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

int home_begin(struct launchers *all, enum launch_home kind, const struct plan *plan)
{
    struct home *home = calloc(1, sizeof *home);
    int r = 0;

    if (!home)
        return -ENOMEM;
    home->all = all;
    home->plan = plan;
    home->place = (struct launch_place){
        .home = kind, .plan = kind == HOME_OWN ? plan : NULL, .channel = -1};
    if (kind == HOME_OWN)
        r = begin_cgroup(home);
    else if (kind == HOME_BASIC)
        begin_shared_groups(all);
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
    if (plan) {
        all->own[plan - all->plans] = home;
        all->own_count++;
    } else {
        all->shared[kind] = home;
    }
    return 0;
}
