/*
 * The page: its sections out of a snapshot and a history.  All that superd tells is text of others
 * (names, the log's lines, what a handler wrote) and is escaped on its way out.
 */
#ifndef STATUS_VIEW_H
#define STATUS_VIEW_H

#include "history.h"
#include "snapshot.h"

/* The parts that are sent again when they change; each is an element of the page. */
enum view_section {
    VIEW_DAEMON,
    VIEW_CHARTS,
    VIEW_SERVICES,
    VIEW_REASONS,
    VIEW_INSTANCES,
    VIEW_LOG,
    VIEW_MAX
};

extern const char *const view_names[VIEW_MAX]; /* their ids, and the names of their events */

enum {
    VIEW_RELOAD_S = 10, /* a browser without JavaScript loads the page anew */
    VIEW_NONCE_SIZE = 33,
};

/* One section, without the element around it, to be freed; NULL: no memory. */
char *view_section(enum view_section section, const struct snapshot *snapshot,
                   const struct history *history, size_t *length_r);

/* The whole page, to be freed; NULL: no memory.  SNAPSHOT is NULL when superd cannot be asked; `why`
 * says why then.  Its script may run for its nonce. */
char *view_page(const struct snapshot *snapshot, const struct history *history, const char *why,
                const char *nonce, size_t *length_r);

#endif
