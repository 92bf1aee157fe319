/*
 * filter: see filter.h.
 *
 * A call that is known and not allowed fails with EPERM; one that nobody here has heard of fails with ENOSYS, as on a kernel that does not have it, so that libraries fall back to what
 * they did before. clone3 is always of the second kind: its flags are in memory where no filter can
 * see them, and every C library falls back to clone.
 */
#include "launch/isolation/filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/call_sets.h"
#include "config/config.h"
#include "launch/plan.h"

#define NAMESPACE_FLAGS                                                                           \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
     CLONE_NEWNET)

struct builder {
    scmp_filter_ctx context;
    const struct isolation_settings *settings;
    size_t count; /* of settings->calls */
    bool private_mounts;
    const char *const *extra; /* what superd needs besides; NULL at the end */
    int error;
};

static void note(struct builder *builder, int r)
{
    if (r < 0 && builder->error == 0)
        builder->error = r;
}

/* Let the call through when its first argument, as far as MASK, is VALUE. */
static void allow_argument(struct builder *builder, int call, uint64_t mask, uint64_t value)
{
    note(builder, seccomp_rule_add(builder->context, SCMP_ACT_ALLOW, call, 1,
                                   SCMP_A0(SCMP_CMP_MASKED_EQ, mask, value)));
}

static void allow_sockets(struct builder *builder, int call)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        allow_argument(builder, call, UINT32_MAX, (uint64_t)families[i]);
}

static bool is_extra(const struct builder *builder, const char *name)
{
    for (const char *const *extra = builder->extra; *extra; extra++) {
        if (strcmp(*extra, name) == 0)
            return true;
    }
    return false;
}

static void allow_call(struct builder *builder, const char *name)
{
    int call = seccomp_syscall_resolve_name(name);

    if (call < 0)
        return; /* another architecture's */
    if (strcmp(name, "clone") == 0)
        allow_argument(builder, call,
                       builder->private_mounts
                           ? NAMESPACE_FLAGS &
                                 ~(uint64_t)(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC)
                           : NAMESPACE_FLAGS,
                       0);
    else if (strcmp(name, "unshare") == 0 && is_extra(builder, name))
        allow_argument(builder, call, UINT32_MAX, CLONE_NEWNS); /* never a user namespace */
    else if (strcmp(name, "socket") == 0)
        allow_sockets(builder, call);
    else if (strcmp(name, "socketpair") == 0)
        allow_argument(builder, call, UINT32_MAX, AF_UNIX);
    else if (strcmp(name, "personality") == 0) {
        allow_argument(builder, call, UINT32_MAX, 0);
        allow_argument(builder, call, UINT32_MAX, UINT32_MAX); /* only asks */
    } else {
        note(builder, seccomp_rule_add(builder->context, SCMP_ACT_ALLOW, call, 0));
    }
}

static int compare_name(const void *name, const void *item)
{
    return strcmp(name, *(const char *const *)item);
}

static bool is_allowed(const struct builder *builder, const char *name)
{
    return is_extra(builder, name) || bsearch(name, builder->settings->calls, builder->count,
                                              sizeof *builder->settings->calls, compare_name);
}

static void deny_call(void *data, const char *name)
{
    struct builder *builder = data;
    int call = seccomp_syscall_resolve_name(name);

    if (call < 0 || is_allowed(builder, name) || strcmp(name, "clone3") == 0)
        return;
    note(builder, seccomp_rule_add(builder->context, SCMP_ACT_ERRNO(EPERM), call, 0));
}

/* What launchers and children do for themselves before there is a handler. */
static const char *const *extra_of(const struct plan *plan)
{
    static const char *const none[] = {NULL}, *const mounts[] = {"mount", NULL},
                             *const slots[] = {"mount", "umount2",  "chroot",  "getpriority",
                                               "kill",  "statfs",   "mkdir",   "mkdirat",
                                               "rmdir", "unlinkat", "unshare", "setns",
                                               "chown", "fchownat", NULL};

    return plan->slots ? slots : plan->clone_flags ? mounts : none;
}

static void add_rules(struct builder *builder)
{
    const struct isolation_settings *settings = builder->settings;

    for (const char *const *extra = builder->extra; *extra; extra++)
        allow_call(builder, *extra);
    for (size_t i = 0; i < builder->count; i++) {
        if (strcmp(settings->calls[i], "clone3") != 0 && !is_extra(builder, settings->calls[i]))
            allow_call(builder, settings->calls[i]);
    }
    if (settings->call_action == CALL_KILL) {
        note(builder,
             seccomp_rule_add(builder->context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
        return;
    }
    for (size_t i = 0; call_set_at(i); i++) {
        const struct call_set *set = call_set_at(i);

        for (const char *const *member = set->members; *member; member++) {
            if ((*member)[0] != '@')
                deny_call(builder, *member);
        }
    }
}

static int begin(struct builder *builder, uint32_t action)
{
    builder->context = seccomp_init(action);
    if (!builder->context)
        return -ENOMEM;
    /* no_new_privs is set already; a tree is five times shorter for the calls that matter. */
    note(builder, seccomp_attr_set(builder->context, SCMP_FLTATR_CTL_NNP, 0));
    note(builder, seccomp_attr_set(builder->context, SCMP_FLTATR_CTL_OPTIMIZE, 2));
    note(builder,
         seccomp_attr_set(builder->context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
    return 0;
}

static int put_on(struct builder *builder)
{
    if (builder->error == 0)
        note(builder, seccomp_load(builder->context));
    seccomp_release(builder->context);
    return builder->error;
}

int filter_load_no_keys(void)
{
    struct builder builder = {.error = 0};
    int r = begin(&builder, SCMP_ACT_ALLOW);

    if (r < 0)
        return r;
    for (const char *const *call = call_set_find("@keyring")->members; *call; call++)
        note(&builder, seccomp_rule_add(builder.context, SCMP_ACT_ERRNO(EPERM),
                                        seccomp_syscall_resolve_name(*call), 0));
    return put_on(&builder);
}

int filter_load(const struct isolation_settings *settings, const struct plan *plan)
{
    struct builder builder = {
        .settings = settings, .private_mounts = plan->clone_flags != 0, .extra = extra_of(plan)};
    int r;

    while (settings->calls[builder.count])
        builder.count++;
    r = begin(&builder,
              settings->call_action == CALL_KILL ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(ENOSYS));
    if (r < 0)
        return r;
    add_rules(&builder);
    return put_on(&builder);
}
