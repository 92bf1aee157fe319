/*
 * clients: see clients.h.
 *
 * One idempotent function, review(), derives from a client's state what the loop watches it for.
 */
#include "control/clients.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/fd.h"
#include "net/listener.h"

#define READ_SIZE    16384
#define ACCEPT_BATCH 8
#define LOOK_MS      1000 /* between two looks for clients whose time is over */
#define COST_FACTOR  9    /* for each unit of time spent on answers, so many are the daemon's */
#define PEER_GROUPS  256
#define ACCEPT_WAIT  1000 /* ms, after the system had no descriptor for a client */
#define LISTEN_QUEUE 16

struct client {
    struct clients *clients;
    int fd;
    uv_poll_t poll;
    int events; /* watched for now */
    enum right right;
    uid_t uid;
    pid_t pid;
    void *data;
    char *input;
    size_t input_length, input_size;
    size_t searched; /* of the input, without a newline */
    char *output;
    size_t output_begin, output_end, output_size;
    uint64_t asked_ms; /* when it last said a line, or was answered */
    uint64_t taken_ms; /* when it last took something, or had nothing to take */
    bool waiting, streaming, finishing, closed;
    bool end_seen; /* it will say nothing more */
    struct client *prev, *next;
};

struct clients {
    struct clients_settings settings;
    int fd; /* -1: not listening */
    uv_poll_t *listener;
    char *path;
    dev_t device; /* of the path, as we made it */
    ino_t inode;
    gid_t group;
    struct client *list;
    size_t count;
    uv_timer_t timer; /* looks for those whose time is over */
    uv_timer_t pause; /* until time may be spent on answers again, or on accepting */
    uint64_t spent_until_ns;
    int handles; /* open, of the two timers */
};

static void review(struct client *client);
static void on_listener(uv_poll_t *poll, int status, int events);

/* ---- Time spent ----------------------------------------------------------------------------- */

static bool may_spend(struct clients *clients)
{
    return clients->spent_until_ns <= clock_now_ns() + CLIENTS_BURST_MS * 1000000ULL;
}

static void on_pause_over(uv_timer_t *timer)
{
    struct clients *clients = timer->data;
    struct client *client, *next;

    if (clients->listener)
        uv_poll_start(clients->listener, UV_READABLE, on_listener);
    DL_FOREACH_SAFE (clients->list, client, next) {
        review(client);
    }
}

static void spend(struct clients *clients, uint64_t ns)
{
    uint64_t now = clock_now_ns();

    if (clients->spent_until_ns < now)
        clients->spent_until_ns = now;
    clients->spent_until_ns += ns * (COST_FACTOR + 1);
    if (!may_spend(clients))
        uv_timer_start(&clients->pause, on_pause_over,
                       (clients->spent_until_ns - now) / 1000000 - CLIENTS_BURST_MS + 1, 0);
}

/* ---- The end of a client -------------------------------------------------------------------- */

static void on_client_closed(uv_handle_t *handle)
{
    struct client *client = handle->data;

    free(client->input);
    free(client->output);
    free(client);
}

static void drop(struct client *client)
{
    struct clients *clients = client->clients;

    if (client->closed)
        return;
    client->closed = true;
    if (clients->settings.on_close)
        clients->settings.on_close(clients->settings.data, client);
    DL_DELETE(clients->list, client);
    clients->count--;
    if (clients->count == 0)
        uv_timer_stop(&clients->timer);
    uv_poll_stop(&client->poll);
    fd_close(&client->fd);
    uv_close((uv_handle_t *)&client->poll, on_client_closed);
}

static void on_look(uv_timer_t *timer)
{
    struct clients *clients = timer->data;
    uint64_t now = uv_now(clients->settings.loop);
    struct client *client, *next;

    DL_FOREACH_SAFE (clients->list, client, next) {
        bool stalled = client_unsent(client) > 0 &&
                       now - client->taken_ms >= clients->settings.stall_ms;
        bool idle = !client->waiting && !client->streaming && client_unsent(client) == 0 &&
                    now - client->asked_ms >= clients->settings.idle_ms;

        if (stalled || idle)
            drop(client);
    }
}

/* ---- Output --------------------------------------------------------------------------------- */

size_t client_unsent(const struct client *client)
{
    return client->output_end - client->output_begin;
}

/* Send what it takes now. False when it is gone. */
static bool flush(struct client *client)
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
    review(client);
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
static void take_line(struct client *client, char *end)
{
    const struct clients_settings *settings = &client->clients->settings;
    size_t length = (size_t)(end - client->input);
    uint64_t begun = clock_now_ns();
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
    spend(client->clients, clock_now_ns() - begun);
}

static void take_lines(struct client *client)
{
    const struct clients_settings *settings = &client->clients->settings;

    while (!client->closed && may_take_line(client) && may_spend(client->clients)) {
        char *end = find_line_end(client);

        if (!end && client->input_length <= CLIENT_LINE_MAX)
            return;
        if (!end || end - client->input > CLIENT_LINE_MAX) {
            settings->on_overlong(settings->data, client);
            client->finishing = true;
            return;
        }
        take_line(client, end);
    }
}

/* ---- Watching ------------------------------------------------------------------------------- */

static bool has_line(struct client *client)
{
    return client->input_length > CLIENT_LINE_MAX || find_line_end(client);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void review(struct client *client)
{
    int events = 0;

    if (client->closed)
        return;
    if (client_unsent(client) > 0)
        events |= UV_WRITABLE;
    else if (client->finishing || (client->end_seen && !client->waiting && !has_line(client)) ||
             (client->end_seen && client->streaming))
        events |= UV_WRITABLE; /* to close it from the loop, not under the caller's feet */
    if (!client->end_seen && !client->finishing) {
        if (client->streaming || (may_take_line(client) && may_spend(client->clients)))
            events |= UV_READABLE;
        else
            events |= UV_DISCONNECT;
    }
    /* A line that came with an earlier one is taken when the socket is writable, which is now. */
    if (may_take_line(client) && may_spend(client->clients) && has_line(client))
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

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct client *client = poll->data;
    const struct clients_settings *settings = &client->clients->settings;
    size_t before;

    if (status < 0 || ((events & UV_DISCONNECT) && is_gone(client)) ||
        ((events & UV_READABLE) && !fill(client))) {
        drop(client);
        return;
    }
    if ((events & UV_DISCONNECT) && (client->events & UV_DISCONNECT))
        client->end_seen = true;
    before = client_unsent(client);
    if (!flush(client)) {
        drop(client);
        return;
    }
    if (client->streaming && settings->on_room && before > 0 &&
        client_unsent(client) < CLIENT_OUTPUT_LOW)
        settings->on_room(settings->data, client);
    take_lines(client);
    if (client->closed)
        return;
    if (!flush(client)) {
        drop(client);
        return;
    }
    if (client_unsent(client) == 0 && !client->waiting &&
        (client->finishing || (client->end_seen && (client->streaming || !has_line(client))))) {
        drop(client);
        return;
    }
    review(client);
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
    review(client);
}

void client_stream(struct client *client)
{
    client->streaming = true;
    review(client);
}

void client_finish(struct client *client)
{
    client->finishing = true;
    review(client);
}

/* ---- Accepting ------------------------------------------------------------------------------ */

static bool in_group(int fd, const struct ucred *peer, gid_t group)
{
    gid_t groups[PEER_GROUPS];
    socklen_t length = sizeof groups;

    if (group == (gid_t)-1)
        return false;
    if (peer->gid == group)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) != 0)
        return false;
    for (size_t i = 0; i < length / sizeof *groups; i++) {
        if (groups[i] == group)
            return true;
    }
    return false;
}

static enum right right_of(int fd, const struct ucred *peer, gid_t group)
{
    if (peer->uid == 0 || peer->uid == geteuid())
        return RIGHT_ALL;
    return in_group(fd, peer, group) ? RIGHT_READ : RIGHT_NONE;
}

/* Where the room is used up, one who may do everything takes the place of the one who has been silent
 * longest, so that nobody is able to lock the operator out. */
static bool find_room(struct clients *clients, enum right right)
{
    struct client *client, *silent = NULL;

    if (clients->count < CLIENTS_MAX)
        return true;
    if (right != RIGHT_ALL)
        return false;
    DL_FOREACH (clients->list, client) {
        if (!client->waiting &&
            (!silent || client->right < silent->right ||
             (client->right == silent->right && client->asked_ms < silent->asked_ms)))
            silent = client;
    }
    if (!silent)
        return false;
    drop(silent);
    return true;
}

static void greet(struct clients *clients, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t length = sizeof peer;
    struct client *client = calloc(1, sizeof *client);
    bool room;

    if (!client || uv_poll_init(clients->settings.loop, &client->poll, fd) < 0) {
        free(client);
        close(fd);
        return;
    }
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    client->poll.data = client;
    client->clients = clients;
    client->fd = fd;
    client->uid = peer.uid;
    client->pid = peer.pid;
    client->right = right_of(fd, &peer, clients->group);
    client->asked_ms = client->taken_ms = uv_now(clients->settings.loop);
    room = find_room(clients, client->right);
    DL_APPEND(clients->list, client);
    if (clients->count++ == 0)
        uv_timer_start(&clients->timer, on_look, LOOK_MS, LOOK_MS);
    if (client->right == RIGHT_NONE || !room) {
        clients->settings.on_refused(clients->settings.data, client, client->right != RIGHT_NONE);
        flush(client); /* what does not fit into its socket it need not know */
        drop(client);
        return;
    }
    review(client);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
    struct clients *clients = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd = accept4(clients->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            uv_poll_stop(poll);
            uv_timer_start(&clients->pause, on_pause_over, ACCEPT_WAIT, 0);
        }
        if (fd < 0)
            return;
        greet(clients, fd);
    }
}

/* ---- Listening ------------------------------------------------------------------------------ */

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Is what stands at our path still the socket that we made? */
static bool is_ours(const struct clients *clients)
{
    struct stat st;

    return clients->path && lstat(clients->path, &st) == 0 && st.st_dev == clients->device &&
           st.st_ino == clients->inode;
}

static void stop_listening(struct clients *clients)
{
    if (!clients->listener)
        return;
    if (is_ours(clients))
        unlink(clients->path);
    free(clients->path);
    clients->path = NULL;
    uv_poll_stop(clients->listener);
    uv_close((uv_handle_t *)clients->listener, on_listener_closed);
    clients->listener = NULL;
    fd_close(&clients->fd);
}

/* RUNSTATEDIR/superd is not there after a boot, unless a unit or a script has made it. */
static void make_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[sizeof((struct sockaddr_un *)NULL)->sun_path];

    if (slash && slash > path && (size_t)(slash - path) < sizeof folder) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = '\0';
        mkdir(folder, 0755);
    }
}

static int open_socket(const char *path, gid_t group, struct listener_config *config)
{
    char error[LISTENER_ERROR_SIZE];

    if (!address_parse_unix(path, &config->address))
        return -ENAMETOOLONG;
    config->written = path;
    config->type = SOCK_STREAM;
    config->options = (struct listen_options){.backlog = LISTEN_QUEUE,
                                              .set_mode = true,
                                              .mode = group == (gid_t)-1 ? 0600 : 0660,
                                              .owner = (uid_t)-1,
                                              .group = group};
    make_folder(path);
    return listener_open(config, 0, false, error);
}

/* Watch FD, at PATH (owned from here on). Returns 0 or -errno. */
static int watch(struct clients *clients, int fd, char *path)
{
    uv_poll_t *poll = malloc(sizeof *poll);
    struct stat st = {0};
    int r = poll ? uv_poll_init(clients->settings.loop, poll, fd) : -ENOMEM;

    if (r < 0) {
        free(poll);
        close(fd);
        unlink(path);
        free(path);
        return r;
    }
    lstat(path, &st);
    stop_listening(clients);
    clients->device = st.st_dev;
    clients->inode = st.st_ino;
    clients->path = path;
    clients->fd = fd;
    clients->listener = poll;
    poll->data = clients;
    uv_poll_start(poll, UV_READABLE, on_listener);
    return 0;
}

int clients_listen(struct clients *clients, const char *path, gid_t group)
{
    struct listener_config config = {.type = 0};
    bool same_group = clients->group == group;
    char *copy;
    int fd;

    clients->group = group;
    if (!path) {
        stop_listening(clients);
        return 0;
    }
    if (is_ours(clients) && strcmp(path, clients->path) == 0) {
        if (same_group)
            return 0;
        unlink(path); /* owner and mode are set before anybody can connect */
    }
    copy = strdup(path);
    fd = copy ? open_socket(path, group, &config) : -ENOMEM;
    if (fd >= 0)
        return watch(clients, fd, copy);
    free(copy);
    return fd;
}

/* ---- Begin and end -------------------------------------------------------------------------- */

int clients_create(const struct clients_settings *settings, struct clients **clients_r)
{
    struct clients *clients = calloc(1, sizeof *clients);

    if (!clients)
        return -ENOMEM;
    clients->settings = *settings;
    clients->fd = -1;
    clients->group = (gid_t)-1;
    uv_timer_init(settings->loop, &clients->timer);
    uv_timer_init(settings->loop, &clients->pause);
    clients->timer.data = clients->pause.data = clients;
    clients->handles = 2;
    *clients_r = clients;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct clients *clients = handle->data;

    if (--clients->handles == 0)
        free(clients);
}

void clients_destroy(struct clients *clients)
{
    struct client *client, *next;

    stop_listening(clients);
    DL_FOREACH_SAFE (clients->list, client, next) {
        flush(client); /* the last word, as far as it goes */
        drop(client);
    }
    uv_close((uv_handle_t *)&clients->timer, on_timer_closed);
    uv_close((uv_handle_t *)&clients->pause, on_timer_closed);
}

size_t clients_count(const struct clients *clients)
{
    return clients->count;
}

void clients_visit(struct clients *clients, void (*visit)(void *data, struct client *client),
                   void *data)
{
    struct client *client, *next;

    DL_FOREACH_SAFE (clients->list, client, next) {
        visit(data, client);
    }
}
