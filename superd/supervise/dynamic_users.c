/*
 * dynamic_users: see dynamic_users.h.
 */
#include "supervise/dynamic_users.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#define TRIES    64  /* uids that are asked about in one turn */
#define RETRY_MS 100 /* from a moment when there was none to the next try */

bool dynamic_users_configure(struct dynamic_users *users, uid_t first, uid_t last)
{
    struct dynamic_users new = {.first = first, .count = last ? (size_t)(last - first) + 1 : 0};

    if (new.count == users->count && (new.count == 0 || first == users->first))
        return true;
    new.in_use = calloc(new.count + 1, sizeof *new.in_use);
    if (!new.in_use)
        return false;
    for (size_t i = 0; i < users->count; i++) {
        size_t place = (size_t)users->first + i - first;

        if (users->in_use[i] && users->first + i >= first && place < new.count) {
            new.in_use[place] = true;
            new.taken++;
        }
    }
    free(users->in_use);
    *users = new;
    return true;
}

/* Has any process this uid, zombies included? The kernel goes through all processes in the order in
 * which they were born, so one that is replaced by its child meanwhile is found in the child. */
static bool has_process(uid_t uid)
{
    errno = 0;
    getpriority(PRIO_USER, uid);
    return errno != ESRCH; /* of another error one does not know */
}

bool dynamic_users_room(const struct dynamic_users *users, uint64_t now_ms, uint64_t *retry_ms)
{
    if (users->taken < users->count && now_ms >= users->retry_ms)
        return true;
    *retry_ms = now_ms < users->retry_ms ? users->retry_ms : now_ms + RETRY_MS;
    return false;
}

bool dynamic_users_take(struct dynamic_users *users, uint64_t now_ms, uid_t *uid_r)
{
    unsigned tries = 0;

    for (size_t i = 0; i < users->count && tries < TRIES; i++) {
        size_t place = users->next;

        users->next = (place + 1) % users->count;
        if (users->in_use[place])
            continue;
        tries++;
        if (has_process(users->first + (uid_t)place))
            continue;
        users->in_use[place] = true;
        users->taken++;
        *uid_r = users->first + (uid_t)place;
        return true;
    }
    users->retry_ms = now_ms + RETRY_MS;
    return false;
}

void dynamic_users_reserve(struct dynamic_users *users, uid_t uid)
{
    size_t place = (size_t)uid - users->first;

    if (uid < users->first || place >= users->count || users->in_use[place])
        return;
    users->in_use[place] = true;
    users->taken++;
}

void dynamic_users_give_back(struct dynamic_users *users, uid_t uid)
{
    size_t place = (size_t)uid - users->first;

    if (uid < users->first || place >= users->count || !users->in_use[place])
        return;
    users->in_use[place] = false;
    users->taken--;
}

void dynamic_users_free(struct dynamic_users *users)
{
    free(users->in_use);
    *users = (struct dynamic_users){0};
}
