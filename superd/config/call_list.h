/* call_list: `isolate.system_calls` of a service: sets, additions and removals made into the list of
 * calls that its handlers may use. */
#ifndef SUPERD_CONFIG_CALL_LIST_H
#define SUPERD_CONFIG_CALL_LIST_H

#include "config/draft.h"

/* Make the list of SETTINGS from what was written, TEXTS, for handlers whose user is DYNAMIC. False
 * with errors in the list of LOADER. */
bool call_list_take(struct loader *loader, const struct texts *texts, enum dynamic_user dynamic,
                    struct isolation_settings *settings);

#endif
