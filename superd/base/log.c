/*
 * log: events become lines, lines wait in one bounded buffer, log_flush() writes what can be
 * written without blocking. See log.h.
 *
 * A line is built (log_line.h) in a buffer of its own on the stack. Once a line had to be dropped, all
 * are until half of the waiting buffer is free: one `log-lost` then tells of all of them.
 *
 * Standard error belongs to others too, so O_NONBLOCK must not be set on it: where the kernel lets
 * us, a terminal or pipe is opened anew for a description of our own; otherwise we write only after
 * poll(2) promised room, and at most PIPE_BUF bytes.
 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log_line.h"
#include "base/strbuf.h"

#define PENDING_SIZE ((size_t)256 * 1024)
#define ENOUGH_SIZE  4096 /* of lines, to be written at once */
#define FRAME_SIZE   64   /* what RFC 3164 puts in front */

enum sink { SINK_NONE, SINK_FILE, SINK_STREAM, SINK_SOCKET, SINK_SYSLOG };

static struct {
    char target[PATH_MAX]; /* "" until log_open(): standard error */
    enum log_format format;
    enum log_level level;
    int fd;
    enum sink sink;
    log_observer *observer;
    void *observer_data;
    uint64_t lost, lost_unsaid;
    bool pressing;     /* a line above level info waits */
    size_t begin, end; /* of what waits in `pending` */
} state = {.level = LEVEL_INFO, .fd = -1};

static char pending[PENDING_SIZE];
static const char *syslog_path = "/dev/log";

/* ---- The waiting buffer --------------------------------------------------------------------- */

static size_t pending_room(void)
{
    return PENDING_SIZE - (state.end - state.begin);
}

static void pending_add(const char *bytes, size_t length)
{
    if (PENDING_SIZE - state.end < length) {
        memmove(pending, pending + state.begin, state.end - state.begin);
        state.end -= state.begin;
        state.begin = 0;
    }
    memcpy(pending + state.end, bytes, length);
    state.end += length;
}

/* "<30>Nov 22 14:03:20 superd[4711]: " (RFC 3164, 4.1). */
static void build_frame(char frame[FRAME_SIZE], enum log_level level)
{
    static const int priorities[LEVEL_MAX] = {
        [LEVEL_ERROR] = LOG_ERR,
        [LEVEL_WARNING] = LOG_WARNING,
        [LEVEL_INFO] = LOG_INFO,
        [LEVEL_DEBUG] = LOG_DEBUG,
    };
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(clock_wall_us() / 1000000);
    struct tm tm;

    localtime_r(&now, &tm);
    snprintf(frame, FRAME_SIZE,
             "<%d>%s %2d %02d:%02d:%02d superd[%ld]: ", LOG_DAEMON | priorities[level],
             months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (long)getpid());
}

/* Queue a line as the target wants it. */
static void queue_line(enum log_level level, const char *line, size_t length)
{
    if (state.sink == SINK_SYSLOG) {
        char frame[FRAME_SIZE];

        build_frame(frame, level);
        pending_add(frame, strlen(frame));
    }
    state.pressing |= level < LEVEL_INFO;
    pending_add(line, length);
    pending_add("\n", 1);
}

/* Say how many lines were lost, when half of the buffer is free again. */
static bool say_lost(void)
{
    char data[LOG_LINE_SIZE], time[CLOCK_TEXT_SIZE];
    const struct log_field fields[] = {log_u64("count", state.lost_unsaid), {.type = FIELD_END}};
    struct strbuf sb;

    if (state.lost_unsaid == 0)
        return true;
    if (pending_room() < PENDING_SIZE / 2)
        return false;
    strbuf_init(&sb, data, sizeof data);
    log_line_build(&sb, state.format, clock_format(clock_wall_us(), time), LEVEL_WARNING,
                   "log-lost", fields);
    queue_line(LEVEL_WARNING, sb.data, sb.length);
    state.lost_unsaid = 0;
    return true;
}

static void count_lost(uint64_t lines)
{
    state.lost += lines;
    state.lost_unsaid += lines;
}

bool log_wants(enum log_level level)
{
    return level <= state.level;
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    struct log_record record = {.level = level, .event = event, .fields = fields};
    char data[LOG_LINE_SIZE], time[CLOCK_TEXT_SIZE];
    struct strbuf sb;
    int saved = errno;

    if (!log_wants(level))
        return;
    record.wall_us = clock_wall_us();
    clock_format(record.wall_us, time);
    strbuf_init(&sb, data, sizeof data);
    log_line_build(&sb, state.format, time, level, event, fields);
    /* Many lines in one turn of the loop (ten thousand listeners at start); a sink that is stuck is not
     * tried for every line. */
    if (state.lost_unsaid == 0 && pending_room() < sb.length + 1 + FRAME_SIZE)
        log_flush();
    if (say_lost() && pending_room() >= sb.length + 1 + FRAME_SIZE)
        queue_line(level, sb.data, sb.length);
    else
        count_lost(1);
    if (state.observer)
        state.observer(state.observer_data, &record);
    errno = saved;
}

/* ---- Where lines go ------------------------------------------------------------------------- */

/* A description of our own for what is open as FD, so that it can be non-blocking; a mere copy of
 * the descriptor where that is impossible. Returns the descriptor or -errno. */
static int own_description(int fd, enum sink *sink_r)
{
    struct stat st;
    char path[40];
    int own = -1;

    if (fstat(fd, &st) < 0)
        return -errno;
    *sink_r = S_ISSOCK(st.st_mode)                          ? SINK_SOCKET
              : S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode) ? SINK_STREAM
                                                            : SINK_FILE;
    if (*sink_r == SINK_STREAM) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    return own >= 0 ? own : fd_dup_above(fd, 3);
}

/* An unconnected descriptor is enough: the daemon behind it may come later. */
static int open_syslog(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return fd < 0 ? -errno : fd;
}

static int open_file(const char *path, enum sink *sink_r)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);

    if (fd < 0)
        return -errno;
    *sink_r = fstat(fd, &st) == 0 && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode) ? SINK_FILE
                                                                                   : SINK_STREAM;
    return fd;
}

static int open_target(const char *target, enum sink *sink_r)
{
    if (strcmp(target, "syslog") == 0) {
        *sink_r = SINK_SYSLOG;
        return open_syslog();
    }
    if (strcmp(target, "stderr") == 0 || target[0] == '\0')
        return own_description(STDERR_FILENO, sink_r);
    return open_file(target, sink_r);
}

/* Drop what waits for the old target: it is framed for that one. */
static void pending_drop(void)
{
    uint64_t lines = 0;

    for (size_t i = state.begin; i < state.end; i++)
        lines += pending[i] == '\n';
    count_lost(lines);
    state.begin = state.end = 0;
}

int log_open(const struct log_settings *settings)
{
    enum sink sink = SINK_NONE;
    int fd;

    if (strlen(settings->target) >= sizeof state.target)
        return -ENAMETOOLONG;
    fd = open_target(settings->target, &sink);
    if (fd < 0)
        return fd;
    if (!log_flush() && (sink == SINK_SYSLOG) != (state.sink == SINK_SYSLOG))
        pending_drop();
    fd_close(&state.fd);
    state.fd = fd;
    state.sink = sink;
    state.format = settings->format;
    state.level = settings->level;
    snprintf(state.target, sizeof state.target, "%s", settings->target);
    return 0;
}

int log_reopen(void)
{
    enum sink sink = SINK_NONE;
    int fd;

    if (state.target[0] != '/')
        return 0;
    fd = open_target(state.target, &sink);
    if (fd < 0)
        return fd;
    log_flush();
    fd_close(&state.fd);
    state.fd = fd;
    state.sink = sink;
    return 0;
}

/* ---- Writing -------------------------------------------------------------------------------- */

/* One attempt that cannot block. Returns bytes taken, 0 for none now. */
static size_t write_bytes(const char *bytes, size_t length)
{
    ssize_t written;

    if (state.sink != SINK_FILE) {
        struct pollfd ready = {.fd = state.fd, .events = POLLOUT};

        if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
            return 0;
        if (length > PIPE_BUF)
            length = PIPE_BUF;
    }
    if (state.sink == SINK_SOCKET)
        written = send(state.fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    else
        written = write(state.fd, bytes, length);
    return written > 0 ? (size_t)written : 0;
}

static bool connect_syslog(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(syslog_path) >= sizeof address.sun_path)
        return false;
    strcpy(address.sun_path, syslog_path);
    return connect(state.fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

/* Send the first waiting line as a datagram. Returns bytes taken, its newline included. */
static size_t send_line(const char *bytes, size_t length)
{
    const char *newline = memchr(bytes, '\n', length);
    size_t line = newline ? (size_t)(newline - bytes) : length;

    for (int attempt = 0; attempt < 2; attempt++) {
        if (send(state.fd, bytes, line, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return newline ? line + 1 : line;
        if (errno == EMSGSIZE) {
            count_lost(1);
            return newline ? line + 1 : line;
        }
        if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
            return 0;
        /* Never connected, or the daemon was started anew: its socket is another one now. */
        if (attempt == 0 && !connect_syslog())
            return 0;
    }
    return 0;
}

static void write_pending(void)
{
    while (state.begin < state.end) {
        size_t length = state.end - state.begin;
        size_t taken = state.sink == SINK_SYSLOG ? send_line(pending + state.begin, length)
                                                 : write_bytes(pending + state.begin, length);

        if (taken == 0)
            return;
        state.begin += taken;
    }
    state.begin = state.end = 0;
    state.pressing = false;
}

enum log_wait log_waiting(void)
{
    if (state.pressing || state.lost_unsaid > 0 || state.end - state.begin >= ENOUGH_SIZE)
        return LOG_WAIT_PRESSING;
    return state.begin < state.end ? LOG_WAIT_MORE : LOG_WAIT_NONE;
}

bool log_flush(void)
{
    int saved = errno;

    if (state.begin < state.end || state.lost_unsaid > 0) {
        if (state.fd < 0)
            state.fd = open_target(state.target, &state.sink);
        if (state.fd < 0) {
            state.fd = -1;
        } else {
            write_pending();
            if (state.lost_unsaid > 0 && say_lost())
                write_pending();
        }
    }
    errno = saved;
    return state.begin == state.end;
}

void log_close(unsigned milliseconds)
{
    uint64_t deadline = clock_now_ms() + milliseconds;

    while (!log_flush()) {
        uint64_t now = clock_now_ms();
        struct pollfd ready = {.fd = state.fd, .events = POLLOUT};
        int wait;

        if (now >= deadline)
            break;
        /* What is not a full pipe (a full disk, syslog away) is not told by poll: look again soon.
         */
        wait = deadline - now < 20 ? (int)(deadline - now) : 20;
        if (poll(&ready, 1, wait) != 0)
            poll(NULL, 0, wait < 2 ? wait : 2);
    }
    pending_drop();
    fd_close(&state.fd);
    state.target[0] = '\0';
    state.sink = SINK_NONE;
    state.format = LOG_FORMAT_TEXT;
    state.level = LEVEL_INFO;
}

void log_set_syslog_path(const char *path)
{
    syslog_path = path;
}

uint64_t log_lost(void)
{
    return state.lost;
}

void log_observe(log_observer *observer, void *data)
{
    state.observer = observer;
    state.observer_data = data;
}
