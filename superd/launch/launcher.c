/*
 * launcher: see launcher.h.
 *
 * Descriptors: 0, 1 and 2 are /dev/null, 3 to 9 are kept taken so that what comes with an order
 * always has a number above what it is moved to; the order socket stands at 10. All but 0-2 are
 * close-on-exec, so a handler has what child.c places and nothing else.
 */
#include "launch/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "launch/child.h"
#include "launch/environment.h"
#include "launch/isolation/enclosure.h"
#include "launch/isolation/service_groups.h"

#define ORDERS_FD  10
#define CHANNEL_FD 11

struct parcel { /* an order with its descriptors, -1 where absent */
    struct order order;
    int connection;
    int stderr_pipe;
};

static void take_descriptors(struct msghdr *message, struct parcel *parcel)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        int fds[2] = {-1, -1};
        size_t count;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), (count < 2 ? count : 2) * sizeof(int));
        parcel->connection = fds[0];
        parcel->stderr_pipe = fds[1];
    }
}

/* Wait for the next order. Returns false when there will be none any more. */
static bool receive_order(struct parcel *parcel)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = &parcel->order, .iov_len = sizeof parcel->order};
    struct msghdr message;
    ssize_t n;

    do {
        message = (struct msghdr){.msg_iov = &part,
                                  .msg_iovlen = 1,
                                  .msg_control = &control,
                                  .msg_controllen = sizeof control};
        n = recvmsg(ORDERS_FD, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof parcel->order)
        return false;
    parcel->connection = parcel->stderr_pipe = -1;
    take_descriptors(&message, parcel);
    return true;
}

/* Has it been removed? Which of the two it is depends on how far that had come. */
static bool is_removed(int error)
{
    return error == -ENODEV || error == -ENOENT;
}

/* Start it in the group of its service. Where that cannot be had and nobody has asked for it, it goes
 * without; if there is no process to be had at all, that is found then. */
static enum launch_step spawn_in_group(struct service_groups *groups, uint32_t number,
                                       struct child *child, pid_t *pid_r, int *error_r)
{
    const struct isolation_settings *settings = &child->plan->service->isolation;
    int r = -ENODEV;

    child->needed = settings->cgroup_asked && settings->on_missing == MISSING_REFUSE;
    for (int tries = 0; tries < 2 && is_removed(r); tries++) {
        child->group = service_groups_open(groups, number, child->plan->service);
        r = child->group < 0 ? child->group : child_spawn(child, pid_r);
        if (is_removed(r))
            service_groups_forget(groups, number);
    }
    if (r < 0 && !child->needed) {
        child->group = -1;
        r = child_spawn(child, pid_r);
    }
    *error_r = r < 0 ? -r : child->error;
    if (r < 0)
        return child->needed ? STEP_CGROUP : STEP_CLONE;
    return child->step;
}

/* Start it where its launcher is, or in a group of its own. */
static enum launch_step spawn_here(const struct enclosure *enclosure, uint64_t instance,
                                   struct child *child, pid_t *pid_r, int *error_r)
{
    int r;

    if (enclosure->cgroup >= 0) {
        child->needed = true;
        child->cgroup = enclosure_instance(enclosure, child->plan, instance);
        if (child->cgroup < 0) {
            *error_r = -child->cgroup;
            return STEP_CGROUP;
        }
    }
    r = child_spawn(child, pid_r);
    fd_close(&child->cgroup);
    *error_r = r < 0 ? -r : child->error;
    return r < 0 ? STEP_CLONE : child->step;
}

static struct launch_report carry_out(const struct launcher_job *job, struct enclosure *enclosure,
                                      struct environment *environment, struct parcel *parcel)
{
    static struct service_groups groups;
    const struct order *order = &parcel->order;
    struct launch_report report = {.instance = order->instance};
    const struct plan *plan;
    struct slot *slot;
    struct child child;

    if (order->service >= job->plan_count || parcel->connection < 0 ||
        order->has_stderr != (parcel->stderr_pipe >= 0)) {
        /* The kernel drops descriptors that do not fit into RLIMIT_NOFILE. */
        report.step = STEP_RECEIVE;
        report.error = EMFILE;
        return report;
    }
    if (enclosure->step != STEP_NONE) {
        report.step = enclosure->step;
        report.error = enclosure->error;
        return report;
    }
    /* The pipe was born non-blocking on both ends; that is right for the supervisor's alone. */
    if (order->has_stderr)
        fcntl(parcel->stderr_pipe, F_SETFL, 0);
    plan = &job->plans[order->service];
    if (!environment_make(environment, plan, order, parcel->connection)) {
        report.step = STEP_ENVIRONMENT;
        report.error = E2BIG;
        return report;
    }
    slot = slots_take(&enclosure->slots, order->run_uid);
    child = (struct child){.plan = plan,
                           .slot = slot ? slot->path : NULL,
                           .mounts = slot ? -1 : enclosure->slots.mounts,
                           .environment = environment,
                           .connection = parcel->connection,
                           .stderr_pipe = parcel->stderr_pipe,
                           .rules = enclosure->rules,
                           .cgroup = -1,
                           .group = -1,
                           .uid = order->run_uid};
    report.step = plan->in_group ? spawn_in_group(&groups, order->service, &child, &job->slot->pid,
                                                  &report.error)
                                 : spawn_here(enclosure, order->instance, &child, &job->slot->pid,
                                              &report.error);
    report.pid = job->slot->pid; /* 0: none was made */
    if (slot && report.pid)
        slot->pid = report.pid;
    return report;
}

/* Put the report where the supervisor finds it. Returns false when there is no supervisor any more. */
static bool tell(const struct launcher_job *job, const struct launch_report *report)
{
    uint32_t number = job->slot->written;

    job->slot->reports[number % LAUNCH_ORDERS_MAX] = *report;
    /* In this order for all processors (both are sequentially consistent): either we see that it waits,
     * or it sees the report. */
    job->slot->written = number + 1;
    return !job->board->wake || send(ORDERS_FD, "", 1, MSG_NOSIGNAL) == 1;
}

static int channel_of(const struct launcher_job *job)
{
    return job->place.home == HOME_OWN ? job->place.channel : -1;
}

/* Take the descriptors that are needed out of the supervisor's many, and leave nothing else. */
static int keep_orders(int orders, int channel)
{
    int last = channel < 0 ? ORDERS_FD : CHANNEL_FD;

    if (channel == ORDERS_FD && (channel = fd_dup_above(channel, CHANNEL_FD + 1)) < 0)
        return -1; /* or the next line would take its place */
    if (orders != ORDERS_FD && dup3(orders, ORDERS_FD, O_CLOEXEC) < 0)
        return -1;
    if (channel >= 0 && channel != CHANNEL_FD && dup3(channel, CHANNEL_FD, O_CLOEXEC) < 0)
        return -1;
    if (close_range((unsigned)last + 1, ~0U, 0) != 0 || close_range(0, ORDERS_FD - 1, 0) != 0)
        return -1;
    for (int fd = 0; fd < ORDERS_FD; fd++) {
        if (open("/dev/null", O_RDWR | (fd > 2 ? O_CLOEXEC : 0)) != fd)
            return -1;
    }
    return 0;
}

/* Default dispositions for all, whatever superd was started with. By the bare system call: the C library's
 * leaves out the two signals that it uses itself, and somebody may have had them ignored. */
static void reset_signals(void)
{
    /* What the kernel takes begins, on every architecture, with the handler; all zero is SIG_DFL. */
    static const unsigned long standard[8];

    for (int number = 1; number < _NSIG; number++)
        syscall(SYS_rt_sigaction, number, standard, NULL, _NSIG / 8); /* KILL and STOP refuse */
}

/* Be apart from the supervisor's terminal and signals, and be what most services want to be. */
static int settle(const struct launcher_job *job)
{
    sigset_t none;

    sigemptyset(&none);
    reset_signals();
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_NAME, "superd-launch");
    setsid();
    umask(LAUNCH_UMASK);
    if (chdir("/") != 0 || keep_orders(job->orders, channel_of(job)) != 0)
        return -1;
    return setrlimit(RLIMIT_NOFILE, &job->descriptors);
}

_Noreturn void launcher_run(const struct launcher_job *job)
{
    static struct environment environment;
    static struct enclosure enclosure;
    struct parcel parcel;

    if (settle(job) != 0)
        _exit(111);
    enclosure_enter(&enclosure, &job->place, channel_of(job) < 0 ? -1 : CHANNEL_FD);
    while (receive_order(&parcel)) {
        struct launch_report report;

        job->slot->pid = 0;
        job->slot->instance = parcel.order.instance;
        report = carry_out(job, &enclosure, &environment, &parcel);
        report.at_ns = clock_now_ns();
        fd_close(&parcel.connection);
        fd_close(&parcel.stderr_pipe);
        if (!tell(job, &report))
            break;
        job->slot->instance = 0;
    }
    _exit(0);
}
