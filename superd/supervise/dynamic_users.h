/*
 * dynamic_users: uids for `user = "dynamic"` and "dynamic-per-connection", out of the range that the
 * configuration gives.
 *
 * What must hold: a uid is not given out again while a process of it lives, also one that an
 * earlier daemon started or that left its instance behind. So a uid that comes back rests until a
 * look at all processes has not found it; looks are taken only when no other uid is left, one for
 * all that rest.
 */
#ifndef SUPERD_SUPERVISE_DYNAMIC_USERS_H
#define SUPERD_SUPERVISE_DYNAMIC_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct dynamic_users {
    uid_t first;
    size_t count;          /* 0: no range */
    unsigned char *states; /* owned; one each */
    size_t next;           /* where to look for the next free one */
};

/* Use the uids FIRST to LAST from now on (0, 0: none). Those of the old range that are in the new
 * one keep their state. False: no memory, nothing changed. */
bool dynamic_users_configure(struct dynamic_users *users, uid_t first, uid_t last);

/* Take one. False: all are in use. */
bool dynamic_users_take(struct dynamic_users *users, uid_t *uid_r);

/* UID is in use already; one outside of the range is nobody's business. */
void dynamic_users_reserve(struct dynamic_users *users, uid_t uid);

/* Give it back; one outside of the range is forgotten. */
void dynamic_users_give_back(struct dynamic_users *users, uid_t uid);

void dynamic_users_free(struct dynamic_users *users);

#endif
