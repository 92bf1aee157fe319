/*
 * cgroup: superd's part of the control group hierarchy (version 2), cgroups(7).
 *
 *     superd.PID.START.NAMESPACE/  this daemon's; START tells a pid's first use from its next, and
 *                                  NAMESPACE, of processes, where it is one
 *         superd.self/             superd itself, where limits need it out of the way
 *         SERVICE/                 limits of the service
 *             all/                 its instances, and the launchers that are its own
 *             i17/                 instance 17, where each has a group of its own
 *
 * It lies in the group that superd was started in, so a unit of systemd with Delegate=yes, or a
 * container, is a good place. What a daemon that was killed left behind is killed and removed by
 * the next one that finds it.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_CGROUP_H
#define SUPERD_LAUNCH_ISOLATION_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct resource_settings;
struct service_config;

enum cgroup_controller {
    CONTROLLER_CPU = 1,
    CONTROLLER_MEMORY = 2,
    CONTROLLER_PIDS = 4,
    CONTROLLER_IO = 8,
};

/* The controllers that SETTINGS needs. */
unsigned cgroup_controllers_of(const struct resource_settings *settings);

/* The controllers that could be had where superd is; *WRITABLE_R: may groups be made at all? */
unsigned cgroup_controllers(bool *writable_r);

/* "memory, pids" */
const char *cgroup_controller_text(unsigned controllers, char *text, size_t size);

/* Make this daemon's group with CONTROLLERS, and remove what dead daemons left. Again: nothing but
 * further controllers. Returns 0 or -errno. */
int cgroup_begin(unsigned controllers);

/* Make the group of SERVICE with its limits, or set them anew. PATH_R gets its path. Returns 0 or
 * -errno. */
int cgroup_service(const struct service_config *service, char *path_r, size_t size);

/* For a launcher: make the group of SERVICE if need be, and open its "all". Returns a descriptor
 * (O_PATH) or -errno. */
int cgroup_open(const struct service_config *service);

/* Have this process be in the group "all" of the service's group at PATH. Returns 0 or -errno. */
int cgroup_join(const char *path);

/* Kill all processes of the group at PATH, however many there are. False: it is not there, or the
 * kernel cannot (before Linux 5.14). */
bool cgroup_kill(const char *path);

/* Remove the group at PATH and those below it. May wait for the kernel. False: some of it is still
 * in use. */
bool cgroup_remove(const char *path);

/* Remove this daemon's group: it ends. What handlers have left running goes on where superd was
 * started, unless limits hold it: then the group stays until the next start. */
void cgroup_end(void);

/* What the daemon's next program, in this same process, goes on with by cgroup_resume(). */
void cgroup_place(const char **base_r, const char **own_r, unsigned *enabled_r);
void cgroup_resume(const char *base, const char *own, unsigned enabled);

/* For a launcher: DIRECTORY is an open service's group. Make the group of INSTANCE with its limits,
 * and open what a process writes to to get into it. Returns a descriptor or -errno. */
int cgroup_instance(int directory, uint64_t instance, const struct resource_settings *limits);

/* The name of the service of which PATH is the group; NULL: it is none of a service. */
const char *cgroup_service_of(const char *path);

/* The path of the group of the service of that name; false: this daemon has no groups. */
bool cgroup_service_path(const char *service, char *path, size_t size);

/* The path of an instance's group; false: this daemon has no groups. */
bool cgroup_instance_path(const char *service, uint64_t instance, char *path, size_t size);

#endif
