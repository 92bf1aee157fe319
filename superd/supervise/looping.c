/*
 * looping: see looping.h.
 */
#include "supervise/looping.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/waiting.h"
#include "supervise/service.h"

struct looping {         /* of a listener that has been suspected, or takes datagrams */
    unsigned suspicions; /* in a row */
    struct waiting before;
};

static bool takes_datagrams(const struct listener *listener)
{
    return listener->config->type == SOCK_DGRAM;
}

static bool is_tcp(const struct listener *listener)
{
    return listener->config->type == SOCK_STREAM && listener->bound.sa.sa_family != AF_UNIX;
}

static void look(const struct listener *listener, struct waiting *waiting)
{
    if (takes_datagrams(listener))
        waiting_datagram(listener->fd, waiting);
    else
        waiting_connections(listener->service->supervisor->activity_fd, &listener->bound, waiting);
}

static bool can_tell(const struct listener *listener)
{
    return takes_datagrams(listener) ||
           (is_tcp(listener) && listener->looping->suspicions >= LOOPING_SUSPICIONS);
}

void looping_before(struct listener *listener)
{
    if (!listener->looping)
        listener->looping = calloc(1, sizeof *listener->looping);
    /* Without memory for it nothing is ever suspected, which is the lesser evil. */
    if (listener->looping && can_tell(listener))
        look(listener, &listener->looping->before);
}

static bool left_readable(const struct listener *listener)
{
    struct pollfd p = {.fd = listener->fd, .events = POLLIN};

    return listener->fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

bool looping_after(struct listener *listener, const struct instance *instance)
{
    struct looping *looping = listener->looping;
    struct waiting now;

    if (!looping)
        return false;
    if (clock_now_ns() - instance->running_ns >= LOOPING_LIFETIME_NS || !left_readable(listener)) {
        looping->suspicions = 0;
        return false;
    }
    if (can_tell(listener)) {
        look(listener, &now);
        if (waiting_taken(&looping->before, &now)) {
            looping->suspicions = 0;
            return false;
        }
        return true;
    }
    looping->suspicions++;
    return !is_tcp(listener) && looping->suspicions >= LOOPING_BLIND;
}
