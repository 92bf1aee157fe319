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

/* What a launcher works with; the child that it makes ready works with the same. */
struct work {
    const struct launcher_job *job;
    struct enclosure enclosure;
    struct environment environment;
    struct parcel parcel;
    struct launch_report report;
    struct slot *slot; /* that the order in hand has taken; NULL: none */
    bool ready;        /* make the next child ready before its order comes */
    bool received;     /* by the ready child */
    bool ended;        /* there will be no orders any more */
};

static bool failed(struct work *work, enum launch_step step, int error)
{
    work->report.step = step;
    work->report.error = error;
    return false;
}

/* Make all that CHILD needs for the order in hand. False: the report says why not. */
static bool prepare(struct work *work, struct child *child)
{
    const struct launcher_job *job = work->job;
    const struct parcel *parcel = &work->parcel;
    const struct order *order = &parcel->order;
    const struct plan *plan;

    work->report = (struct launch_report){.instance = order->instance};
    if (order->service >= job->plan_count || parcel->connection < 0 ||
        order->has_stderr != (parcel->stderr_pipe >= 0))
        /* The kernel drops descriptors that do not fit into RLIMIT_NOFILE. */
        return failed(work, STEP_RECEIVE, EMFILE);
    if (work->enclosure.step != STEP_NONE)
        return failed(work, work->enclosure.step, work->enclosure.error);
    /* The pipe was born non-blocking on both ends; that is right for the supervisor's alone. */
    if (order->has_stderr)
        fcntl(parcel->stderr_pipe, F_SETFL, 0);
    plan = &job->plans[order->service];
    if (!environment_make(&work->environment, plan, order, parcel->connection))
        return failed(work, STEP_ENVIRONMENT, E2BIG);
    work->slot = slots_take(&work->enclosure.slots, order->run_uid);
    *child = (struct child){.plan = plan,
                            .slot = work->slot ? work->slot->path : NULL,
                            .mounts = work->slot ? -1 : work->enclosure.slots.mounts,
                            .environment = &work->environment,
                            .connection = parcel->connection,
                            .stderr_pipe = parcel->stderr_pipe,
                            .rules = work->enclosure.rules,
                            .cgroup = -1,
                            .uid = order->run_uid};
    if (work->enclosure.cgroup < 0)
        return true;
    child->cgroup = enclosure_instance(&work->enclosure, plan, order->instance);
    return child->cgroup >= 0 || failed(work, STEP_CGROUP, -child->cgroup);
}

/* Carry the order in hand out in a child made for it. */
static void carry_out(struct work *work)
{
    struct launch_slot *slot = work->job->slot;
    struct child child;
    int r;

    slot->pid = 0;
    slot->instance = work->parcel.order.instance;
    if (!prepare(work, &child))
        return;
    r = child_spawn(&child, &slot->pid);
    if (work->slot && r == 0)
        work->slot->pid = slot->pid;
    work->report.pid = r == 0 ? slot->pid : 0;
    work->report.step = r == 0 ? child.step : STEP_CLONE;
    work->report.error = r == 0 ? child.error : -r;
    fd_close(&child.cgroup);
}

/* Can a child that was made before the order came become PLAN's? */
static bool fits_ready(const struct plan *plan)
{
    return plan->home != HOME_OWN && plan->clone_flags == 0;
}

/* In the ready child: wait for an order and become what it wants. */
static void be_ready(void *data)
{
    struct work *work = data;
    const struct launcher_job *job = work->job;
    struct launch_slot *slot = job->slot;
    struct child child;

    prctl(PR_SET_NAME, "superd-ready");
    if (!receive_order(&work->parcel)) {
        work->ended = true;
        return;
    }
    work->received = true;
    if (work->parcel.order.service < job->plan_count &&
        !fits_ready(&job->plans[work->parcel.order.service])) {
        carry_out(work); /* as a launcher would; then we are of no use any more */
        work->ready = false;
        return;
    }
    slot->pid = slot->ready;
    slot->instance = work->parcel.order.instance;
    if (!prepare(work, &child))
        return;
    work->report.pid = slot->pid;
    child_become(&child);
    failed(work, child.step, child.error);
}

/* Make a child ready, and be back when it has become an instance or has ended. False: there can be none now. */
static bool carry_out_ready(struct work *work)
{
    struct launch_slot *slot = work->job->slot;
    int r;

    work->report = (struct launch_report){0};
    r = child_ready(be_ready, work, &slot->ready);
    slot->ready = 0;
    if (r == 0 && work->received && !work->report.instance) { /* somebody killed it in between */
        work->report.instance = work->parcel.order.instance;
        if (slot->instance == work->report.instance)
            work->report.pid = slot->pid;
        else
            failed(work, STEP_LAUNCHER, ECHILD);
    }
    return r == 0;
}

/* Take an order and carry it out. False: there will be none any more. */
static bool next_order(struct work *work)
{
    struct launch_slot *slot = work->job->slot;

    slot->instance = 0;
    work->received = false;
    if (work->ready && carry_out_ready(work))
        return !work->ended; /* the descriptors were those of the child alone */
    if (!receive_order(&work->parcel))
        return false;
    work->received = true;
    carry_out(work);
    fd_close(&work->parcel.connection);
    fd_close(&work->parcel.stderr_pipe);
    /* Next to the same service, probably. */
    work->ready = work->report.step == STEP_NONE &&
                  fits_ready(&work->job->plans[work->parcel.order.service]);
    return true;
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
    static struct work work;

    if (settle(job) != 0)
        _exit(111);
    work.job = job;
    enclosure_enter(&work.enclosure, &job->place, channel_of(job) < 0 ? -1 : CHANNEL_FD);
    work.ready = job->place.home != HOME_OWN &&
                 environment_prepare(&work.environment, job->plans, job->plan_count);
    while (next_order(&work)) {
        if (!work.received)
            continue; /* somebody ended the ready child */
        work.report.at_ns = clock_now_ns();
        if (!tell(job, &work.report))
            break;
    }
    _exit(0);
}
