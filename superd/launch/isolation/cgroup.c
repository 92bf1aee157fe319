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
#include "base/strbuf.h"
#include "config/config.h"

#define PERIOD_US    100000 /* over which a quota of processor time is counted */
#define REMOVE_TRIES 50     /* at 10 ms: killed processes need a moment to be gone */
#define OWN_PREFIX   "superd."

static char base[PATH_MAX]; /* the group that superd was started in; "": not looked for, or none */
static char own[PATH_MAX];  /* superd.PID.START in it; "": not made */
static unsigned enabled;    /* controllers */

static const struct {
    enum cgroup_controller controller;
    const char *name;
} controllers_table[] = {{CONTROLLER_CPU, "cpu"},
                         {CONTROLLER_MEMORY, "memory"},
                         {CONTROLLER_PIDS, "pids"},
                         {CONTROLLER_IO, "io"}};
#define CONTROLLERS (sizeof controllers_table / sizeof controllers_table[0])

/* ---- Files ---------------------------------------------------------------------------------- */

static int write_at(int at, const char *name, const char *text)
{
    int fd = openat(at, name, O_WRONLY | O_CLOEXEC), r = 0;

    if (fd < 0)
        return -errno;
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        r = -errno;
    fd_close(&fd);
    return r;
}

static int write_in(const char *directory, const char *name, const char *text)
{
    int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC), r;

    if (at < 0)
        return -errno;
    r = write_at(at, name, text);
    fd_close(&at);
    return r;
}

static bool read_in(const char *directory, const char *name, char *text, size_t size)
{
    char path[PATH_MAX];
    ssize_t n;
    int fd;

    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, size - 1) : -1;
    fd_close(&fd);
    if (n < 0)
        return false;
    text[n] = '\0';
    return true;
}

/* ---- Where we are --------------------------------------------------------------------------- */

/* Our group as /proc/self/cgroup names it: the line of version 2 is "0::/path". */
static bool find_path(char *path, size_t size)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX];
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file)) {
        if (strncmp(line, "0::/", 4) != 0)
            continue;
        line[strcspn(line, "\n")] = '\0';
        found = snprintf(path, size, "%s", line + 3) < (int)size;
    }
    if (file)
        fclose(file);
    return found;
}

/* Where version 2 is mounted, as /proc/self/mountinfo tells: fields 4 and 5 are the root of the
 * mount and its place; the type follows a lone dash. */
static bool find_mount(char *root, char *place, size_t size)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[2 * PATH_MAX];
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file)) {
        char *fields[5], *at = line, *dash = strstr(line, " - ");

        if (!dash || strncmp(dash + 3, "cgroup2 ", 8) != 0)
            continue;
        for (size_t i = 0; i < 5 && at; i++)
            fields[i] = strsep(&at, " ");
        found = at && snprintf(root, size, "%s", fields[3]) < (int)size &&
                snprintf(place, size, "%s", fields[4]) < (int)size;
    }
    if (file)
        fclose(file);
    return found;
}

static bool find_base(void)
{
    char path[PATH_MAX], root[PATH_MAX], place[PATH_MAX];
    size_t length;
    char *rest;

    if (base[0])
        return true;
    if (!find_path(path, sizeof path) || !find_mount(root, place, sizeof root))
        return false;
    length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(path, root, length) != 0)
        return false; /* we are outside of what is mounted here */
    rest = strcmp(path + length, "/") == 0 ? path + strlen(path) : path + length;
    return snprintf(base, sizeof base, "%s%s", place, rest) < (int)sizeof base;
}

/* ---- Controllers ---------------------------------------------------------------------------- */

unsigned cgroup_controllers_of(const struct resource_settings *settings)
{
    unsigned controllers = 0;

    if (settings->memory.set || settings->swap.set)
        controllers |= CONTROLLER_MEMORY;
    if (settings->processes.set)
        controllers |= CONTROLLER_PIDS;
    if (settings->cpu || settings->cpu_weight)
        controllers |= CONTROLLER_CPU;
    if (settings->io_weight)
        controllers |= CONTROLLER_IO;
    return controllers;
}

static unsigned listed(const char *directory, const char *name)
{
    char text[1024], *at = text, *word;
    unsigned found = 0;

    if (!read_in(directory, name, text, sizeof text))
        return 0;
    while ((word = strsep(&at, " \n"))) {
        for (size_t i = 0; i < CONTROLLERS; i++) {
            if (strcmp(word, controllers_table[i].name) == 0)
                found |= controllers_table[i].controller;
        }
    }
    return found;
}

unsigned cgroup_controllers(bool *writable_r)
{
    *writable_r = find_base() && access(base, W_OK) == 0;
    return *writable_r ? listed(base, "cgroup.controllers") : 0;
}

const char *cgroup_controller_text(unsigned controllers, char *text, size_t size)
{
    struct strbuf sb;

    strbuf_init(&sb, text, size);
    for (size_t i = 0; i < CONTROLLERS; i++) {
        if (controllers & controllers_table[i].controller)
            strbuf_printf(&sb, "%s%s", sb.length ? ", " : "", controllers_table[i].name);
    }
    return text;
}

/* Let the groups below DIRECTORY use CONTROLLERS. */
static int enable(const char *directory, unsigned controllers)
{
    unsigned have = listed(directory, "cgroup.subtree_control");

    for (size_t i = 0; i < CONTROLLERS; i++) {
        char word[16];
        int r;

        if (!(controllers & ~have & controllers_table[i].controller))
            continue;
        snprintf(word, sizeof word, "+%s", controllers_table[i].name);
        r = write_in(directory, "cgroup.subtree_control", word);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- Removing ------------------------------------------------------------------------------- */

void cgroup_kill(const char *path)
{
    write_in(path, "cgroup.kill", "1"); /* fails when it has gone already, which is as well */
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
    if (!read_in(path, "stat", text, sizeof text) || !(at = strrchr(text, ')')))
        return 0;
    for (int field = 2; field < 22 && at; field++) /* proc(5): starttime is field 22 */
        at = strchr(at + 1, ' ');
    if (at)
        ticks = strtoull(at, NULL, 10);
    return ticks;
}

static void remove_dead(const char *name)
{
    struct timespec nap = {.tv_nsec = 10000000};
    unsigned long long start;
    char path[PATH_MAX];
    long pid;

    if (sscanf(name, OWN_PREFIX "%ld.%llu", &pid, &start) != 2 ||
        (start != 0 && started(pid) == start) ||
        snprintf(path, sizeof path, "%s/%s", base, name) >= (int)sizeof path)
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
    DIR *directory = opendir(base);
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
    return r < 0 ? r : write_in(path, "cgroup.procs", "0");
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
        if (snprintf(own, sizeof own, "%s/" OWN_PREFIX "%ld.%llu", base, (long)getpid(),
                     started(getpid())) >= (int)sizeof own) {
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
    if (enable(base, controllers) < 0) {
        r = step_aside();
        if (r < 0)
            return r;
        r = enable(base, controllers);
        if (r < 0)
            return r;
    }
    r = enable(own, controllers);
    if (r == 0)
        enabled |= controllers;
    return r;
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
        write_in(base, "cgroup.procs", "0");
    /* Launchers that were told to end are about to. What a handler left running may stay: then so
     * does the group, until the next start. */
    for (int i = 0; i < REMOVE_TRIES && !cgroup_remove(own); i++)
        nanosleep(&nap, NULL);
    own[0] = '\0';
    enabled = 0;
}

void cgroup_place(const char **base_r, const char **own_r, unsigned *enabled_r)
{
    *base_r = base;
    *own_r = own;
    *enabled_r = enabled;
}

void cgroup_resume(const char *old_base, const char *old_own, unsigned old_enabled)
{
    snprintf(base, sizeof base, "%s", old_base);
    snprintf(own, sizeof own, "%s", old_own);
    enabled = old_enabled;
}

/* ---- Limits --------------------------------------------------------------------------------- */

static int set_amount(int at, const char *name, uint64_t amount)
{
    char text[32];

    if (amount == UINT64_MAX)
        return write_at(at, name, "max");
    snprintf(text, sizeof text, "%" PRIu64, amount);
    return write_at(at, name, text);
}

static int set_limits(int at, const struct resource_settings *limits)
{
    char text[64];
    int r = 0;

    if (limits->memory.set) {
        r = set_amount(at, "memory.max", limits->memory.hard);
        if (r == 0 && limits->memory.soft != limits->memory.hard)
            r = set_amount(at, "memory.high", limits->memory.soft);
    }
    if (r == 0 && limits->swap.set)
        r = set_amount(at, "memory.swap.max", limits->swap.hard);
    if (r == 0 && limits->processes.set)
        r = set_amount(at, "pids.max", limits->processes.hard);
    if (r == 0 && limits->cpu) {
        snprintf(text, sizeof text, "%" PRIu64 " %d", (uint64_t)limits->cpu * PERIOD_US / 100,
                 PERIOD_US);
        r = write_at(at, "cpu.max", text);
    }
    if (r == 0 && limits->cpu_weight)
        r = set_amount(at, "cpu.weight", limits->cpu_weight);
    if (r == 0 && limits->io_weight)
        r = set_amount(at, "io.weight", limits->io_weight);
    return r;
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
    r = set_limits(at, &settings->resources);
    fd_close(&at);
    /* A limit that this kernel does not have has been refused, or warned of, before. */
    if (r == -ENOENT && settings->on_missing == MISSING_WARN)
        r = 0;
    if (r == 0 && settings->cgroup == SHARING_CONNECTION)
        r = enable(path_r, cgroup_controllers_of(&settings->per_instance) & enabled);
    return r;
}

int cgroup_join(const char *path)
{
    return write_in(path, "all/cgroup.procs", "0");
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
    r = set_limits(at, limits);
    fd = r == 0 || r == -ENOENT ? openat(at, "cgroup.procs", O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0 && (r == 0 || r == -ENOENT))
        r = -errno;
    fd_close(&at);
    return fd >= 0 ? fd : r;
}
