/*
 * connection: see connection.h.
 */
#include "superctl/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/address.h"

struct connection {
    int fd;
    char *input;
    size_t length, size;
};

/* ---- Lines ---------------------------------------------------------------------------------- */

struct connection *connection_open(const char *path)
{
    struct connection *connection;
    struct address address;
    int fd;

    if (!address_parse_unix(path, &address)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    connection = calloc(1, sizeof *connection);
    if (!connection || connect(fd, &address.sa, address.length) != 0) {
        int error = errno;

        free(connection);
        close(fd);
        errno = error;
        return NULL;
    }
    connection->fd = fd;
    return connection;
}

void connection_close(struct connection *connection)
{
    if (!connection)
        return;
    close(connection->fd);
    free(connection->input);
    free(connection);
}

int connection_send(struct connection *connection, json_t *request)
{
    char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
    size_t length = line ? strlen(line) : 0, sent = 0;
    int error = line ? 0 : -ENOMEM;

    json_decref(request);
    if (line)
        line[length++] = '\n'; /* in place of the NUL */
    while (!error && sent < length) {
        ssize_t n = send(connection->fd, line + sent, length - sent, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            error = -errno;
        else if (n > 0)
            sent += (size_t)n;
    }
    free(line);
    return error;
}

/* Wait for more and take it. Returns 0 or -errno. */
static int fill(struct connection *c, uint64_t deadline)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    uint64_t now = clock_now_ms();
    ssize_t n;

    if (c->size - c->length < 16384) {
        char *larger = realloc(c->input, c->size + 65536);

        if (!larger)
            return -ENOMEM;
        c->input = larger;
        c->size += 65536;
    }
    if (deadline != UINT64_MAX && (now >= deadline || poll(&p, 1, (int)(deadline - now)) == 0))
        return -ETIMEDOUT;
    n = recv(c->fd, c->input + c->length, c->size - c->length, 0);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    c->length += (size_t)n;
    return n == 0 ? -ECONNRESET : 0;
}

json_t *connection_receive(struct connection *connection, int ms, int *error_r)
{
    uint64_t deadline = ms < 0 ? UINT64_MAX : clock_now_ms() + (uint64_t)ms;
    size_t searched = 0;

    for (;;) {
        char *end = connection->length > searched
                        ? memchr(connection->input + searched, '\n', connection->length - searched)
                        : NULL;
        int r;

        if (end) {
            size_t length = (size_t)(end - connection->input);
            json_t *line = json_loadb(connection->input, length, 0, NULL);

            connection->length -= length + 1;
            memmove(connection->input, end + 1, connection->length);
            *error_r = line ? 0 : -EBADMSG;
            return line;
        }
        searched = connection->length;
        r = fill(connection, deadline);
        if (r < 0) {
            *error_r = r;
            return NULL;
        }
    }
}

/* ---- Asking --------------------------------------------------------------------------------- */

json_t *request_of(const char *command)
{
    return json_pack("{s:s}", "command", command);
}

void request_text(json_t *request, const char *name, const char *text)
{
    json_t *value = text ? json_string(text) : NULL;

    if (value)
        json_object_set_new(request, name, value);
}

static int not_there(const struct superctl *ctl, int error)
{
    if (error == EACCES || error == EPERM)
        return fail(CODE_DENIED, "%s: %s", ctl->socket, strerror(error));
    if (error == ENOENT)
        return fail(CODE_UNAVAILABLE,
                    "%s is not there: superd does not run, or its socket is elsewhere (-s, "
                    "SUPERD_CONTROL)",
                    ctl->socket);
    if (error == ECONNREFUSED)
        return fail(CODE_UNAVAILABLE, "%s: superd does not run", ctl->socket);
    return fail(CODE_UNAVAILABLE, "%s: %s", ctl->socket, strerror(error));
}

static int said_no(const json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    const char *hint = json_string_value(json_object_get(answer, "hint"));
    bool denied = json_is_true(json_object_get(answer, "denied"));

    return fail(denied ? CODE_DENIED : CODE_REFUSED, "%s%s%s", error ? error : "refused",
                hint ? "; " : "", hint ? hint : "");
}

json_t *ask(struct superctl *ctl, json_t *request, int ms, int *code_r)
{
    json_t *answer, *result;
    int error;

    if (!ctl->connection)
        ctl->connection = connection_open(ctl->socket);
    if (!ctl->connection) {
        *code_r = not_there(ctl, errno);
        json_decref(request);
        return NULL;
    }
    /* One who is turned away is answered before he has asked. */
    error = connection_send(ctl->connection, request);
    answer = error == 0 || error == -EPIPE ? connection_receive(ctl->connection, ms, &error) : NULL;
    if (!answer) {
        *code_r = error == -ETIMEDOUT
                      ? fail(CODE_TIME, "superd has not answered in time")
                      : fail(CODE_UNAVAILABLE, "superd does not answer: %s", strerror(-error));
        return NULL;
    }
    result = json_incref(json_object_get(answer, "result"));
    *code_r = json_is_true(json_object_get(answer, "ok")) ? CODE_OK : said_no(answer);
    json_decref(answer);
    return result;
}

json_t *ask_all(struct superctl *ctl, json_t *request, const char *rows, int *code_r)
{
    json_t *all = json_array(), *result = NULL;
    const char *next = NULL;

    do {
        json_t *page = json_deep_copy(request);

        request_text(page, "after", next);
        json_decref(result);
        result = ask(ctl, page, ASK_TIMEOUT_MS, code_r);
        json_array_extend(all, json_object_get(result, rows));
        next = json_string_value(json_object_get(result, "next"));
    } while (next);
    if (result)
        json_object_set(result, rows, all);
    json_decref(all);
    json_decref(request);
    return result;
}
