#include <config.h>

#include "io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINGER_MS = 2000 };

static int socket_option(int fd, int option)
{
    int value = -1;
    socklen_t length = sizeof value;

    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

enum io_kind io_kind(int fd)
{
    if (socket_option(fd, SO_TYPE) == SOCK_DGRAM)
        return IO_DATAGRAM;
    return socket_option(fd, SO_ACCEPTCONN) > 0 ? IO_LISTENING : IO_STREAM;
}

bool io_is_socket(int fd)
{
    return socket_option(fd, SO_TYPE) >= 0;
}

int64_t io_clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait for EVENTS until DEADLINE (-1: for ever).  0, -ETIMEDOUT or another negative errno value. */
static int wait_for(int fd, short events, int64_t deadline)
{
    for (;;) {
        int timeout = -1;
        if (deadline >= 0) {
            int64_t left = deadline - io_clock_ms();
            timeout = left > 0 ? (int)left : 0;
        }
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, timeout);
        if (n > 0)
            return 0;
        if (n == 0)
            return -ETIMEDOUT;
        if (errno != EINTR)
            return -errno;
    }
}

ssize_t io_read(int fd, void *buffer, size_t length)
{
    for (;;) {
        ssize_t n = read(fd, buffer, length);
        if (n >= 0)
            return n;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return -errno;
        int error = wait_for(fd, POLLIN, -1);
        if (error < 0)
            return error;
    }
}

int io_write_all(int fd, const void *buffer, size_t length)
{
    const char *next = buffer;

    while (length > 0) {
        ssize_t n = write(fd, next, length);
        if (n >= 0) {
            next += n;
            length -= (size_t)n;
        } else if (errno == EAGAIN) {
            int error = wait_for(fd, POLLOUT, -1);
            if (error < 0)
                return error;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

int io_read_line(int fd, char *buffer, size_t capacity, int timeout_ms, size_t *length_r)
{
    int64_t deadline = io_clock_ms() + timeout_ms;
    size_t length = 0;
    char *end = NULL;

    while (end == NULL) {
        if (length == capacity)
            return -EMSGSIZE;
        int error = wait_for(fd, POLLIN, deadline);
        if (error < 0)
            return error;
        ssize_t n = read(fd, buffer + length, capacity - length);
        if (n < 0) {
            if (errno == EINTR || errno == EAGAIN)
                continue;
            return -errno;
        }
        if (n == 0) {
            if (length == 0)
                return -ENODATA;
            end = buffer + length;
        } else {
            end = memchr(buffer + length, '\n', (size_t)n);
            length += (size_t)n;
        }
    }
    length = (size_t)(end - buffer);
    if (length > 0 && buffer[length - 1] == '\r')
        length--;
    *length_r = length;
    return 0;
}

void io_linger(int fd)
{
    static char dropped[16384];
    int64_t deadline = io_clock_ms() + LINGER_MS;

    /* ENOTSOCK: a pipe or a terminal, where nothing can be lost. */
    if (shutdown(fd, SHUT_WR) < 0)
        return;
    while (wait_for(fd, POLLIN, deadline) == 0) {
        ssize_t n = recv(fd, dropped, sizeof dropped, MSG_DONTWAIT);
        /* A fast sender keeps the socket readable: look at the clock on each turn too. */
        if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN) || io_clock_ms() >= deadline)
            return;
    }
}

bool io_peer_left(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ETIMEDOUT || error == ENOTCONN ||
           error == ECONNABORTED || error == EHOSTUNREACH || error == ENETUNREACH;
}
