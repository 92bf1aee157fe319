/*
 * dynamic_users: see dynamic_users.h.
 */
#include "supervise/dynamic_users.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"

enum state { RESTING, FREE, IN_USE, SEEN };

bool dynamic_users_configure(struct dynamic_users *users, uid_t first, uid_t last)
{
    size_t count = last ? (size_t)(last - first) + 1 : 0;
    unsigned char *states;

    if (count == users->count && (count == 0 || first == users->first))
        return true;
    states = calloc(count + 1, 1); /* all rest at first: who knows who lives */
    if (!states)
        return false;
    for (size_t i = 0; i < users->count; i++) {
        uid_t uid = users->first + (uid_t)i;

        if (count && uid >= first && uid <= last)
            states[uid - first] = users->states[i];
    }
    free(users->states);
    *users = (struct dynamic_users){.first = first, .count = count, .states = states};
    return true;
}

/* All of the four uids of a process count: what it may become again is its too. */
static void see_process(struct dynamic_users *users, const char *pid)
{
    char path[64], text[2048];
    unsigned long ids[4];
    const char *line;
    ssize_t n;
    int fd;

    snprintf(path, sizeof path, "/proc/%.32s/status", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    fd_close(&fd);
    if (n <= 0)
        return;
    text[n] = '\0';
    line = strstr(text, "\nUid:");
    if (!line || sscanf(line, "\nUid: %lu %lu %lu %lu", &ids[0], &ids[1], &ids[2], &ids[3]) != 4)
        return;
    for (size_t i = 0; i < 4; i++) {
        size_t place = ids[i] - users->first;

        if (ids[i] >= users->first && place < users->count && users->states[place] == RESTING)
            users->states[place] = SEEN;
    }
}

/* Let those go that no process has. When /proc cannot be read, none. */
static void look(struct dynamic_users *users)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;

    if (!directory)
        return;
    while ((entry = readdir(directory))) {
        if (isdigit((unsigned char)entry->d_name[0]))
            see_process(users, entry->d_name);
    }
    closedir(directory);
    for (size_t i = 0; i < users->count; i++) {
        if (users->states[i] == RESTING)
            users->states[i] = FREE;
        else if (users->states[i] == SEEN)
            users->states[i] = RESTING;
    }
}

static bool find_free(struct dynamic_users *users, uid_t *uid_r)
{
    for (size_t i = 0; i < users->count; i++) {
        size_t place = (users->next + i) % users->count;

        if (users->states[place] != FREE)
            continue;
        users->states[place] = IN_USE;
        users->next = (place + 1) % users->count;
        *uid_r = users->first + (uid_t)place;
        return true;
    }
    return false;
}

bool dynamic_users_take(struct dynamic_users *users, uid_t *uid_r)
{
    if (find_free(users, uid_r))
        return true;
    look(users);
    return find_free(users, uid_r);
}

void dynamic_users_reserve(struct dynamic_users *users, uid_t uid)
{
    size_t place = (size_t)uid - users->first;

    if (uid >= users->first && place < users->count)
        users->states[place] = IN_USE;
}

void dynamic_users_give_back(struct dynamic_users *users, uid_t uid)
{
    size_t place = (size_t)uid - users->first;

    if (uid >= users->first && place < users->count)
        users->states[place] = RESTING;
}

void dynamic_users_free(struct dynamic_users *users)
{
    free(users->states);
    *users = (struct dynamic_users){0};
}
