/* isolation: `isolation` and the groups `isolate`, `resources` and `per_instance` of a service, and
 * the daemon's group `isolation`: the level's defaults filled in, each word checked. */
#ifndef SUPERD_CONFIG_ISOLATION_H
#define SUPERD_CONFIG_ISOLATION_H

#include "config/draft.h"

/* Make the isolation of DRAFT, whose identity is known. False with errors in the list. */
bool isolation_finish(struct loader *loader, struct service_draft *draft);

/* Check and convert the daemon's settings; POSITION is that of isolation.users. */
void isolation_check_daemon(struct loader *loader, struct position position);

/* The directory that is the root of the draft's handlers; NULL: they see (part of) the host's. */
const char *isolation_root_directory(const struct service_draft *draft);

#endif
