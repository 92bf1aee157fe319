/*
 * wire: see wire.h. Every wait is a poll() with what is left until the deadline; reads and writes
 * come after it, so a blocking socket does not block here, and its O_NONBLOCK is left alone.
 */
#include "wire/wire.h"

#include "common/io.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void wire_begin(struct wire *wire, int in, int out)
{
    wire->in = in;
    wire->out = out;
    wire->begin = wire->end = wire->unsent = 0;
    wire->deadline = io_clock_ms();
}

/* The statuses that errno values of a read or write stand for. */
static enum wire_status status_of_errno(void)
{
    return io_peer_left(errno) ? WIRE_END : WIRE_FAILED;
}

static enum wire_status wait_for(const struct wire *wire, int fd, short events)
{
    for (;;) {
        struct pollfd entry = {.fd = fd, .events = events};
        int64_t left = wire->deadline - io_clock_ms();
        int ready = poll(&entry, 1, left <= 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left);

        if (ready > 0)
            return WIRE_OK; /* an error or hang-up shows in the read or write that follows */
        if (ready == 0)
            return WIRE_TIMEOUT;
        if (errno != EINTR)
            return WIRE_FAILED;
    }
}

/* Read once into DATA; WIRE_OK with *GOT_R > 0, or why not. */
static enum wire_status read_once(struct wire *wire, void *data, size_t size, size_t *got_r)
{
    for (;;) {
        enum wire_status status = wait_for(wire, wire->in, POLLIN);
        ssize_t got;

        if (status != WIRE_OK)
            return status;
        got = read(wire->in, data, size);
        if (got == 0)
            return WIRE_END;
        if (got > 0) {
            *got_r = (size_t)got;
            return WIRE_OK;
        }
        if (errno != EINTR && errno != EAGAIN)
            return status_of_errno();
    }
}

/* Read more behind what is buffered, which must leave room. */
static enum wire_status fill(struct wire *wire)
{
    size_t got;
    enum wire_status status = wire_flush(wire);

    if (status != WIRE_OK)
        return status;
    if (wire->begin > 0) {
        memmove(wire->buffer, wire->buffer + wire->begin, wire->end - wire->begin);
        wire->end -= wire->begin;
        wire->begin = 0;
    }
    status = read_once(wire, wire->buffer + wire->end, sizeof wire->buffer - wire->end, &got);
    if (status == WIRE_OK)
        wire->end += got;
    return status;
}

enum wire_status wire_wait(struct wire *wire)
{
    return wire->begin < wire->end ? WIRE_OK : fill(wire);
}

enum wire_status wire_read_line(struct wire *wire, char line[WIRE_LINE_MAX], size_t *length_r)
{
    for (;;) {
        size_t have = wire->end - wire->begin;
        const char *start = wire->buffer + wire->begin;
        const char *feed = memchr(start, '\n', have < WIRE_LINE_MAX ? have : WIRE_LINE_MAX);
        enum wire_status status;

        if (feed) {
            size_t length = (size_t)(feed - start);

            wire->begin += length + 1;
            if (length > 0 && start[length - 1] == '\r')
                length--;
            memcpy(line, start, length);
            line[length] = '\0';
            *length_r = length;
            return WIRE_OK;
        }
        if (have >= WIRE_LINE_MAX)
            return WIRE_TOO_LONG;
        status = fill(wire);
        if (status != WIRE_OK)
            return status;
    }
}

enum wire_status wire_next_line(struct wire *wire, const struct patience *patience,
                                char line[WIRE_LINE_MAX], size_t *length_r)
{
    enum wire_status status = WIRE_OK;

    wire->deadline = io_clock_ms() + patience->line_ms;
    if (wire->begin == wire->end) /* more requests are here already: their answers go together */
        status = wire_flush(wire);
    if (status == WIRE_OK) {
        wire->deadline = io_clock_ms() + patience->idle_ms;
        status = wire_wait(wire);
    }
    if (status == WIRE_OK) {
        wire->deadline = io_clock_ms() + patience->line_ms;
        status = wire_read_line(wire, line, length_r);
    }
    return status;
}

enum wire_status wire_read_some(struct wire *wire, void *data, size_t size, size_t *got_r)
{
    size_t have = wire->end - wire->begin;
    enum wire_status status;

    if (have > 0) {
        *got_r = have < size ? have : size;
        memcpy(data, wire->buffer + wire->begin, *got_r);
        wire->begin += *got_r;
        return WIRE_OK;
    }
    status = wire_flush(wire);
    return status == WIRE_OK ? read_once(wire, data, size, got_r) : status;
}

/* Write what the descriptor takes now. A socket's send never blocks; anything else is given no more
 * than a pipe is bound to take when poll says it is writable. */
static ssize_t write_once(int fd, const char *data, size_t size)
{
    ssize_t sent = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0 && errno == ENOTSOCK)
        sent = write(fd, data, size < 4096 ? size : 4096);
    return sent;
}

static enum wire_status write_all(struct wire *wire, const char *data, size_t size)
{
    while (size > 0) {
        enum wire_status status = wait_for(wire, wire->out, POLLOUT);
        ssize_t sent;

        if (status != WIRE_OK)
            return status;
        sent = write_once(wire->out, data, size);
        if (sent >= 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno != EINTR && errno != EAGAIN) {
            return status_of_errno();
        }
    }
    return WIRE_OK;
}

enum wire_status wire_flush(struct wire *wire)
{
    size_t size = wire->unsent;

    wire->unsent =
        0; /* also on failure: the stream is broken then, and must not be repeated into */
    return size > 0 ? write_all(wire, wire->output, size) : WIRE_OK;
}

enum wire_status wire_write(struct wire *wire, const void *data, size_t size)
{
    if (size > sizeof wire->output - wire->unsent) {
        enum wire_status status = wire_flush(wire);

        if (status != WIRE_OK)
            return status;
        if (size > sizeof wire->output)
            return write_all(wire, data, size);
    }
    memcpy(wire->output + wire->unsent, data, size);
    wire->unsent += size;
    return WIRE_OK;
}

enum wire_status wire_print(struct wire *wire, const char *format, ...)
{
    char text[WIRE_LINE_MAX];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text) {
        errno = EMSGSIZE;
        return WIRE_FAILED;
    }
    return wire_write(wire, text, (size_t)length);
}

const char *wire_status_text(enum wire_status status)
{
    static const char *const texts[WIRE_STATUS_MAX] = {
        [WIRE_OK] = "ok",
        [WIRE_END] = "connection ended",
        [WIRE_TIMEOUT] = "no answer in time",
        [WIRE_TOO_LONG] = "line too long",
        [WIRE_FAILED] = "input/output error",
    };

    return texts[status];
}
