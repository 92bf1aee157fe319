/*
 * stderr_reader: see stderr_reader.h.
 *
 * The pipes are in an epoll instance of their own, which the loop watches as one descriptor: a
 * handle of the loop per pipe would cost more system calls per connection, and more memory, than
 * the pipe.
 *
 * A pipe is watched from WATCH_AFTER_MS on. Most instances end before, and what they wrote is read when
 * they are reaped: so a short one costs one read, and no turn of the loop to see its end.
 *
 * Closing a pipe takes it out of the epoll instance, but not at once while a launcher is being forked,
 * which for a moment has a copy of every descriptor. So an event names its reader by instance id, and
 * one that names a reader which is no more is stale and left alone.
 */
#include "supervise/stderr_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

#include "base/fd.h"
#include "base/log.h"
#include "supervise/stderr_lines.h"

#define EVENTS_PER_TURN 64
#define READ_SIZE       16384
#define SECOND_MS       1000
#define WATCH_AFTER_MS  50
#define WATCH_RETRY_MS  100 /* after the system had no room for it */
#define LOOK_MOST       256 /* young pipes that are asked in one call */

struct stderr_reader {
    struct stderr_readers *owner;
    int fd;
    uint64_t instance;
    struct stderr_lines lines;
    bool watched; /* it is in owner->epoll, or has nothing to be read; else in owner->young */
    uint64_t born_ms;
    bool resting;                      /* over its bytes; read again when the second is over */
    bool finished;                     /* its instance has ended */
    struct stderr_reader *prev, *next; /* in owner->all, or in owner->lingering when finished */
    struct stderr_reader *rest_next;   /* in owner->rested */
    struct stderr_reader *young_prev, *young_next;
    UT_hash_handle hh; /* in owner->by_instance */
    char service[];
};

struct stderr_readers {
    uv_loop_t *loop;
    void (*on_end)(void *data, uint64_t instance);
    void *data;
    int epoll;
    uv_poll_t poll;
    uv_timer_t rest_timer;
    uv_timer_t young_timer;
    unsigned handles_open;
    struct stderr_reader *by_instance; /* all of them */
    struct stderr_reader *all, *lingering, *rested;
    struct stderr_reader *young; /* oldest first */
    size_t young_count;
    bool failed; /* the last could not be watched, which has been said */
    size_t count, lingering_count;
};

/* ---- Reading -------------------------------------------------------------------------------- */

static void remove_young(struct stderr_reader *reader)
{
    DL_DELETE2(reader->owner->young, reader, young_prev, young_next);
    reader->owner->young_count--;
}

static void close_reader(struct stderr_reader *reader)
{
    struct stderr_readers *owner = reader->owner;

    if (reader->finished) {
        DL_DELETE(owner->lingering, reader);
        owner->lingering_count--;
    } else {
        DL_DELETE(owner->all, reader);
    }
    owner->count--;
    HASH_DEL(owner->by_instance, reader);
    if (reader->resting)
        LL_DELETE2(owner->rested, reader, rest_next);
    if (!reader->watched)
        remove_young(reader);
    fd_close(&reader->fd);
    stderr_lines_clear(&reader->lines);
    free(reader);
}

static void on_rest_over(uv_timer_t *timer);

/* Over its bytes for this second: leave the rest in the pipe, so that the handler waits. */
static void rest(struct stderr_reader *reader)
{
    struct stderr_readers *owner = reader->owner;
    struct epoll_event none = {.events = 0, .data.u64 = reader->instance};

    if (reader->resting || epoll_ctl(owner->epoll, EPOLL_CTL_MOD, reader->fd, &none) != 0)
        return;
    reader->resting = true;
    LL_PREPEND2(owner->rested, reader, rest_next);
    if (!uv_is_active((uv_handle_t *)&owner->rest_timer))
        uv_timer_start(&owner->rest_timer, on_rest_over,
                       SECOND_MS - uv_now(owner->loop) % SECOND_MS, 0);
}

static void on_rest_over(uv_timer_t *timer)
{
    struct stderr_readers *owner = timer->data;

    while (owner->rested) {
        struct stderr_reader *reader = owner->rested;
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = reader->instance};

        LL_DELETE2(owner->rested, reader, rest_next);
        reader->resting = false;
        epoll_ctl(owner->epoll, EPOLL_CTL_MOD, reader->fd, &event);
    }
}

enum read_result { READ_MORE, READ_EMPTY, READ_END };

static enum read_result read_some(struct stderr_reader *reader)
{
    char buffer[READ_SIZE];
    ssize_t n;

    do {
        n = read(reader->fd, buffer, sizeof buffer);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? READ_EMPTY : READ_END;
    if (n == 0)
        return READ_END;
    stderr_lines_take(&reader->lines, buffer, (size_t)n, uv_now(reader->owner->loop));
    return READ_MORE;
}

static void at_end(struct stderr_reader *reader)
{
    stderr_lines_end(&reader->lines, uv_now(reader->owner->loop));
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    struct stderr_readers *owner = handle->data;
    struct epoll_event ready[EVENTS_PER_TURN];
    int n = epoll_wait(owner->epoll, ready, EVENTS_PER_TURN, 0);

    (void)status;
    (void)events;
    for (int i = 0; i < n; i++) {
        uint64_t instance = ready[i].data.u64;
        struct stderr_reader *reader;
        bool readable;

        HASH_FIND(hh, owner->by_instance, &instance, sizeof instance, reader);
        if (!reader || reader->fd < 0)
            continue;

        /* A hangup without data needs no read to be known as the end; but a pipe at rest reports nothing
         * else, whatever is in it. */
        readable = (ready[i].events & EPOLLIN) || reader->resting;

        if (!readable || read_some(reader) == READ_END) {
            at_end(reader);
            if (reader->finished) {
                close_reader(reader);
            } else {
                fd_close(&reader->fd); /* the instance, which may live on, will finish us */
                owner->on_end(owner->data, instance);
            }
        } else if (reader->lines.bytes >= STDERR_BYTES_PER_SECOND) {
            rest(reader);
        }
    }
}

/* ---- Watching ------------------------------------------------------------------------------- */

/* False when the system has no room for it; it then stays among the young, and is tried again. */
static bool watch(struct stderr_reader *reader)
{
    struct stderr_readers *owner = reader->owner;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = reader->instance};

    if (epoll_ctl(owner->epoll, EPOLL_CTL_ADD, reader->fd, &event) != 0) {
        if (!owner->failed)
            log_event(LEVEL_ERROR, "error", log_text("service", reader->service),
                      log_u64("instance", reader->instance), log_text("what", "stderr"),
                      log_text("error", strerror(errno)));
        owner->failed = true;
        return false;
    }
    owner->failed = false;
    remove_young(reader);
    reader->watched = true;
    return true;
}

static void on_young(uv_timer_t *timer)
{
    struct stderr_readers *owner = timer->data;
    uint64_t now = uv_now(owner->loop);

    while (owner->young && owner->young->born_ms + WATCH_AFTER_MS <= now) {
        if (!watch(owner->young)) {
            uv_timer_start(timer, on_young, WATCH_RETRY_MS, 0);
            return;
        }
    }
    if (owner->young)
        uv_timer_start(timer, on_young, owner->young->born_ms + WATCH_AFTER_MS - now, 0);
}

/* The timer is active as long as there is a young one. */
static void add_young(struct stderr_reader *reader)
{
    struct stderr_readers *owner = reader->owner;

    reader->born_ms = uv_now(owner->loop);
    DL_APPEND2(owner->young, reader, young_prev, young_next);
    owner->young_count++;
    if (!uv_is_active((uv_handle_t *)&owner->young_timer))
        uv_timer_start(&owner->young_timer, on_young, WATCH_AFTER_MS, 0);
}

size_t stderr_readers_young(const struct stderr_readers *readers)
{
    return readers->young_count;
}

void stderr_readers_look(struct stderr_readers *readers)
{
    struct pollfd asked[LOOK_MOST];
    uint64_t instances[LOOK_MOST];
    const struct stderr_reader *reader;
    nfds_t count = 0;

    while (readers->young_count > LOOK_MOST && watch(readers->young))
        continue;
    DL_FOREACH2(readers->young, reader, young_next)
    {
        if (count == LOOK_MOST)
            break;
        instances[count] = reader->instance;
        asked[count++] = (struct pollfd){.fd = reader->fd}; /* for POLLHUP, which is always told */
    }
    if (poll(asked, count, 0) <= 0)
        return;
    for (nfds_t i = 0; i < count; i++) {
        if (asked[i].revents)
            readers->on_end(readers->data, instances[i]);
    }
}

/* ---- Begin and end -------------------------------------------------------------------------- */

/* A reader of FD (taken over; -1: its end has been read), or NULL with errno set. */
static struct stderr_reader *make_reader(struct stderr_readers *readers, const char *service,
                                         uint64_t instance, int fd)
{
    size_t name = strlen(service) + 1;
    struct stderr_reader *reader = calloc(1, sizeof *reader + name);

    if (reader) {
        reader->owner = readers;
        reader->fd = fd;
        reader->instance = instance;
        memcpy(reader->service, service, name);
        reader->lines = (struct stderr_lines){.instance = instance, .service = reader->service};
        HASH_ADD(hh, readers->by_instance, instance, sizeof reader->instance, reader);
    }
    if (!reader || !reader->hh.tbl) {
        fd_close(&fd);
        free(reader);
        errno = ENOMEM;
        return NULL;
    }
    DL_APPEND(readers->all, reader);
    readers->count++;
    reader->watched = fd < 0;
    if (fd >= 0)
        add_young(reader);
    return reader;
}

struct stderr_reader *stderr_reader_open(struct stderr_readers *readers, const char *service,
                                         uint64_t instance, int *write_end_r)
{
    struct stderr_reader *reader;
    int pair[2];

    /* Both ends are born non-blocking, in one call; the launcher makes the handler's end block. */
    if (pipe2(pair, O_CLOEXEC | O_NONBLOCK) != 0)
        return NULL;
    reader = make_reader(readers, service, instance, pair[0]);
    if (reader)
        *write_end_r = pair[1];
    else
        fd_close(&pair[1]);
    return reader;
}

static void linger(struct stderr_reader *reader)
{
    struct stderr_readers *owner = reader->owner;

    DL_DELETE(owner->all, reader);
    DL_APPEND(owner->lingering, reader);
    owner->lingering_count++;
    reader->finished = true;
}

struct stderr_reader *stderr_reader_go_on(struct stderr_readers *readers,
                                          const struct stderr_record *record)
{
    struct stderr_reader *reader = make_reader(readers, record->service, record->instance,
                                               record->fd);

    if (!reader)
        return NULL;
    reader->lines.skipping = record->skipping;
    reader->lines.dropped = record->dropped;
    if (record->line_length)
        stderr_lines_go_on(&reader->lines, record->line, record->line_length);
    if (record->finished)
        linger(reader);
    return reader;
}

static void visit_all(const struct stderr_reader *reader,
                      void (*visit)(void *data, const struct stderr_record *record), void *data)
{
    for (; reader; reader = reader->next) {
        const struct stderr_record record = {.instance = reader->instance,
                                             .service = reader->service,
                                             .fd = reader->fd,
                                             .finished = reader->finished,
                                             .line = reader->lines.line,
                                             .line_length = reader->lines.line_length,
                                             .skipping = reader->lines.skipping,
                                             .dropped = reader->lines.dropped};

        visit(data, &record);
    }
}

void stderr_readers_visit(const struct stderr_readers *readers,
                          void (*visit)(void *data, const struct stderr_record *record), void *data)
{
    visit_all(readers->all, visit, data);
    visit_all(readers->lingering, visit, data);
}

void stderr_reader_finish(struct stderr_reader *reader)
{
    struct stderr_readers *owner = reader->owner;
    enum read_result result;
    unsigned turns = 0;

    do {
        result = reader->fd < 0 ? READ_END : read_some(reader);
    } while (result == READ_MORE && ++turns < STDERR_BYTES_PER_SECOND / READ_SIZE);
    linger(reader);
    if (result == READ_END) {
        if (reader->fd >= 0)
            at_end(reader);
        close_reader(reader);
        return;
    }
    if (!reader->watched)
        watch(reader);
    if (owner->lingering_count > STDERR_LINGERING) {
        at_end(owner->lingering);
        close_reader(owner->lingering); /* the oldest */
    }
}

void stderr_reader_drop(struct stderr_reader *reader)
{
    close_reader(reader);
}

size_t stderr_readers_count(const struct stderr_readers *readers)
{
    return readers->count;
}

int stderr_readers_create(uv_loop_t *loop, void (*on_end)(void *data, uint64_t instance),
                          void *data, struct stderr_readers **readers_r)
{
    struct stderr_readers *readers = calloc(1, sizeof *readers);
    int r;

    if (!readers)
        return -ENOMEM;
    readers->loop = loop;
    readers->on_end = on_end;
    readers->data = data;
    readers->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (readers->epoll < 0) {
        r = -errno;
        free(readers);
        return r;
    }
    r = uv_poll_init(loop, &readers->poll, readers->epoll);
    if (r < 0) {
        close(readers->epoll);
        free(readers);
        return r;
    }
    uv_timer_init(loop, &readers->rest_timer);
    uv_timer_init(loop, &readers->young_timer);
    readers->handles_open = 3;
    readers->poll.data = readers->rest_timer.data = readers->young_timer.data = readers;
    uv_poll_start(&readers->poll, UV_READABLE, on_readable);
    *readers_r = readers;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct stderr_readers *readers = handle->data;

    if (--readers->handles_open)
        return;
    fd_close(&readers->epoll);
    free(readers);
}

void stderr_readers_destroy(struct stderr_readers *readers)
{
    while (readers->all)
        close_reader(readers->all);
    while (readers->lingering)
        close_reader(readers->lingering);
    uv_close((uv_handle_t *)&readers->poll, on_closed);
    uv_close((uv_handle_t *)&readers->rest_timer, on_closed);
    uv_close((uv_handle_t *)&readers->young_timer, on_closed);
}
