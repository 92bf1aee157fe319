/*
 * client: see client.h and clients.h.
 *
 * One idempotent function, client_review(), derives from a client's state what the loop watches it for.
 */
#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/fd.h"

#define READ_SIZE 16384

/* ---- The end of a client -------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;

    free(client->input);
    free(client->output);
    free(client);
}

void client_drop(struct client *client)
{
    struct clients *clients = client->clients;

    if (client->closed)
        return;
    client->closed = true;
    if (clients->settings.on_close)
        clients->settings.on_close(clients->settings.data, client);
    DL_DELETE(clients->list, client);
    clients->count--;
    if (clients->count == 0) {
        uv_timer_stop(&clients->timer);
        clients->look_ms = UINT64_MAX;
    }
    uv_poll_stop(&client->poll);
    fd_close(&client->fd);
    uv_close((uv_handle_t *)&client->poll, on_client_closed);
}

/* ---- Output --------------------------------------------------------------------------------- */

size_t client_unsent(const struct client *client)
{
    return client->output_end - client->output_begin;
}

bool client_flush(struct client *client)
{
    while (client_unsent(client) > 0) {
        ssize_t n = send(client->fd, client->output + client->output_begin, client_unsent(client),
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == ENOBUFS;
        client->output_begin += (size_t)n;
        client->taken_ms = uv_now(client->clients->settings.loop);
    }
    client->output_begin = client->output_end = 0;
    if (client->output_size > CLIENT_OUTPUT_LOW) {
        free(client->output);
        client->output = NULL;
        client->output_size = 0;
    }
    return true;
}

int client_quiet(struct client *client)
{
    bool quiet = !client->closed && client_flush(client) && client_unsent(client) == 0 &&
                 !client->finishing && !client->end_seen && client->input_length == 0;

    return quiet ? client->fd : -1;
}

static bool make_room(struct client *client, size_t length)
{
    size_t size = client->output_size ? client->output_size : 4096;
    char *larger;

    if (client->output_begin > 0) {
        memmove(client->output, client->output + client->output_begin, client_unsent(client));
        client->output_end -= client->output_begin;
        client->output_begin = 0;
    }
    if (client->output_size - client->output_end >= length)
        return true;
    while (size - client->output_end < length)
        size *= 2;
    larger = realloc(client->output, size);
    if (!larger)
        return false;
    client->output = larger;
    client->output_size = size;
    return true;
}

void client_send(struct client *client, const char *text, size_t length)
{
    uint64_t now = uv_now(client->clients->settings.loop);

    if (client->closed)
        return;
    if (client_unsent(client) == 0)
        client->taken_ms = now;
    client->asked_ms = now;
    if (!make_room(client, length)) {
        client->end_seen = true; /* an answer with a hole in it is none */
        client->finishing = true;
        client->output_begin = client->output_end = 0;
    } else {
        memcpy(client->output + client->output_end, text, length);
        client->output_end += length;
    }
    client_review(client);
}

/* ---- Input ---------------------------------------------------------------------------------- */

/* Read once. False when the connection has broken. */
static bool fill(struct client *client)
{
    ssize_t n;

    if (client->streaming)
        client->input_length = client->searched = 0;
    if (client->input_size - client->input_length < READ_SIZE) {
        size_t size = client->input_length + 2 * READ_SIZE;
        char *larger = realloc(client->input, size);

        if (!larger)
            return false;
        client->input = larger;
        client->input_size = size;
    }
    n = recv(client->fd, client->input + client->input_length, READ_SIZE, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        client->end_seen = true;
    client->input_length += (size_t)n;
    return true;
}

/* Is there a whole line in the input? */
static char *find_line_end(struct client *client)
{
    char *end = client->input_length > client->searched
                    ? memchr(client->input + client->searched, '\n',
                             client->input_length - client->searched)
                    : NULL;

    client->searched = end ? 0 : client->input_length;
    return end;
}

static void consume(struct client *client, size_t length)
{
    client->input_length -= length;
    client->searched = 0;
    memmove(client->input, client->input + length, client->input_length);
    if (client->input_length == 0 && client->input_size > 2 * READ_SIZE) {
        free(client->input);
        client->input = NULL;
        client->input_size = 0;
    }
}

static bool may_take_line(struct client *client)
{
    return !client->waiting && !client->streaming && !client->finishing &&
           client_unsent(client) == 0;
}

/* Give a line to the caller, who may do anything to the client but free it. */
static void give_line(struct client *client, const char *end)
{
    const struct clients_settings *settings = &client->clients->settings;
    size_t length = (size_t)(end - client->input);
    char *line = malloc(length + 1);

    client->asked_ms = uv_now(settings->loop);
    if (!line) {
        client->finishing = true;
        return;
    }
    memcpy(line, client->input, length);
    line[length] = '\0';
    consume(client, length + 1);
    if (length > 0)
        settings->on_line(settings->data, client, line, length);
    free(line);
}

/* Take one line, if there is one and it may be: the next is for the next turn. Returns whether. */
static bool take_line(struct client *client)
{
    const struct clients_settings *settings = &client->clients->settings;
    const char *end = may_take_line(client) ? find_line_end(client) : NULL;

    if (!may_take_line(client) || (!end && client->input_length <= CLIENT_LINE_MAX))
        return false;
    clients_move_back(client->clients, client);
    if (end && end - client->input <= CLIENT_LINE_MAX) {
        give_line(client, end);
    } else {
        settings->on_overlong(settings->data, client);
        client->finishing = true;
    }
    return true;
}

/* ---- Watching ------------------------------------------------------------------------------- */

static bool has_line(struct client *client)
{
    return client->input_length > CLIENT_LINE_MAX || find_line_end(client);
}

/* Nothing is read beyond a whole line, or an input would grow as fast as somebody writes. */
static bool wants_input(struct client *client)
{
    return !client->end_seen && !client->finishing &&
           (client->streaming || (may_take_line(client) && !has_line(client)));
}

static void on_ready(uv_poll_t *poll, int status, int events);

void client_review(struct client *client)
{
    int events = 0;

    if (client->closed)
        return;
    clients_note_end(client);
    if (client_unsent(client) > 0)
        events |= UV_WRITABLE;
    else if (client->finishing || (client->end_seen && !client->waiting && !has_line(client)) ||
             (client->end_seen && client->streaming))
        events |= UV_WRITABLE; /* to close it from the loop, not under the caller's feet */
    if (wants_input(client) && clients_may_spend(client->clients))
        events |= UV_READABLE;
    else if (!client->end_seen && !client->finishing && !client->silenced)
        events |= UV_DISCONNECT;
    /* A line that came with an earlier one is taken when the socket is writable, which is now. */
    if (may_take_line(client) && clients_may_spend(client->clients) && has_line(client))
        events |= UV_WRITABLE;
    if (events == client->events)
        return;
    client->events = events;
    if (events)
        uv_poll_start(&client->poll, events, on_ready);
    else
        uv_poll_stop(&client->poll);
}

/* Nobody is there any more to be answered; who has only stopped talking is. */
static bool is_gone(const struct client *client)
{
    struct pollfd p = {.fd = client->fd, .events = POLLRDHUP};

    return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

static bool has_ended(struct client *client)
{
    return client_unsent(client) == 0 && !client->waiting &&
           (client->finishing || (client->end_seen && (client->streaming || !has_line(client))));
}

/* Read, send, and take a line where TAKE says that there is time for it, and send again. Returns whether
 * a line was taken. */
static bool serve(struct client *client, int events, bool take)
{
    const struct clients_settings *settings = &client->clients->settings;
    size_t before = client_unsent(client);
    bool taken;

    if (((events & UV_READABLE) && !fill(client)) || !client_flush(client)) {
        client_drop(client);
        return false;
    }
    if (client->streaming && settings->on_room && before > 0 &&
        client_unsent(client) < CLIENT_OUTPUT_LOW)
        settings->on_room(settings->data, client);
    taken = take && take_line(client);
    if (!client->closed && (!client_flush(client) || has_ended(client)))
        client_drop(client);
    return taken;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct client *client = poll->data;
    struct clients *clients = client->clients;
    uint64_t begun = clock_now_ns();

    if (status < 0 || ((events & UV_DISCONNECT) && is_gone(client))) {
        client_drop(client);
    } else {
        /* What it said before is read when there is time, up to the end. */
        client->silenced |= (events & UV_DISCONNECT) && (client->events & UV_DISCONNECT);
        serve(client, events, clients_may_spend(clients));
    }
    clients_spend(clients, clock_now_ns() - begun);
    client_review(client);
}

bool client_turn(struct client *client)
{
    struct clients *clients = client->clients;
    uint64_t begun = clock_now_ns();
    bool taken = serve(client, wants_input(client) ? UV_READABLE : 0, true);

    clients_spend(clients, clock_now_ns() - begun);
    client_review(client);
    return taken;
}

/* ---- What the caller says of a client ------------------------------------------------------- */

enum right client_right(const struct client *client)
{
    return client->right;
}

uid_t client_uid(const struct client *client)
{
    return client->uid;
}

pid_t client_pid(const struct client *client)
{
    return client->pid;
}

void **client_data(struct client *client)
{
    return &client->data;
}

void client_wait(struct client *client, bool waiting)
{
    client->waiting = waiting;
    client->asked_ms = uv_now(client->clients->settings.loop);
    client_review(client);
}

void client_stream(struct client *client)
{
    client->streaming = true;
    client_review(client);
}

void client_finish(struct client *client)
{
    client->finishing = true;
    client_review(client);
}
