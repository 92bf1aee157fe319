/*
 * refuse: see refuse.h.
 */
#include "launch/isolation/refuse.h"

#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "launch/isolation/cgroup.h"
#include "launch/isolation/kernel.h"
#include "launch/isolation/namespaces.h"
#include "launch/isolation/privilege.h"
#include "launch/isolation/rights.h"

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

static void say_right(void *data, const char *what, bool vital)
{
    const struct complaint *complaint = data;

    if (!vital)
        say(data, what);
    else
        diagnostics_add(complaint->list, SEVERITY_ERROR, complaint->service->position,
                        complaint->service->name, "%s", what);
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

/* Its own root is what makes files of a dynamic user go with it, a filter what keeps key rings
 * empty. */
static bool dynamic_is_whole(const struct kernel *kernel, const struct service_config *service,
                             struct diagnostics *list)
{
    const char *missing = service->isolation.root == ROOT_HOST ? "a root of its own"
                          : kernel->error[KERNEL_SECCOMP] != 0 ? "a filter that keeps it off key "
                                                                 "rings"
                                                               : NULL;

    if (service->identity.dynamic == DYNAMIC_NO || !missing)
        return true;
    diagnostics_add(list, SEVERITY_ERROR, service->position, service->name,
                    "a dynamic user cannot do without %s", missing);
    return false;
}

/* What superd has no right to, as far as it is not the kernel's to give. */
static void do_without(uint64_t rights, struct isolation_settings *settings)
{
    settings->capabilities &= ~rights;
    if (rights & (CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_SYS_CHROOT)))
        drop_view(settings);
    if ((rights & CAPABILITY(CAP_NET_ADMIN)) && settings->network == NETWORK_LOOPBACK)
        settings->network = NETWORK_NONE;
    if (rights & CAPABILITY(CAP_SETFCAP))
        settings->user_namespace = false;
}

/* False: it is not to be served. KERNEL: NULL where nothing is asked of it. */
static bool review(const struct kernel *kernel, struct service_config *service,
                   struct diagnostics *list)
{
    const uint64_t vital = CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID);
    struct complaint complaint = {.list = list, .service = service};
    uint64_t rights = geteuid() == 0
                          ? rights_missing(privilege_permitted(), service, say_right, &complaint)
                          : 0;
    unsigned missing = kernel ? kernel_missing(kernel, service, say, &complaint) : 0;

    if (rights == 0 && missing == 0) {
        if (kernel && kernel->error[KERNEL_CGROUP])
            service->isolation.cgroup = SHARING_OFF; /* it was nobody's wish */
        return true;
    }
    if (service->isolation.on_missing == MISSING_REFUSE || (rights & vital))
        return false;
    do_without(rights, &service->isolation);
    if (kernel)
        weaken(kernel, service, &service->isolation);
    return !kernel || dynamic_is_whole(kernel, service, list);
}

void isolation_refuse(struct config *config, struct diagnostics *list)
{
    /* It lies in the configuration's arena, and until it is in use it may be changed. */
    struct service_config *services = (struct service_config *)config->services;
    size_t kept = 0;

    for (size_t i = 0; i < config->service_count; i++) {
        bool isolated = services[i].isolation.level != ISOLATION_NONE;

        if (review(isolated ? kernel_probe() : NULL, &services[i], list)) {
            if (kept != i)
                services[kept] = services[i];
            kept++;
        } else {
            config->failed_count++;
        }
    }
    config->service_count = kept;
}
