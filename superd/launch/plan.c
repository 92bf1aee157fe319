/*
 * plan: see plan.h. The environment of a handler begins here: nothing is inherited from superd, the
 * standard variables come first and yield to what the service sets itself.
 */
#include "launch/plan.h"

#include <string.h>

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

static bool plan_rlimits(struct arena *arena, struct plan *plan)
{
    struct plan_rlimit *rlimits = arena_array(arena, RLIMIT_SETTINGS, sizeof *rlimits);

    if (!rlimits)
        return false;
    for (int resource = 0; resource < RLIMIT_SETTINGS; resource++) {
        const struct rlimit_setting *setting = &plan->service->rlimits[resource];

        if (setting->set)
            rlimits[plan->rlimit_count++] = (struct plan_rlimit){
                resource, {.rlim_cur = setting->soft, .rlim_max = setting->hard}};
    }
    plan->rlimits = rlimits;
    return true;
}

const struct plan *plans_make(const struct config *config)
{
    struct plan *plans = arena_array(config->arena, config->service_count, sizeof *plans);

    if (!plans)
        return NULL;
    for (size_t i = 0; i < config->service_count; i++) {
        struct plan *plan = &plans[i];

        plan->service = &config->services[i];
        plan->change_directory = strcmp(plan->service->directory, "/") != 0;
        plan->change_umask = plan->service->umask != LAUNCH_UMASK;
        if (!plan_environment(config->arena, plan) || !plan_rlimits(config->arena, plan))
            return NULL;
    }
    return plans;
}
