/*
 * pool: see pool.h.
 *
 * Reports are in shared memory (order.h). The supervisor looks there in every turn of its loop and, when
 * nothing else wakes it, after LOOK_MS. When a look finds nothing although there is something to come (a
 * program that is slow to load), it asks to be woken by the report instead; also when somebody waits for
 * reports: no more orders can be sent, or the pool is to end.
 *
 * Orders that get no answer are lost.c's.
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

#define WAKE_BATCH       16    /* bytes that followed reports, read at once */
#define LOOK_MS          5     /* until reports are looked for when nothing else wakes the loop */
#define REPLACE_FIRST_MS 100   /* before trying again when a launcher cannot be forked */
#define REPLACE_LAST_MS  10000 /* that, doubled each time, at most */
#define ROOM_RETRY_MS    10    /* after the system had no buffer for an order */
#define EARLY_DEATHS     5     /* deaths in a row without a report: then wait before replacing */

static size_t board_size(const struct launch_pool *pool)
{
    return sizeof *pool->board + pool->settings.launchers * sizeof *pool->board->slots;
}

/* Say whether reports are to wake us. What came just before is found by the timer at the latest. */
static void set_wake(struct launch_pool *pool)
{
    pool->board->wake = pool->was_full || pool->retired || pool->stalled;
}

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
    if (pool->in_flight_count == 0)
        uv_timer_stop(&pool->late_timer); /* an idle daemon does not wake up for it */
    pool->settings.on_report(pool->settings.data, report);
    if (pool->was_full && pool->in_flight_count <= LAUNCH_ORDERS_MAX / 2 && !pool->retired) {
        /* Half empty before more is taken: else listeners would be paused and resumed at each
         * launch. */
        pool->was_full = false;
        set_wake(pool);
        pool->settings.on_room(pool->settings.data);
    }
    if (pool->retired && pool->in_flight_count == 0)
        pool->settings.on_empty(pool->settings.data);
}

/* The next report of that launcher. False when there is none, or the pool has ended. */
static bool next_report(struct launch_pool *pool, unsigned number, struct launch_report *report_r)
{
    const struct launch_slot *slot = &pool->board->slots[number];

    if (pool->destroyed || pool->collected[number] == slot->written)
        return false;
    *report_r = slot->reports[pool->collected[number]++ % LAUNCH_ORDERS_MAX];
    return true;
}

static void on_look(uv_timer_t *timer);

/* Look again soon, unless reports are to wake us anyway. */
static void look_later(struct launch_pool *pool)
{
    if (pool->stalled || pool->destroyed || uv_is_active((uv_handle_t *)&pool->look_timer))
        return;
    pool->found = false;
    uv_timer_start(&pool->look_timer, on_look, LOOK_MS, 0);
}

void launch_pool_collect(struct launch_pool *pool)
{
    struct launch_report report;

    if (pool->in_flight_count == 0)
        return;
    for (unsigned i = 0; i < pool->settings.launchers; i++) {
        while (next_report(pool, i, &report)) {
            pool->deaths = 0;
            pool->found = true;
            launch_pool_answer(pool, &report);
        }
    }
    if (!pool->found || !pool->stalled || pool->destroyed)
        return;
    pool->stalled = false;
    set_wake(pool);
    if (pool->in_flight_count)
        look_later(pool);
}

static void on_look(uv_timer_t *timer)
{
    struct launch_pool *pool = timer->data;

    launch_pool_collect(pool);
    if (pool->destroyed || pool->in_flight_count == 0)
        return;
    if (!pool->found) {
        pool->stalled = true;
        set_wake(pool);
        launch_pool_collect(pool); /* what was told before that was seen */
    } else {
        look_later(pool);
    }
}

/* Bytes that followed reports; how many says nothing. */
static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct launch_pool *pool = handle->data;
    struct mmsghdr messages[WAKE_BATCH];
    struct iovec parts[WAKE_BATCH];
    char bytes[WAKE_BATCH];

    (void)status;
    (void)events;
    memset(messages, 0, sizeof messages);
    for (int i = 0; i < WAKE_BATCH; i++) {
        parts[i] = (struct iovec){&bytes[i], 1};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    recvmmsg(pool->socket, messages, WAKE_BATCH, MSG_DONTWAIT, NULL);
    launch_pool_collect(pool);
}

/* ---- Launchers ------------------------------------------------------------------------------ */

static int start_launcher(struct launch_pool *pool, unsigned number)
{
    struct launcher_job job = {.orders = pool->launchers_end,
                               .board = pool->board,
                               .slot = &pool->board->slots[number],
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

static void on_replace_timer(uv_timer_t *timer);

static void replace_later(struct launch_pool *pool)
{
    if (any_missing(pool) && !uv_is_active((uv_handle_t *)&pool->replace_timer))
        uv_timer_start(&pool->replace_timer, on_replace_timer, pool->replace_ms, 0);
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

static void start_launchers(struct launch_pool *pool)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < pool->settings.launchers; i++)
        r = start_launcher(pool, i);
    if (r < 0)
        pool->settings.on_replaced(pool->settings.data, 0, 0, -r);
    replace_later(pool);
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
    replace_later(pool);
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
    set_wake(pool);
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
        set_wake(pool);
        if (pool->in_flight_count == 0)
            uv_timer_start(&pool->room_timer, on_room_retry, ROOM_RETRY_MS, 0);
        return -EAGAIN;
    }
    pool->suspected[pool->in_flight_count] = false;
    pool->in_flight[pool->in_flight_count++] = order->instance;
    if (pool->in_flight_count == LAUNCH_ORDERS_MAX) {
        pool->was_full = true;
        set_wake(pool);
    }
    look_later(pool);
    lost_watch(pool);
    return 0;
}

/* ---- Begin and end -------------------------------------------------------------------------- */

static void free_pool(struct launch_pool *pool)
{
    fd_close(&pool->socket);
    fd_close(&pool->launchers_end);
    if (pool->board)
        munmap(pool->board, board_size(pool));
    free(pool->collected);
    free(pool->pids);
    free(pool->watched);
    free(pool);
}

static void on_closed(uv_handle_t *handle)
{
    struct launch_pool *pool = handle->data;

    if (--pool->handles_open == 0)
        free_pool(pool);
}

void launch_pool_retire(struct launch_pool *pool)
{
    pool->retired = true;
    set_wake(pool);
    if (pool->in_flight_count == 0)
        pool->settings.on_empty(pool->settings.data);
}

void launch_pool_destroy(struct launch_pool *pool)
{
    /* Now rather than in on_closed(): launchers end at once also if the loop is about to stop. */
    shutdown(pool->socket, SHUT_RDWR);
    pool->destroyed = true;
    uv_close((uv_handle_t *)&pool->look_timer, on_closed);
    uv_close((uv_handle_t *)&pool->room_timer, on_closed);
    uv_close((uv_handle_t *)&pool->replace_timer, on_closed);
    uv_close((uv_handle_t *)&pool->late_timer, on_closed);
    uv_close((uv_handle_t *)&pool->lost_timer, on_closed);
    uv_close((uv_handle_t *)&pool->poll, on_closed);
}

static int open_channel(struct launch_pool *pool)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -errno;
    pool->socket = pair[0];
    pool->launchers_end = pair[1];
    pool->board = mmap(NULL, board_size(pool), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0);
    if (pool->board == MAP_FAILED) {
        pool->board = NULL;
        return -errno;
    }
    pool->collected = calloc(pool->settings.launchers, sizeof *pool->collected);
    pool->pids = calloc(pool->settings.launchers, sizeof *pool->pids);
    pool->watched = calloc(pool->settings.launchers, sizeof *pool->watched);
    return pool->collected && pool->pids && pool->watched ? 0 : -ENOMEM;
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
    uv_timer_init(pool->settings.loop, &pool->look_timer);
    pool->poll.data = pool->lost_timer.data = pool->late_timer.data = pool;
    pool->replace_timer.data = pool->room_timer.data = pool->look_timer.data = pool;
    pool->handles_open = 6;
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
    free_pool(pool);
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
    if (r < 0) {
        abandon(pool);
        return r;
    }
    start_launchers(pool);
    *pool_r = pool;
    return 0;
}
