/* folder: the drop-in files of a folder. */
#ifndef SUPERD_CONFIG_FOLDER_H
#define SUPERD_CONFIG_FOLDER_H

#include <stddef.h>

/* Paths; all of it is malloc'ed. */
struct folder_files {
    char **paths;
    size_t count, capacity;
};

/* List the files NAME.conf of FOLDER, sorted by name; not what editors and package managers leave lying
 * about (".name.conf", "name.conf~"). Returns 0 or -errno; FILES_R is the caller's to free in any case. */
int folder_list(const char *folder, struct folder_files *files_r);
void folder_free(struct folder_files *files);

#endif
