/*
 * groups: the control groups of instances that have one each (isolate.cgroup = "connection").
 *
 * The launcher makes an instance's group; here it is killed whole, which nothing that a handler
 * does can escape, and removed when it is empty. Removing waits for the kernel, so a thread does
 * it, for many at once.
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

/* Groups that wait to be removed: each path, and one that waited in the daemon's last program. */
void groups_visit(const struct supervisor *supervisor, void (*visit)(void *data, const char *path),
                  void *data);
void groups_add(struct supervisor *supervisor, const char *path);

#endif
