/*
 * groups: see groups.h.
 */
#include "supervise/groups.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "launch/isolation/cgroup.h"
#include "supervise/instance.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

#define FIRST_MS 50    /* from an end to the first try */
#define LAST_MS  10000 /* between two tries of groups that somebody still lives in, at most */

struct group {
    struct group *next;
    char path[];
};

struct removal { /* given to the thread */
    uv_work_t work;
    struct supervisor *supervisor;
    struct group *groups;
};

static bool path_of(const struct instance *instance, char *path, size_t size)
{
    return instance->config->isolation.cgroup == SHARING_CONNECTION &&
           cgroup_instance_path(instance->config->name, instance->id, path, size);
}

bool groups_kill(const struct instance *instance)
{
    char path[PATH_MAX];

    if (!path_of(instance, path, sizeof path))
        return false;
    return cgroup_kill(path);
}

/* ---- In the thread -------------------------------------------------------------------------- */

static void remove_groups(uv_work_t *work)
{
    struct removal *removal = work->data;
    struct group *group, *next;

    LL_FOREACH_SAFE (removal->groups, group, next) {
        if (!cgroup_remove(group->path))
            continue;
        LL_DELETE(removal->groups, group);
        free(group);
    }
}

/* ---- In the loop ---------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void on_removed(uv_work_t *work, int status)
{
    struct removal *removal = work->data;
    struct supervisor *supervisor = removal->supervisor;
    bool left = removal->groups != NULL;

    (void)status;
    supervisor->removing_groups = false;
    LL_CONCAT(supervisor->groups, removal->groups);
    free(removal);
    if (supervisor->state == STATE_STOPPED) {
        groups_stop(supervisor);
        return;
    }
    supervisor->groups_ms = left ? supervisor->groups_ms * 2 : FIRST_MS;
    if (supervisor->groups_ms > LAST_MS)
        supervisor->groups_ms = LAST_MS;
    if (supervisor->groups)
        uv_timer_start(&supervisor->groups_timer, on_timer, supervisor->groups_ms, 0);
}

/* The service has a group again: a launcher that finds it gone makes it anew, but has to wait. */
static bool is_back(struct supervisor *supervisor, const struct group *group)
{
    const char *name = cgroup_service_of(group->path);
    const struct service *service = name ? service_find(supervisor, name) : NULL;

    return service && service->config && service->config->isolation.cgroup != SHARING_OFF;
}

static void keep_needed(struct supervisor *supervisor)
{
    struct group *group, *next;

    LL_FOREACH_SAFE (supervisor->groups, group, next) {
        if (!is_back(supervisor, group))
            continue;
        LL_DELETE(supervisor->groups, group);
        free(group);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct supervisor *supervisor = timer->data;
    struct removal *removal;

    keep_needed(supervisor);
    if (!supervisor->groups)
        return;
    removal = calloc(1, sizeof *removal);

    if (!removal || supervisor->removing_groups) {
        free(removal);
        return;
    }
    removal->work.data = removal;
    removal->supervisor = supervisor;
    removal->groups = supervisor->groups;
    supervisor->groups = NULL;
    supervisor->removing_groups = true;
    if (uv_queue_work(&supervisor->loop, &removal->work, remove_groups, on_removed) < 0)
        on_removed(&removal->work, 0);
}

void groups_add(struct supervisor *supervisor, const char *path)
{
    struct group *group = malloc(sizeof *group + strlen(path) + 1);

    if (!group)
        return; /* it is removed when the daemon ends */
    strcpy(group->path, path);
    LL_PREPEND(supervisor->groups, group);
    if (supervisor->removing_groups || uv_is_active((uv_handle_t *)&supervisor->groups_timer))
        return;
    supervisor->groups_ms = FIRST_MS;
    uv_timer_start(&supervisor->groups_timer, on_timer, FIRST_MS, 0);
}

void groups_forget(const struct instance *instance)
{
    char path[PATH_MAX];

    if (path_of(instance, path, sizeof path))
        groups_add(instance->service->supervisor, path);
}

void groups_leave(struct supervisor *supervisor, const char *service)
{
    char path[PATH_MAX];

    if (supervisor->state != STATE_STOPPED && cgroup_service_path(service, path, sizeof path))
        groups_add(supervisor, path);
}

void groups_visit(const struct supervisor *supervisor, void (*visit)(void *data, const char *path),
                  void *data)
{
    const struct group *group;

    LL_FOREACH (supervisor->groups, group) {
        visit(data, group->path);
    }
}

void groups_begin(struct supervisor *supervisor)
{
    uv_timer_init(&supervisor->loop, &supervisor->groups_timer);
    supervisor->groups_timer.data = supervisor;
}

void groups_stop(struct supervisor *supervisor)
{
    struct group *group, *next;

    LL_FOREACH_SAFE (supervisor->groups, group, next) {
        free(group); /* cgroup_end() removes them */
    }
    supervisor->groups = NULL;
    if (!uv_is_closing((uv_handle_t *)&supervisor->groups_timer))
        uv_close((uv_handle_t *)&supervisor->groups_timer, NULL);
}
