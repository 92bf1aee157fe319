/* rules: the words of `access`: who may connect, and when. */
#ifndef SUPERD_CONFIG_RULES_H
#define SUPERD_CONFIG_RULES_H

#include "config/draft.h"

/* Make the rules and hours of DRAFT. False with errors in the list. */
bool rules_finish(struct loader *loader, struct service_draft *draft);

#endif
