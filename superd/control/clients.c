/*
 * clients: see clients.h. Here: the socket, who may come in, and the time that all of them may cost.
 */
#include "control/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/proc.h"
#include "net/listener.h"

#define ACCEPT_BATCH 8
#define LOOK_MS      1000 /* before another look at a silent client whom there was no time for */
#define COST_FACTOR  9    /* for each unit of time spent on answers, so many are the daemon's */
#define PEER_GROUPS  256
#define ACCEPT_WAIT  1000 /* ms, after the system had no descriptor for a client */
#define LISTEN_QUEUE 16

static void on_listener(uv_poll_t *poll, int status, int events);
static void on_look(uv_timer_t *timer);
static void accept_some(struct clients *clients, int most);

/* ---- Time spent ----------------------------------------------------------------------------- */

bool clients_may_spend(struct clients *clients)
{
    return clients->spent_until_ns <= clock_now_ns() + CLIENTS_BURST_MS * 1000000ULL;
}

static void on_pause_over(uv_timer_t *timer);

/* Go on when there is time to spend again. */
static void pause_clients(struct clients *clients)
{
    uint64_t now = clock_now_ns();
    uint64_t ms = clients->spent_until_ns > now ? (clients->spent_until_ns - now) / 1000000 : 0;

    if (clients->listener)
        uv_poll_stop(clients->listener);
    uv_timer_start(&clients->pause, on_pause_over,
                   ms > CLIENTS_BURST_MS ? ms - CLIENTS_BURST_MS + 1 : 1, 0);
}

void clients_spend(struct clients *clients, uint64_t ns)
{
    uint64_t now = clock_now_ns();

    if (clients->spent_until_ns < now)
        clients->spent_until_ns = now;
    clients->spent_until_ns += ns * (COST_FACTOR + 1);
    if (!clients_may_spend(clients))
        pause_clients(clients);
}

void clients_move_back(struct clients *clients, struct client *client)
{
    DL_DELETE(clients->list, client);
    DL_APPEND(clients->list, client);
}

/* One turn for each, as long as there is time: but one line at least, or those who knock could keep those
 * who are here from being answered. */
static void give_turns(struct clients *clients)
{
    size_t left = clients->count;
    bool taken = false;
    struct client *client;

    for (; left > 0 && clients->list && (!taken || clients_may_spend(clients)); left--) {
        client = clients->list;
        clients_move_back(clients, client);
        taken |= client_turn(client);
    }
    DL_FOREACH (clients->list, client) {
        if (left-- == 0)
            break;
        client->asked_ms = uv_now(clients->settings.loop); /* the silence is ours */
    }
}

/* Who asks without end spends all the time that there is, at the moment when there is some: so it is dealt
 * out here, in turn, and not to whom the loop happens to name first. */
static void on_pause_over(uv_timer_t *timer)
{
    struct clients *clients = timer->data;

    /* The loop's clock is that of the beginning of its turn, so a timer may be early. */
    if (!clients_may_spend(clients)) {
        pause_clients(clients);
        return;
    }
    if (clients->listener) {
        uv_poll_start(clients->listener, UV_READABLE, on_listener);
        accept_some(clients, 1);
    }
    give_turns(clients);
}

/* ---- Clients whose time is over ------------------------------------------------------------- */

/* When CLIENT is to be dropped, if nothing happens before; UINT64_MAX: never. */
static uint64_t end_of(const struct client *client)
{
    const struct clients_settings *settings = &client->clients->settings;

    if (client_unsent(client) > 0)
        return client->taken_ms + settings->stall_ms;
    return client->waiting || client->streaming ? UINT64_MAX : client->asked_ms + settings->idle_ms;
}

static void look_at(struct clients *clients, uint64_t ms)
{
    uint64_t now = uv_now(clients->settings.loop);

    if (ms >= clients->look_ms)
        return;
    clients->look_ms = ms;
    uv_timer_start(&clients->timer, on_look, ms > now ? ms - now : 0, 0);
}

static void on_look(uv_timer_t *timer)
{
    struct clients *clients = timer->data;
    uint64_t now = uv_now(clients->settings.loop);
    struct client *client, *next;

    clients->look_ms = UINT64_MAX;
    DL_FOREACH_SAFE (clients->list, client, next) {
        uint64_t end = end_of(client);

        /* Where there is no time for what it says, its silence is ours. */
        if (end > now)
            look_at(clients, end);
        else if (client_unsent(client) > 0 || clients_may_spend(clients))
            client_drop(client);
        else
            look_at(clients, now + LOOK_MS);
    }
}

void clients_note_end(struct client *client)
{
    look_at(client->clients, end_of(client));
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

/* Has PID given up all ways to more rights, as handlers have? Who cannot be asked may have. */
static bool has_renounced(pid_t pid)
{
    uint64_t renounced;

    return !proc_status(pid, "NoNewPrivs", &renounced) || renounced != 0;
}

/* Where superd is not root its handlers have its uid: what marks them is that they may not get more
 * rights, unless superd itself may not either. */
static enum right right_of(int fd, const struct ucred *peer, gid_t group)
{
    if (peer->uid == 0)
        return RIGHT_ALL;
    if (peer->uid == geteuid())
        return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0 && has_renounced(peer->pid) ? RIGHT_READ
                                                                                       : RIGHT_ALL;
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
    client_drop(silent);
    return true;
}

struct client *clients_adopt(struct clients *clients, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t length = sizeof peer;
    struct client *client = calloc(1, sizeof *client);
    bool room;

    if (!client || uv_poll_init(clients->settings.loop, &client->poll, fd) < 0) {
        free(client);
        close(fd);
        return NULL;
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
    clients->count++;
    if (client->right == RIGHT_NONE || !room) {
        clients->settings.on_refused(clients->settings.data, client, client->right != RIGHT_NONE);
        client_flush(client); /* what does not fit into its socket it need not know */
        client_drop(client);
        return NULL;
    }
    client_review(client);
    return client;
}

static void accept_some(struct clients *clients, int most)
{
    uint64_t begun = clock_now_ns();

    for (int i = 0; i < most; i++) {
        int fd = accept4(clients->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            uv_poll_stop(clients->listener);
            uv_timer_start(&clients->pause, on_pause_over, ACCEPT_WAIT, 0);
        }
        if (fd < 0)
            break;
        clients_adopt(clients, fd);
    }
    clients_spend(clients, clock_now_ns() - begun);
}

static void on_listener(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    accept_some(poll->data, ACCEPT_BATCH);
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

static mode_t mode_of(gid_t group)
{
    return group == (gid_t)-1 ? 0600 : 0660;
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

/* Give our path to GROUP. Nobody of another group comes in meanwhile, nor when it fails. */
static int change_group(const struct clients *clients, gid_t group)
{
    mode_t mode = mode_of(group);
    struct stat st;

    if (lstat(clients->path, &st) != 0)
        return -errno;
    if ((st.st_mode & 07777) == mode && (group == (gid_t)-1 || st.st_gid == group))
        return 0;
    if (chmod(clients->path, mode_of((gid_t)-1)) != 0 ||
        (group != (gid_t)-1 && chown(clients->path, (uid_t)-1, group) != 0) ||
        chmod(clients->path, mode) != 0)
        return -errno;
    return 0;
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
                                              .mode = mode_of(group),
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
    char *copy;
    int fd;

    clients->group = group;
    if (!path) {
        stop_listening(clients);
        return 0;
    }
    if (is_ours(clients) && strcmp(path, clients->path) == 0)
        return change_group(clients, group);
    copy = strdup(path);
    fd = copy ? open_socket(path, group, &config) : -ENOMEM;
    if (fd >= 0)
        return watch(clients, fd, copy);
    free(copy);
    return fd;
}

int clients_socket(const struct clients *clients, const char **path_r, gid_t *group_r)
{
    if (!clients->listener)
        return -1;
    *path_r = clients->path;
    *group_r = clients->group;
    return clients->fd;
}

void clients_go_on(struct clients *clients, int fd, const char *path, gid_t group)
{
    char *copy = strdup(path);

    clients->group = group;
    if (copy)
        watch(clients, fd, copy);
    else
        fd_close(&fd); /* another one will be opened in its place */
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
    clients->look_ms = UINT64_MAX;
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
        client_flush(client); /* the last word, as far as it goes */
        client_drop(client);
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
