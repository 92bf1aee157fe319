/* conflict: two listeners that the kernel would not let be bound side by side. Found before
 * anything is opened, so that the message can name both places. */
#ifndef SUPERD_CONFIG_CONFLICT_H
#define SUPERD_CONFIG_CONFLICT_H

#include "config/draft.h"

/* Claim the sockets of SERVICE, which lives as long as the loader. False with an error at the line
 * of its listener when one is taken; then it claims nothing. */
bool conflict_claim(struct loader *loader, const struct service_config *service);

#endif
