/*
 * system_files: see system_files.h. Files of /etc are copied, not mounted: a mount namespace with
 * few mounts is cheaper to copy, and each launch that has its own /tmp copies it.
 */
#include "launch/isolation/system_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "launch/isolation/mounts.h"

#define COPY_MOST (1024 * 1024) /* of one file of /etc */

/* Programs and libraries: a directory is shown, a symbolic link (of a merged /usr) is made again. */
static const char *const programs[] = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"};

/* What the C library and language runtimes read. Nothing secret, nothing of the host's own set-up. */
static const char *const etc_files[] = {
    "passwd",      "group",       "nsswitch.conf", "hosts",       "host.conf",      "gai.conf",
    "resolv.conf", "protocols",   "services",      "localtime",   "timezone",       "ld.so.cache",
    "ld.so.conf",  "mime.types",  "magic",         "locale.conf", "debian_version", "os-release",
    "shells",      "environment", "bash.bashrc",   "profile",     "inputrc"};
static const char *const etc_folders[] = {
    "alternatives", "ssl/certs", "ca-certificates", "ld.so.conf.d", "perl", "python3", "java"};

static const char *const empty_folders[] = {"/etc", "/dev",  "/proc", "/tmp", "/run",
                                            "/var", "/home", "/root", "/srv", "/mnt"};

static int make_folders(struct mounts *mounts)
{
    for (size_t i = 0; i < sizeof empty_folders / sizeof empty_folders[0]; i++) {
        int place = mounts_place(mounts, empty_folders[i], true);

        if (place < 0)
            return place;
        fd_close(&place);
    }
    return 0;
}

static int make_programs(struct mounts *mounts, int root)
{
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        char source[64], name[64], link[PATH_MAX];
        ssize_t length;
        int r;

        snprintf(source, sizeof source, "%s/%s", mounts->old, programs[i]);
        snprintf(name, sizeof name, "/%s", programs[i]);
        length = readlink(source, link, sizeof link - 1);
        if (length > 0) {
            link[length] = '\0';
            if (symlinkat(link, root, programs[i]) != 0)
                return -errno;
            continue;
        }
        r = mounts_bind(mounts, name, name,
                        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return 0;
}

/* Copy what all may read; what is not there, or is not for all, is left out. */
static int copy_file(int old, const char *source, int at, const char *name)
{
    /* A link to /usr or /run is one of the old root's. */
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK, .resolve = RESOLVE_IN_ROOT};
    int from = (int)syscall(SYS_openat2, old, source, &how, sizeof how), to, r = 0;
    char buffer[16384];
    struct stat st;
    ssize_t n;

    if (from < 0)
        return 0;
    if (fstat(from, &st) != 0 || !S_ISREG(st.st_mode) || !(st.st_mode & S_IROTH) ||
        st.st_size > COPY_MOST) {
        fd_close(&from);
        return 0;
    }
    to = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (to < 0)
        r = -errno;
    while (r == 0 && (n = read(from, buffer, sizeof buffer)) > 0) {
        if (write(to, buffer, (size_t)n) != n)
            r = -EIO;
    }
    fd_close(&from);
    fd_close(&to);
    return r;
}

static int make_etc(struct mounts *mounts)
{
    int at = mounts_place(mounts, "/etc", true), old, r = 0;

    if (at < 0)
        return at;
    old = open(mounts->old, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (old < 0)
        r = -errno;
    for (size_t i = 0; r == 0 && i < sizeof etc_files / sizeof etc_files[0]; i++) {
        char source[128];

        snprintf(source, sizeof source, "/etc/%s", etc_files[i]);
        r = copy_file(old, source, at, etc_files[i]);
    }
    if (r == 0 && symlinkat("/proc/self/mounts", at, "mtab") != 0)
        r = -errno;
    fd_close(&at);
    fd_close(&old);
    for (size_t i = 0; r == 0 && i < sizeof etc_folders / sizeof etc_folders[0]; i++) {
        char path[128];

        snprintf(path, sizeof path, "/etc/%s", etc_folders[i]);
        r = mounts_bind(mounts, path, path,
                        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                            MOUNT_ATTR_NOEXEC);
        if (r == -ENOENT)
            r = 0;
    }
    return r;
}

int system_files_devices(struct mounts *mounts, bool may_make_devices)
{
    static const struct {
        const char *name;
        unsigned minor;
    } devices[] = {{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}};
    static const struct {
        const char *name, *target;
    } links[] = {{"fd", "/proc/self/fd"},
                 {"stdin", "/proc/self/fd/0"},
                 {"stdout", "/proc/self/fd/1"},
                 {"stderr", "/proc/self/fd/2"},
                 {"shm", "/tmp"}};
    int at = mounts_place(mounts, "/dev", true), r = 0;

    snprintf(mounts->what, sizeof mounts->what, "/dev");
    if (at < 0)
        return at;
    for (size_t i = 0; r == 0 && i < sizeof links / sizeof links[0]; i++) {
        if (symlinkat(links[i].target, at, links[i].name) != 0)
            r = -errno;
    }
    for (size_t i = 0; r == 0 && i < sizeof devices / sizeof devices[0]; i++) {
        char path[32];

        snprintf(path, sizeof path, "/dev/%s", devices[i].name);
        if (may_make_devices &&
            mknodat(at, devices[i].name, S_IFCHR | 0666, makedev(1, devices[i].minor)) == 0)
            continue;
        /* In a container it may be that nobody may: then those of the host are shown. */
        r = may_make_devices && errno != EPERM
                ? -errno
                : mounts_bind(mounts, path, path, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    }
    fd_close(&at);
    return r;
}

int system_files_make(struct mounts *mounts, bool may_make_devices)
{
    int place, r = make_folders(mounts);

    if (r < 0)
        return r;
    r = make_programs(mounts, mounts->root);
    if (r == 0)
        r = make_etc(mounts);
    if (r == 0)
        r = system_files_devices(mounts, may_make_devices);
    place = r == 0 ? mounts_place(mounts, "/var", true) : -1;
    if (place >= 0 && symlinkat("/tmp", place, "tmp") != 0)
        r = -errno;
    fd_close(&place);
    return r;
}
