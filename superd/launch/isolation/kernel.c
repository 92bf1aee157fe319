/*
 * kernel: see kernel.h.
 */
#include "launch/isolation/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/isolation/cgroup.h"
#include "launch/isolation/landlock.h"
#include "launch/isolation/namespaces.h"
#include "launch/isolation/privilege.h"
#include "launch/isolation/user_map.h"
#include "launch/isolation/view.h"

const char *const kernel_part_names[KERNEL_PART_MAX] = {
    [KERNEL_USER_NAMESPACE] = "user namespaces",
    [KERNEL_MOUNT_NAMESPACE] = "mount namespaces",
    [KERNEL_PID_NAMESPACE] = "process namespaces",
    [KERNEL_NETWORK_NAMESPACE] = "network namespaces",
    [KERNEL_IPC_NAMESPACE] = "IPC namespaces",
    [KERNEL_UTS_NAMESPACE] = "host name namespaces",
    [KERNEL_CGROUP_NAMESPACE] = "control group namespaces",
    [KERNEL_MOUNT_SETATTR] = "mount_setattr",
    [KERNEL_SECCOMP] = "system call filters",
    [KERNEL_LANDLOCK] = "landlock",
    [KERNEL_LANDLOCK_SIGNALS] = "landlock scopes",
    [KERNEL_CGROUP] = "control groups",
};

static const struct {
    enum kernel_part part;
    int flag;
} namespaces[] = {
    {KERNEL_MOUNT_NAMESPACE, CLONE_NEWNS},    {KERNEL_PID_NAMESPACE, CLONE_NEWPID},
    {KERNEL_NETWORK_NAMESPACE, CLONE_NEWNET}, {KERNEL_IPC_NAMESPACE, CLONE_NEWIPC},
    {KERNEL_UTS_NAMESPACE, CLONE_NEWUTS},     {KERNEL_CGROUP_NAMESPACE, CLONE_NEWCGROUP}};

/* Try each in a process that is thrown away. As root they are tried outside of a user namespace, as
 * anybody else inside, since only there they can be had. */
static void try_namespaces(int *error)
{
    bool root = geteuid() == 0;
    pid_t pid;

    if (root) {
        pid = fork();
        if (pid == 0)
            _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
        error[KERNEL_USER_NAMESPACE] = EAGAIN;
        if (pid > 0) {
            int status;

            if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
                error[KERNEL_USER_NAMESPACE] = WEXITSTATUS(status);
        }
    } else {
        error[KERNEL_USER_NAMESPACE] = unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
    }
    for (size_t i = 0; i < sizeof namespaces / sizeof namespaces[0]; i++)
        error[namespaces[i].part] = unshare(namespaces[i].flag) == 0 ? 0 : errno;
}

static int try_mount_setattr(void)
{
    /* A size that is too small is an error of its own only where the call is known. */
    return syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) != 0 && errno == ENOSYS ? ENOSYS : 0;
}

static int try_seccomp(void)
{
    unsigned action = SECCOMP_RET_ERRNO;

    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? 0 : errno;
}

const struct kernel *kernel_probe(void)
{
    static struct kernel found;
    static bool done;
    int *errors;
    bool writable;
    pid_t pid;

    if (done)
        return &found;
    errors = mmap(NULL, sizeof found.error, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                  0);
    if (errors == MAP_FAILED)
        return NULL;
    pid = fork();
    if (pid == 0) {
        try_namespaces(errors);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, NULL, 0) != pid) {
        munmap(errors, sizeof found.error);
        return NULL;
    }
    memcpy(found.error, errors, sizeof found.error);
    munmap(errors, sizeof found.error);
    found.error[KERNEL_MOUNT_SETATTR] = try_mount_setattr();
    found.error[KERNEL_SECCOMP] = try_seccomp();
    found.error[KERNEL_LANDLOCK] = landlock_version() > 0 ? 0 : EOPNOTSUPP;
    found.error[KERNEL_LANDLOCK_SIGNALS] = landlock_version() >= LANDLOCK_SIGNALS ? 0 : EOPNOTSUPP;
    found.no_right = geteuid() == 0 && !(privilege_permitted() & CAPABILITY(CAP_SYS_ADMIN));
    found.controllers = cgroup_controllers(&writable);
    found.error[KERNEL_CGROUP] = writable ? 0 : EROFS;
    done = true;
    return &found;
}

/* ---- What a service asks for ---------------------------------------------------------------- */

struct question {
    const struct kernel *kernel;
    void (*say)(void *data, const char *what);
    void *data;
    unsigned missing;
};

static void need(struct question *question, enum kernel_part part, const char *setting)
{
    char text[256];
    int error = question->kernel->error[part];

    if (error == 0)
        return;
    question->missing++;
    if (error == EPERM && part != KERNEL_USER_NAMESPACE && question->kernel->no_right)
        return; /* it is not the kernel: rights.c says what it is */
    if (part == KERNEL_USER_NAMESPACE)
        snprintf(text, sizeof text,
                 "%s needs %s, which this kernel does not let us have: %s (see %s)", setting,
                 kernel_part_names[part], strerror(error), user_map_sysctl(error));
    else
        snprintf(text, sizeof text, "%s needs %s, which this kernel does not let us have: %s",
                 setting, kernel_part_names[part], strerror(error));
    question->say(question->data, text);
}

static void need_groups(struct question *question, const struct isolation_settings *settings)
{
    unsigned wanted = cgroup_controllers_of(&settings->resources) |
                      cgroup_controllers_of(&settings->per_instance);
    unsigned lacking = wanted & ~question->kernel->controllers;
    char text[256], names[64];

    if (wanted)
        need(question, KERNEL_CGROUP, "a limit of resources");
    else if (settings->cgroup == SHARING_CONNECTION || settings->cgroup_asked)
        need(question, KERNEL_CGROUP, "isolate.cgroup");
    if (!lacking)
        return;
    snprintf(text, sizeof text,
             "limits of resources need the control group controllers %s, which superd's own group "
             "does not have (version 2; under systemd: Delegate=yes)",
             cgroup_controller_text(lacking, names, sizeof names));
    question->say(question->data, text);
    question->missing++;
}

unsigned kernel_missing(const struct kernel *kernel, const struct service_config *service,
                        void (*say)(void *data, const char *what), void *data)
{
    const struct isolation_settings *settings = &service->isolation;
    struct question question = {.kernel = kernel, .say = say, .data = data};

    if (settings->level == ISOLATION_NONE)
        return 0;
    if (settings->user_namespace)
        need(&question, KERNEL_USER_NAMESPACE, "isolate.user_namespace");
    else if (namespaces_unprivileged(service) && namespaces_needed(service))
        need(&question, KERNEL_USER_NAMESPACE, "isolation without root");
    if (question.missing == 0) {
        if (view_needed(service)) {
            need(&question, KERNEL_MOUNT_NAMESPACE, "isolate.root");
            need(&question, KERNEL_MOUNT_SETATTR, "isolate.root");
        }
        if (settings->pid_namespace != SHARING_OFF)
            need(&question, KERNEL_PID_NAMESPACE, "isolate.pid_namespace");
        if (settings->network != NETWORK_HOST)
            need(&question, KERNEL_NETWORK_NAMESPACE, "isolate.network");
        if (settings->hostname)
            need(&question, KERNEL_UTS_NAMESPACE, "isolate.hostname");
        if (settings->level == ISOLATION_STRICT)
            need(&question, KERNEL_IPC_NAMESPACE, "isolation = \"strict\"");
    }
    if (settings->filter_calls)
        need(&question, KERNEL_SECCOMP, "isolate.system_calls");
    else if (service->identity.dynamic != DYNAMIC_NO)
        need(&question, KERNEL_SECCOMP, "a dynamic user");
    need_groups(&question, settings);
    return question.missing;
}
