/*
 * load: the event loop of one load-generating thread; see load.h.
 *
 * A slot is a connection or free. Slots in progress stand in a list in the order in which they
 * began; as all have the same time limit, the head is always the next to time out. Sockets are
 * watched once, edge-triggered, for all events, so a connection costs one epoll_ctl call.
 */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define NO_SLOT      UINT32_MAX
#define RELEASE_SLOT (UINT32_MAX - 1)

struct slot {
    int fd; /* -1: free */
    bool connected, held;
    uint32_t previous, next; /* neighbours in the list of those in progress, or of the free */
    uint64_t intended_ns;    /* when it should have begun: latencies count from here */
    uint64_t limit_ns;       /* when it is given up */
    uint64_t connected_ns, first_ns;
    uint64_t bytes;
    size_t sent;
};

struct loop {
    const struct load_plan *plan;
    struct load_shared *shared;
    struct load_account *account;
    int epoll_fd;
    struct slot *slots;
    uint32_t slot_count, free_slot;
    uint32_t head, tail; /* in progress, oldest first */
    uint32_t in_progress, in_progress_max;
    uint64_t begin_until_ns; /* begin nothing after; UINT64_MAX: no limit */
    double interval_ns;      /* open loop: between two connections of this thread; 0: closed */
    uint64_t scheduled;      /* open loop: connections that this thread has begun or will next */
    double phase_ns;         /* open loop: this thread's first one */
    bool exhausted;          /* no tickets left, or the time is up */
    bool released;
    char buffer[65536];
};

/* ---- The lists ------------------------------------------------------------------------------ */

static void loop_enlist(struct loop *loop, uint32_t index)
{
    struct slot *slot = &loop->slots[index];
    slot->previous = loop->tail;
    slot->next = NO_SLOT;
    if (loop->tail == NO_SLOT) {
        loop->head = index;
    } else {
        loop->slots[loop->tail].next = index;
    }
    loop->tail = index;
    loop->in_progress++;
}

static void loop_delist(struct loop *loop, uint32_t index)
{
    const struct slot *slot = &loop->slots[index];
    if (slot->previous == NO_SLOT) {
        loop->head = slot->next;
    } else {
        loop->slots[slot->previous].next = slot->next;
    }
    if (slot->next == NO_SLOT) {
        loop->tail = slot->previous;
    } else {
        loop->slots[slot->next].previous = slot->previous;
    }
    loop->in_progress--;
}

static void loop_free_slot(struct loop *loop, uint32_t index)
{
    loop->slots[index].fd = -1;
    loop->slots[index].next = loop->free_slot;
    loop->free_slot = index;
}

/* ---- The end of a connection ---------------------------------------------------------------- */

/* Which of the outcomes are what this mode wants to see. */
static bool loop_wanted(const struct loop *loop, enum load_outcome outcome, uint64_t bytes)
{
    if (loop->plan->mode != LOAD_FLOOD) {
        return outcome == OUTCOME_OK;
    }
    return outcome == OUTCOME_REFUSED || outcome == OUTCOME_RESET ||
           (outcome == OUTCOME_SHORT && bytes == 0);
}

static void loop_count(struct loop *loop, const struct slot *slot, enum load_outcome outcome,
                       int error, uint64_t now)
{
    struct load_account *account = loop->account;
    uint64_t since_start = now - loop->shared->start_ns;

    account->last_ns = now;
    if (since_start < loop->plan->warm_ns) {
        return;
    }
    account->outcomes[outcome]++;
    account->bytes += slot->bytes;
    if (outcome == OUTCOME_SHORT && slot->bytes == 0) {
        account->empty++;
    }
    if (outcome == OUTCOME_OTHER && account->other_errno == 0) {
        account->other_errno = error;
    }
    if (!loop_wanted(loop, outcome, slot->bytes)) {
        return;
    }
    if (loop->plan->time_ns == 0 || since_start <= loop->plan->time_ns) {
        account->in_window++;
    }
    if (slot->connected) {
        samples_add(&account->connect, slot->connected_ns - slot->intended_ns);
    }
    if (slot->first_ns != 0) {
        samples_add(&account->first, slot->first_ns - slot->intended_ns);
    }
    samples_add(&account->end, now - slot->intended_ns);
}

static void slot_finish(struct loop *loop, uint32_t index, enum load_outcome outcome, int error,
                        uint64_t now)
{
    struct slot *slot = &loop->slots[index];
    if (slot->held) {
        loop->account->lost += !loop->released;
    } else {
        loop_count(loop, slot, outcome, error, now);
        loop_delist(loop, index);
    }
    if (slot->fd >= 0) {
        close(slot->fd);
    }
    loop_free_slot(loop, index);
}

/* ---- One connection ------------------------------------------------------------------------- */

static void slot_hold(struct loop *loop, uint32_t index, uint64_t now)
{
    struct slot *slot = &loop->slots[index];
    loop_count(loop, slot, OUTCOME_OK, 0, now);
    loop_delist(loop, index);
    slot->held = true;
    loop->account->held++;
}

/* Send what is left of the request. */
static void slot_send(struct loop *loop, uint32_t index)
{
    struct slot *slot = &loop->slots[index];
    const struct load_plan *plan = loop->plan;

    while (slot->sent < plan->request_length) {
        ssize_t n = send(slot->fd, plan->request + slot->sent, plan->request_length - slot->sent,
                         MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n < 0) {
            /* What was sent to us before may still be read, so the reader tells the outcome. */
            slot->sent = plan->request_length;
            return;
        }
        slot->sent += (size_t)n;
        if (slot->sent == plan->request_length && plan->half_close) {
            shutdown(slot->fd, SHUT_WR);
        }
    }
}

static void slot_receive(struct loop *loop, uint32_t index)
{
    struct slot *slot = &loop->slots[index];
    for (;;) {
        ssize_t n = recv(slot->fd, loop->buffer, sizeof(loop->buffer), 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        uint64_t now = load_now();
        if (n < 0) {
            slot_finish(loop, index, load_outcome_of(errno), errno, now);
            return;
        }
        if (n == 0) {
            bool enough = slot->bytes >= loop->plan->expect && loop->plan->mode != LOAD_HOLD;
            slot_finish(loop, index, enough ? OUTCOME_OK : OUTCOME_SHORT, 0, now);
            return;
        }
        if (slot->bytes == 0) {
            slot->first_ns = now;
        }
        slot->bytes += (uint64_t)n;
        if (loop->plan->mode == LOAD_HOLD && !slot->held && slot->bytes >= loop->plan->expect) {
            slot_hold(loop, index, now);
        }
    }
}

static void slot_event(struct loop *loop, uint32_t index, uint32_t events)
{
    struct slot *slot = &loop->slots[index];
    if (slot->fd < 0) {
        return; /* ended earlier in this same batch of events */
    }
    if (!slot->connected) {
        int error = 0;
        socklen_t length = sizeof(error);
        if (getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) {
            error = errno;
        }
        if (error == 0 && (events & (EPOLLOUT | EPOLLIN)) == 0) {
            return;
        }
        uint64_t now = load_now();
        if (error != 0) {
            slot_finish(loop, index, load_outcome_of(error), error, now);
            return;
        }
        slot->connected = true;
        slot->connected_ns = now;
        if (loop->plan->mode == LOAD_HOLD && loop->plan->expect == 0) {
            slot_hold(loop, index, now);
        }
    }
    slot_send(loop, index);
    slot_receive(loop, index);
}

/* Begin a connection that should have begun at INTENDED_NS. */
static void slot_begin(struct loop *loop, uint64_t ticket, uint64_t intended_ns)
{
    uint32_t index = loop->free_slot;
    struct slot *slot = &loop->slots[index];
    uint64_t now = load_now();

    loop->free_slot = slot->next;
    *slot = (struct slot){
        .fd = load_socket(loop->plan, ticket),
        .intended_ns = intended_ns == 0 ? now : intended_ns,
        .limit_ns = now + loop->plan->limit_ns,
    };
    loop->account->begun++;
    loop_enlist(loop, index);

    int error = slot->fd < 0 ? -slot->fd : 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.u32 = index};
    if (error == 0 &&
        connect(slot->fd, (const struct sockaddr *)&loop->plan->target,
                sizeof(loop->plan->target)) < 0 &&
        errno != EINPROGRESS) {
        error = errno;
    }
    if (error == 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, slot->fd, &event) < 0) {
        error = errno;
    }
    if (error != 0) {
        slot_finish(loop, index, load_outcome_of(error), error, load_now());
    }
}

/* ---- The loop ------------------------------------------------------------------------------- */

/* When the next connection of the open loop is due. */
static uint64_t loop_due(const struct loop *loop)
{
    return loop->shared->start_ns +
           (uint64_t)(loop->phase_ns + loop->interval_ns * (double)loop->scheduled);
}

/* Begin as many connections as may begin now. */
static void loop_begin(struct loop *loop, uint64_t now)
{
    /* One turn begins no more than it has room for: failures that come at once must not keep us
     * here. */
    uint32_t turn = loop->in_progress_max;
    while (!loop->exhausted && turn-- > 0 && loop->in_progress < loop->in_progress_max &&
           loop->free_slot != NO_SLOT) {
        uint64_t intended = 0;
        if (loop->interval_ns > 0) {
            intended = loop_due(loop);
            if (intended > now) {
                return;
            }
        }
        uint64_t ticket = atomic_fetch_add(&loop->shared->ticket, 1);
        if (ticket >= loop->plan->count ||
            (intended == 0 ? now : intended) >= loop->begin_until_ns || *loop->shared->stop) {
            loop->exhausted = true;
            return;
        }
        loop->scheduled++;
        slot_begin(loop, ticket, intended);
    }
}

static void loop_expire(struct loop *loop, uint64_t now)
{
    while (loop->head != NO_SLOT && loop->slots[loop->head].limit_ns <= now) {
        slot_finish(loop, loop->head, OUTCOME_TIMEOUT, 0, now);
    }
}

/* How long the loop may sleep: until a timeout, the next connection of the open loop, the end. */
static struct timespec loop_patience(const struct loop *loop, uint64_t now)
{
    uint64_t until = now + 100000000u; /* look at the stop flag ten times a second */
    if (loop->head != NO_SLOT && loop->slots[loop->head].limit_ns < until) {
        until = loop->slots[loop->head].limit_ns;
    }
    if (!loop->exhausted && loop->in_progress < loop->in_progress_max) {
        uint64_t due = loop->interval_ns > 0 ? loop_due(loop) : now;
        until = due < until ? due : until;
    }
    uint64_t wait = until > now ? until - now : 0;
    return (struct timespec){.tv_sec = (time_t)(wait / 1000000000u),
                             .tv_nsec = (long)(wait % 1000000000u)};
}

static void loop_turn(struct loop *loop)
{
    struct epoll_event events[256];
    struct timespec patience = loop_patience(loop, load_now());
    int n = epoll_pwait2(loop->epoll_fd, events, 256, &patience, NULL);
    for (int i = 0; i < n; i++) {
        if (events[i].data.u32 == RELEASE_SLOT) {
            loop->released = true;
        } else {
            slot_event(loop, events[i].data.u32, events[i].events);
        }
    }
    loop_expire(loop, load_now());
}

/* Keep what is open until we are told, then count the living: an end that has already arrived is
 * seen by this last turn. */
static void loop_hold(struct loop *loop)
{
    if (loop->shared->on_held != NULL) {
        loop->shared->on_held(loop->account);
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.u32 = RELEASE_SLOT};
    if (loop->shared->release_fd >= 0 &&
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->shared->release_fd, &event) < 0) {
        loop->released = true; /* a plain file is always readable, and epoll does not take it */
    }
    while (!loop->released && !*loop->shared->stop && load_now() < loop->begin_until_ns) {
        loop_turn(loop);
    }
}

static void loop_drive(struct loop *loop)
{
    while (!loop->exhausted || loop->in_progress > 0) {
        loop_begin(loop, load_now());
        if (!loop->exhausted || loop->in_progress > 0) {
            loop_turn(loop);
        }
        if (*loop->shared->stop) {
            break;
        }
    }
    if (loop->plan->mode == LOAD_HOLD) {
        loop_hold(loop);
    }
    loop->released = true;
    for (uint32_t i = 0; i < loop->slot_count; i++) {
        if (loop->slots[i].fd >= 0) {
            close(loop->slots[i].fd); /* stopped early: what is unfinished is not counted */
        }
    }
}

/* THREAD's part of TOTAL, so that all parts together are TOTAL. */
static uint32_t load_share(uint64_t total, unsigned threads, unsigned number)
{
    return (uint32_t)(total / threads + (number < total % threads ? 1 : 0));
}

int load_run(const struct load_plan *plan, struct load_shared *shared, unsigned number,
             struct load_account *account)
{
    *account = (struct load_account){.other_errno = 0};
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        return -ENOMEM;
    }
    uint64_t bound = plan->mode == LOAD_HOLD ? plan->count : plan->clients;
    *loop = (struct loop){
        .plan = plan,
        .shared = shared,
        .account = account,
        .slot_count = load_share(bound, plan->threads, number) +
                      1, /* one to ask for a ticket with */
        .in_progress_max = load_share(plan->clients, plan->threads, number),
        .head = NO_SLOT,
        .tail = NO_SLOT,
        .free_slot = NO_SLOT,
        .begin_until_ns = plan->time_ns == 0 ? UINT64_MAX : shared->start_ns + plan->time_ns,
        .interval_ns = plan->rate > 0 ? 1e9 * plan->threads / plan->rate : 0,
        .phase_ns = plan->rate > 0 ? 1e9 * number / plan->rate : 0,
    };
    int result = 0;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->slots = calloc(loop->slot_count, sizeof(*loop->slots));
    if (loop->epoll_fd < 0 || loop->slots == NULL) {
        result = loop->epoll_fd < 0 ? -errno : -ENOMEM;
    } else {
        for (uint32_t i = loop->slot_count; i-- > 0;) {
            loop_free_slot(loop, i);
        }
        loop_drive(loop);
    }
    if (loop->epoll_fd >= 0) {
        close(loop->epoll_fd);
    }
    free(loop->slots);
    free(loop);
    return result;
}
