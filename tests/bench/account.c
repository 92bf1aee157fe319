/*
 * account: how connections ended; see load.h.
 */
#include <errno.h>

#include "load.h"

const char *const load_mode_names[LOAD_MODE_MAX] = {
    [LOAD_CLOSED] = "closed", [LOAD_OPEN] = "open", [LOAD_BURST] = "burst",
    [LOAD_FLOOD] = "flood",   [LOAD_HOLD] = "hold", [LOAD_BULK] = "bulk",
};

const char *const load_outcome_names[OUTCOME_MAX] = {
    [OUTCOME_OK] = "ok",           [OUTCOME_REFUSED] = "refused", [OUTCOME_RESET] = "reset",
    [OUTCOME_TIMEOUT] = "timeout", [OUTCOME_SHORT] = "short",     [OUTCOME_OTHER] = "other",
};

enum load_outcome load_outcome_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return OUTCOME_REFUSED;
    case ECONNRESET:
    case EPIPE:
        return OUTCOME_RESET;
    case ETIMEDOUT:
        return OUTCOME_TIMEOUT;
    default:
        return OUTCOME_OTHER;
    }
}

bool load_account_merge(struct load_account *into, const struct load_account *from)
{
    for (size_t i = 0; i < OUTCOME_MAX; i++) {
        into->outcomes[i] += from->outcomes[i];
    }
    into->in_window += from->in_window;
    into->empty += from->empty;
    into->bytes += from->bytes;
    into->begun += from->begun;
    into->held += from->held;
    into->lost += from->lost;
    if (into->other_errno == 0) {
        into->other_errno = from->other_errno;
    }
    if (from->last_ns > into->last_ns) {
        into->last_ns = from->last_ns;
    }
    return samples_merge(&into->connect, &from->connect) &&
           samples_merge(&into->first, &from->first) && samples_merge(&into->end, &from->end);
}

void load_account_free(struct load_account *account)
{
    samples_free(&account->connect);
    samples_free(&account->first);
    samples_free(&account->end);
}
