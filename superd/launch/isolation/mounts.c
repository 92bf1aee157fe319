/*
 * mounts: see mounts.h.
 */
#include "launch/isolation/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

static int open_below(int root, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    long fd = syscall(SYS_openat2, root, path, &how, sizeof how);

    return fd < 0 ? -errno : (int)fd;
}

/* Make LAST in the directory that PATH up to it names. */
static int make_last(struct mounts *mounts, const char *parent, const char *last, bool directory)
{
    int at = open_below(mounts->root, *parent ? parent : "/"), fd, r = 0;

    if (at < 0)
        return at;
    if (directory) {
        if (mkdirat(at, last, 0755) != 0 && errno != EEXIST)
            r = -errno;
    } else {
        fd = openat(at, last, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
            r = -errno;
        else
            fd_close(&fd);
    }
    fd_close(&at);
    return r;
}

static int make_all(struct mounts *mounts, const char *path, bool directory)
{
    char part[4096];
    size_t length = strlen(path);

    if (length >= sizeof part)
        return -ENAMETOOLONG;
    for (size_t i = 1; i <= length; i++) {
        size_t start = i;
        char last[256];
        int fd, r;

        if (path[i] != '/' && path[i] != '\0')
            continue;
        while (start > 0 && path[start - 1] != '/')
            start--;
        if (start == i)
            continue; /* two slashes */
        memcpy(part, path, i);
        part[i] = '\0';
        fd = open_below(mounts->root, part);
        if (fd >= 0) {
            fd_close(&fd);
            continue;
        }
        if (i - start >= sizeof last)
            return -ENAMETOOLONG;
        memcpy(last, path + start, i - start);
        last[i - start] = '\0';
        part[start] = '\0';
        r = make_last(mounts, part, last, directory || path[i] == '/');
        if (r < 0)
            return r;
    }
    return 0;
}

int mounts_place(struct mounts *mounts, const char *path, bool directory)
{
    int fd = open_below(mounts->root, path), r;

    if (fd != -ENOENT || !mounts->build)
        return fd;
    r = make_all(mounts, path, directory);
    return r < 0 ? r : open_below(mounts->root, path);
}

int mounts_copy(struct mounts *mounts, const char *source, uint64_t attributes, struct stat *st_r)
{
    struct mount_attr attr = {.attr_set = attributes};
    char path[4096];
    int tree;

    if (snprintf(path, sizeof path, "%s%s", mounts->old, source) >= (int)sizeof path)
        return -ENAMETOOLONG;
    snprintf(mounts->what, sizeof mounts->what, "%s", source);
    tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0)
        return -errno;
    if (fstat(tree, st_r) != 0 ||
        (attributes &&
         mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) != 0)) {
        int r = -errno;

        fd_close(&tree);
        return r;
    }
    return tree;
}

int mounts_attach(struct mounts *mounts, int tree, const char *target, bool directory)
{
    int place = mounts_place(mounts, target, directory), r = 0;

    if (place < 0)
        r = place;
    else if (move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) !=
             0)
        r = -errno;
    fd_close(&place);
    fd_close(&tree);
    return r;
}

int mounts_bind(struct mounts *mounts, const char *source, const char *target, uint64_t attributes)
{
    struct stat st;
    int tree = mounts_copy(mounts, source, attributes, &st);

    return tree < 0 ? tree : mounts_attach(mounts, tree, target, S_ISDIR(st.st_mode));
}

int mounts_new(struct mounts *mounts, const char *type, const char *options, unsigned long flags,
               const char *target)
{
    int place = mounts_place(mounts, target, true), r = 0;
    char path[64];

    snprintf(mounts->what, sizeof mounts->what, "%s", target);
    if (place < 0)
        return place;
    /* There is always a /proc while a view is built: the host's, here or below `old`. */
    snprintf(path, sizeof path, "%s/proc/self/fd/%d", mounts->old, place);
    if (mount(type, path, type, flags, options) != 0)
        r = -errno;
    fd_close(&place);
    return r;
}
