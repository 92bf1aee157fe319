/*
 * cgroup_host: where superd's groups are on this host, which controllers there are, and the files of
 * a group. The inside of cgroup.c and its neighbours.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_CGROUP_HOST_H
#define SUPERD_LAUNCH_ISOLATION_CGROUP_HOST_H

#include <stdbool.h>
#include <stddef.h>

/* The directory of the group that superd was started in; NULL: none that can be reached. */
const char *cgroup_base(void);

/* It is known: this program has taken over from one that had found it ("": it had not looked). */
void cgroup_set_base(const char *path);

/* Write TEXT to the file NAME of the group at DIRECTORY. 0 or -errno. */
int cgroup_write(const char *directory, const char *name, const char *text);

/* Read the file NAME of the group, as text. False: it cannot be. */
bool cgroup_read(const char *directory, const char *name, char *text, size_t size);

/* Let the groups below DIRECTORY use CONTROLLERS (enum cgroup_controller). 0 or -errno. */
int cgroup_enable(const char *directory, unsigned controllers);

#endif
