/*
 * namespaces: see namespaces.h.
 */
#include "launch/isolation/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/config.h"
#include "launch/isolation/cgroup.h"
#include "launch/isolation/privilege.h"
#include "launch/isolation/user_map.h"
#include "launch/isolation/view.h"
#include "launch/plan.h"

#define CHANNEL_FD   3
#define LAST_LOOK_MS 200 /* between two looks of process 1 for others, when nobody needs it */

/* In the order in which they are entered: the user namespace gives the right to the others. */
static const struct {
    const char *name;
    int flag;
} kinds[] = {
    {"user", CLONE_NEWUSER},
    {"mnt", CLONE_NEWNS},
    {"net", CLONE_NEWNET},
    {"ipc", CLONE_NEWIPC},
    {"uts", CLONE_NEWUTS},
    {"cgroup", CLONE_NEWCGROUP},
    {"pid_for_children", CLONE_NEWPID},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

struct message {
    struct namespaces_failure failure;
    int flags; /* the descriptors that come with it are of these kinds, in the order of the table */
};

/* ---- What a service needs ------------------------------------------------------------------- */

bool namespaces_unprivileged(const struct service_config *service)
{
    return !service->identity.change && geteuid() != 0;
}

static int flags_of(const struct service_config *service)
{
    const struct isolation_settings *settings = &service->isolation;
    int flags = 0;

    if (view_needed(service))
        flags |= CLONE_NEWNS;
    if (settings->network != NETWORK_HOST)
        flags |= CLONE_NEWNET;
    if (settings->pid_namespace == SHARING_SERVICE)
        flags |= CLONE_NEWPID;
    if (settings->level == ISOLATION_STRICT)
        flags |= CLONE_NEWIPC | CLONE_NEWUTS;
    if (service->identity.dynamic != DYNAMIC_NO)
        flags |= CLONE_NEWIPC; /* its queues and shared memory must not be the next one's */
    /* Launchers that move each instance into a group of its own must see more than their own. */
    if (settings->level == ISOLATION_STRICT && settings->cgroup != SHARING_CONNECTION)
        flags |= CLONE_NEWCGROUP;
    if (settings->hostname)
        flags |= CLONE_NEWUTS;
    if (settings->user_namespace || (flags && namespaces_unprivileged(service)))
        flags |= CLONE_NEWUSER;
    return flags;
}

bool namespaces_needed(const struct service_config *service)
{
    return flags_of(service) != 0;
}

/* ---- The message ---------------------------------------------------------------------------- */

static void send_message(int channel, const struct message *message, const int *fds, size_t count)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(KINDS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = (void *)message, .iov_len = sizeof *message};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};

    if (count) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof control);
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(count * sizeof(int));
        c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, count * sizeof(int));
    }
    sendmsg(channel, &header, MSG_NOSIGNAL);
}

/* Read it, leaving it there. Returns the number of descriptors, or -errno.
 *
 * Launchers wait for it in poll(2): the kernel wakes only one of those that wait in recvmsg(2), and
 * since that one takes nothing out, the others would sleep on. */
static int peek_message(int channel, struct message *message, int fds[KINDS], int timeout)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(KINDS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = message, .iov_len = sizeof *message};
    struct pollfd wait = {.fd = channel, .events = POLLIN};
    struct msghdr header;
    size_t count = 0;
    ssize_t n;

    do {
        header = (struct msghdr){.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control};
        n = poll(&wait, 1, timeout);
        if (n > 0)
            n = recvmsg(channel, &header, MSG_PEEK | MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (n < 0 && (errno == EINTR || (errno == EAGAIN && timeout < 0)));
    if (n < 0)
        return -errno;
    if (n != (ssize_t)sizeof *message)
        return -ECHILD; /* the maker has ended without a word */
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), count * sizeof(int));
    }
    return (int)count;
}

static _Noreturn void give_up(int channel, enum launch_step step, int error, const char *what)
{
    struct message message = {.failure = {.step = step, .error = error}};

    snprintf(message.failure.what, sizeof message.failure.what, "%s", what);
    send_message(channel, &message, NULL, 0);
    _exit(1);
}

bool namespaces_failed(int channel, struct namespaces_failure *failure_r)
{
    struct message message;
    int fds[KINDS], count = peek_message(channel, &message, fds, 0);

    for (int i = 0; i < count; i++)
        fd_close(&fds[i]);
    if (count < 0 || message.failure.step == STEP_NONE)
        return false;
    *failure_r = message.failure;
    return true;
}

/* ---- Process 1 of a service ----------------------------------------------------------------- */

static bool alone(void)
{
    return kill(-1, 0) != 0 && errno == ESRCH;
}

static _Noreturn void be_process_one(int channel)
{
    struct pollfd polls[2] = {{.fd = channel}, {.events = POLLIN}};
    bool needed = true;
    sigset_t set;

    prctl(PR_SET_NAME, "superd-init");
    close_range(CHANNEL_FD + 1, ~0U, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    polls[1].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (polls[1].fd < 0 || privilege_renounce() != 0 || privilege_bound(0) != 0 ||
        privilege_reduce(0) != 0)
        _exit(1);
    while (needed || !alone()) {
        struct signalfd_siginfo info;

        poll(polls, 2, needed ? -1 : LAST_LOOK_MS);
        while (read(polls[1].fd, &info, sizeof info) == (ssize_t)sizeof info)
            continue;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
        if (polls[0].revents & (POLLHUP | POLLERR)) {
            needed = false;
            polls[0].fd = -1;
        }
    }
    _exit(0);
}

/* ---- The maker ------------------------------------------------------------------------------ */

static int loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r = 0;

    if (fd < 0)
        return -errno;
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &request) != 0)
        r = -errno;
    fd_close(&fd);
    return r;
}

/* While the host's /proc can still be seen. */
static size_t open_namespaces(int flags, int fds[KINDS])
{
    size_t count = 0;

    for (size_t i = 0; i < KINDS; i++) {
        char path[64];

        if (!(flags & kinds[i].flag))
            continue;
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i].name);
        fds[count] = open(path, O_RDONLY | O_CLOEXEC);
        if (fds[count] < 0) {
            while (count > 0)
                fd_close(&fds[--count]);
            return 0;
        }
        count++;
    }
    return count;
}

static _Noreturn void furnish(const struct plan *plan, int channel, int flags)
{
    const struct service_config *service = plan->service;
    const struct isolation_settings *settings = &service->isolation;
    struct view view = {.service = service,
                        .own_pids = flags & CLONE_NEWPID,
                        .slots = plan->slots,
                        .user_namespace = flags & CLONE_NEWUSER};
    struct message message = {.flags = flags};
    char what[192] = "";
    int fds[KINDS], r;
    size_t count = open_namespaces(flags, fds);

    if (count == 0)
        give_up(channel, STEP_NAMESPACES, errno, "/proc/self/ns");
    if (settings->hostname && sethostname(settings->hostname, strlen(settings->hostname)) != 0)
        give_up(channel, STEP_NAMESPACES, errno, "hostname");
    r = settings->network == NETWORK_LOOPBACK ? loopback_up() : 0;
    if (r < 0)
        give_up(channel, STEP_NAMESPACES, -r, "lo");
    r = flags & CLONE_NEWNS ? view_make(&view, what, sizeof what) : 0;
    if (r < 0)
        give_up(channel, STEP_ROOT, -r, what);
    send_message(channel, &message, fds, count);
    for (size_t i = 0; i < count; i++)
        fd_close(&fds[i]);
    if (flags & CLONE_NEWPID)
        be_process_one(channel);
    _exit(0);
}

static void settle(int channel)
{
    sigset_t none;

    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "superd-maker");
    setsid();
    if (dup2(channel, CHANNEL_FD) < 0)
        _exit(1);
    close_range(CHANNEL_FD + 1, ~0U, 0);
    for (int fd = 0; fd < CHANNEL_FD; fd++)
        close(fd);
    for (int fd = 0; fd < CHANNEL_FD; fd++) {
        if (open("/dev/null", O_RDWR) != fd)
            _exit(1);
    }
    fcntl(CHANNEL_FD, F_SETFD, FD_CLOEXEC);
    umask(022);
}

_Noreturn void namespaces_make(const struct plan *plan, int channel, const char *cgroup)
{
    const struct service_config *service = plan->service;
    int flags = flags_of(service), r;
    char what[192] = "";

    settle(channel);
    channel = CHANNEL_FD;
    r = cgroup ? cgroup_join(cgroup) : 0;
    if (r < 0)
        give_up(channel, STEP_CGROUP, -r, cgroup);
    r = flags & CLONE_NEWUSER ? user_map_make(service, what, sizeof what) : 0;
    if (r < 0)
        give_up(channel, STEP_USER_NAMESPACE, -r, what);
    if ((flags & ~CLONE_NEWUSER) && unshare(flags & ~CLONE_NEWUSER) != 0)
        give_up(channel, STEP_NAMESPACES, errno, "");
    if (flags & CLONE_NEWPID) {
        pid_t pid = fork();

        if (pid < 0)
            give_up(channel, STEP_NAMESPACES, errno, "pid");
        if (pid > 0)
            _exit(0); /* process 1 goes on */
    }
    furnish(plan, channel, flags);
}

/* ---- Launchers ------------------------------------------------------------------------------ */

int namespaces_enter(int channel, struct namespaces_failure *failure_r)
{
    struct message message;
    int fds[KINDS], count = peek_message(channel, &message, fds, -1), next = 0, r = 0;

    if (count < 0) {
        *failure_r = (struct namespaces_failure){.step = STEP_NAMESPACES, .error = -count};
        return -1;
    }
    *failure_r = message.failure;
    if (message.failure.step != STEP_NONE)
        r = -1;
    for (size_t i = 0; r == 0 && i < KINDS; i++) {
        if (!(message.flags & kinds[i].flag))
            continue;
        if (next == count || setns(fds[next], kinds[i].flag) != 0) {
            *failure_r = (struct namespaces_failure){.step = STEP_NAMESPACES, .error = errno};
            snprintf(failure_r->what, sizeof failure_r->what, "%s", kinds[i].name);
            r = -1;
        }
        next++;
    }
    for (int i = 0; i < count; i++)
        fd_close(&fds[i]);
    return r;
}

int namespaces_open_mounts(int channel)
{
    struct message message;
    int fds[KINDS], count = peek_message(channel, &message, fds, 0), next = 0, found = -ENOENT;

    for (size_t i = 0; i < KINDS && next < count; i++) {
        if (!(message.flags & kinds[i].flag))
            continue;
        if (kinds[i].flag == CLONE_NEWNS)
            found = fds[next];
        else
            fd_close(&fds[next]);
        next++;
    }
    return found;
}
