/*
 * enclosure: see enclosure.h.
 */
#include "launch/isolation/enclosure.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/isolation/cgroup.h"
#include "launch/isolation/filter.h"
#include "launch/isolation/landlock.h"
#include "launch/isolation/namespaces.h"
#include "launch/isolation/privilege.h"
#include "launch/isolation/view.h"

static bool failed(struct enclosure *enclosure, enum launch_step step, int r)
{
    if (r >= 0)
        return false;
    enclosure->step = step;
    enclosure->error = -r;
    return true;
}

/* Rules are a second wall: a kernel without them is no error. */
static int rules_of(const struct service_config *service, bool same_user)
{
    int rules = -EOPNOTSUPP;

    if (service && service->isolation.level == ISOLATION_STRICT)
        rules = landlock_rules(&service->isolation);
    else if (same_user)
        rules = landlock_scope();
    if (rules == -EOPNOTSUPP && service && view_needed(service))
        rules = landlock_apart(landlock_version());
    return rules;
}

static bool enter_own(struct enclosure *enclosure, const struct launch_place *place, int channel)
{
    const struct isolation_settings *settings = &place->plan->service->isolation;
    struct namespaces_failure failure;

    if (place->cgroup && failed(enclosure, STEP_CGROUP, cgroup_join(place->cgroup)))
        return false;
    if (place->cgroup && settings->cgroup == SHARING_CONNECTION) {
        enclosure->cgroup = open(place->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (failed(enclosure, STEP_CGROUP, enclosure->cgroup < 0 ? -errno : 0))
            return false;
    }
    if (channel >= 0 && namespaces_enter(channel, &failure) != 0) {
        failed(enclosure, failure.step, -failure.error);
        return false;
    }
    return true;
}

void enclosure_enter(struct enclosure *enclosure, const struct launch_place *place, int channel)
{
    const struct isolation_settings *settings = place->home == HOME_OWN
                                                    ? &place->plan->service->isolation
                                                    : NULL;
    uint64_t shared = CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) |
                      CAPABILITY(CAP_SYS_RESOURCE) | CAPABILITY(CAP_SYS_NICE);
    uint64_t permitted = privilege_permitted();
    bool same_user = geteuid() != 0;

    *enclosure = (struct enclosure){.rules = -1, .cgroup = -1, .slots = {.mounts = -1}};
    if (place->home == HOME_PLAIN)
        return;
    if (settings && !enter_own(enclosure, place, channel))
        return;
    if (settings)
        slots_begin(&enclosure->slots, place->plan, channel);
    if (settings)
        permitted = privilege_permitted(); /* a user namespace has changed them */
    /* Who may not drop them (an ordinary user outside of a namespace of his own) cannot gain any
     * either, once no_new_privs is set. */
    if ((permitted & CAPABILITY(CAP_SETPCAP)) &&
        failed(enclosure, STEP_PRIVILEGES, privilege_bound(settings ? settings->capabilities : 0)))
        return;
    if (failed(enclosure, STEP_PRIVILEGES, privilege_renounce()))
        return;
    enclosure->rules = rules_of(settings ? place->plan->service : NULL, same_user);
    if (enclosure->rules != -EOPNOTSUPP && failed(enclosure, STEP_LANDLOCK, enclosure->rules))
        return;
    if (enclosure->rules < 0)
        enclosure->rules = -1;
    if (failed(enclosure, STEP_PRIVILEGES,
               privilege_reduce(settings ? place->plan->launcher_capabilities : shared)))
        return;
    if (settings && settings->filter_calls)
        failed(enclosure, STEP_SYSTEM_CALLS, filter_load(settings, place->plan));
    else if (settings && place->plan->service->identity.dynamic != DYNAMIC_NO)
        failed(enclosure, STEP_SYSTEM_CALLS, filter_load_no_keys());
}

int enclosure_instance(const struct enclosure *enclosure, const struct plan *plan,
                       uint64_t instance)
{
    return cgroup_instance(enclosure->cgroup, instance, &plan->service->isolation.per_instance);
}
