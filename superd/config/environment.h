/* environment: the variables that a service sets, and those that it passes on from superd's own. */
#ifndef SUPERD_CONFIG_ENVIRONMENT_H
#define SUPERD_CONFIG_ENVIRONMENT_H

#include "config/draft.h"

/* Put the variables of SETTING, a group of texts or a list of "NAME=text", before those in *PLACE,
 * a `const struct variable *`. False when one is wrong or there is no memory: then *PLACE is as
 * before. */
bool environment_read(struct loader *loader, const config_setting_t *setting, void *place);

/* Make the environment of DRAFT: what it passes on, and over that what it sets, sorted by name.
 * False when a name is wrong or there is no memory. */
bool environment_finish(struct loader *loader, struct service_draft *draft);

#endif
