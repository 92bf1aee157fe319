/*
 * leaving: see leaving.h.
 */
#include "supervise/leaving.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/fd.h"
#include "net/filter.h"
#include "supervise/events.h"
#include "supervise/listeners.h"
#include "supervise/service.h"

struct leaving {
    uv_timer_t timer;
    struct listener *listener; /* NULL: it has gone, or stays after all */
};

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void say_closed(const struct listener *listener)
{
    if (listener->fd >= 0)
        event_listen(listener, "closed");
}

static void on_over(uv_timer_t *timer)
{
    struct leaving *leaving = timer->data;
    struct listener *listener = leaving->listener;

    say_closed(listener);
    listener_close(listener);
}

void leaving_forget(struct listener *listener)
{
    struct leaving *leaving = listener->leaving;

    if (!leaving)
        return;
    listener->leaving = NULL;
    leaving->listener = NULL;
    uv_close((uv_handle_t *)&leaving->timer, on_closed);
}

void leaving_stays(struct listener *listener)
{
    if (!listener->leaving)
        return;
    leaving_forget(listener);
    filter_set(listener->fd, NULL, 0, true); /* handshakes may begin again */
}

/* The listener of the new generation that has the port, best the one whose address covers it. */
static struct listener *successor(const struct listener_plan *plan, const struct listener *leaving)
{
    struct listener *found = NULL;

    for (size_t i = 0; i < plan->count; i++) {
        struct listener *listener = plan->wanted[i].listener;

        if (listener->fd < 0 || !listener_same_port(leaving, listener->config))
            continue;
        if (listener->bound.sa.sa_family == leaving->bound.sa.sa_family &&
            address_is_wildcard(&listener->bound))
            return listener;
        found = listener;
    }
    return found;
}

static void move_to(struct listener *listener, const struct listener *successor)
{
    DL_DELETE(listener->service->listeners, listener);
    listener->service = successor->service;
    listener->config = successor->config;
    DL_APPEND(listener->service->listeners, listener);
}

static struct leaving *make_leaving(struct listener *listener)
{
    struct leaving *leaving = calloc(1, sizeof *leaving);

    if (!leaving)
        return NULL;
    uv_timer_init(&listener->service->supervisor->loop, &leaving->timer);
    leaving->timer.data = leaving;
    leaving->listener = listener;
    return leaving;
}

/* Whether closing LISTENER at once could cost a client. */
static bool is_lossy(const struct listener *listener, const struct listener *successor)
{
    return successor && listener->config->type == SOCK_STREAM && !listener->inherited &&
           !listener->instance && successor->service->config->mode == MODE_CONNECTION &&
           fd_set_nonblocking(listener->fd, true) == 0;
}

void leaving_let_go(const struct listener_plan *plan, struct listener *listener)
{
    struct listener *heir = successor(plan, listener);

    if (!is_lossy(listener, heir)) {
        say_closed(listener);
        listener_close(listener);
        return;
    }
    move_to(listener, heir);
    if (heir->bound.sa.sa_family == listener->bound.sa.sa_family &&
        address_is_wildcard(&heir->bound))
        return;
    if (listener->leaving)
        return; /* it was on its way already */
    listener->leaving = make_leaving(listener);
    if (!listener->leaving || filter_refuse_handshakes(listener->fd) < 0) {
        say_closed(listener);
        listener_close(listener);
        return;
    }
    uv_timer_start(&listener->leaving->timer, on_over, LEAVING_MS, 0);
}
