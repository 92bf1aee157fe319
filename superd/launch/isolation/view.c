/*
 * view: see view.h.
 *
 * How: a stage in memory becomes the root with the host's root at /old and the one to be at /new;
 * /new is filled; then it becomes the root and everything else is detached. With the host's root
 * there is no stage: mounts are changed where they are, which only this namespace sees.
 */
#include "launch/isolation/view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/config.h"
#include "launch/isolation/mounts.h"
#include "launch/isolation/shown.h"
#include "launch/isolation/slots.h"
#include "launch/isolation/system_files.h"

#define STAGE       "/tmp"
#define INODE_BYTES 4096 /* a private /tmp may have a file for so many bytes of its size */

bool view_needed(const struct service_config *service)
{
    const struct isolation_settings *settings = &service->isolation;

    return settings->root != ROOT_HOST || settings->private_tmp != SHARING_OFF ||
           settings->pid_namespace != SHARING_OFF || settings->read_only[0] ||
           settings->read_write[0] || settings->hide[0];
}

void view_tmp_options(char *text, size_t size, unsigned long long bytes)
{
    unsigned long long inodes = bytes / INODE_BYTES;

    snprintf(text, size, "size=%llu,nr_inodes=%llu,mode=1777", bytes, inodes < 64 ? 64 : inodes);
}

/* ---- Parts that every root has -------------------------------------------------------------- */

/* Its own, where the service has processes of its own; read-only, since what root may write there changes the host. Others' processes are not shown. */
static int make_proc(struct mounts *mounts, const struct view *view)
{
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
    int r = mounts_new(mounts, "proc", "hidepid=invisible", flags, "/proc");

    if (r == -EINVAL) /* before Linux 5.8 */
        r = mounts_new(mounts, "proc", "hidepid=2", flags, "/proc");
    if (r == -EPERM && !view->own_pids) /* of a user namespace, with the host's processes */
        r = mounts_bind(mounts, "/proc", "/proc",
                        MOUNTS_SAFE | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
    return r;
}

static int make_tmp(struct mounts *mounts, const struct isolation_settings *settings)
{
    unsigned long flags = MS_NOSUID | MS_NODEV | (settings->no_exec ? MS_NOEXEC : 0);
    char options[128];
    int place;

    if (settings->private_tmp == SHARING_SERVICE) {
        view_tmp_options(options, sizeof options, settings->tmp_size);
        return mounts_new(mounts, "tmpfs", options, flags, "/tmp");
    }
    place = mounts_place(mounts, "/tmp", true); /* it must be there to be mounted on */
    if (place < 0)
        return place;
    fd_close(&place);
    return 0;
}

/* ---- A minimal root ------------------------------------------------------------------------- */

static int make_minimal(struct mounts *mounts, const struct view *view)
{
    int r = mounts_new(mounts, "tmpfs", "size=16M,nr_inodes=8192,mode=0755", MS_NOSUID, "/");

    if (r < 0)
        return r;
    /* What was opened is below the new mount now: look again. */
    fd_close(&mounts->root);
    mounts->root = open("/new", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (mounts->root < 0)
        return -errno;
    mounts->build = true;
    r = system_files_make(mounts, !view->user_namespace);
    return r;
}

static int make_directory(struct mounts *mounts, const struct service_config *service)
{
    const char *source = service->isolation.root_directory;
    struct stat st;
    int tree = mounts_copy(mounts, source, MOUNTS_SAFE | MOUNT_ATTR_RDONLY, &st);
    int r = 0;

    if (tree < 0)
        return tree;
    if (move_mount(tree, "", AT_FDCWD, "/new", MOVE_MOUNT_F_EMPTY_PATH) != 0)
        r = -errno;
    fd_close(&tree);
    fd_close(&mounts->root);
    mounts->root = open("/new", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return r < 0 ? r : mounts->root < 0 ? -errno : 0;
}

/* An image has what its makers gave it: /proc and /dev are filled only where they are there. */
static int fill_directory(struct mounts *mounts, const struct view *view)
{
    int place = mounts_place(mounts, "/proc", true), r = 0;

    if (place >= 0) {
        fd_close(&place);
        r = make_proc(mounts, view);
    }
    place = mounts_place(mounts, "/dev", true);
    if (r < 0 || place < 0)
        return r;
    fd_close(&place);
    r = mounts_new(mounts, "tmpfs", "size=64k,nr_inodes=64,mode=0755", MS_NOSUID | MS_NOEXEC,
                   "/dev");
    if (r < 0)
        return r;
    mounts->build = true;
    r = system_files_devices(mounts, !view->user_namespace);
    mounts->build = false;
    return r;
}

static int make_devices(struct mounts *mounts, const struct isolation_settings *settings)
{
    for (const char *const *path = settings->devices; *path; path++) {
        int r = mounts_bind(mounts, *path, *path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);

        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- Own roots ------------------------------------------------------------------------------ */

static int enter_stage(struct mounts *mounts)
{
    snprintf(mounts->what, sizeof mounts->what, "stage");
    if (mount("tmpfs", STAGE, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=0755") !=
            0 ||
        mkdir(STAGE "/old", 0755) != 0 || mkdir(STAGE "/new", 0755) != 0 ||
        syscall(SYS_pivot_root, STAGE, STAGE "/old") != 0 || chdir("/") != 0)
        return -errno;
    mounts->old = "/old";
    mounts->root = open("/new", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return mounts->root < 0 ? -errno : 0;
}

static int fill(struct mounts *mounts, const struct view *view)
{
    const struct service_config *service = view->service;
    const struct isolation_settings *settings = &service->isolation;
    struct shown_list *list = calloc(1, sizeof *list);
    bool minimal = settings->root == ROOT_MINIMAL;
    int r;

    if (!list)
        return -ENOMEM;
    r = minimal ? make_proc(mounts, view) : fill_directory(mounts, view);
    if (r == 0 && (minimal || settings->private_tmp != SHARING_OFF))
        r = make_tmp(mounts, settings);
    if (r == 0)
        r = make_devices(mounts, settings);
    if (minimal)
        shown_add_own(list, service);
    shown_add_settings(list, settings);
    if (r == 0)
        r = shown_make(mounts, settings, list);
    free(list);
    return r;
}

/* /new becomes the root, everything else is let go. */
static int leave_stage(struct mounts *mounts, bool minimal)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    snprintf(mounts->what, sizeof mounts->what, "/");
    if (fchdir(mounts->root) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
        umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
        return -errno;
    if (minimal && mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof attr) != 0)
        return -errno;
    return 0;
}

static int make_own(struct mounts *mounts, const struct view *view)
{
    bool minimal = view->service->isolation.root == ROOT_MINIMAL;
    int r = enter_stage(mounts), root;

    if (r == 0)
        r = minimal ? make_minimal(mounts, view) : make_directory(mounts, view->service);
    if (r == 0)
        r = fill(mounts, view);
    /* pivot_root() wants a directory that was not opened as a path alone. */
    root = r == 0 ? open("/new", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (r == 0 && root < 0)
        r = -errno;
    if (root >= 0) {
        fd_close(&mounts->root);
        mounts->root = root;
        r = leave_stage(mounts, minimal);
    }
    if (r == 0 && view->slots) {
        snprintf(mounts->what, sizeof mounts->what, "/tmp");
        r = slots_prepare();
    }
    return r;
}

/* ---- The host's root, changed --------------------------------------------------------------- */

/* Copies of what is to stay writable are taken before the rest becomes read-only, and put over it
 * afterwards. */
static int restrict_host(struct mounts *mounts, const struct isolation_settings *settings)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    int trees[SHOWN_MAX], r = 0;
    struct stat st[SHOWN_MAX];
    size_t count = 0;

    for (const char *const *path = settings->read_write; *path && r == 0; path++) {
        if (count == SHOWN_MAX)
            return -E2BIG;
        trees[count] = mounts_copy(mounts, *path, settings->no_exec ? MOUNT_ATTR_NOEXEC : 0,
                                   &st[count]);
        if (trees[count] < 0)
            r = trees[count];
        else
            count++;
    }
    for (const char *const *path = settings->read_only; *path && r == 0; path++) {
        snprintf(mounts->what, sizeof mounts->what, "%s", *path);
        if (strcmp(*path, "/") != 0)
            r = mounts_bind(mounts, *path, *path, MOUNT_ATTR_RDONLY);
        else if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof attr) != 0)
            r = -errno;
    }
    for (size_t i = 0; i < count; i++) {
        int attached = mounts_attach(mounts, trees[i], settings->read_write[i],
                                     S_ISDIR(st[i].st_mode));

        if (r == 0)
            r = attached;
    }
    for (const char *const *path = settings->hide; *path && r == 0; path++)
        r = shown_cover(mounts, settings, *path);
    return r;
}

static int change_host(struct mounts *mounts, const struct view *view)
{
    const struct isolation_settings *settings = &view->service->isolation;
    int r;

    mounts->old = "";
    mounts->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (mounts->root < 0)
        return -errno;
    r = restrict_host(mounts, settings);
    if (r == 0 && view->own_pids)
        r = make_proc(mounts, view);
    if (r == 0 && settings->private_tmp == SHARING_SERVICE) {
        r = make_tmp(mounts, settings);
        if (r == 0)
            r = mounts_bind(mounts, "/tmp", "/var/tmp", MOUNTS_SAFE);
    }
    return r;
}

int view_make(const struct view *view, char *what, size_t size)
{
    /* In a user namespace the kernel asks who we are outside, and shows root's links as nobody's. */
    struct mounts mounts = {.root = -1, .any_links = view->user_namespace};
    int r;

    snprintf(mounts.what, sizeof mounts.what, "/");
    umask(0);
    /* From here on nothing comes from or goes to the host's mounts. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        r = -errno;
    else
        r = view->service->isolation.root == ROOT_HOST ? change_host(&mounts, view)
                                                       : make_own(&mounts, view);
    fd_close(&mounts.root);
    if (r < 0)
        snprintf(what, size, "%s", mounts.what);
    return r;
}
