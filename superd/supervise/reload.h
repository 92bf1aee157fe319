/*
 * reload: from one generation to the next, losing nothing.
 *
 * Read and check the files (in a thread: looking up users may block), open what is new, start the
 * next launchers, commit, then close what went. On any error the old generation goes on untouched
 * and event `reload-failed` says every error with file and line.
 */
#ifndef SUPERD_SUPERVISE_RELOAD_H
#define SUPERD_SUPERVISE_RELOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "config/changes.h"
#include "config/diagnostic.h"
#include "supervise/access_files.h"

struct config;
struct supervisor;

/* How a reload ended. */
struct reload_result {
    uint64_t number; /* of the reload: see reload_begin() */
    bool done;       /* false: nothing has changed */
    const struct diagnostics *list;
    const struct config_changes *changes; /* when done; from what was in force before */
    uint64_t duration_ms;
};

/* Ask for a reload; while one is under way, one more follows it. Returns the number of the reload that
 * reads the files after this moment, which supervisor->hooks.reloaded will be told of; 0: there will
 * be none. */
uint64_t reload_begin(struct supervisor *supervisor);

/* Make CONFIG, with the CONTENTS of its access files (both taken over in any case), the current generation. False: errors in LIST, nothing
 * changed. Also how the first generation begins. */
bool reload_commit(struct supervisor *supervisor, struct config *config,
                   struct access_contents *contents, struct diagnostics *list);

#endif
