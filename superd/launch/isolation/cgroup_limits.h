/* cgroup_limits: the limits of a service or an instance as the files of its group. */
#ifndef SUPERD_LAUNCH_ISOLATION_CGROUP_LIMITS_H
#define SUPERD_LAUNCH_ISOLATION_CGROUP_LIMITS_H

struct io_limit;
struct resource_settings;

#define CGROUP_IO_TEXT_SIZE 160 /* two numbers, and four words with a number each */

/* LIMIT as a line of the file io.max; returns TEXT. */
const char *cgroup_io_text(const struct io_limit *limit, char text[CGROUP_IO_TEXT_SIZE]);

/* Lift what LIMITS does not limit in that group, which may have had other limits before. */
void cgroup_lift_limits(int at, const struct resource_settings *limits);

/* Set LIMITS in the group that is open at AT. Returns 0, or -errno at the first that cannot be. */
int cgroup_set_limits(int at, const struct resource_settings *limits);

#endif
