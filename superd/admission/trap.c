/*
 * trap: see trap.h. A binary heap, ordered by the time that a trap ends, because traps of different
 * listeners stand for different times, and the table must find one that is over at once.
 */
#include "admission/trap.h"

#include <stdlib.h>

/* ---- The heap ------------------------------------------------------------------------------- */

static void place(struct trap_set *set, uint32_t slot, struct source *source)
{
    set->heap[slot] = source;
    source->trap.slot = slot;
}

static void move_up(struct trap_set *set, uint32_t slot)
{
    struct source *source = set->heap[slot];

    while (slot > 0 && set->heap[(slot - 1) / 2]->trap.until_ms > source->trap.until_ms) {
        place(set, slot, set->heap[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    place(set, slot, source);
}

static void move_down(struct trap_set *set, uint32_t slot)
{
    struct source *source = set->heap[slot];

    for (;;) {
        uint64_t child = (uint64_t)slot * 2 + 1;
        if (child >= set->count) {
            break;
        }
        if (child + 1 < set->count &&
            set->heap[child + 1]->trap.until_ms < set->heap[child]->trap.until_ms) {
            child++;
        }
        if (set->heap[child]->trap.until_ms >= source->trap.until_ms) {
            break;
        }
        place(set, slot, set->heap[child]);
        slot = (uint32_t)child;
    }
    place(set, slot, source);
}

/* ---- The lengths in use --------------------------------------------------------------------- */

/* Which of set->lengths. */
static unsigned lengths_of(uint8_t family)
{
    return family == AF_INET ? 0 : family == AF_INET6 ? 1 : 2;
}

static void count_length(struct trap_set *set, const struct prefix *prefix, int change)
{
    struct trap_lengths *lengths = &set->lengths[lengths_of(prefix->family)];
    uint64_t bit = (uint64_t)1 << prefix->length % 64;

    lengths->counts[prefix->length] += (uint32_t)change;
    if (lengths->counts[prefix->length] > 0) {
        lengths->in_use[prefix->length / 64] |= bit;
    } else {
        lengths->in_use[prefix->length / 64] &= ~bit;
    }
}

/* ---- The set -------------------------------------------------------------------------------- */

bool trap_set_resize(struct trap_set *set, uint32_t bound)
{
    if (bound > set->capacity) {
        struct source **heap = calloc(bound, sizeof(struct source *));
        if (heap == NULL) {
            return false;
        }
        for (uint32_t i = 0; i < set->count; i++) {
            heap[i] = set->heap[i];
        }
        free(set->heap);
        set->heap = heap;
        set->capacity = bound;
    }
    set->bound = bound;
    return true;
}

bool trap_set_init(struct trap_set *set, uint32_t bound)
{
    *set = (struct trap_set){0};
    return trap_set_resize(set, bound);
}

void trap_set_clear(struct trap_set *set)
{
    free(set->heap);
    *set = (struct trap_set){0};
}

bool trap_can_expire(const struct trap_set *set, uint64_t now_ms)
{
    return set->count > 0 && set->heap[0]->trap.until_ms <= now_ms;
}

void trap_expire(struct trap_set *set, struct source_table *table, uint64_t now_ms, unsigned most)
{
    for (; most > 0 && trap_can_expire(set, now_ms); most--) {
        struct source *source = set->heap[0];
        set->count--;
        if (set->count > 0) {
            place(set, 0, set->heap[set->count]);
            move_down(set, 0);
        }
        count_length(set, &source->prefix, -1);
        source_let_go(table, source);
    }
}

bool trap_add(struct trap_set *set, struct source_table *table, const struct prefix *prefix,
              uint64_t now_ms, uint64_t until_ms)
{
    struct source *source = source_find(table, NULL, prefix);

    if (until_ms <= now_ms) {
        return true;
    }
    if (source == NULL) {
        while ((set->count >= set->bound || !source_has_room(table)) &&
               trap_can_expire(set, now_ms)) {
            trap_expire(set, table, now_ms, 1);
        }
        if (set->count >= set->bound || (source = source_add(table, NULL, prefix)) == NULL) {
            return false;
        }
        source->trap.until_ms = until_ms;
        set->count++;
        place(set, set->count - 1, source);
        move_up(set, set->count - 1);
        count_length(set, prefix, 1);
    } else if (until_ms > source->trap.until_ms) {
        source->trap.until_ms = until_ms;
        move_down(set, source->trap.slot);
    }
    source->last_seen_ms = now_ms;
    return true;
}

uint64_t trap_find(const struct trap_set *set, const struct source_table *table,
                   const struct address *peer, uid_t uid, uint64_t now_ms)
{
    uint64_t until_ms = 0;

    if (set->count == 0) {
        return 0;
    }
    const struct prefix full = source_of(peer, uid, 32, 128);
    const struct trap_lengths *lengths = &set->lengths[lengths_of(full.family)];
    for (unsigned word = 0; word < 3; word++) {
        for (uint64_t bits = lengths->in_use[word]; bits != 0; bits &= bits - 1) {
            unsigned length = word * 64 + (unsigned)__builtin_ctzll(bits);
            const struct prefix prefix = source_of(peer, uid, length, length);
            const struct source *source = source_find(table, NULL, &prefix);
            if (source != NULL && source->trap.until_ms > now_ms &&
                source->trap.until_ms > until_ms) {
                until_ms = source->trap.until_ms;
            }
        }
    }
    return until_ms;
}
