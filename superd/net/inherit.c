/*
 * inherit: sockets that superd was started with, as sd_listen_fds(3) defines it. Declared in
 * listener.h, because to the rest of the daemon they are listeners like others.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "net/listener.h"

#define FIRST_FD      3 /* SD_LISTEN_FDS_START */
#define INHERITED_MAX 256

static struct {
    int fd;
    bool given;
    char *name;
} inherited[INHERITED_MAX];
static size_t inherited_count;

static char *next_name(char **names)
{
    char *name = *names ? strsep(names, ":") : NULL;

    return name && *name ? name : (char *)"unknown";
}

void inherited_take(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    const char *given = getenv("LISTEN_FDNAMES");
    char *names = given ? strdup(given) : NULL, *cursor = names;
    uint64_t number, count;

    if (pid && fds && units_parse_number(pid, UINT32_MAX, &number) &&
        number == (uint64_t)getpid() && units_parse_number(fds, INHERITED_MAX, &count)) {
        for (uint64_t i = 0; i < count; i++) {
            int fd = FIRST_FD + (int)i;
            char *name = strdup(next_name(&cursor));

            if (!name || fd_set_cloexec(fd, true) < 0) {
                free(name); /* said to be there, but is not */
                continue;
            }
            inherited[inherited_count].fd = fd;
            inherited[inherited_count++].name = name;
        }
    }
    free(names);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

int inherited_find(const char *name)
{
    for (size_t i = 0; i < inherited_count; i++) {
        if (!inherited[i].given && strcmp(inherited[i].name, name) == 0) {
            inherited[i].given = true;
            return inherited[i].fd;
        }
    }
    return -1;
}

void inherited_return(int fd)
{
    for (size_t i = 0; i < inherited_count; i++) {
        if (inherited[i].fd == fd)
            inherited[i].given = false;
    }
}

bool inherited_at(size_t number, int *fd_r, const char **name_r, bool *given_r)
{
    if (number >= inherited_count)
        return false;
    *fd_r = inherited[number].fd;
    *name_r = inherited[number].name;
    *given_r = inherited[number].given;
    return true;
}

void inherited_add(int fd, const char *name, bool given)
{
    char *copy = inherited_count < INHERITED_MAX ? strdup(name) : NULL;

    if (!copy)
        return;
    inherited[inherited_count].fd = fd;
    inherited[inherited_count].given = given;
    inherited[inherited_count++].name = copy;
}
