/* See connection.h. */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    SEND_STEP = 1 << 20,    /* most of a file in one call, so that a stall is noticed */
    COPY_STEP = 1 << 16,    /* the same where sendfile does not work */
    LINGER_MS = 2000,       /* how long the last answer may take to arrive */
    LINGER_BYTES = 4 << 20, /* and how much of a refused body is swallowed meanwhile */
};

int64_t connection_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* True when it is a socket; then it is non-blocking afterwards. */
static bool prepare_descriptor(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && !(flags & O_NONBLOCK))
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    return true;
}

void connection_init(struct connection *connection, int in, int out, int64_t stall_ms)
{
    *connection = (struct connection){.in = in, .out = out, .stall_ms = stall_ms};
    (void)prepare_descriptor(in);
    connection->out_is_socket = prepare_descriptor(out);
    /* An answer leaves when it is complete: MSG_MORE holds heads back, Nagle must not.  Fails on
     * anything but TCP, where there is nothing to turn off. */
    int one = 1;
    if (connection->out_is_socket)
        (void)setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Returns 0 when ready (or broken: the next call will say how), -ETIMEDOUT, or an errno value. */
static int wait_ready(int fd, short events, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - connection_now();
        if (left <= 0)
            return -ETIMEDOUT;
        struct pollfd poll_fd = {.fd = fd, .events = events};
        int count = poll(&poll_fd, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (count > 0)
            return 0;
        if (count < 0 && errno != EINTR)
            return -errno;
    }
}

ssize_t connection_read(struct connection *connection, void *to, size_t size, int64_t deadline)
{
    for (;;) {
        int err = wait_ready(connection->in, POLLIN, deadline);
        if (err != 0)
            return err;
        ssize_t count = read(connection->in, to, size);
        if (count >= 0)
            return count;
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
}

/* What to do after a write call failed: 0 to try it again, else the error to return. */
static int wait_writable(struct connection *connection)
{
    if (errno == EINTR)
        return 0;
    if (errno != EAGAIN)
        return -errno;
    return wait_ready(connection->out, POLLOUT, connection_now() + connection->stall_ms);
}

int connection_write(struct connection *connection, const void *from, size_t size, bool more)
{
    const char *at = from;
    while (size > 0) {
        ssize_t count;
        if (connection->out_is_socket)
            count = send(connection->out, at, size, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        else
            count = write(connection->out, at, size);
        if (count >= 0) {
            at += count;
            size -= (size_t)count;
            connection->sent += (uint64_t)count;
            continue;
        }
        int err = wait_writable(connection);
        if (err != 0)
            return err;
    }
    return 0;
}

static int copy_file(struct connection *connection, int file, off_t offset, uint64_t length)
{
    char buffer[COPY_STEP];
    while (length > 0) {
        size_t want = length < sizeof buffer ? (size_t)length : sizeof buffer;
        ssize_t count = pread(file, buffer, want, offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : -ENODATA;
        int err = connection_write(connection, buffer, (size_t)count, length > (uint64_t)count);
        if (err != 0)
            return err;
        offset += count;
        length -= (uint64_t)count;
    }
    return 0;
}

int connection_send_file(struct connection *connection, int file, off_t offset, uint64_t length)
{
    while (length > 0) {
        size_t want = length < SEND_STEP ? (size_t)length : SEND_STEP;
        ssize_t count = sendfile(connection->out, file, &offset, want);
        if (count == 0)
            return -ENODATA;
        if (count > 0) {
            length -= (uint64_t)count;
            connection->sent += (uint64_t)count;
            continue;
        }
        if (errno == EINVAL || errno == ENOSYS)
            return copy_file(connection, file, offset, length);
        int err = wait_writable(connection);
        if (err != 0)
            return err;
    }
    return 0;
}

void connection_linger(struct connection *connection)
{
    if (!connection->out_is_socket || shutdown(connection->out, SHUT_WR) != 0)
        return;
    char sink[4096];
    int64_t deadline = connection_now() + LINGER_MS;
    for (size_t total = 0; total < LINGER_BYTES;) {
        ssize_t count = connection_read(connection, sink, sizeof sink, deadline);
        if (count <= 0)
            return;
        total += (size_t)count;
    }
}
