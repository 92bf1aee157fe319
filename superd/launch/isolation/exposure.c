/*
 * exposure: see exposure.h.
 */
#include "launch/isolation/exposure.h"

#include <assert.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "launch/isolation/cgroup.h"
#include "launch/isolation/landlock.h"
#include "launch/isolation/privilege.h"

struct wall {
    const char *name;
    unsigned weight;
    /* How much of the wall is missing, 0 to 2 of 2; *TEXT_R: what that means. */
    unsigned (*look)(const struct service_config *service, const char **text_r);
};

static bool is_root(const struct service_config *service)
{
    return service->identity.dynamic == DYNAMIC_NO && service->identity.uid == 0;
}

static unsigned look_user(const struct service_config *service, const char **text_r)
{
    if (service->identity.dynamic == DYNAMIC_CONNECTION) {
        *text_r = "each connection has a user of its own";
        return 0;
    }
    if (service->identity.dynamic == DYNAMIC_SERVICE) {
        *text_r = "the service has a user of its own";
        return 0;
    }
    *text_r = is_root(service) ? "it runs as root" : "it shares its user with whatever else has it";
    return is_root(service) ? 2 : 1;
}

static unsigned look_privileges(const struct service_config *service, const char **text_r)
{
    bool none = service->isolation.level == ISOLATION_NONE;

    *text_r = none ? "setuid programs give it their rights" : "no program gives it any rights";
    return none ? 2 : 0;
}

static unsigned look_capabilities(const struct service_config *service, const char **text_r)
{
    const uint64_t grave = CAPABILITY(CAP_SYS_ADMIN) | CAPABILITY(CAP_SYS_PTRACE) |
                           CAPABILITY(CAP_SYS_MODULE) | CAPABILITY(CAP_SYS_RAWIO) |
                           CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH) |
                           CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_BPF) | CAPABILITY(CAP_MKNOD) |
                           CAPABILITY(CAP_NET_ADMIN) | CAPABILITY(CAP_CHOWN) |
                           CAPABILITY(CAP_FOWNER) | CAPABILITY(CAP_SYS_CHROOT);
    uint64_t kept = service->isolation.capabilities;

    if (service->isolation.level == ISOLATION_NONE) {
        *text_r = is_root(service) ? "it has all capabilities"
                                   : "it has none, and could get some from a program";
        return is_root(service) ? 2 : 1;
    }
    if (kept == 0 && geteuid() == 0 && !service->isolation.user_namespace &&
        !(privilege_permitted() & CAPABILITY(CAP_SETPCAP)) && !privilege_is_bound(0)) {
        *text_r = "it has none; its bounding set has those that superd may not take out";
        return 1;
    }
    *text_r = kept == 0      ? "it has none and can get none"
              : kept & grave ? "it has some that amount to root"
                             : "it has some";
    return kept == 0 ? 0 : kept & grave ? 2 : 1;
}

static enum landlock_reach reach_of(const struct service_config *service)
{
    return landlock_reach_of(service, landlock_version());
}

/* Is there a process of its user that sees the host's files, and whose root in /proc it may
 * enter? */
static bool has_way_out(const struct service_config *service)
{
    return service->identity.dynamic == DYNAMIC_NO &&
           service->isolation.pid_namespace == SHARING_OFF && reach_of(service) == LANDLOCK_ALL;
}

static unsigned look_root(const struct service_config *service, const char **text_r)
{
    const struct isolation_settings *settings = &service->isolation;

    if ((settings->root != ROOT_HOST || settings->hide[0]) && has_way_out(service)) {
        *text_r = "it sees the host's files through /proc, by another process of its user";
        return 2;
    }
    switch (settings->root) {
    case ROOT_MINIMAL:
        *text_r = "it sees programs, libraries and its own files";
        return 0;
    case ROOT_DIRECTORY:
        *text_r = "it sees an image of its own";
        return 0;
    default:
        break;
    }
    *text_r = settings->hide[0]
                  ? "it sees all of the host's files that its user may read, but what is hidden"
                  : "it sees all of the host's files that its user may read";
    return settings->hide[0] ? 1 : 2;
}

static bool has_path(const char *const *paths, const char *wanted)
{
    for (; *paths; paths++) {
        if (strcmp(*paths, wanted) == 0)
            return true;
    }
    return false;
}

static unsigned look_writing(const struct service_config *service, const char **text_r)
{
    const struct isolation_settings *settings = &service->isolation;
    bool own = settings->root != ROOT_HOST;

    if ((!own && !has_path(settings->read_only, "/")) || has_way_out(service)) {
        *text_r = "it may write whatever its user may";
        return 2;
    }
    *text_r = own && !settings->read_write[0] ? "it can write nothing that outlives it"
                                              : "it may write where its settings say";
    return own && !settings->read_write[0] ? 0 : 1;
}

static unsigned look_tmp(const struct service_config *service, const char **text_r)
{
    static const char *const texts[SHARING_MAX] = {"it shares /tmp with the host",
                                                   "its /tmp is the service's own, and bounded",
                                                   "each connection has a /tmp, and it is bounded"};
    enum sharing sharing = service->isolation.private_tmp;

    *text_r = texts[sharing];
    if (sharing == SHARING_OFF && service->isolation.root != ROOT_HOST) {
        *text_r = "it has no /tmp that can be written";
        return 0;
    }
    return sharing == SHARING_OFF ? 2 : 0;
}

static unsigned look_network(const struct service_config *service, const char **text_r)
{
    static const char *const texts[NETWORK_MAX] = {
        "it can connect to everything the host can, loopback services included",
        "it has its connection and no network", "it has its connection and a loopback of its own"};

    *text_r = texts[service->isolation.network];
    return service->isolation.network == NETWORK_HOST ? 2 : 0;
}

static unsigned look_processes(const struct service_config *service, const char **text_r)
{
    static const char *const texts[SHARING_MAX] = {"", "it sees the processes of its service alone",
                                                   "each connection sees its own processes alone"};
    static const char *const seen[] = {
        [LANDLOCK_ALL] = "it sees all processes, and can signal and trace those of its user",
        [LANDLOCK_UNTRACED] = "it sees all processes, can signal those of its user, and trace none",
        [LANDLOCK_UNREACHED] = "it sees all processes, and can signal and trace none",
    };

    *text_r = texts[service->isolation.pid_namespace];
    if (service->isolation.pid_namespace != SHARING_OFF)
        return 0;
    *text_r = seen[reach_of(service)];
    return reach_of(service) == LANDLOCK_ALL ? 2 : 1;
}

static unsigned look_siblings(const struct service_config *service, const char **text_r)
{
    if (service->isolation.pid_namespace == SHARING_CONNECTION ||
        service->identity.dynamic == DYNAMIC_CONNECTION) {
        *text_r = "connections of the service cannot reach each other";
        return 0;
    }
    if (reach_of(service) == LANDLOCK_UNREACHED) {
        *text_r = "connections of the service cannot signal or trace each other";
        return 0;
    }
    if (reach_of(service) == LANDLOCK_UNTRACED) {
        *text_r = "connections of the service can signal each other, but not trace";
        return 1;
    }
    *text_r = "connections of the service can signal and trace each other";
    return 2;
}

static unsigned look_ipc(const struct service_config *service, const char **text_r)
{
    bool own = service->isolation.level == ISOLATION_STRICT;

    *text_r = own ? "its queues and shared memory are the service's own"
                  : "it shares queues and shared memory with the host";
    return own ? 0 : 2;
}

static unsigned look_calls(const struct service_config *service, const char **text_r)
{
    bool filter = service->isolation.filter_calls;

    *text_r = filter ? "it can ask the kernel for what is on its list"
              : service->identity.dynamic != DYNAMIC_NO
                  ? "it can ask the kernel for anything but key rings"
                  : "it can ask the kernel for anything";
    return filter ? 0 : 2;
}

static unsigned look_landlock(const struct service_config *service, const char **text_r)
{
    bool has = service->isolation.level == ISOLATION_STRICT && landlock_version() > 0;

    *text_r = has ? "there is a second wall around files and signals"
                  : "there is no second wall around files and signals";
    return has ? 0 : 2;
}

static bool has_limits(const struct resource_settings *resources)
{
    return resources->memory.set && resources->processes.set;
}

static unsigned look_resources(const struct service_config *service, const char **text_r)
{
    const struct isolation_settings *settings = &service->isolation;
    bool both = has_limits(&settings->resources) || has_limits(&settings->per_instance);
    bool some = cgroup_controllers_of(&settings->resources) ||
                cgroup_controllers_of(&settings->per_instance);

    *text_r = both   ? "its memory and its processes are bounded"
              : some ? "some of what it uses is bounded"
                     : "it may use up memory and processes, up to its rlimits";
    return both ? 0 : some ? 1 : 2;
}

static unsigned look_tree(const struct service_config *service, const char **text_r)
{
    bool whole = service->isolation.cgroup == SHARING_CONNECTION ||
                 service->isolation.pid_namespace == SHARING_CONNECTION;

    *text_r = whole ? "nothing that it started can outlive its end by superd"
                    : "a process that hides well can outlive its end by superd";
    return whole ? 0 : 1;
}

static const struct wall walls[] = {
    {"user", 14, look_user},
    {"new privileges", 8, look_privileges},
    {"capabilities", 12, look_capabilities},
    {"files seen", 10, look_root},
    {"files written", 10, look_writing},
    {"/tmp", 4, look_tmp},
    {"network", 10, look_network},
    {"processes", 8, look_processes},
    {"siblings", 6, look_siblings},
    {"shared memory", 3, look_ipc},
    {"system calls", 10, look_calls},
    {"landlock", 3, look_landlock},
    {"resources", 8, look_resources},
    {"process tree", 4, look_tree},
};

static_assert(sizeof walls / sizeof walls[0] == EXPOSURE_WALLS, "the header tells how many");

const char *const exposure_marks[] = {"whole", "part", "missing"};

void exposure_look(const struct service_config *service, struct exposure *exposure_r)
{
    unsigned missing = 0, all = 0;

    for (size_t i = 0; i < EXPOSURE_WALLS; i++)
        all += walls[i].weight * 2;
    for (size_t i = 0; i < EXPOSURE_WALLS; i++) {
        struct exposure_wall *found = &exposure_r->walls[i];

        found->name = walls[i].name;
        found->missing = walls[i].look(service, &found->meaning);
        found->counts = walls[i].weight * found->missing * 10.0 / all;
        missing += walls[i].weight * found->missing;
    }
    exposure_r->tenths = (missing * 100 + all / 2) / all;
    exposure_r->word = exposure_r->tenths < 20   ? "tight"
                       : exposure_r->tenths < 40 ? "good"
                       : exposure_r->tenths < 70 ? "medium"
                                                 : "exposed";
}
