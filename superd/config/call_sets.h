/*
 * call_sets: system calls by name, in sets that people can name. The vocabulary of
 * `isolate.system_calls`; what the kernel makes of it is launch/isolation/filter.
 *
 * Every system call of Linux 6.12 that is of any use is in exactly one of the plain sets. The set
 * "@ordinary-1" is made of plain sets; it is versioned: what is in it will not change, a wider or
 * narrower one will be "@ordinary-2". "@ordinary" is the newest.
 */
#ifndef SUPERD_CONFIG_CALL_SETS_H
#define SUPERD_CONFIG_CALL_SETS_H

#include <stdbool.h>
#include <stddef.h>

struct call_set {
    const char *name; /* with its "@" */
    const char *help;
    const char *const *members; /* names, and names of other sets; NULL at the end */
};

/* The set NUMBER, from 0; NULL: no more. */
const struct call_set *call_set_at(size_t number);

/* The set of that name; NULL: none. */
const struct call_set *call_set_find(const char *name);

/* Is it in any set, so the name of a system call? */
bool call_known(const char *name);

/* Call VISIT for each system call that NAME, a call or a set, stands for. */
void call_each(const char *name, void (*visit)(void *data, const char *call), void *data);

/* Calls that superd needs itself between its last step of isolation and the handler's first: they
 * cannot be denied. */
bool call_is_needed(const char *name);

/* Does it reach a key ring? Those of a uid outlive its processes (keyrings(7)). */
bool call_is_of_keys(const char *name);

/* Number of different names in all sets. */
size_t call_count(void);

#endif
