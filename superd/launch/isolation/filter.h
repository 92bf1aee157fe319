/*
 * filter: the system calls of a service's handlers, as a seccomp(2) filter that a launcher puts on
 * itself: its children inherit it at no cost. So what the launcher does between orders must be in
 * it (config/call_sets.h: call_is_needed()).
 */
#ifndef SUPERD_LAUNCH_ISOLATION_FILTER_H
#define SUPERD_LAUNCH_ISOLATION_FILTER_H

struct isolation_settings;
struct plan;

/* Put it on, for a launcher that carries out PLAN. Where each child makes mounts or namespaces for
 * itself, or is put into a slot, the calls for that are let through as well; without the capability,
 * which no handler has, they fail. Needs no_new_privs. Returns 0 or -errno. */
int filter_load(const struct isolation_settings *settings, const struct plan *plan);

/* Put on one that lets everything through but key rings: for a dynamic user without a list. What he
 * put into those of his uid would be found by whoever gets it next. As above. */
int filter_load_no_keys(void);

#endif
