/*
 * shown: the paths of the host that a view shows, read-only or not, and those that it covers.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_SHOWN_H
#define SUPERD_LAUNCH_ISOLATION_SHOWN_H

#include <stdbool.h>
#include <stddef.h>

struct isolation_settings;
struct mounts;
struct service_config;

/* One path that is shown, or covered. */
struct shown {
    const char *path;
    enum { SHOW_READ_ONLY, SHOW_READ_WRITE, SHOW_HIDDEN } how;
    bool optional;
};

#define SHOWN_MAX 512

struct shown_list {
    struct shown items[SHOWN_MAX];
    size_t count;
};

/* What the handler is made of: its program, its directory, and every argument that is the path of
 * something. So that three lines of configuration are enough. */
void shown_add_own(struct shown_list *list, const struct service_config *service);

/* What the configuration names. */
void shown_add_settings(struct shown_list *list, const struct isolation_settings *settings);

/* Show all of the list in what is being built. Returns 0 or -errno. */
int shown_make(struct mounts *mounts, const struct isolation_settings *settings,
               struct shown_list *list);

/* Put nothing over PATH, where it is there. Where the handler may write beside it, it must be there:
 * he may have moved it. Returns 0 or -errno. */
int shown_cover(struct mounts *mounts, const struct isolation_settings *settings, const char *path);

#endif
