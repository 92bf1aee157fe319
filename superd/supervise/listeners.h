/*
 * listeners: the set of open sockets, and its change from one generation to the next.
 *
 * Three steps, so that a reload that fails changes nothing: prepare (match what is open with what
 * is wanted, by address and not by service; open what is new), then commit or abandon. What must
 * hold: a socket that both generations have stays open all the time, and what waits in its backlog
 * is served.
 */
#ifndef SUPERD_SUPERVISE_LISTENERS_H
#define SUPERD_SUPERVISE_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "supervise/service.h"

struct wanted_listener {
    struct listener *listener; /* one that is open, or a new one */
    bool fresh;
};

/* The listeners of a configuration in its order: those of services[0], then of services[1], ... */
struct listener_plan {
    struct supervisor *supervisor;
    const struct config *config;
    struct wanted_listener *wanted;
    size_t count;
    struct listener **leaving; /* open now, wanted no more */
    size_t leaving_count;
};

/* Match and open for CONFIG. Returns true, or false with every error in LIST; then nothing has
 * changed. */
bool listeners_prepare(struct supervisor *supervisor, const struct config *config,
                       struct listener_plan *plan, struct diagnostics *list);

/* Close what was opened. */
void listeners_abandon(struct listener_plan *plan);

/* Give each listener to its service (services of CONFIG must exist and be configured), serve what
 * waits on those that leave where another socket has their port now, and close them. */
void listeners_commit(struct listener_plan *plan);

/* Close all listeners of SERVICE (the daemon stops). */
void listeners_close(struct service *service);

/* Is LISTENER open on the port of CONFIG, whatever the address? IP only. */
bool listener_same_port(const struct listener *listener, const struct listener_config *config);

/* Remove from the file system the paths of UNIX listeners that are still ours, and close. */
void listener_close(struct listener *listener);

#endif
