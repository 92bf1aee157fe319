/*
 * child: see child.h.
 *
 * The identity calls are made as bare system calls: the C library's would, in a process with
 * threads, change the identity of all of them, and those here are the launcher's.
 */
#include "launch/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/clone_into.h"
#include "launch/isolation/landlock.h"
#include "launch/isolation/privilege.h"

/* The child's stack: it calls little, exec's argument copying happens in the kernel. A guard page
 * below turns an overflow into a fault of the child alone. */
#define CHILD_STACK (64 * 1024)
#define CHILD_GUARD 4096

static int write_listen_pid(char *digits)
{
    char reversed[12];
    int n = 0;
    long pid = syscall(SYS_getpid);

    do {
        reversed[n++] = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid && n < (int)sizeof reversed);
    while (n > 0)
        *digits++ = reversed[--n];
    *digits = '\0';
    return 0;
}

static int place_descriptors(const struct child *child)
{
    const struct service_config *service = child->plan->service;

    if (dup2(child->connection, 0) < 0 || dup2(child->connection, 1) < 0)
        return -1;
    if (service->stderr_mode == STDERR_CONNECTION) {
        if (dup2(child->connection, 2) < 0)
            return -1;
    } else if (child->stderr_pipe >= 0 && dup2(child->stderr_pipe, 2) < 0) {
        return -1;
    }
    if (service->mode == MODE_LISTENER && dup2(child->connection, 3) < 0)
        return -1;
    return 0;
}

static int set_rlimits(const struct plan *plan)
{
    for (size_t i = 0; i < plan->rlimit_count; i++) {
        if (setrlimit((__rlimit_resource_t)plan->rlimits[i].resource, &plan->rlimits[i].limit) != 0)
            return -1;
    }
    return 0;
}

/* What this instance alone has: the mount namespace it was born with is a copy of its service's. */
static int make_private_mounts(const struct child *child)
{
    const struct plan *plan = child->plan;

    if (child->slot)
        return chroot(child->slot) != 0 || chdir("/") != 0 ? -1 : 0;
    /* Of the service's few mounts instead of all those of the launcher's slots. */
    if (child->mounts >= 0 && (setns(child->mounts, CLONE_NEWNS) != 0 || unshare(CLONE_NEWNS) != 0))
        return -1;
    if (plan->tmp_options &&
        mount("tmpfs", "/tmp", "tmpfs", plan->tmp_flags, plan->tmp_options) != 0)
        return -1;
    /* An image may have no /proc: then there is none, the host's neither. */
    if (plan->own_proc && mount("proc", "/proc", "proc",
                                MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "hidepid=2") != 0)
        return errno == ENOENT && plan->service->isolation.root == ROOT_DIRECTORY ? 0 : -1;
    return 0;
}

static enum launch_step become_user(const struct child *child)
{
    const struct plan *plan = child->plan;
    const struct identity *identity = &plan->service->identity;
    uid_t uid = identity->dynamic == DYNAMIC_NO ? identity->uid : child->uid;
    gid_t gid = identity->gid == (gid_t)-1 ? (gid_t)uid : identity->gid;

    if (plan->keep_capabilities && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return STEP_PRIVILEGES;
    if (syscall(SYS_setgroups, identity->group_count, identity->groups) != 0)
        return STEP_GROUPS;
    if (syscall(SYS_setresgid, gid, gid, gid) != 0)
        return STEP_GID;
    if (syscall(SYS_setresuid, uid, uid, uid) != 0)
        return STEP_UID;
    if (plan->keep_capabilities && privilege_grant(plan->service->isolation.capabilities) != 0)
        return STEP_PRIVILEGES;
    return STEP_NONE;
}

/* Walk through the plan; return the step that failed, with errno set. */
static enum launch_step take_steps(const struct child *child)
{
    const struct plan *plan = child->plan;
    const struct service_config *service = plan->service;

    if (child->cgroup >= 0 && write(child->cgroup, "0", 1) != 1 && child->needed)
        return STEP_CGROUP;
    if (place_descriptors(child) != 0)
        return STEP_DESCRIPTORS;
    if (child->environment->listen_pid)
        write_listen_pid(child->environment->listen_pid);
    if (service->nice != 0 && setpriority(PRIO_PROCESS, 0, service->nice) != 0)
        return STEP_NICE;
    if (set_rlimits(plan) != 0)
        return STEP_RLIMITS;
    if (plan->change_umask)
        umask(service->umask);
    if (plan->clone_flags && make_private_mounts(child) != 0)
        return STEP_PRIVATE_MOUNTS;
    if (plan->change_user) {
        enum launch_step step = become_user(child);

        if (step != STEP_NONE)
            return step;
    }
    if (child->rules >= 0 && landlock_enter(child->rules) != 0)
        return STEP_LANDLOCK;
    if (plan->change_directory && chdir(service->directory) != 0)
        return STEP_DIRECTORY;
    execve(service->program, (char *const *)service->arguments,
           (char *const *)child->environment->variables);
    return STEP_EXEC;
}

/* Nothing is written where all goes well: then we are another program. */
static void failed(struct child *child, enum launch_step step)
{
    child->step = step;
    child->error = errno;
}

/* By the bare call: sanitizers would look at our stack before _exit(), and wonder aloud on the handler's
 * standard error. */
static void end(void)
{
    syscall(SYS_exit_group, 127);
}

static int child_main(void *data)
{
    struct child *child = data;

    if (setsid() < 0)
        failed(child, STEP_SESSION);
    else
        failed(child, take_steps(child));
    end();
    return 127;
}

/* One stack, made at the first spawn: the launcher sleeps while its child uses it. */
static char *child_stack(void)
{
    static char *stack;
    void *memory;

    if (stack)
        return stack;
    memory = mmap(NULL, CHILD_STACK + CHILD_GUARD, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (mprotect(memory, CHILD_GUARD, PROT_NONE) != 0) {
        munmap(memory, CHILD_STACK + CHILD_GUARD);
        return NULL;
    }
    stack = memory;
    return stack;
}

static int spawn(struct child *child, int flags, pid_t *pid_r)
{
    char *stack = child_stack();

    if (!stack)
        return -ENOMEM;
    if (child->group >= 0) {
        const struct birth birth = {.group = child->group,
                                    .flags = flags,
                                    .stack = stack + CHILD_GUARD,
                                    .size = CHILD_STACK,
                                    .run = child_main,
                                    .data = child};

        return clone_into(&birth, pid_r);
    }
    return clone(child_main, stack + CHILD_GUARD + CHILD_STACK, flags | SIGCHLD, child, pid_r) < 0
               ? -errno
               : 0;
}

/* Have the child go there by itself: slower, but every kernel has it. */
static int spawn_and_move(struct child *child, int flags, pid_t *pid_r)
{
    int r;

    child->cgroup = openat(child->group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (child->cgroup < 0)
        return -errno;
    child->group = -1;
    r = spawn(child, flags, pid_r);
    fd_close(&child->cgroup);
    return r;
}

/* Who keeps a program from making namespaces may keep it from clone3() as a whole. */
static bool is_unknown(int error)
{
    return error == -ENOSYS || error == -EPERM || error == -EINVAL || error == -E2BIG;
}

int child_spawn(struct child *child, pid_t *pid_r)
{
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT | CLONE_PARENT_SETTID |
                child->plan->clone_flags;
    int r;

    if (child->slot || child->mounts >= 0)
        flags &= ~CLONE_NEWNS;
    child->step = STEP_NONE;
    child->error = 0;
    r = spawn(child, flags, pid_r);
    return child->group >= 0 && is_unknown(r) ? spawn_and_move(child, flags, pid_r) : r;
}

/* ---- Ready before ---------------------------------------------------------------------------- */

struct beginning {
    void (*begin)(void *data);
    void *data;
};

static int ready_main(void *data)
{
    const struct beginning *beginning = data;

    setsid(); /* cannot fail: it leads no group yet */
    beginning->begin(beginning->data);
    end();
    return 127;
}

int child_ready(void (*begin)(void *data), void *data, int flags, pid_t *pid_r)
{
    struct beginning beginning = {begin, data};
    char *stack = child_stack();
    pid_t pid;

    if (!stack)
        return -ENOMEM;
    flags |= CLONE_VM | CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
    if (clone(ready_main, stack + CHILD_GUARD + CHILD_STACK, flags, &beginning, pid_r, NULL,
              pid_r) < 0)
        return -errno;
    /* Not by CLONE_VFORK: who sleeps in that cannot be stopped, and counts as load. The kernel clears what is
     * at PID_R when the child lets go of our memory. Errno is the child's, too, so long: this call sets it
     * only when there is none any more. */
    while ((pid = __atomic_load_n(pid_r, __ATOMIC_SEQ_CST)) != 0)
        syscall(SYS_futex, pid_r, FUTEX_WAIT, pid, NULL, NULL, 0);
    return 0;
}

int child_keep_descriptors(void)
{
    return syscall(SYS_unshare, CLONE_FILES) == 0 ? 0 : -errno;
}

void child_become(struct child *child)
{
    failed(child, take_steps(child));
}
