/*
 * dynamic_users: uids for `user = "dynamic"` and "dynamic-per-connection", out of the range that the
 * configuration gives.
 *
 * What must hold: a uid is not given out while a process has it, also one that an earlier daemon
 * started or that left its instance behind. The kernel is asked about each before it is given out,
 * which costs a microsecond, and uids are taken in turn, so that one that came back rests longest.
 */
#ifndef SUPERD_SUPERVISE_DYNAMIC_USERS_H
#define SUPERD_SUPERVISE_DYNAMIC_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dynamic_users {
    uid_t first;
    size_t count;      /* 0: no range */
    bool *in_use;      /* owned; one each */
    size_t taken;      /* so many of them are true */
    size_t next;       /* to be tried */
    uint64_t retry_ms; /* not before: processes have all that were tried */
};

/* Use the uids FIRST to LAST from now on (0, 0: none). Those of the old range that are in the new
 * one stay in use. False: no memory, nothing changed. */
bool dynamic_users_configure(struct dynamic_users *users, uid_t first, uid_t last);

/* May one be had? False: ask again at *RETRY_MS, or when one has been given back. */
bool dynamic_users_room(const struct dynamic_users *users, uint64_t now_ms, uint64_t *retry_ms);

/* Take one. False: none now; dynamic_users_room() tells when to try again. */
bool dynamic_users_take(struct dynamic_users *users, uint64_t now_ms, uid_t *uid_r);

/* UID is in use already; one outside of the range is nobody's business. */
void dynamic_users_reserve(struct dynamic_users *users, uid_t uid);

/* Give it back; one outside of the range is forgotten. */
void dynamic_users_give_back(struct dynamic_users *users, uid_t uid);

void dynamic_users_free(struct dynamic_users *users);

#endif
