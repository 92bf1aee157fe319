/*
 * access_files: the contents of `file:` rules: read when a configuration begins, and again when a
 * file changes, without a reload.
 *
 * A file holds one prefix a line; "#" begins a comment. Lines that are wrong are logged with file and line
 * and left out, the others hold. A file that is missing is logged and is as an empty one: a deny file
 * then denies nobody, an allow file allows nobody. Files are read in a thread, and the rules in force are
 * replaced whole, so a decision never sees half a file.
 */
#ifndef SUPERD_SUPERVISE_ACCESS_FILES_H
#define SUPERD_SUPERVISE_ACCESS_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "admission/access.h"
#include "config/diagnostic.h"

struct supervisor;

/* Contents of files, by path. */
struct access_contents {
    struct access_file *files;
    size_t count;
};

/* Read every file that a rule of CONFIG names. Blocks on the disk: for start, for a reload's thread, and
 * for `superd --explain`. Mistakes are warnings in LIST (superd goes on). False: no memory. */
bool access_contents_read(const struct config *config, struct access_contents *contents,
                          struct diagnostics *list);
void access_contents_free(struct access_contents *contents);

/* Watch the files that SUPERVISOR's current configuration names, in place of those watched before. */
void access_files_watch(struct supervisor *supervisor);

/* Stop watching. */
void access_files_stop(struct supervisor *supervisor);

#endif
