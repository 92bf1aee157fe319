/*
 * source: the bounded table of sources.
 *
 * An entry is known by its owner (a service; NULL for a trap) and a prefix. It is held while it has
 * live instances or is a standing trap; a held entry is never forgotten and never moves, so it may
 * be pointed to. What is not held is idle: kept, in the order of last use, for its rate bucket and
 * counters, until its room is needed.
 *
 * What must hold: no more entries than the bound (a bound that was lowered: until enough are let
 * go); nothing is allocated after source_table_init() and source_table_resize(); each operation
 * costs the same however many entries there are; whoever chooses addresses cannot choose which of
 * them fall on one another (the hash is keyed).
 */
#ifndef SUPERD_ADMISSION_SOURCE_H
#define SUPERD_ADMISSION_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admission/rate.h"
#include "net/address.h"

#define SOURCE_SEED_SIZE 16

struct source {
    struct prefix prefix;
    bool used;                    /* false: a free place in a slab */
    uint32_t held;                /* live instances; 1 for a trap */
    const void *owner;            /* NULL: a trap */
    struct source *chain;         /* the next of the same hash, or the next free one */
    struct source *older, *newer; /* neighbours among the idle */
    union {
        struct rate_bucket bucket;
        struct {
            uint64_t until_ms;
            uint32_t slot; /* in the heap of traps */
        } trap;
    };
    uint64_t admitted, refused;
    uint64_t last_seen_ms;
};

struct source_slab;

struct source_table {
    uint32_t bound, count;
    uint64_t seed[2];
    struct source **heads; /* of the chains */
    size_t head_count;     /* a power of two */
    struct source_slab *slabs;
    uint64_t capacity; /* places in all slabs */
    struct source *free;
    struct source_slab *fresh; /* whose places have not all been used yet; its followers neither */
    struct source *oldest, *newest;
};

/* BOUND is at least 1. False when there is no memory. */
bool source_table_init(struct source_table *table, uint32_t bound,
                       const uint8_t seed[SOURCE_SEED_SIZE]);
void source_table_clear(struct source_table *table);

/* Change the bound; idle entries over it are forgotten. What was allocated is kept when it shrinks.
 * False when there is no memory: then nothing changed. */
bool source_table_resize(struct source_table *table, uint32_t bound);

/* The entry, or NULL. */
struct source *source_find(const struct source_table *table, const void *owner,
                           const struct prefix *prefix);

/* Would source_add() succeed? */
bool source_has_room(const struct source_table *table);

/* Add an entry that is not there yet, held once, and forget the oldest idle one when the table is
 * full. NULL when all are held. */
struct source *source_add(struct source_table *table, const void *owner,
                          const struct prefix *prefix);

void source_hold(struct source_table *table, struct source *source);

/* Let go once. Whoever is not held any more is the newest of the idle, or forgotten: where the
 * table is over its bound, and where it is a trap. */
void source_let_go(struct source_table *table, struct source *source);

/* An idle entry has been heard of: it becomes the newest. */
void source_touch(struct source_table *table, struct source *source);

/* Forget all of OWNER's entries; none of them is held. */
void source_forget_owner(struct source_table *table, const void *owner);

/* The entry after SOURCE in no order that means anything; NULL: the first, and: no more. */
struct source *source_next(const struct source_table *table, const struct source *source);

#endif
