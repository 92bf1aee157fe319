/*
 * rights: the capabilities that superd itself needs as root to start a service as it is configured.
 * In a container, or where a unit takes some away, root has not all of them, and a wall that was
 * not put up must not look like one that was.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_RIGHTS_H
#define SUPERD_LAUNCH_ISOLATION_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"

/* Call SAY with each capability that SERVICE needs and that is not in HAVE: a sentence; VITAL:
 * without it there is no starting it at all, nor a weaker way. Returns all that it named, as
 * bits. */
uint64_t rights_missing(uint64_t have, const struct service_config *service,
                        void (*say)(void *data, const char *what, bool vital), void *data);

#endif
