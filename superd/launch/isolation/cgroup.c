/*
 * cgroup: see cgroup.h.
 */
#include "launch/isolation/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "config/config.h"
#include "launch/isolation/cgroup_host.h"
#include "launch/isolation/cgroup_limits.h"

#define REMOVE_TRIES 50 /* at 10 ms: killed processes need a moment to be gone */
#define OWN_PREFIX   "superd."

static char own[PATH_MAX]; /* superd.PID.START.NAMESPACE in it; "": not made */
static unsigned enabled;   /* controllers */

/* ---- Removing ------------------------------------------------------------------------------- */

bool cgroup_kill(const char *path)
{
    return cgroup_write(path, "cgroup.kill", "1") >= 0;
}

bool cgroup_remove(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    bool clean = true;

    while (directory && (entry = readdir(directory))) {
        char below[PATH_MAX];

        if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
            snprintf(below, sizeof below, "%s/%s", path, entry->d_name) >= (int)sizeof below)
            continue;
        clean = cgroup_remove(below) && clean;
    }
    if (directory)
        closedir(directory);
    return (rmdir(path) == 0 || errno == ENOENT) && clean;
}

/* When the process PID was started, in ticks since the system was; 0: there is none. */
static unsigned long long started(long pid)
{
    char path[64], text[1024], *at;
    unsigned long long ticks = 0;

    snprintf(path, sizeof path, "/proc/%ld", pid);
    if (!cgroup_read(path, "stat", text, sizeof text) || !(at = strrchr(text, ')')))
        return 0;
    for (int field = 2; field < 22 && at; field++) /* proc(5): starttime is field 22 */
        at = strchr(at + 1, ' ');
    if (at)
        ticks = strtoull(at, NULL, 10);
    return ticks;
}

/* The name of the group of the daemon PID, which was started at START. Its process namespace is in
 * it, because in another one its pid says nothing. */
static bool own_path(long pid, unsigned long long start, char *path, size_t size)
{
    struct stat place = {0};

    stat("/proc/self/ns/pid", &place);
    return snprintf(path, size, "%s/" OWN_PREFIX "%ld.%llu.%llu", cgroup_base(), pid, start,
                    (unsigned long long)place.st_ino) < (int)size;
}

static void remove_dead(const char *name)
{
    struct timespec nap = {.tv_nsec = 10000000};
    unsigned long long start;
    char path[PATH_MAX];
    long pid;

    if (sscanf(name, OWN_PREFIX "%ld.%llu", &pid, &start) != 2 ||
        (start != 0 && started(pid) == start) || !own_path(pid, start, path, sizeof path) ||
        strcmp(strrchr(path, '/') + 1, name) != 0)
        return;
    /* At the start only, when nobody waits for us yet. */
    for (int i = 0; i < REMOVE_TRIES; i++) {
        cgroup_kill(path);
        if (cgroup_remove(path))
            return;
        nanosleep(&nap, NULL);
    }
}

static void remove_all_dead(void)
{
    DIR *directory = opendir(cgroup_base());
    const struct dirent *entry;

    while (directory && (entry = readdir(directory)))
        remove_dead(entry->d_name);
    if (directory)
        closedir(directory);
}

/* ---- Begin and end -------------------------------------------------------------------------- */

static int make(const char *path)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

/* No group but the first may have both processes and controllers for groups below it. */
static int step_aside(void)
{
    char path[PATH_MAX];
    int r;

    if (snprintf(path, sizeof path, "%s/" OWN_PREFIX "self", own) >= (int)sizeof path)
        return -ENAMETOOLONG;
    r = make(path);
    return r < 0 ? r : cgroup_write(path, "cgroup.procs", "0");
}

int cgroup_begin(unsigned controllers)
{
    bool writable;
    unsigned have = cgroup_controllers(&writable);
    int r;

    if (!writable)
        return -EROFS;
    if (!own[0]) {
        remove_all_dead();
        if (!own_path((long)getpid(), started(getpid()), own, sizeof own)) {
            own[0] = '\0';
            return -ENAMETOOLONG;
        }
        r = make(own);
        if (r < 0) {
            own[0] = '\0';
            return r;
        }
    }
    controllers &= have & ~enabled;
    if (controllers == 0)
        return 0;
    if (cgroup_enable(cgroup_base(), controllers) < 0) {
        r = step_aside();
        if (r < 0)
            return r;
        r = cgroup_enable(cgroup_base(), controllers);
        if (r < 0)
            return r;
    }
    r = cgroup_enable(own, controllers);
    if (r == 0)
        enabled |= controllers;
    return r;
}

/* Have what is in the group at PATH be in superd's own again: it outlives this daemon, as what a
 * handler left running does without groups. */
static void let_out(const char *path)
{
    char file[PATH_MAX], pid[32];
    FILE *all;

    if (snprintf(file, sizeof file, "%s/all/cgroup.procs", path) >= (int)sizeof file)
        return;
    all = fopen(file, "re");
    while (all && fgets(pid, sizeof pid, all))
        cgroup_write(cgroup_base(), "cgroup.procs", pid);
    if (all)
        fclose(all);
}

static void let_all_out(void)
{
    DIR *directory = opendir(own);
    const struct dirent *entry;
    char path[PATH_MAX];

    while (directory && (entry = readdir(directory))) {
        if (entry->d_name[0] != '.' &&
            snprintf(path, sizeof path, "%s/%s", own, entry->d_name) < (int)sizeof path)
            let_out(path);
    }
    if (directory)
        closedir(directory);
}

void cgroup_end(void)
{
    struct timespec nap = {.tv_nsec = 10000000};
    char path[PATH_MAX];

    if (!own[0])
        return;
    /* Back to where we came from, or our own group could not go. */
    if (snprintf(path, sizeof path, "%s/" OWN_PREFIX "self", own) < (int)sizeof path &&
        access(path, F_OK) == 0)
        cgroup_write(cgroup_base(), "cgroup.procs", "0");
    /* Launchers that were told to end are about to. */
    for (int i = 0; i < REMOVE_TRIES && !cgroup_remove(own); i++) {
        if (i == REMOVE_TRIES / 2 && !enabled)
            let_all_out();
        nanosleep(&nap, NULL);
    }
    own[0] = '\0';
    enabled = 0;
}

void cgroup_place(const char **base_r, const char **own_r, unsigned *enabled_r)
{
    *base_r = own[0] ? cgroup_base() : ""; /* looked for already, where there is a group of ours */
    *own_r = own;
    *enabled_r = enabled;
}

void cgroup_resume(const char *old_base, const char *old_own, unsigned old_enabled)
{
    cgroup_set_base(old_base);
    snprintf(own, sizeof own, "%s", old_own);
    enabled = old_enabled;
}

/* ---- Services ------------------------------------------------------------------------------- */

bool cgroup_service_path(const char *service, char *path, size_t size)
{
    return own[0] && snprintf(path, size, "%s/%s", own, service) < (int)size;
}

const char *cgroup_service_of(const char *path)
{
    size_t length = strlen(own);

    if (length == 0 || strncmp(path, own, length) != 0 || path[length] != '/' ||
        strchr(path + length + 1, '/'))
        return NULL;
    return path + length + 1;
}

int cgroup_service(const struct service_config *service, char *path_r, size_t size)
{
    const struct isolation_settings *settings = &service->isolation;
    char all[PATH_MAX];
    int at, r;

    if (!own[0])
        return -ENOENT;
    if (snprintf(path_r, size, "%s/%s", own, service->name) >= (int)size ||
        snprintf(all, sizeof all, "%s/all", path_r) >= (int)sizeof all)
        return -ENAMETOOLONG;
    r = make(path_r);
    if (r == 0)
        r = make(all);
    if (r < 0)
        return r;
    at = open(path_r, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -errno;
    if (enabled) /* or it has never had any */
        cgroup_lift_limits(at, &settings->resources);
    r = cgroup_set_limits(at, &settings->resources);
    fd_close(&at);
    /* A limit that this kernel does not have has been refused, or warned of, before. */
    if (r == -ENOENT && settings->on_missing == MISSING_WARN)
        r = 0;
    if (r == 0 && settings->cgroup == SHARING_CONNECTION)
        r = cgroup_enable(path_r, cgroup_controllers_of(&settings->per_instance) & enabled);
    return r;
}

int cgroup_open(const struct service_config *service)
{
    char path[PATH_MAX];
    int r = cgroup_service(service, path, sizeof path), at;

    if (r < 0)
        return r;
    at = strlen(path) + sizeof "/all" <= sizeof path
             ? open(strcat(path, "/all"), O_PATH | O_DIRECTORY | O_CLOEXEC)
             : -1;
    return at < 0 ? -errno : at;
}

int cgroup_join(const char *path)
{
    return cgroup_write(path, "all/cgroup.procs", "0");
}

/* ---- Instances ------------------------------------------------------------------------------ */

bool cgroup_instance_path(const char *service, uint64_t instance, char *path, size_t size)
{
    return own[0] && snprintf(path, size, "%s/%s/i%" PRIu64, own, service, instance) < (int)size;
}

int cgroup_instance(int directory, uint64_t instance, const struct resource_settings *limits)
{
    char name[32];
    int at, fd, r;

    snprintf(name, sizeof name, "i%" PRIu64, instance);
    if (mkdirat(directory, name, 0755) != 0 && errno != EEXIST)
        return -errno;
    at = openat(directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0)
        return -errno;
    r = cgroup_set_limits(at, limits);
    fd = r == 0 || r == -ENOENT ? openat(at, "cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0 && (r == 0 || r == -ENOENT))
        r = -errno;
    fd_close(&at);
    return fd >= 0 ? fd : r;
}
