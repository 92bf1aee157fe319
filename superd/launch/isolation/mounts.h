/*
 * mounts: the few operations on mounts that a file-system view is made of, with the new mount
 * interface (open_tree(2), mount_setattr(2), move_mount(2)): a mount is never seen before its
 * attributes are set.
 *
 * What must hold: superd is root here, and paths may lie in directories of others, who must not lead
 * it elsewhere: of symbolic links only root's are followed.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_MOUNTS_H
#define SUPERD_LAUNCH_ISOLATION_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Attributes of what is shown of the host. */
#define MOUNTS_SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* Where a view is being built. */
struct mounts {
    int root;        /* the directory that will be /; paths below it never lead out of it */
    const char *old; /* where the host's root is meanwhile: "/old", or "" when we are in it */
    bool build;      /* missing places may be made: it is a file system of ours */
    bool any_links;  /* follow links whoever made them: root has lent us nothing */
    char what[192];  /* what was being done, for a message */
};

/* Open PATH below the root, O_PATH. Made first where it is missing and `build` allows it: as a
 * directory, or as an empty file. Returns a descriptor or -errno. */
int mounts_place(struct mounts *mounts, const char *path, bool directory);

/* Show the host's SOURCE, with all that is mounted below it, at TARGET, with ATTRIBUTES
 * (MOUNT_ATTR_...). Returns 0 or -errno. */
int mounts_bind(struct mounts *mounts, const char *source, const char *target, uint64_t attributes);

/* The same for a tree that open_tree(2) gave. Takes TREE over. */
int mounts_attach(struct mounts *mounts, int tree, const char *target, bool directory);

/* A copy of the host's mounts at SOURCE, in nobody's name space yet. Returns a descriptor or
 * -errno; *ST_R tells what it is. */
int mounts_copy(struct mounts *mounts, const char *source, uint64_t attributes, struct stat *st_r);

/* Mount a file system of TYPE with OPTIONS at TARGET. FLAGS as of mount(2). */
int mounts_new(struct mounts *mounts, const char *type, const char *options, unsigned long flags,
               const char *target);

#endif
