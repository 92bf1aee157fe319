/*
 * changes: what differs between two configurations, for the answer to a reload.
 *
 * By the rows of the schema, so a new setting is compared without a word here. The contents of files
 * that a configuration names are not compared.
 */
#ifndef SUPERD_CONFIG_CHANGES_H
#define SUPERD_CONFIG_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum change_kind { CHANGE_ADDED, CHANGE_CHANGED, CHANGE_REMOVED };

struct change {
    enum change_kind kind;
    char *service;         /* NULL: the group `superd` */
    const char **settings; /* CHANGE_CHANGED: their names ("limits.instances"), constant texts */
    size_t setting_count;
};

struct config_changes {
    struct change *items; /* `superd` first, then sorted by service */
    size_t count, capacity;
    size_t unchanged; /* services */
};

/* Find what is different in NEW. False: no memory, and CHANGES is empty. It outlives both. */
bool config_changes_find(struct config_changes *changes, const struct config *old,
                         const struct config *new);

void config_changes_clear(struct config_changes *changes);

#endif
