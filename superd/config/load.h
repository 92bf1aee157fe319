/*
 * load: from files to a checked `struct config`.
 *
 * Order: read the main file and what it includes; for each setting look up its row in the schema
 * (schema.h); convert; then check what needs more than one setting (users, programs, addresses,
 * duplicates). Every mistake is a diagnostic with file and line, and the check goes on, so that a
 * person sees all of them at once. A service with an error is left out; the others are in the
 * result.
 */
#ifndef SUPERD_CONFIG_LOAD_H
#define SUPERD_CONFIG_LOAD_H

#include <stdio.h>

#include "config/config.h"

/* What the loader takes from its surroundings, so that a test can say it. */
struct config_surroundings {
    bool root; /* may change users */
    uid_t uid; /* who we are */
    const char
        *handler_path;    /* colon-separated folders searched for a bare `exec` name, before PATH */
    const char *path;     /* PATH to search after it */
    const char *accounts; /* folder of passwd, group, subuid and subgid: who else has uids of the
                             dynamic range is warned of; NULL: not looked at */
    const char *process;  /* folder of uid_map and gid_map, likewise */
    const char *sys;      /* NULL: "/sys" */
};

/* Read PATH. Returns the configuration, owned by the caller (config_free), or NULL when the main
 * file cannot be read or parsed, the daemon's own settings are wrong, or there is no memory; then
 * LIST has the errors. LIST may hold errors of services also on success: see failed_count. Nothing
 * is opened but files; users are looked up (getpwnam), so this may block: the supervisor calls it
 * at start and on reload only. */
struct config *config_load(const char *path, const struct config_surroundings *surroundings,
                           struct diagnostics *list);

/* Write the effective configuration, defaults included, in libconfig syntax that config_load()
 * reads back to the same configuration. Returns 0 or -errno. */
int config_dump(const struct config *config, FILE *file);

#endif
