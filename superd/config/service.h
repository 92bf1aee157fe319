/* service: one entry of `services`: read, checked as a whole, finished. */
#ifndef SUPERD_CONFIG_SERVICE_H
#define SUPERD_CONFIG_SERVICE_H

#include "config/draft.h"

/* Make the draft that every service starts as: the schema's defaults, then those of SETTING, the
 * group `defaults` (NULL: there is none). */
void service_defaults(struct loader *loader, const config_setting_t *setting,
                      struct service_draft *draft_r);

/* Read the service SETTING into CONFIG, which must stay where it is as long as the loader.
 * *ENABLED_R tells whether it is to be served. False with errors in the list. */
bool service_read(struct loader *loader, const config_setting_t *setting,
                  const struct service_draft *defaults, struct service_config *config_r,
                  bool *enabled_r);

#endif
