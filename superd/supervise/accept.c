/*
 * accept: see accept.h.
 *
 * A listener is watched only while its service may take another connection, so accepting is bounded
 * by what can be served; a turn of the loop takes at most ACCEPT_BATCH from one listener, so that a
 * busy service cannot starve the others.
 */
#include "supervise/accept.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/fd.h"
#include "base/log.h"
#include "supervise/events.h"
#include "supervise/instance.h"
#include "supervise/listener_access.h"
#include "supervise/refusals.h"
#include "supervise/service.h"

#define ACCEPT_BATCH    16
#define ACCEPT_RETRY_MS 100 /* after the system had no descriptor or memory for a connection */
#define PEER_GROUPS_MAX 256
#define REMAINING_MAX   65536

struct connection {
    int fd;
    struct peer peer;
    pid_t peer_pid;
    struct listener *listener; /* that it came through; NULL: closed since */
    gid_t groups[PEER_GROUPS_MAX];
};

/* ---- Refusing ------------------------------------------------------------------------------- */

/* Say the service's words, if it has any, and close. Without words the connection is reset: that
 * leaves nothing in TIME_WAIT and costs a flood's victim least (costs.md); a reset would throw
 * words away. */
static void refuse(struct service *service, struct connection *connection,
                   const struct verdict *verdict)
{
    const char *message = service->config ? service->config->refuse_message : NULL;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    struct prefix source = service_source(service, &connection->peer);

    refusals_add(service->supervisor->refusals, service, &connection->peer, &source, verdict);
    if (message)
        send(connection->fd, message, strlen(message), MSG_DONTWAIT | MSG_NOSIGNAL);
    else
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    fd_close(&connection->fd);
}

/* ---- Admitted ------------------------------------------------------------------------------- */

static void park(struct service *service, struct connection *connection, struct source *source,
                 bool admitted)
{
    service->parked = (struct parked){.fd = connection->fd,
                                      .peer = connection->peer,
                                      .peer_pid = connection->peer_pid,
                                      .source = source,
                                      .listener = connection->listener,
                                      .admitted = admitted};
    /* Its groups are in the caller's memory; a UNIX peer that is parked is known by uid and gid. */
    service->parked.peer.groups = NULL;
    service->parked.peer.group_count = 0;
    service_review(service);
}

static void launch(struct service *service, struct connection *connection, struct source *source)
{
    const struct launch order = {.connection = connection->fd,
                                 .peer = &connection->peer,
                                 .peer_pid = connection->peer_pid,
                                 .source = source,
                                 .via = connection->listener};
    const char *banner = service->config->banner;
    int error;

    if (banner)
        send(connection->fd, banner, strlen(banner), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (instance_launch(service, &order, &error))
        return;
    if (error == -EAGAIN) {
        park(service, connection, source, true);
        return;
    }
    log_event(LEVEL_ERROR, "end", log_text("service", service->name),
              log_text("outcome", outcome_names[OUTCOME_LAUNCH_FAILED]), log_text("step", "order"),
              log_text("error", strerror(-error)));
    service_launch_failed(service);
}

static void decide(struct service *service, struct connection *connection)
{
    struct verdict verdict = admission_decide(service->admission, &connection->peer,
                                              service_moment(service->supervisor));

    switch (verdict.decision) {
    case DECISION_ADMIT:
        service_count(service, HISTORY_ADMITTED);
        launch(service, connection, verdict.source);
        break;
    case DECISION_HOLD:
        park(service, connection, NULL, false);
        break;
    case DECISION_REFUSE:
        service_count(service, HISTORY_REFUSED);
        refuse(service, connection, &verdict);
        break;
    }
}

/* ---- Parked --------------------------------------------------------------------------------- */

void accept_parked(struct service *service)
{
    struct parked parked = service->parked;
    struct connection connection = {.fd = parked.fd,
                                    .peer = parked.peer,
                                    .peer_pid = parked.peer_pid,
                                    .listener = parked.listener};

    if (parked.fd < 0 || !service->config ||
        !launchers_room(service->generation->launchers, service->index))
        return;
    service->parked.fd = -1;
    if (parked.admitted)
        launch(service, &connection, parked.source);
    else
        decide(service, &connection);
}

void accept_drop_parked(struct service *service)
{
    if (service->parked.fd < 0)
        return;
    if (service->parked.admitted)
        admission_release(service->admission, service->parked.source);
    fd_close(&service->parked.fd);
}

/* ---- Accepting ------------------------------------------------------------------------------ */

static void know_unix_peer(struct connection *connection)
{
    struct ucred credentials;
    socklen_t length = sizeof credentials;

    if (getsockopt(connection->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0) {
        connection->peer.uid = credentials.uid;
        connection->peer.gid = credentials.gid;
        connection->peer_pid = credentials.pid;
    }
    length = sizeof connection->groups;
    if (getsockopt(connection->fd, SOL_SOCKET, SO_PEERGROUPS, connection->groups, &length) == 0) {
        connection->peer.groups = connection->groups;
        connection->peer.group_count = length / sizeof(gid_t);
    }
}

/* Take one connection. Returns 0, or -errno: -EAGAIN when none waits any more. */
static int take(struct listener *listener, struct connection *connection)
{
    struct address *address = &connection->peer.address;

    connection->peer = (struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1};
    connection->peer_pid = 0;
    connection->listener = listener;
    address->length = sizeof address->un;
    connection->fd = accept4(listener->fd, &address->sa, &address->length, SOCK_CLOEXEC);
    if (connection->fd < 0)
        return -errno;
    address_unmap(address);
    if (listener->bound.sa.sa_family == AF_UNIX)
        know_unix_peer(connection);
    return 0;
}

/* What accept(2) reports of a client that has gone again: look at the next one. */
static bool is_clients_fault(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
    case EPERM: /* a firewall rule */
        return true;
    default:
        return false;
    }
}

static void on_accept_retry(uv_timer_t *timer)
{
    service_review(timer->data);
}

/* EMFILE, ENFILE, ENOBUFS, ENOMEM: the budget was wrong, or the whole system is short. Waiting is
 * all that helps; the clients wait in the backlog. */
static void accept_failed(struct service *service, int error)
{
    struct listener *listener;

    if (service->supervisor->accept_errors++ == 0)
        log_event(LEVEL_ERROR, "error", log_text("service", service->name),
                  log_text("what", "accept"), log_text("error", strerror(error)));
    DL_FOREACH (service->listeners, listener) {
        if (listener->watched)
            uv_poll_stop(&listener->poll);
        listener->watched = false;
    }
    uv_timer_start(&service->retry, on_accept_retry, ACCEPT_RETRY_MS, 0);
}

static void spring_trap(struct listener *listener, struct connection *connection)
{
    struct service *service = listener->service;
    struct moment moment = service_moment(service->supervisor);
    struct verdict verdict = {.decision = DECISION_REFUSE,
                              .reason = REASON_TRAPPED,
                              .position = listener->config->position,
                              .rule = listener->config->written};
    struct prefix source = source_of(&connection->peer.address, connection->peer.uid, 32, 64);

    admission_trap(service->supervisor->admission, &source, moment.now_ms,
                   moment.now_ms + listener->config->options.trap_ms);
    refuse(service, connection, &verdict);
}

static void accept_some(struct listener *listener)
{
    struct service *service = listener->service;
    unsigned most = listener->batch ? listener->batch : 1;

    for (unsigned i = 0; i < most; i++) {
        struct connection connection;
        int r;

        r = take(listener, &connection);
        if (r == -EAGAIN) {
            listener->batch = i; /* so many wait at a time: to find out is a system call, too */
            return;
        }
        if (r < 0 && is_clients_fault(-r))
            continue;
        if (r < 0) {
            accept_failed(service, -r);
            return;
        }
        service->supervisor->accept_errors = 0;
        if (listener->config->options.trap_ms)
            spring_trap(listener, &connection);
        else
            decide(service, &connection);
        service_review(service);
        if (!listener->watched)
            return;
        /* A quiet daemon: nobody else is likely to wait, and the loop would tell. */
        if (launchers_in_flight(service->generation->launchers) < 2)
            return;
    }
    listener->batch = most < ACCEPT_BATCH / 2 ? most * 2 : ACCEPT_BATCH;
}

/* ---- Listener mode -------------------------------------------------------------------------- */

static void launch_listener(struct listener *listener)
{
    struct service *service = listener->service;
    const struct launch order = {
        .connection = listener->fd, .keep = true, .listener = listener, .via = listener};
    struct verdict verdict;
    int error = 0;

    if (!listener_access_check(listener))
        return;
    verdict = admission_decide_listener(service->admission, service_moment(service->supervisor));

    if (verdict.decision == DECISION_ADMIT) {
        service_count(service, HISTORY_ADMITTED);
        /* O_NONBLOCK belongs to the open file, which the handler shares, and it expects to block.
         */
        fd_set_nonblocking(listener->fd, false);
        if (!instance_launch(service, &order, &error)) {
            if (error == -EAGAIN)
                admission_release(service->admission, NULL);
            else
                service_launch_failed(service);
        }
    }
    service_review(service);
}

void accept_ready_cb(uv_poll_t *handle, int status, int events)
{
    struct listener *listener = handle->data;
    socklen_t length = sizeof(int);
    int error;

    (void)events;
    if (status < 0) {
        log_event(LEVEL_ERROR, "error", log_text("service", listener->service->name),
                  log_text("what", "listener"), log_text("error", uv_strerror(status)));
        /* An error waits on the socket, and libuv watches no longer. It is the handler's to see, or
         * goes by being asked for. */
        uv_poll_stop(&listener->poll);
        listener->watched = false;
        if (listener->service->config->mode != MODE_LISTENER) {
            getsockopt(listener->fd, SOL_SOCKET, SO_ERROR, &error, &length);
            uv_timer_start(&listener->service->retry, on_accept_retry, ACCEPT_RETRY_MS, 0);
            return;
        }
    }
    if (listener->service->config->mode == MODE_LISTENER && !listener->config->options.trap_ms)
        launch_listener(listener);
    else
        accept_some(listener);
}
