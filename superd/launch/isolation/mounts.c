/*
 * mounts: see mounts.h.
 */
#include "launch/isolation/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define LINKS_MAX 40 /* as the kernel has it */

/* ---- Paths that others may have had their hands in ------------------------------------------ */

static int open_plain(int root, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(O_PATH | O_CLOEXEC | flags),
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
    long fd = syscall(SYS_openat2, root, path, &how, sizeof how);

    return fd < 0 ? -errno : (int)fd;
}

/* May this link be followed? Those of root's and of whoever owns the root that is looked into (an
 * image); others are how the owner of a path leads superd to what is not his. */
static bool is_trusted(const struct mounts *mounts, int root, const struct stat *link)
{
    struct stat st;

    return mounts->any_links || link->st_uid == 0 ||
           (root == mounts->root && fstat(root, &st) == 0 && st.st_uid == link->st_uid);
}

/* Put what LINK, which is the first END bytes of PATH, leads to in its place. */
static int replace_link(int link, char path[PATH_MAX], size_t end)
{
    char target[PATH_MAX], whole[PATH_MAX];
    ssize_t length = readlinkat(link, "", target, sizeof target - 1);
    size_t start = end;

    if (length < 0)
        return -errno;
    target[length] = '\0';
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (target[0] == '/')
        start = 0;
    if (snprintf(whole, sizeof whole, "%.*s%s%s", (int)start, path, target, path + end) >=
        (int)sizeof whole)
        return -ENAMETOOLONG;
    memcpy(path, whole, strlen(whole) + 1);
    return 0;
}

/* Replace the first link in PATH. Returns 0 or -errno: -ELOOP where it may not be followed. */
static int follow_link(const struct mounts *mounts, int root, char path[PATH_MAX])
{
    char part[PATH_MAX];

    for (size_t end = 1; end <= strlen(path); end++) {
        struct stat st;
        int fd, r;

        if ((path[end] != '/' && path[end] != '\0') || path[end - 1] == '/')
            continue;
        memcpy(part, path, end);
        part[end] = '\0';
        fd = open_plain(root, part, O_NOFOLLOW);
        if (fd < 0)
            return fd;
        r = fstat(fd, &st) == 0 ? 0 : -errno;
        if (r == 0 && S_ISLNK(st.st_mode)) {
            r = is_trusted(mounts, root, &st) ? replace_link(fd, path, end) : -ELOOP;
            fd_close(&fd);
            return r;
        }
        fd_close(&fd);
        if (r < 0)
            return r;
    }
    return 0; /* somebody has just removed it: try again */
}

/* As if ROOT were the root. Nobody but root can lead the way elsewhere, also while we look. */
static int open_below(struct mounts *mounts, int root, const char *written)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s", written) >= (int)sizeof path)
        return -ENAMETOOLONG;
    for (int links = 0; links < LINKS_MAX; links++) {
        int fd = open_plain(root, path, 0), r;

        if (fd != -ELOOP)
            return fd;
        r = follow_link(mounts, root, path);
        if (r == -ELOOP)
            snprintf(mounts->what, sizeof mounts->what,
                     "%.80s: a symbolic link that is not root's: write where it leads", written);
        if (r < 0)
            return r;
    }
    return -ELOOP;
}

/* ---- Places --------------------------------------------------------------------------------- */

/* Make LAST in the directory that PATH up to it names. */
static int make_last(struct mounts *mounts, const char *parent, const char *last, bool directory)
{
    int at = open_below(mounts, mounts->root, *parent ? parent : "/"), fd, r = 0;

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
        fd = open_below(mounts, mounts->root, part);
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
    int fd = open_below(mounts, mounts->root, path), r;

    if (fd != -ENOENT || !mounts->build)
        return fd;
    r = make_all(mounts, path, directory);
    return r < 0 ? r : open_below(mounts, mounts->root, path);
}

int mounts_copy(struct mounts *mounts, const char *source, uint64_t attributes, struct stat *st_r)
{
    struct mount_attr attr = {.attr_set = attributes};
    int root, place, tree;

    snprintf(mounts->what, sizeof mounts->what, "%s", source);
    root = open(mounts->old[0] ? mounts->old : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return -errno;
    place = open_below(mounts, root, source);
    fd_close(&root);
    if (place < 0)
        return place;
    tree = open_tree(place, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    fd_close(&place);
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
    int place, r = 0;
    char path[64];

    snprintf(mounts->what, sizeof mounts->what, "%s", target);
    place = mounts_place(mounts, target, true);
    if (place < 0)
        return place;
    /* There is always a /proc while a view is built: the host's, here or below `old`. */
    snprintf(path, sizeof path, "%s/proc/self/fd/%d", mounts->old, place);
    if (mount(type, path, type, flags, options) != 0)
        r = -errno;
    fd_close(&place);
    return r;
}
