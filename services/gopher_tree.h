/* Files and directories below a directory that is served, opened so that no name, link or race
 * leads out of it. */
#ifndef SERVICES_GOPHER_TREE_H
#define SERVICES_GOPHER_TREE_H

#include <stdbool.h>
#include <sys/stat.h>

/* Open PATH ("" is the directory itself) below the directory ROOT for reading.  Only what is a
 * regular file or a directory and what everybody may read is opened; links are followed while they
 * stay below ROOT.  A descriptor, with what it is in *status_r, or a negative errno value: -ENOSYS
 * where the kernel has no openat2 (older than 5.6), for there is no other way that we would trust.
 */
int gopher_open(int root, const char *path, struct stat *status_r);

/* The item type of the open file FD that is called NAME, a directory or a regular file. */
char gopher_type(int fd, const struct stat *status, const char *name);

#endif
