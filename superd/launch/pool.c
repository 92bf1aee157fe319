/*
 * pool: see pool.h. Orders that get no answer are lost.c's.
 */
#include "launch/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/lost.h"
#include "launch/pool_state.h"

#define COLLECT_BATCH    16    /* reports a system call */
#define REPLACE_FIRST_MS 100   /* before trying again when a launcher cannot be forked */
#define REPLACE_LAST_MS  10000 /* that, doubled each time, at most */
#define ROOM_RETRY_MS    10    /* after the system had no buffer for an order */
#define EARLY_DEATHS     5     /* deaths in a row without a report: then wait before replacing */

/* ---- Orders on their way -------------------------------------------------------------------- */

static bool take_in_flight(struct launch_pool *pool, uint64_t instance)
{
    for (size_t i = 0; i < pool->in_flight_count; i++) {
        if (pool->in_flight[i] != instance)
            continue;
        pool->in_flight_count--;
        memmove(&pool->in_flight[i], &pool->in_flight[i + 1],
                (pool->in_flight_count - i) * sizeof *pool->in_flight);
        memmove(&pool->suspected[i], &pool->suspected[i + 1],
                (pool->in_flight_count - i) * sizeof *pool->suspected);
        return true;
    }
    return false;
}

/* An order is answered: by its launcher, or by what its launcher left behind. */
void launch_pool_answer(struct launch_pool *pool, const struct launch_report *report)
{
    if (!take_in_flight(pool, report->instance))
        return;
    pool->settings.on_report(pool->settings.data, report);
    if (pool->was_full && pool->in_flight_count <= LAUNCH_ORDERS_MAX / 2 && !pool->retired) {
        /* Half empty before more is taken: else listeners would be paused and resumed at each
         * launch. */
        pool->was_full = false;
        pool->settings.on_room(pool->settings.data);
    }
    if (pool->retired && pool->in_flight_count == 0)
        pool->settings.on_empty(pool->settings.data);
}

void launch_pool_collect(struct launch_pool *pool)
{
    struct launch_report reports[COLLECT_BATCH];
    struct iovec parts[COLLECT_BATCH];
    struct mmsghdr messages[COLLECT_BATCH];
    int n;

    do {
        memset(messages, 0, sizeof messages);
        for (int i = 0; i < COLLECT_BATCH; i++) {
            parts[i] = (struct iovec){&reports[i], sizeof reports[i]};
            messages[i].msg_hdr.msg_iov = &parts[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        n = recvmmsg(pool->socket, messages, COLLECT_BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
            if (messages[i].msg_len != sizeof reports[i])
                continue;
            pool->deaths = 0;
            launch_pool_answer(pool, &reports[i]);
        }
        /* The last report of a retired pool ends it: then there is nothing more to read. */
    } while (!pool->destroyed && (n == COLLECT_BATCH || (n < 0 && errno == EINTR)));
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    launch_pool_collect(handle->data);
}

/* ---- Launchers ------------------------------------------------------------------------------ */

static int start_launcher(struct launch_pool *pool, unsigned number)
{
    struct launcher_job job = {.orders = pool->launchers_end,
                               .slot = &pool->slots[number],
                               .plans = pool->settings.plans,
                               .plan_count = pool->settings.plan_count,
                               .place = pool->settings.place,
                               .descriptors = pool->settings.descriptors};
    pid_t pid;

    job.slot->instance = 0;
    job.slot->pid = 0;
    pool->watched[number] = (struct watched){0};
    pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        launcher_run(&job);
    pool->pids[number] = pid;
    return 0;
}

static void replace_missing(struct launch_pool *pool, pid_t old)
{
    for (unsigned i = 0; i < pool->settings.launchers; i++) {
        int r;

        if (pool->pids[i])
            continue;
        r = start_launcher(pool, i);
        pool->settings.on_replaced(pool->settings.data, old, pool->pids[i], -r);
        if (r < 0)
            break;
    }
}

static bool any_missing(const struct launch_pool *pool)
{
    for (unsigned i = 0; i < pool->settings.launchers; i++) {
        if (!pool->pids[i])
            return true;
    }
    return false;
}

static void on_replace_timer(uv_timer_t *timer)
{
    struct launch_pool *pool = timer->data;

    replace_missing(pool, 0);
    if (!any_missing(pool)) {
        pool->replace_ms = REPLACE_FIRST_MS;
        return;
    }
    pool->replace_ms *= 2;
    if (pool->replace_ms > REPLACE_LAST_MS)
        pool->replace_ms = REPLACE_LAST_MS;
    uv_timer_start(timer, on_replace_timer, pool->replace_ms, 0);
}

bool launch_pool_reaped(struct launch_pool *pool, pid_t pid)
{
    unsigned number = 0;

    while (number < pool->settings.launchers && pool->pids[number] != pid)
        number++;
    if (number == pool->settings.launchers)
        return false;
    pool->pids[number] = 0;
    launch_pool_collect(pool);
    lost_launcher(pool, number);
    if (pool->retired && pool->in_flight_count == 0)
        return true;
    if (++pool->deaths < EARLY_DEATHS)
        replace_missing(pool, pid);
    if (any_missing(pool) && !uv_is_active((uv_handle_t *)&pool->replace_timer))
        uv_timer_start(&pool->replace_timer, on_replace_timer, pool->replace_ms, 0);
    return true;
}

void launch_pool_visit(const struct launch_pool *pool, void (*visit)(void *data, pid_t pid),
                       void *data)
{
    for (unsigned i = 0; i < pool->settings.launchers; i++) {
        if (pool->pids[i])
            visit(data, pool->pids[i]);
    }
}

/* ---- Sending -------------------------------------------------------------------------------- */

bool launch_pool_room(const struct launch_pool *pool)
{
    return !pool->retired && !pool->was_full;
}

size_t launch_pool_in_flight(const struct launch_pool *pool)
{
    return pool->in_flight_count;
}

uint64_t launch_pool_oldest(const struct launch_pool *pool)
{
    return pool->in_flight_count ? pool->in_flight[0] : 0;
}

static void on_room_retry(uv_timer_t *timer)
{
    struct launch_pool *pool = timer->data;

    pool->was_full = false;
    if (!pool->retired)
        pool->settings.on_room(pool->settings.data);
}

int launch_pool_send(struct launch_pool *pool, const struct order *order, int connection,
                     int stderr_pipe)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    int fds[2] = {connection, stderr_pipe};
    size_t size = (stderr_pipe >= 0 ? 2 : 1) * sizeof(int);
    struct iovec part = {.iov_base = (void *)order, .iov_len = sizeof *order};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *c;
    ssize_t n;

    if (!launch_pool_room(pool))
        return -EAGAIN;
    memset(&control, 0, sizeof control);
    c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), fds, size);
    do {
        n = sendmsg(pool->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        int number = errno;

        if (number != EAGAIN)
            return -number;
        /* Room comes with the next report; if none is to come, the system was short of buffers. */
        pool->was_full = true;
        if (pool->in_flight_count == 0)
            uv_timer_start(&pool->room_timer, on_room_retry, ROOM_RETRY_MS, 0);
        return -EAGAIN;
    }
    pool->suspected[pool->in_flight_count] = false;
    pool->in_flight[pool->in_flight_count++] = order->instance;
    lost_watch(pool);
    if (pool->in_flight_count == LAUNCH_ORDERS_MAX)
        pool->was_full = true;
    return 0;
}

/* ---- Begin and end -------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct launch_pool *pool = handle->data;

    if (--pool->handles_open)
        return;
    fd_close(&pool->socket);
    fd_close(&pool->launchers_end);
    if (pool->slots)
        munmap(pool->slots, pool->settings.launchers * sizeof *pool->slots);
    free(pool->pids);
    free(pool->watched);
    free(pool);
}

void launch_pool_retire(struct launch_pool *pool)
{
    pool->retired = true;
    if (pool->in_flight_count == 0)
        pool->settings.on_empty(pool->settings.data);
}

void launch_pool_destroy(struct launch_pool *pool)
{
    /* Now rather than in on_closed(): launchers end at once also if the loop is about to stop. */
    shutdown(pool->socket, SHUT_RDWR);
    pool->destroyed = true;
    uv_close((uv_handle_t *)&pool->room_timer, on_closed);
    uv_close((uv_handle_t *)&pool->replace_timer, on_closed);
    uv_close((uv_handle_t *)&pool->lost_timer, on_closed);
    uv_close((uv_handle_t *)&pool->late_timer, on_closed);
    uv_close((uv_handle_t *)&pool->poll, on_closed);
}

static int open_channel(struct launch_pool *pool)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -errno;
    pool->socket = pair[0];
    pool->launchers_end = pair[1];
    pool->slots = mmap(NULL, pool->settings.launchers * sizeof *pool->slots, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pool->slots == MAP_FAILED) {
        pool->slots = NULL;
        return -errno;
    }
    pool->pids = calloc(pool->settings.launchers, sizeof *pool->pids);
    pool->watched = calloc(pool->settings.launchers, sizeof *pool->watched);
    return pool->pids && pool->watched ? 0 : -ENOMEM;
}

static int open_handles(struct launch_pool *pool)
{
    int r = uv_poll_init(pool->settings.loop, &pool->poll, pool->socket);

    if (r < 0)
        return r;
    uv_timer_init(pool->settings.loop, &pool->lost_timer);
    uv_timer_init(pool->settings.loop, &pool->late_timer);
    uv_timer_init(pool->settings.loop, &pool->replace_timer);
    uv_timer_init(pool->settings.loop, &pool->room_timer);
    pool->poll.data = pool->lost_timer.data = pool->late_timer.data = pool;
    pool->replace_timer.data = pool->room_timer.data = pool;
    pool->handles_open = 5;
    r = uv_poll_start(&pool->poll, UV_READABLE, on_readable);
    /* The other end keeps blocking: uv_poll_init() set only ours to non-blocking. */
    return r;
}

static void abandon(struct launch_pool *pool)
{
    if (pool->handles_open) {
        launch_pool_destroy(pool);
        return;
    }
    fd_close(&pool->socket);
    fd_close(&pool->launchers_end);
    if (pool->slots)
        munmap(pool->slots, pool->settings.launchers * sizeof *pool->slots);
    free(pool->pids);
    free(pool->watched);
    free(pool);
}

int launch_pool_create(const struct launch_pool_settings *settings, struct launch_pool **pool_r)
{
    struct launch_pool *pool = calloc(1, sizeof *pool);
    int r;

    if (!pool)
        return -ENOMEM;
    pool->settings = *settings;
    pool->socket = pool->launchers_end = -1;
    pool->replace_ms = REPLACE_FIRST_MS;
    r = open_channel(pool);
    if (r == 0)
        r = open_handles(pool);
    for (unsigned i = 0; r == 0 && i < settings->launchers; i++)
        r = start_launcher(pool, i);
    if (r < 0) {
        abandon(pool); /* launchers that were started see the socket closed and end */
        return r;
    }
    *pool_r = pool;
    return 0;
}
