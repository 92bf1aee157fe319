/*
 * proc: see proc.h.
 */
#include "base/proc.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

#define STAT_SIZE 1024

int proc_open(pid_t pid, const char *name)
{
    char path[64] = "/proc/self/";

    if (pid)
        snprintf(path, sizeof path, "/proc/%d/", (int)pid);
    if (strlen(path) + strlen(name) >= sizeof path)
        return -1;
    return open(strcat(path, name), O_RDONLY | O_CLOEXEC);
}

bool proc_read(pid_t pid, const char *name, char *text, size_t size)
{
    int fd = proc_open(pid, name);
    ssize_t n = fd >= 0 ? read(fd, text, size - 1) : -1;

    fd_close(&fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* "pid (comm) state ppid pgrp session ...": comm may hold anything, so fields are counted from the last
 * ")". Those taken are 3 to 6, 14, 15, 22 and 24. */
bool proc_stat(pid_t pid, struct proc_stat *stat_r)
{
    static const char format[] = " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
                                 " %*d %*d %*d %*d %*d %*d %" SCNu64 " %*u %" SCNu64;
    struct proc_stat stat;
    char text[STAT_SIZE];
    const char *rest;

    if (!proc_read(pid, "stat", text, sizeof text))
        return false;
    rest = strrchr(text, ')');
    if (!rest || sscanf(rest + 1, format, &stat.state, &stat.parent, &stat.group, &stat.session,
                        &stat.user_ticks, &stat.system_ticks, &stat.started_ticks,
                        &stat.resident_pages) != 8)
        return false;
    *stat_r = stat;
    return true;
}

/* "Name:\tvalue" in each line. One of many groups is longer than any buffer; the process's own name, in the
 * first line, has its newlines escaped. */
bool proc_status(pid_t pid, const char *name, uint64_t *value_r)
{
    int fd = proc_open(pid, "status");
    FILE *file = fd >= 0 ? fdopen(fd, "re") : NULL;
    size_t length = strlen(name);
    bool begins = true, found = false;
    char piece[128];

    if (!file) {
        fd_close(&fd);
        return false;
    }
    while (!found && fgets(piece, sizeof piece, file)) {
        const char *value = piece + length + 1;
        char *end;

        if (begins && strncmp(piece, name, length) == 0 && piece[length] == ':') {
            unsigned long long number = strtoull(value, &end, 10);

            found = end != value;
            if (found)
                *value_r = number;
        }
        begins = strchr(piece, '\n');
    }
    fclose(file);
    return found;
}
