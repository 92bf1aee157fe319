/*
 * rights: see rights.h.
 */
#include "launch/isolation/rights.h"

#include <linux/capability.h>
#include <stdio.h>

#include "config/capability.h"
#include "launch/isolation/namespaces.h"
#include "launch/isolation/privilege.h"
#include "launch/isolation/view.h"

static bool is_another(const struct service_config *service)
{
    return service->identity.change &&
           (service->identity.dynamic != DYNAMIC_NO || service->identity.uid != 0);
}

static bool changes_groups(const struct service_config *service)
{
    return service->identity.change && (is_another(service) || service->identity.gid != 0 ||
                                        service->isolation.level != ISOLATION_NONE);
}

/* In a user namespace launchers have all of them. */
static bool has_own_rights(const struct service_config *service)
{
    return service->isolation.user_namespace || namespaces_unprivileged(service);
}

static bool is_bounded(const struct service_config *service)
{
    return service->isolation.level != ISOLATION_NONE && !has_own_rights(service) &&
           !privilege_is_bound(service->isolation.capabilities);
}

static bool has_namespaces(const struct service_config *service)
{
    return service->isolation.level != ISOLATION_NONE && !has_own_rights(service) &&
           namespaces_needed(service);
}

static bool has_view(const struct service_config *service)
{
    return service->isolation.level != ISOLATION_NONE && !has_own_rights(service) &&
           view_needed(service);
}

static bool has_loopback(const struct service_config *service)
{
    return service->isolation.network == NETWORK_LOOPBACK && !has_own_rights(service);
}

static bool maps_root(const struct service_config *service)
{
    return service->isolation.level != ISOLATION_NONE && service->isolation.user_namespace &&
           service->identity.change;
}

static const struct {
    unsigned capability;
    bool (*needed)(const struct service_config *service);
    bool vital;
    const char *what;
} rights[] = {
    {CAP_SETUID, is_another, true, "to run it as its user"},
    {CAP_SETGID, changes_groups, true, "to run it with its groups alone"},
    {CAP_KILL, is_another, false, "to end it at a deadline, or at a stop"},
    {CAP_SETPCAP, is_bounded, false, "to leave its handlers none that they could gain"},
    {CAP_SYS_ADMIN, has_namespaces, false, "to make its namespaces and mounts"},
    {CAP_SYS_CHROOT, has_view, false, "to enter its view of files"},
    {CAP_NET_ADMIN, has_loopback, false, "to make its loopback"},
    {CAP_SETFCAP, maps_root, false, "to make its user namespace"},
};

static void tell(unsigned capability, const char *what, bool vital,
                 void (*say)(void *data, const char *what, bool vital), void *data)
{
    const char *name = capability_name(capability);
    char text[256];

    snprintf(text, sizeof text,
             "superd needs the capability %s %s, and does not have it (in a unit: "
             "CapabilityBoundingSet; in a container: --cap-add)",
             name ? name : "of this number", what);
    say(data, text, vital);
}

uint64_t rights_missing(uint64_t have, const struct service_config *service,
                        void (*say)(void *data, const char *what, bool vital), void *data)
{
    uint64_t missing = 0;

    for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
        if ((have & CAPABILITY(rights[i].capability)) || !rights[i].needed(service))
            continue;
        missing |= CAPABILITY(rights[i].capability);
        tell(rights[i].capability, rights[i].what, rights[i].vital, say, data);
    }
    for (unsigned number = 0; capability_name(number); number++) {
        if (service->isolation.level == ISOLATION_NONE || has_own_rights(service) ||
            !(service->isolation.capabilities & CAPABILITY(number) & ~have & ~missing))
            continue;
        missing |= CAPABILITY(number);
        tell(number, "to give it to its handlers (isolate.capabilities)", false, say, data);
    }
    return missing;
}
