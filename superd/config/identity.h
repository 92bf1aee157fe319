/* identity: which user and groups a service runs as, and looking up their names. Lookups may block:
 * this runs at start and on reload only, and asks for each name once. */
#ifndef SUPERD_CONFIG_IDENTITY_H
#define SUPERD_CONFIG_IDENTITY_H

#include "config/draft.h"

/* Make the identity of DRAFT of `user`, `group` and `groups`. False with an error in the list. */
bool identity_finish(struct loader *loader, struct service_draft *draft);

/* The number of the user or group TEXT, a name or a number. False with an error at POSITION. */
bool identity_uid(struct loader *loader, const char *text, struct position position, uid_t *uid_r);
bool identity_gid(struct loader *loader, const char *text, struct position position, gid_t *gid_r);

#endif
