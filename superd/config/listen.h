/*
 * listen: from the entries of `listen` to the sockets that are to be opened.
 *
 * An address is what it says and nothing else: a name that does not parse is an error, never a
 * wildcard; an IPv4 address is an IPv4 socket, never a mapped one.
 */
#ifndef SUPERD_CONFIG_LISTEN_H
#define SUPERD_CONFIG_LISTEN_H

#include "config/draft.h"

/* Make the listeners of DRAFT from its `listen`. False with errors in the list. */
bool listen_finish(struct loader *loader, struct service_draft *draft);

/* Does the option NAME (a row of SCOPE_LISTEN) mean anything to this listener? */
bool listen_option_applies(const struct listener_config *listener, const char *name);

#endif
