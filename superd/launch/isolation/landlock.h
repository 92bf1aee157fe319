/*
 * landlock: the kernel's unprivileged access rules, landlock(7), as a second wall.
 *
 * A rule set is made once in a launcher and entered by each child. So each instance is a domain of
 * its own: it can neither trace nor look into what is outside of it, be it another instance of its
 * own user, its launcher or superd; from Linux 6.12 on nor signal it.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_LANDLOCK_H
#define SUPERD_LAUNCH_ISOLATION_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

struct isolation_settings;
struct service_config;

/* The version of the kernel's interface; 0: it has none. From 6 on signals are kept inside. */
int landlock_version(void);
#define LANDLOCK_SIGNALS 6

/* What instances of a service are kept from doing to processes outside of them. */
enum landlock_reach {
    LANDLOCK_ALL,       /* nothing */
    LANDLOCK_UNTRACED,  /* tracing them, and looking into them through /proc */
    LANDLOCK_UNREACHED, /* signalling them, too */
};

/* By the rules that a kernel of VERSION lets superd's launchers make for SERVICE, superd being
 * root. */
enum landlock_reach landlock_reach_of(const struct service_config *service, int version);

/* Make the rules for a service whose root we are in already: files may be changed where the mounts
 * allow it by intention, TCP is closed where there is no network. Returns a descriptor or -errno. */
int landlock_rules(const struct isolation_settings *settings);

/* Make the rules that only keep signals and abstract sockets inside. Returns a descriptor or
 * -errno: -EOPNOTSUPP where the kernel cannot. */
int landlock_scope(void);

/* Make rules that do as little as rules can, and yet put whoever enters them into a domain of his
 * own: for a service that sees files otherwise than the host. The root of another process of its
 * user, in /proc, would be the way out. VERSION is the kernel's or less. Returns a descriptor or
 * -errno: -EOPNOTSUPP where there is none (Linux 5.19 is the first) that does no harm. */
int landlock_apart(int version);

/* Enter them, for ever; for the child: a bare system call. Returns 0, or -1 and errno. */
int landlock_enter(int rules);

#endif
