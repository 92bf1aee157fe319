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
#include <sched.h>
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
#include "launch/isolation/cgroup.h"
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

/* What a launcher works with; the child that it makes ready works with the same. */
struct work {
    const struct launcher_job *job;
    struct enclosure enclosure;
    struct service_groups groups;
    struct environment environment;
    struct parcel parcel;
    bool received;               /* an order is in hand */
    struct launch_report report; /* of it; the instance is 0 before there is something to say */
    bool ended;                  /* there will be no orders any more */
    bool own;                    /* a service has these launchers to itself */
    bool plain;                  /* it has no priority of its own */
    bool gives_way;
    bool ready; /* make the next child ready before its order comes */
};

static bool failed(struct work *work, enum launch_step step, int error)
{
    work->report.step = step;
    work->report.error = error;
    return step == STEP_NONE;
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
    *child = (struct child){.plan = plan,
                            .mounts = work->enclosure.slots.mounts,
                            .environment = &work->environment,
                            .connection = parcel->connection,
                            .stderr_pipe = parcel->stderr_pipe,
                            .rules = work->enclosure.rules,
                            .cgroup = -1,
                            .group = -1,
                            .uid = order->run_uid};
    return true;
}

/* ---- A child for an order -------------------------------------------------------------------- */

/* Has it been removed? Which of the two it is depends on how far that had come. */
static bool is_removed(int error)
{
    return error == -ENODEV || error == -ENOENT;
}

/* Start it in the group of its service. Where that cannot be had and nobody has asked for it, it goes
 * without; if there is no process to be had at all, that is found then. */
static void spawn_in_group(struct work *work, struct child *child)
{
    const struct isolation_settings *settings = &child->plan->service->isolation;
    pid_t *pid = &work->job->slot->pid;
    uint32_t number = work->parcel.order.service;
    int r = -ENODEV;

    child->needed = settings->cgroup_asked && settings->on_missing == MISSING_REFUSE;
    for (int tries = 0; tries < 2 && is_removed(r); tries++) {
        child->group = service_groups_open(&work->groups, number, child->plan->service);
        r = child->group < 0 ? child->group : child_spawn(child, pid);
        if (is_removed(r))
            service_groups_forget(&work->groups, number);
    }
    if (r < 0 && !child->needed) {
        child->group = -1;
        r = child_spawn(child, pid);
    }
    if (r < 0)
        failed(work, child->needed ? STEP_CGROUP : STEP_CLONE, -r);
    else
        failed(work, child->step, child->error);
}

/* Start it where its launcher is, or in a group of its own. */
static void spawn_here(struct work *work, struct child *child)
{
    int r;

    if (work->enclosure.cgroup >= 0) {
        child->needed = true;
        child->cgroup = enclosure_instance(&work->enclosure, child->plan, work->report.instance);
        if (child->cgroup < 0) {
            failed(work, STEP_CGROUP, -child->cgroup);
            return;
        }
    }
    r = child_spawn(child, &work->job->slot->pid);
    fd_close(&child->cgroup);
    if (r < 0)
        failed(work, STEP_CLONE, -r);
    else
        failed(work, child->step, child->error);
}

/* Where instances have a /tmp and a user each, CHILD goes into a slot, if one is free. */
static struct slot *take_slot(struct work *work, struct child *child)
{
    struct slot *slot = slots_take(&work->enclosure.slots, work->parcel.order.run_uid);

    if (slot) {
        child->slot = slot->path;
        child->mounts = -1;
    }
    return slot;
}

/* Carry the order in hand out in a child made for it. */
static void carry_out(struct work *work)
{
    struct launch_slot *noted = work->job->slot;
    struct slot *slot;
    struct child child;

    noted->pid = 0;
    noted->instance = work->parcel.order.instance;
    if (!prepare(work, &child))
        return;
    slot = take_slot(work, &child);
    if (child.plan->in_group)
        spawn_in_group(work, &child);
    else
        spawn_here(work, &child);
    work->report.pid = noted->pid; /* 0: none was made */
    if (slot && noted->pid)
        slot->pid = noted->pid;
}

/* ---- A child that is ready ------------------------------------------------------------------- */

/* May the launchers of PLAN's own make children ready? Not where these would count in a limit; nor where handlers
 * are of their user, and would have something to wait for. */
static bool own_may_be_ready(const struct plan *plan)
{
    const struct isolation_settings *settings = &plan->service->isolation;

    return plan->home == HOME_OWN && plan->change_user && settings->cgroup != SHARING_CONNECTION &&
           !cgroup_controllers_of(&settings->resources);
}

/* Is a child that was made before the order came right for it? */
static bool fits_ready(const struct work *work)
{
    const struct launcher_job *job = work->job;
    const struct plan *plan = work->parcel.order.service < job->plan_count
                                  ? &job->plans[work->parcel.order.service]
                                  : NULL;

    if (!plan || work->own)
        return plan && own_may_be_ready(plan);
    return plan->clone_flags == 0 && !plan->in_group;
}

/* In the ready child: wait for an order and become what it wants. */
static void be_ready(void *data)
{
    struct work *work = data;
    struct launch_slot *noted = work->job->slot;
    struct slot *slot;
    struct child child;

    prctl(PR_SET_NAME, "superd-ready");
    work->received = receive_order(&work->parcel);
    work->ended = !work->received;
    if (!work->received || !fits_ready(work))
        return;
    noted->pid = noted->ready;
    noted->instance = work->parcel.order.instance;
    if (!prepare(work, &child))
        return;
    work->report.pid = noted->pid;
    if (!work->own && child_keep_descriptors() != 0) {
        failed(work, STEP_DESCRIPTORS, errno);
        return;
    }
    slot = take_slot(work, &child);
    if (slot)
        slot->pid = noted->pid;
    child_become(&child);
    failed(work, child.step, child.error);
}

/* Of a service's own launchers the namespaces are known before. Others may have to hand the order over to
 * their launcher, with its descriptors. */
static int ready_flags(const struct work *work)
{
    int flags = work->own ? work->job->place.plan->clone_flags : CLONE_FILES;

    return work->enclosure.slots.mounts >= 0 ? flags & ~CLONE_NEWNS : flags;
}

/* Make a child ready, and be back when it has become an instance or has ended. What it took and did not carry
 * out is in hand then. */
static void wait_by_child(struct work *work)
{
    struct launch_slot *noted = work->job->slot;

    if (child_ready(be_ready, work, ready_flags(work), &noted->ready) < 0)
        return;
    noted->ready = 0;
    if (work->own)
        work->parcel.connection = work->parcel.stderr_pipe = -1; /* they were its own */
    /* Somebody killed it with the order in hand: so the instance has ended. */
    if (work->received && !work->report.instance && noted->instance)
        work->report = (struct launch_report){.instance = noted->instance, .pid = noted->pid};
}

/* A launcher that wakes up because its child has become a program is not to take the processor from that very
 * program, to make the next child ready; one that starts a program itself is. sched(7); children are as
 * superd is. Where superd has been given a priority, that is left alone. */
static void give_way(struct work *work, bool way)
{
    const struct sched_param none = {0};

    if (!work->plain || work->gives_way == way)
        return;
    work->gives_way = way;
    sched_setscheduler(0, (way ? SCHED_BATCH : SCHED_OTHER) | SCHED_RESET_ON_FORK, &none);
}

/* ---- Orders ---------------------------------------------------------------------------------- */

/* Take an order and carry it out. False: there will be none any more. */
static bool next_order(struct work *work)
{
    work->job->slot->instance = 0;
    work->report = (struct launch_report){0};
    work->received = false;
    give_way(work, work->ready);
    if (work->ready) {
        wait_by_child(work);
        if (!work->received && !work->ended)
            work->ready = false; /* there was none, or somebody killed it */
    } else {
        work->received = receive_order(&work->parcel);
        work->ended = !work->received;
    }
    if (!work->received)
        return !work->ended;
    work->ready = fits_ready(work); /* so is the next, probably */
    if (!work->report.instance)
        carry_out(work);
    fd_close(&work->parcel.connection);
    fd_close(&work->parcel.stderr_pipe);
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
    work.own = job->place.home == HOME_OWN;
    work.ready = !work.own || own_may_be_ready(job->place.plan);
    work.plain = sched_getscheduler(0) == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == 0;
    give_way(&work, work.ready);
    enclosure_enter(&work.enclosure, &job->place, channel_of(job) < 0 ? -1 : CHANNEL_FD);
    if (work.own)
        work.plain = false; /* and stays as it is: there may be a filter now */
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
