/*
 * launchers: all launchers of one generation: those that services share, and those that a service
 * has for itself because it is isolated (launch/isolation/).
 *
 * Shared ones begin with the generation. A service's own begin with its first connection, end when
 * none came for a while, or make room for another service's when there are too many; a new one is
 * made of what failed. To the rest of the supervisor it is one set that orders go to.
 */
#ifndef SUPERD_SUPERVISE_LAUNCHERS_H
#define SUPERD_SUPERVISE_LAUNCHERS_H

#include <stdbool.h>

#include "config/config.h"
#include "launch/pool.h"

struct launchers;

/* Begin them for CONFIG and its PLANS, both to live as long; loop, descriptors and functions are
 * CALLBACKS', the rest of it is filled in here. Returns 0, or -errno and nothing is left. */
int launchers_create(const struct config *config, const struct plan *plans,
                     const struct launch_pool_settings *callbacks, struct launchers **launchers_r);

/* May an order for the service of this index be sent now? on_room tells when that changes. */
bool launchers_room(struct launchers *launchers, uint32_t service);

/* As launch_pool_send(), to the launchers of order->service; they are started if need be. */
int launchers_send(struct launchers *launchers, const struct order *order, int connection,
                   int stderr_pipe);

/* A launch of this service hung (a file server that is silent; a file system that its user made to
 * be so): it has launchers of its own for a while, so that it holds nobody else up again. */
void launchers_set_apart(struct launchers *launchers, uint32_t service);

/* As the functions of launch/pool.h, over all of them. */
void launchers_collect(struct launchers *launchers);
bool launchers_reaped(struct launchers *launchers, pid_t pid);
size_t launchers_in_flight(const struct launchers *launchers);
uint64_t launchers_oldest(const struct launchers *launchers);
void launchers_visit(const struct launchers *launchers, void (*visit)(void *data, pid_t pid),
                     void *data);
void launchers_retire(struct launchers *launchers);

/* Take no orders for now (there is no room for any), or take them again, which on_room tells. */
void launchers_pause(struct launchers *launchers, bool pause);
void launchers_destroy(struct launchers *launchers);

#endif
