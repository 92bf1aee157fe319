/*
 * plan: see plan.h. The environment of a handler begins here: nothing is inherited from superd, the
 * standard variables come first and yield to what the service sets itself.
 */
#include "launch/plan.h"

#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "launch/isolation/cgroup.h"
#include "launch/isolation/namespaces.h"
#include "launch/isolation/privilege.h"
#include "launch/isolation/view.h"

/* The PATH of a login without further settings; the folders of Debian's programs. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static bool environment_has(const char *const *environment, const char *name)
{
    size_t length = strlen(name);

    for (; *environment; environment++) {
        if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
            return true;
    }
    return false;
}

static bool plan_environment(struct arena *arena, struct plan *plan)
{
    const struct service_config *service = plan->service;
    const struct {
        const char *name, *value;
    } standard[] = {
        {"PATH", DEFAULT_PATH},
        {"HOME", service->identity.home},
        {"USER", service->identity.name},
        {"LOGNAME", service->identity.name},
        {"SHELL", service->identity.shell},
        {"SUPERD_SERVICE", service->name},
    };
    const size_t standards = sizeof standard / sizeof *standard;
    size_t given = 0, n = 0;
    const char **environment;

    while (service->environment[given])
        given++;
    environment = arena_array(arena, given + standards + 1, sizeof *environment);
    if (!environment)
        return false;
    for (size_t i = 0; i < standards; i++) {
        if (!standard[i].value || environment_has(service->environment, standard[i].name))
            continue;
        environment[n] = arena_printf(arena, "%s=%s", standard[i].name, standard[i].value);
        if (!environment[n++])
            return false;
    }
    memcpy(environment + n, service->environment, given * sizeof *environment);
    plan->environment = environment;
    plan->environment_count = n + given;
    return true;
}

static void add_rlimit(struct plan *plan, struct plan_rlimit *rlimits, int resource, uint64_t soft,
                       uint64_t hard)
{
    rlimits[plan->rlimit_count++] = (struct plan_rlimit){resource,
                                                         {.rlim_cur = soft, .rlim_max = hard}};
}

/* What an isolated handler has where its service says nothing. Not RLIMIT_NPROC, which counts the
 * processes of a user everywhere, those that are still being torn down included. */
static void default_rlimits(struct plan *plan, struct plan_rlimit *rlimits)
{
    const struct rlimit_setting *given = plan->service->rlimits;

    if (plan->service->isolation.level == ISOLATION_NONE)
        return;
    if (!given[RLIMIT_CORE].set)
        add_rlimit(plan, rlimits, RLIMIT_CORE, 0, 0);
    if (plan->service->isolation.level != ISOLATION_STRICT)
        return;
    if (!given[RLIMIT_NOFILE].set)
        add_rlimit(plan, rlimits, RLIMIT_NOFILE, 1024, 1024);
    if (!given[RLIMIT_MEMLOCK].set)
        add_rlimit(plan, rlimits, RLIMIT_MEMLOCK, 65536, 65536);
    if (!given[RLIMIT_MSGQUEUE].set)
        add_rlimit(plan, rlimits, RLIMIT_MSGQUEUE, 0, 0);
}

static bool plan_rlimits(struct arena *arena, struct plan *plan)
{
    struct plan_rlimit *rlimits = arena_array(arena, RLIMIT_SETTINGS, sizeof *rlimits);

    if (!rlimits)
        return false;
    for (int resource = 0; resource < RLIMIT_SETTINGS; resource++) {
        const struct rlimit_setting *setting = &plan->service->rlimits[resource];

        if (setting->set)
            add_rlimit(plan, rlimits, resource, setting->soft, setting->hard);
    }
    default_rlimits(plan, rlimits);
    plan->rlimits = rlimits;
    return true;
}

/* ---- Isolation ------------------------------------------------------------------------------ */

/* A child that its limits slow down before it runs its program keeps its launcher waiting. */
static bool has_limits(const struct isolation_settings *settings)
{
    return cgroup_controllers_of(&settings->resources) ||
           cgroup_controllers_of(&settings->per_instance);
}

static enum launch_home home_of(const struct service_config *service)
{
    const struct isolation_settings *settings = &service->isolation;

    if (settings->level == ISOLATION_NONE)
        return HOME_PLAIN;
    if (settings->level == ISOLATION_STRICT || namespaces_needed(service) ||
        settings->filter_calls || settings->capabilities ||
        settings->cgroup == SHARING_CONNECTION || has_limits(settings))
        return HOME_OWN;
    return HOME_BASIC;
}

/* What it makes would outlive it, and its uid. */
static bool may_make_ipc(const struct isolation_settings *settings)
{
    if (!settings->filter_calls)
        return true;
    for (const char *const *call = settings->calls; *call; call++) {
        if (strcmp(*call, "shmget") == 0 || strcmp(*call, "msgget") == 0 ||
            strcmp(*call, "semget") == 0 || strcmp(*call, "mq_open") == 0 ||
            strcmp(*call, "ipc") == 0)
            return true;
    }
    return false;
}

static bool plan_isolation(struct arena *arena, struct plan *plan)
{
    const struct isolation_settings *settings = &plan->service->isolation;
    char options[128];

    plan->home = home_of(plan->service);
    if (plan->home == HOME_PLAIN)
        return true;
    plan->launcher_capabilities = CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) |
                                  CAPABILITY(CAP_SYS_RESOURCE) | CAPABILITY(CAP_SYS_NICE);
    plan->in_group = plan->home == HOME_BASIC && settings->cgroup == SHARING_SERVICE;
    if (plan->home == HOME_BASIC)
        return true;
    plan->launcher_capabilities |= settings->capabilities;
    plan->keep_capabilities = settings->capabilities != 0;
    if (settings->pid_namespace == SHARING_CONNECTION) {
        plan->clone_flags |= CLONE_NEWPID | CLONE_NEWNS;
        plan->own_proc = true;
    }
    if (settings->private_tmp == SHARING_CONNECTION) {
        plan->clone_flags |= CLONE_NEWNS;
        view_tmp_options(options, sizeof options, settings->tmp_size);
        plan->tmp_options = arena_strdup(arena, options);
        plan->tmp_flags = MS_NOSUID | MS_NODEV | (settings->no_exec ? MS_NOEXEC : 0);
    }
    if (plan->service->identity.dynamic == DYNAMIC_CONNECTION && may_make_ipc(settings))
        plan->clone_flags |= CLONE_NEWIPC;
    if (plan->clone_flags)
        plan->launcher_capabilities |= CAPABILITY(CAP_SYS_ADMIN);
    /* With a group of others the /tmp of a slot could not be for one instance alone (slots.c). */
    plan->slots = plan->tmp_options && !plan->own_proc &&
                  plan->service->identity.dynamic == DYNAMIC_CONNECTION &&
                  plan->service->identity.gid == (gid_t)-1;
    if (plan->slots)
        plan->launcher_capabilities |= CAPABILITY(CAP_SYS_CHROOT) | CAPABILITY(CAP_CHOWN);
    return settings->private_tmp != SHARING_CONNECTION || plan->tmp_options;
}

struct credentials {
    bool plain; /* there is one uid and one gid, and few groups */
    uid_t uid;
    gid_t gid;
    gid_t groups[64];
    int count;
};

static struct credentials own_credentials(void)
{
    struct credentials own = {0};
    uid_t effective_uid, saved_uid;
    gid_t effective_gid, saved_gid;

    own.count = getgroups(sizeof own.groups / sizeof *own.groups, own.groups);
    own.plain = own.count >= 0 && getresuid(&own.uid, &effective_uid, &saved_uid) == 0 &&
                getresgid(&own.gid, &effective_gid, &saved_gid) == 0 && effective_uid == own.uid &&
                saved_uid == own.uid && effective_gid == own.gid && saved_gid == own.gid;
    return own;
}

/* Is that who we are, and so the launchers without isolation? Their children need not become it. */
static bool is_own(const struct identity *identity, const struct credentials *own)
{
    return own->plain && identity->dynamic == DYNAMIC_NO && identity->uid == own->uid &&
           identity->gid == own->gid && identity->group_count == (size_t)own->count &&
           (own->count == 0 ||
            memcmp(own->groups, identity->groups, (size_t)own->count * sizeof *own->groups) == 0);
}

const struct plan *plans_make(const struct config *config)
{
    struct plan *plans = arena_array(config->arena, config->service_count, sizeof *plans);
    const struct credentials own = own_credentials();

    if (!plans)
        return NULL;
    for (size_t i = 0; i < config->service_count; i++) {
        struct plan *plan = &plans[i];

        plan->service = &config->services[i];
        plan->change_directory = strcmp(plan->service->directory, "/") != 0;
        plan->change_umask = plan->service->umask != LAUNCH_UMASK;
        if (!plan_environment(config->arena, plan) || !plan_rlimits(config->arena, plan) ||
            !plan_isolation(config->arena, plan))
            return NULL;
        /* A root's capabilities go with it through exec, as far as the bounding set, which superd
         * may not be allowed to empty, does not take them. */
        if (plan->home != HOME_PLAIN && plan->service->identity.uid == 0)
            plan->keep_capabilities = true;
        plan->change_user = plan->service->identity.change &&
                            (plan->home != HOME_PLAIN || !is_own(&plan->service->identity, &own));
    }
    return plans;
}
