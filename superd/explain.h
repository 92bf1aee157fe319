/*
 * explain: `superd --explain SERVICE ADDRESS [TIME]`: what would be decided about a connection, and by
 * which rule or limit, written where. Opens no port; asks the very function that decides.
 */
#ifndef SUPERD_EXPLAIN_H
#define SUPERD_EXPLAIN_H

#include "config/config.h"

/* Print the answer. ADDRESS is numeric, or "uid:N" for a UNIX peer; TIME is
 * "YYYY-MM-DDTHH:MM" in the service's time zone, or with "Z" in UTC, or NULL for now. Returns an exit
 * code: EXIT_OK when it would be admitted, EXIT_REFUSED when not, EXIT_CONFIG when the question is wrong
 * (and that has been said on standard error). */
int explain(const struct config *config, const char *service, const char *address,
            const char *time);

#endif
