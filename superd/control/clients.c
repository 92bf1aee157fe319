/*
 * clients: see clients.h. Here: who may come in, and the time that all of them may cost.
 */
#include "control/client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/proc.h"

#define LOOK_MS     1000 /* before another look at a silent client whom there was no time for */
#define COST_FACTOR 9    /* for each unit of time spent on answers, so many are the daemon's */
#define PEER_GROUPS 256
#define ACCEPT_WAIT 1000 /* ms, after the system had no descriptor for a client */

static void on_look(uv_timer_t *timer);

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
        clients_watch_listener(clients);
        clients_accept(clients, 1);
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

void clients_accept(struct clients *clients, int most)
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

    clients_stop_listening(clients);
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
