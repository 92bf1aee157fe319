/*
 * source: see source.h.
 *
 * Places come from slabs that are allocated whole and given back only with the table; a table that
 * grows gets another. The memory of a slab is asked for zeroed, so places that were never used cost
 * address space and no memory. Links are pointers, because places never move.
 */
#include "admission/source.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct source_slab {
    struct source_slab *next;
    uint32_t size, used; /* places; those before `used` have been given out once */
    struct source places[];
};

/* ---- Hash ----------------------------------------------------------------------------------- */

static_assert(sizeof(struct prefix) == 18, "a prefix has no padding: it is hashed as bytes");

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson and Bernstein 2012, the shorter variant) over four words. */
static uint64_t hash(const uint64_t seed[2], const void *owner, const struct prefix *prefix)
{
    uint64_t words[5] = {(uintptr_t)owner, [4] = (uint64_t)32 << 56};
    uint64_t v[4] = {seed[0] ^ UINT64_C(0x736f6d6570736575), seed[1] ^ UINT64_C(0x646f72616e646f6d),
                     seed[0] ^ UINT64_C(0x6c7967656e657261),
                     seed[1] ^ UINT64_C(0x7465646279746573)};

    memcpy(&words[1], prefix, sizeof *prefix);
    for (unsigned i = 0; i < 5; i++) {
        v[3] ^= words[i];
        sip_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    for (unsigned i = 0; i < 3; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct source **head_of(const struct source_table *table, const void *owner,
                               const struct prefix *prefix)
{
    return &table->heads[hash(table->seed, owner, prefix) & (table->head_count - 1)];
}

/* ---- Idle entries --------------------------------------------------------------------------- */

static void unlink_idle(struct source_table *table, struct source *source)
{
    *(source->older != NULL ? &source->older->newer : &table->oldest) = source->newer;
    *(source->newer != NULL ? &source->newer->older : &table->newest) = source->older;
    source->older = source->newer = NULL;
}

static void link_newest(struct source_table *table, struct source *source)
{
    source->older = table->newest;
    source->newer = NULL;
    *(table->newest != NULL ? &table->newest->newer : &table->oldest) = source;
    table->newest = source;
}

/* Take SOURCE, which is neither held nor among the idle, out of the table. */
static void forget(struct source_table *table, struct source *source)
{
    struct source **link = head_of(table, source->owner, &source->prefix);

    while (*link != source) {
        link = &(*link)->chain;
    }
    *link = source->chain;
    *source = (struct source){.chain = table->free};
    table->free = source;
    table->count--;
}

static void forget_oldest(struct source_table *table)
{
    struct source *source = table->oldest;

    unlink_idle(table, source);
    forget(table, source);
}

/* ---- The table ------------------------------------------------------------------------------ */

/* Twice as many as entries: a chain is short then, and its links are what is slow to look at. */
static size_t heads_for(uint32_t bound)
{
    size_t count = 1;

    while (count < 2 * (size_t)bound) {
        count *= 2;
    }
    return count;
}

static struct source_slab *new_slab(uint64_t size)
{
    struct source_slab *slab = calloc(1, sizeof *slab + size * sizeof slab->places[0]);

    if (slab != NULL) {
        slab->size = (uint32_t)size;
    }
    return slab;
}

bool source_table_init(struct source_table *table, uint32_t bound,
                       const uint8_t seed[SOURCE_SEED_SIZE])
{
    assert(bound > 0);
    *table = (struct source_table){0};
    memcpy(table->seed, seed, sizeof table->seed);
    return source_table_resize(table, bound);
}

void source_table_clear(struct source_table *table)
{
    while (table->slabs != NULL) {
        struct source_slab *slab = table->slabs;
        table->slabs = slab->next;
        free(slab);
    }
    free(table->heads);
    *table = (struct source_table){0};
}

static void rehash(struct source_table *table, struct source **heads, size_t head_count)
{
    struct source **old_heads = table->heads;
    size_t old_count = table->head_count;

    table->heads = heads;
    table->head_count = head_count;
    for (size_t i = 0; i < old_count; i++) {
        struct source *next;
        for (struct source *source = old_heads[i]; source != NULL; source = next) {
            struct source **head = head_of(table, source->owner, &source->prefix);
            next = source->chain;
            source->chain = *head;
            *head = source;
        }
    }
    free(old_heads);
}

static bool grow(struct source_table *table, uint32_t bound)
{
    size_t head_count = heads_for(bound);
    struct source **heads = calloc(head_count, sizeof heads[0]);
    struct source_slab *slab = new_slab(bound - table->capacity);
    struct source_slab **last = &table->slabs;

    if (heads == NULL || slab == NULL) {
        free(heads);
        free(slab);
        return false;
    }
    rehash(table, heads, head_count);
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = slab;
    if (table->fresh == NULL) {
        table->fresh = slab;
    }
    table->capacity = bound;
    return true;
}

bool source_table_resize(struct source_table *table, uint32_t bound)
{
    if (bound > table->capacity && !grow(table, bound)) {
        return false;
    }
    table->bound = bound;
    while (table->count > bound && table->oldest != NULL) {
        forget_oldest(table);
    }
    return true;
}

struct source *source_find(const struct source_table *table, const void *owner,
                           const struct prefix *prefix)
{
    struct source *source = *head_of(table, owner, prefix);

    while (source != NULL &&
           (source->owner != owner || memcmp(&source->prefix, prefix, sizeof *prefix) != 0)) {
        source = source->chain;
    }
    return source;
}

bool source_has_room(const struct source_table *table)
{
    return table->count < table->bound || table->oldest != NULL; /* over the bound none is idle */
}

/* A place; there is one, because the slabs have at least as many as the bound. */
static struct source *take_place(struct source_table *table)
{
    struct source *source = table->free;

    if (source != NULL) {
        table->free = source->chain;
        return source;
    }
    struct source_slab *slab = table->fresh;
    source = &slab->places[slab->used++];
    if (slab->used == slab->size) {
        table->fresh = slab->next;
    }
    return source;
}

struct source *source_add(struct source_table *table, const void *owner,
                          const struct prefix *prefix)
{
    if (!source_has_room(table)) {
        return NULL;
    }
    if (table->count == table->bound) {
        forget_oldest(table);
    }
    struct source *source = take_place(table);
    struct source **head = head_of(table, owner, prefix);
    *source = (struct source){
        .prefix = *prefix, .used = true, .held = 1, .owner = owner, .chain = *head};
    *head = source;
    table->count++;
    return source;
}

void source_hold(struct source_table *table, struct source *source)
{
    if (source->held++ == 0) {
        unlink_idle(table, source);
    }
}

void source_let_go(struct source_table *table, struct source *source)
{
    assert(source->held > 0);
    if (--source->held > 0) {
        return;
    }
    if (source->owner == NULL || table->count > table->bound) {
        forget(table, source);
    } else {
        link_newest(table, source);
    }
}

void source_touch(struct source_table *table, struct source *source)
{
    if (source->held == 0) {
        unlink_idle(table, source);
        link_newest(table, source);
    }
}

void source_forget_owner(struct source_table *table, const void *owner)
{
    struct source *newer;

    for (struct source *source = table->oldest; source != NULL; source = newer) {
        newer = source->newer;
        if (source->owner == owner) {
            unlink_idle(table, source);
            forget(table, source);
        }
    }
}

struct source *source_next(const struct source_table *table, const struct source *source)
{
    for (struct source_slab *slab = table->slabs; slab != NULL; slab = slab->next) {
        uint32_t i = 0;
        if (source != NULL) {
            if (source < slab->places || source >= slab->places + slab->used) {
                continue;
            }
            i = (uint32_t)(source - slab->places) + 1;
            source = NULL;
        }
        for (; i < slab->used; i++) {
            if (slab->places[i].used) {
                return &slab->places[i];
            }
        }
    }
    return NULL;
}
