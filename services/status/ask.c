/* See ask.h. */
#include "ask.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_SIZE = 1 << 16 };

const char *ask_path(const char *option)
{
    const char *variable = getenv("SUPERD_CONTROL");

    if (option)
        return option;
    return variable && *variable ? variable : RUNSTATEDIR "/superd/control.sock";
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((format(printf, 2, 3))) static bool fail(struct ask *ask, const char *form, ...)
{
    va_list arguments;

    va_start(arguments, form);
    vsnprintf(ask->why, sizeof ask->why, form, arguments);
    va_end(arguments);
    return false;
}

bool ask_open(struct ask *ask, const char *path, int64_t milliseconds)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    /* A queue that is full makes connect(2) wait, and only this bounds it (unix(7)). */
    const struct timeval patience = {.tv_sec = milliseconds / 1000,
                                     .tv_usec = milliseconds % 1000 * 1000};

    *ask = (struct ask){.fd = -1, .deadline = now_ms() + milliseconds};
    if (strlen(path) >= sizeof address.sun_path)
        return fail(ask, "%.64s...: %s", path, strerror(ENAMETOOLONG));
    strcpy(address.sun_path, path);
    ask->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (ask->fd < 0)
        return fail(ask, "socket: %s", strerror(errno));
    (void)setsockopt(ask->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(ask->fd, (struct sockaddr *)&address, sizeof address) != 0)
        return fail(ask, "%s: %s", path, strerror(errno));
    return true;
}

void ask_close(struct ask *ask)
{
    if (ask->fd >= 0)
        close(ask->fd);
    free(ask->buffer);
    ask->fd = -1;
    ask->buffer = NULL;
}

/* A request is far smaller than what a socket takes at once.  Whoever closed may have said why. */
static bool say(struct ask *ask, const char *line)
{
    size_t length = strlen(line);

    while (length > 0) {
        ssize_t count = send(ask->fd, line, length, MSG_NOSIGNAL);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno == EPIPE || fail(ask, "the control socket: %s", strerror(errno));
        line += count;
        length -= (size_t)count;
    }
    return true;
}

static bool make_room(struct ask *ask)
{
    size_t size = ask->size ? 2 * ask->size : FIRST_SIZE;
    char *buffer;

    if (ask->used < ask->size)
        return true;
    if (size > ASK_ANSWER_MAX)
        return fail(ask, "superd's answer is too long");
    buffer = realloc(ask->buffer, size);
    if (!buffer)
        return fail(ask, "%s", strerror(ENOMEM));
    ask->buffer = buffer;
    ask->size = size;
    return true;
}

static bool hear_more(struct ask *ask)
{
    for (;;) {
        struct pollfd wait = {.fd = ask->fd, .events = POLLIN};
        int64_t left = ask->deadline - now_ms();
        ssize_t count;

        if (left <= 0)
            return fail(ask, "superd does not answer in time");
        if (poll(&wait, 1, (int)left) <= 0)
            continue; /* the deadline, or a signal */
        count = recv(ask->fd, ask->buffer + ask->used, ask->size - ask->used, MSG_DONTWAIT);
        if (count > 0) {
            ask->used += (size_t)count;
            return true;
        }
        if (count == 0)
            return fail(ask, "superd closed the control socket");
        if (errno != EAGAIN && errno != EINTR)
            return fail(ask, "the control socket: %s", strerror(errno));
    }
}

/* The next line, at *LINE_R with its length, good until the next call. */
static bool hear(struct ask *ask, char **line_r, size_t *length_r)
{
    size_t searched = 0;
    char *end;

    memmove(ask->buffer, ask->buffer + ask->taken, ask->used - ask->taken);
    ask->used -= ask->taken;
    ask->taken = 0;
    while (!(end = memchr(ask->buffer + searched, '\n', ask->used - searched))) {
        searched = ask->used;
        if (!make_room(ask) || !hear_more(ask))
            return false;
    }
    *line_r = ask->buffer;
    *length_r = (size_t)(end - ask->buffer);
    ask->taken = *length_r + 1;
    return true;
}

static json_t *take_result(struct ask *ask, const char *line, size_t length)
{
    json_t *answer = json_loadb(line, length, JSON_ALLOW_NUL, NULL), *result;

    if (!json_is_object(answer)) {
        json_decref(answer);
        fail(ask, "superd's answer is no line of JSON");
        return NULL;
    }
    result = json_object_get(answer, "result");
    if (json_is_true(json_object_get(answer, "ok")) && json_is_object(result)) {
        json_incref(result);
    } else {
        const char *error = json_string_value(json_object_get(answer, "error"));

        fail(ask, "superd says: %s", error ? error : "nothing");
        result = NULL;
    }
    json_decref(answer);
    return result;
}

json_t *ask_superd(struct ask *ask, json_t *request)
{
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL, *line;
    size_t length;
    bool said;

    json_decref(request);
    if (!text || !make_room(ask)) {
        free(text);
        fail(ask, "%s", strerror(ENOMEM));
        return NULL;
    }
    said = say(ask, text) && say(ask, "\n");
    free(text);
    return said && hear(ask, &line, &length) ? take_result(ask, line, length) : NULL;
}
