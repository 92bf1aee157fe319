/*
 * trap: the sources that touched a trap and are refused everywhere until their time is over.
 *
 * Traps are entries of the source table, without an owner. They may have half of it and no more, so
 * that a flood against a trap cannot fill the table and shut out everybody else. A trap may have
 * any prefix length; a question costs one look-up for each length of the peer's family that a
 * standing trap has (usually one).
 */
#ifndef SUPERD_ADMISSION_TRAP_H
#define SUPERD_ADMISSION_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "admission/source.h"

#define TRAP_LENGTHS 129 /* 0 to 128 */

struct trap_lengths {
    uint32_t counts[TRAP_LENGTHS]; /* standing traps of each length */
    uint64_t in_use[3];            /* a bit for each count that is not 0 */
};

struct trap_set {
    struct source **heap; /* [0] ends first; each of them is held once by us */
    uint32_t count, bound, capacity;
    struct trap_lengths lengths[3]; /* of IPv4, IPv6 and UNIX peers */
};

/* BOUND: most standing traps; may be 0. False when there is no memory. A resize that fails changes
 * nothing, and one to less keeps what stands. */
bool trap_set_init(struct trap_set *set, uint32_t bound);
bool trap_set_resize(struct trap_set *set, uint32_t bound);
void trap_set_clear(struct trap_set *set);

/* Let PREFIX be trapped until UNTIL_MS at least. False when there is no room for it. */
bool trap_add(struct trap_set *set, struct source_table *table, const struct prefix *prefix,
              uint64_t now_ms, uint64_t until_ms);

/* Until when this peer is trapped; 0: it is not. A UNIX peer is known by UID. */
uint64_t trap_find(const struct trap_set *set, const struct source_table *table,
                   const struct address *peer, uid_t uid, uint64_t now_ms);

/* Forget at most MOST traps whose time is over. */
void trap_expire(struct trap_set *set, struct source_table *table, uint64_t now_ms, unsigned most);

/* Is there one whose time is over? */
bool trap_can_expire(const struct trap_set *set, uint64_t now_ms);

#endif
