/*
 * groups: the end of control groups: those of instances that have one each (isolate.cgroup =
 * "connection"), and those of services.
 *
 * Launchers make them. An instance's is killed whole, which nothing that a handler does can escape.
 * Each is removed when it is empty; that waits for the kernel, so a thread does it, for many at
 * once. A service's is never killed: what an instance that ended by itself left behind may stay, and
 * is in there with the others.
 */
#ifndef SUPERD_SUPERVISE_GROUPS_H
#define SUPERD_SUPERVISE_GROUPS_H

#include <stdbool.h>

struct instance;
struct supervisor;

void groups_begin(struct supervisor *supervisor);
void groups_stop(struct supervisor *supervisor);

/* Kill all processes of INSTANCE's own group. False: it has none. */
bool groups_kill(const struct instance *instance);

/* INSTANCE has ended: its group goes when the last process of it does. */
void groups_forget(const struct instance *instance);

/* The service of that name has no use for its group any more: it has gone, or has none now. */
void groups_leave(struct supervisor *supervisor, const char *service);

/* Groups that wait to be removed: each path, and one that waited in the daemon's last program. */
void groups_visit(const struct supervisor *supervisor, void (*visit)(void *data, const char *path),
                  void *data);
void groups_add(struct supervisor *supervisor, const char *path);

#endif
