/*
 * landlock: the kernel's unprivileged access rules, landlock(7), as a second wall.
 *
 * A rule set is made once in a launcher and entered by each child. So each instance is a domain of
 * its own: it can neither signal nor trace nor look into what is outside of it, be it another
 * instance of its own user, its launcher or superd.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_LANDLOCK_H
#define SUPERD_LAUNCH_ISOLATION_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

struct isolation_settings;

/* The version of the kernel's interface; 0: it has none. From 6 on signals are kept inside. */
int landlock_version(void);
#define LANDLOCK_SIGNALS 6

/* Make the rules for a service whose root we are in already: files may be changed where the mounts
 * allow it by intention, TCP is closed where there is no network. Returns a descriptor or -errno. */
int landlock_rules(const struct isolation_settings *settings);

/* Make the rules that only keep signals and abstract sockets inside. Returns a descriptor or
 * -errno: -EOPNOTSUPP where the kernel cannot. */
int landlock_scope(void);

/* Enter them, for ever; for the child: a bare system call. Returns 0, or -1 and errno. */
int landlock_enter(int rules);

#endif
