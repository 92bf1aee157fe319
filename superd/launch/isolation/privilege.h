/*
 * privilege: what a launcher gives up for itself and so for all its children: capabilities,
 * no_new_privs, its key ring, being looked into.
 *
 * Bare system calls: some of this also runs in a child that shares its launcher's memory.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_PRIVILEGE_H
#define SUPERD_LAUNCH_ISOLATION_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>

#define CAPABILITY(number) (UINT64_C(1) << (number))

/* The capabilities that this process may use now. */
uint64_t privilege_permitted(void);

/* Drop all but KEEP from the bounding set, which no exec can exceed. Needs CAP_SETPCAP unless they are gone already. A user namespace that is entered later fills it again. Returns 0 or -errno. */
int privilege_bound(uint64_t keep);

/* Is nothing but (some of) KEEP in the bounding set? */
bool privilege_is_bound(uint64_t keep);

/* Be permitted KEEP of what we are permitted now, and let nothing be inherited. Returns 0 or
 * -errno. */
int privilege_reduce(uint64_t keep);

/* In the child, after its uid has changed under PR_SET_KEEPCAPS: have exactly CAPABILITIES, also
 * after exec. Returns 0, or -1 and errno. */
int privilege_grant(uint64_t capabilities);

/* No setuid program gives anything to us or our children; nobody of our uid may look into us; and
 * superd's key ring is not ours. Returns 0 or -errno. */
int privilege_renounce(void);

#endif
