/*
 * cgroup_host: see cgroup_host.h.
 */
#include "launch/isolation/cgroup_host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/strbuf.h"
#include "launch/isolation/cgroup.h"

static char base[PATH_MAX]; /* "": not looked for, or none */

static const struct {
    enum cgroup_controller controller;
    const char *name;
} controllers_table[] = {{CONTROLLER_CPU, "cpu"},
                         {CONTROLLER_MEMORY, "memory"},
                         {CONTROLLER_PIDS, "pids"},
                         {CONTROLLER_IO, "io"}};
#define CONTROLLERS (sizeof controllers_table / sizeof controllers_table[0])

/* ---- Files ---------------------------------------------------------------------------------- */

int cgroup_write(const char *directory, const char *name, const char *text)
{
    int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC), r;

    if (at < 0)
        return -errno;
    r = fd_write_file(at, name, text);
    fd_close(&at);
    return r;
}

bool cgroup_read(const char *directory, const char *name, char *text, size_t size)
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

const char *cgroup_base(void)
{
    return find_base() ? base : NULL;
}

void cgroup_set_base(const char *path)
{
    snprintf(base, sizeof base, "%s", path);
}

/* ---- Controllers ---------------------------------------------------------------------------- */

static unsigned listed(const char *directory, const char *name)
{
    char text[1024], *at = text, *word;
    unsigned found = 0;

    if (!cgroup_read(directory, name, text, sizeof text))
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

int cgroup_enable(const char *directory, unsigned controllers)
{
    unsigned have = listed(directory, "cgroup.subtree_control");

    for (size_t i = 0; i < CONTROLLERS; i++) {
        char word[16];
        int r;

        if (!(controllers & ~have & controllers_table[i].controller))
            continue;
        snprintf(word, sizeof word, "+%s", controllers_table[i].name);
        r = cgroup_write(directory, "cgroup.subtree_control", word);
        if (r < 0)
            return r;
    }
    return 0;
}
