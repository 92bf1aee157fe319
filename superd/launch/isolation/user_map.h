/*
 * user_map: entering a new user namespace in which the service's own ids are what they are outside.
 *
 * As root its users and groups, and root itself, are mapped one to one: no id gains anything, but
 * capabilities are worth nothing outside. As an ordinary user the kernel lets us map ourselves
 * alone, and that is what other namespaces need.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_USER_MAP_H
#define SUPERD_LAUNCH_ISOLATION_USER_MAP_H

#include <stddef.h>

struct service_config;

/* Enter it. Returns 0, or -errno with what a person should look at in WHAT. */
int user_map_make(const struct service_config *service, char *what, size_t size);

/* The setting of the host that most likely denied a user namespace with ERROR. */
const char *user_map_sysctl(int error);

#endif
