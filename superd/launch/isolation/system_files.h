/*
 * system_files: what a minimal root has of the host: programs and libraries (read-only), the few
 * files of /etc that libraries read, harmless devices.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_SYSTEM_FILES_H
#define SUPERD_LAUNCH_ISOLATION_SYSTEM_FILES_H

#include <stdbool.h>

struct mounts;

/* Make all of it in an empty file system. MAY_MAKE_DEVICES: not in a user namespace, where the
 * host's are shown instead. Returns 0 or -errno. */
int system_files_make(struct mounts *mounts, bool may_make_devices);

/* The devices alone. */
int system_files_devices(struct mounts *mounts, bool may_make_devices);

#endif
