/*
 * view: what a service's handlers see as their file system, made once per service in a mount
 * namespace of its own.
 *
 * The process that makes it is in that namespace and privileged in it; afterwards it stands in the
 * new root. Nothing of the host's tree that was not named can be reached from there: the old root
 * is detached, not only covered.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_VIEW_H
#define SUPERD_LAUNCH_ISOLATION_VIEW_H

#include <stdbool.h>
#include <stddef.h>

struct service_config;

struct view {
    const struct service_config *service;
    bool own_pids; /* we are in a process namespace of the service's, and /proc is to show it */
    bool slots;    /* launchers will make a root for each instance, see slots.h */
    bool user_namespace; /* we cannot make device files */
};

/* Does the service need one at all? */
bool view_needed(const struct service_config *service);

/* Make it. Returns 0, or -errno with what failed (a path) in WHAT. */
int view_make(const struct view *view, char *what, size_t size);

/* The options of a private /tmp of SIZE bytes. */
void view_tmp_options(char *text, size_t size, unsigned long long bytes);

#endif
