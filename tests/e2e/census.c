/*
 * census: see census.h.
 */
#include "census.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_SIZE 16384

static ssize_t read_file(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    ssize_t n, length = 0;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while (length < (ssize_t)size - 1 &&
           (n = read(fd, text + length, size - 1 - (size_t)length)) > 0)
        length += n;
    close(fd);
    text[length] = '\0';
    return length;
}

static DIR *open_descriptors(pid_t pid)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    return opendir(path);
}

int census_descriptors(pid_t pid)
{
    DIR *directory = open_descriptors(pid);
    struct dirent *entry;
    int n = 0;

    if (!directory)
        return -1;
    while ((entry = readdir(directory))) {
        if (isdigit((unsigned char)entry->d_name[0]))
            n++;
    }
    closedir(directory);
    return n - (pid == getpid());
}

char *census_describe(pid_t pid, char *text, size_t size)
{
    DIR *directory = open_descriptors(pid);
    struct dirent *entry;
    size_t length = 0;

    text[0] = '\0';
    while (directory && (entry = readdir(directory))) {
        char target[256];
        ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);

        if (n < 0)
            continue;
        target[n] = '\0';
        length += (size_t)snprintf(text + length, size - length, "%s %s\n", entry->d_name, target);
        if (length >= size)
            break;
    }
    if (directory)
        closedir(directory);
    return text;
}

/* proc(5), /proc/pid/stat: "pid (comm) state ppid ..."; comm may hold anything. */
static bool read_stat(pid_t pid, char *state, pid_t *parent)
{
    char text[1024];
    const char *rest;

    if (read_file(pid, "stat", text, sizeof text) <= 0)
        return false;
    rest = strrchr(text, ')');
    return rest && sscanf(rest + 1, " %c %d", state, parent) == 2;
}

/* Call EACH with every process until it returns false. */
static void each_process(bool (*each)(pid_t pid, void *data), void *data)
{
    DIR *directory = opendir("/proc");
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        if (isdigit((unsigned char)entry->d_name[0]) &&
            !each((pid_t)strtol(entry->d_name, NULL, 10), data))
            break;
    }
    if (directory)
        closedir(directory);
}

struct collection {
    pid_t parent;
    const char *name, *value;
    pid_t *pids;
    size_t count, room;
};

static bool collect(struct collection *collection, pid_t pid)
{
    if (collection->count < collection->room)
        collection->pids[collection->count++] = pid;
    return collection->count < collection->room;
}

static bool if_child(pid_t pid, void *data)
{
    struct collection *collection = data;
    pid_t parent;
    char state;

    if (!read_stat(pid, &state, &parent) || parent != collection->parent)
        return true;
    return collect(collection, pid);
}

size_t census_children(pid_t pid, pid_t *pids, size_t room)
{
    struct collection collection = {.parent = pid, .pids = pids, .room = room};

    each_process(if_child, &collection);
    return collection.count;
}

static bool has_variable(const char *environment, ssize_t length, const char *name,
                         const char *value)
{
    size_t name_length = strlen(name);

    for (const char *at = environment; at < environment + length; at += strlen(at) + 1) {
        if (strncmp(at, name, name_length) == 0 && at[name_length] == '=' &&
            strcmp(at + name_length + 1, value) == 0)
            return true;
    }
    return false;
}

static bool if_variable(pid_t pid, void *data)
{
    struct collection *collection = data;
    char text[FILE_SIZE];
    ssize_t length = read_file(pid, "environ", text, sizeof text);

    if (!has_variable(text, length, collection->name, collection->value))
        return true;
    return collect(collection, pid);
}

size_t census_with_variable(const char *name, const char *value, pid_t *pids, size_t room)
{
    struct collection collection = {.name = name, .value = value, .pids = pids, .room = room};

    each_process(if_variable, &collection);
    return collection.count;
}

char *census_name(pid_t pid, char *text, size_t size)
{
    if (read_file(pid, "comm", text, size) <= 0)
        snprintf(text, size, "?");
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static long number_of(pid_t pid, const char *file, const char *key)
{
    char text[FILE_SIZE];
    size_t length = strlen(key);

    if (read_file(pid, file, text, sizeof text) <= 0)
        return -1;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ':')
            return strtol(line + length + 1, NULL, 10);
    }
    return -1;
}

long census_status(pid_t pid, const char *key)
{
    return number_of(pid, "status", key);
}

long census_memory(pid_t pid, const char *key)
{
    return number_of(pid, "smaps_rollup", key);
}

char census_state(pid_t pid)
{
    pid_t parent;
    char state;

    return read_stat(pid, &state, &parent) ? state : '\0';
}

bool census_alive(pid_t pid)
{
    char state = census_state(pid);

    return state && state != 'Z' && state != 'X';
}
