/*
 * refuse: see refuse.h.
 */
#include "launch/isolation/refuse.h"

#include <string.h>

#include "launch/isolation/cgroup.h"
#include "launch/isolation/kernel.h"
#include "launch/isolation/namespaces.h"

struct complaint {
    struct diagnostics *list;
    const struct service_config *service;
};

static void say(void *data, const char *what)
{
    const struct complaint *complaint = data;
    const struct service_config *service = complaint->service;
    bool warn = service->isolation.on_missing == MISSING_WARN;

    diagnostics_add(complaint->list, warn ? SEVERITY_WARNING : SEVERITY_ERROR, service->position,
                    service->name, "%s%s", what,
                    warn ? "; it is served without, as isolate.on_missing says"
                         : "; isolate.on_missing = \"warn\" would serve it without");
}

static void drop_limits(struct resource_settings *resources, unsigned controllers)
{
    if (!(controllers & CONTROLLER_MEMORY))
        resources->memory.set = resources->swap.set = false;
    if (!(controllers & CONTROLLER_PIDS))
        resources->processes.set = false;
    if (!(controllers & CONTROLLER_CPU))
        resources->cpu = resources->cpu_weight = 0;
    if (!(controllers & CONTROLLER_IO))
        resources->io_weight = resources->io_count = 0;
}

/* Back to the host's where there is no other. */
static void drop_view(struct isolation_settings *settings)
{
    static const char *const nothing[] = {NULL};

    settings->root = ROOT_HOST;
    settings->private_tmp = settings->pid_namespace = SHARING_OFF;
    settings->read_only = settings->read_write = settings->hide = settings->devices = nothing;
}

static void weaken(const struct kernel *kernel, const struct service_config *service,
                   struct isolation_settings *settings)
{
    const int *error = kernel->error;
    bool user = settings->user_namespace || namespaces_unprivileged(service);

    if (user && error[KERNEL_USER_NAMESPACE]) {
        settings->user_namespace = false;
        if (namespaces_unprivileged(service)) {
            drop_view(settings);
            settings->level = ISOLATION_BASIC; /* nor other namespaces */
            settings->network = NETWORK_HOST;
            settings->hostname = NULL;
        }
    }
    if (error[KERNEL_MOUNT_NAMESPACE] || error[KERNEL_MOUNT_SETATTR])
        drop_view(settings);
    if (error[KERNEL_PID_NAMESPACE])
        settings->pid_namespace = SHARING_OFF;
    if (error[KERNEL_NETWORK_NAMESPACE])
        settings->network = NETWORK_HOST;
    if (error[KERNEL_UTS_NAMESPACE])
        settings->hostname = NULL;
    if (error[KERNEL_IPC_NAMESPACE] || error[KERNEL_UTS_NAMESPACE] ||
        error[KERNEL_CGROUP_NAMESPACE])
        settings->level = ISOLATION_BASIC;
    if (error[KERNEL_SECCOMP])
        settings->filter_calls = false;
    drop_limits(&settings->resources, kernel->controllers);
    drop_limits(&settings->per_instance, kernel->controllers);
    if (error[KERNEL_CGROUP])
        settings->cgroup = SHARING_OFF;
}

/* False: it is not to be served. */
static bool review(const struct kernel *kernel, struct service_config *service,
                   struct diagnostics *list)
{
    struct complaint complaint = {.list = list, .service = service};

    if (kernel_missing(kernel, service, say, &complaint) == 0) {
        if (kernel->error[KERNEL_CGROUP])
            service->isolation.cgroup = SHARING_OFF; /* it was nobody's wish */
        return true;
    }
    if (service->isolation.on_missing == MISSING_REFUSE)
        return false;
    weaken(kernel, service, &service->isolation);
    /* Its own root was what made files of a dynamic user go with it. */
    if (service->identity.dynamic != DYNAMIC_NO && service->isolation.root == ROOT_HOST) {
        diagnostics_add(list, SEVERITY_ERROR, service->position, service->name,
                        "a dynamic user cannot do without a root of its own");
        return false;
    }
    return true;
}

void isolation_refuse(struct config *config, struct diagnostics *list)
{
    /* It lies in the configuration's arena, and until it is in use it may be changed. */
    struct service_config *services = (struct service_config *)config->services;
    const struct kernel *kernel = NULL;
    size_t kept = 0;

    for (size_t i = 0; i < config->service_count; i++) {
        if (services[i].isolation.level != ISOLATION_NONE && !kernel)
            kernel = kernel_probe();
        if (!kernel || review(kernel, &services[i], list)) {
            if (kept != i)
                services[kept] = services[i];
            kept++;
        } else {
            config->failed_count++;
        }
    }
    config->service_count = kept;
}
