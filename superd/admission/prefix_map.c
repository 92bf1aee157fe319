/*
 * prefix_map: see prefix_map.h.
 *
 * Sorted by first address, then length, a prefix comes after those around it, so one pass with a
 * stack of the prefixes that are open gives the ranges: one begins where a prefix begins, and the
 * one around it goes on behind its end.
 */
#include "admission/prefix_map.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* ADDRESS as a number whose order is that of addresses; IPv4 in the first 32 of 128 bits. */
static unsigned __int128 key_of(const struct prefix *prefix)
{
    uint64_t high, low;

    memcpy(&high, prefix->bytes, sizeof high);
    memcpy(&low, prefix->bytes + sizeof high, sizeof low);
    return (unsigned __int128)be64toh(high) << 64 | be64toh(low);
}

static uint32_t key_of_v4(const struct prefix *prefix)
{
    uint32_t key;

    memcpy(&key, prefix->bytes, sizeof key);
    return be32toh(key);
}

static unsigned __int128 last_key_of(const struct prefix *prefix)
{
    unsigned __int128 hosts = prefix->length == 0 ? ~(unsigned __int128)0
                              : prefix->length >= 128
                                  ? 0
                                  : ((unsigned __int128)1 << (128 - prefix->length)) - 1;

    return key_of(prefix) | hosts;
}

static int compare_entries(const void *left, const void *right)
{
    const struct prefix_map_entry *a = left, *b = right;

    if (a->prefix.family != b->prefix.family) {
        return a->prefix.family == AF_INET ? -1 : 1;
    }
    int order = memcmp(a->prefix.bytes, b->prefix.bytes, sizeof a->prefix.bytes);
    if (order != 0) {
        return order;
    }
    if (a->prefix.length != b->prefix.length) {
        return a->prefix.length < b->prefix.length ? -1 : 1;
    }
    return a->value < b->value ? -1 : a->value > b->value;
}

/* The ranges of one family while they are made; one of the two kinds of starts is NULL. */
struct builder {
    uint32_t *starts_v4;
    unsigned __int128 *starts_v6;
    uint32_t *values;
    size_t count;
};

/* From KEY on it is VALUE. What was said of the same KEY before is overruled. */
static void begin_range(struct builder *builder, unsigned __int128 key, uint32_t value)
{
    if (builder->count > 0) {
        size_t last = builder->count - 1;
        bool same = builder->starts_v4 != NULL ? builder->starts_v4[last] == (uint32_t)(key >> 96)
                                               : builder->starts_v6[last] == key;
        if (same) {
            builder->count--;
        }
    }
    if (builder->count > 0 && builder->values[builder->count - 1] == value) {
        return;
    }
    if (builder->starts_v4 != NULL) {
        builder->starts_v4[builder->count] = (uint32_t)(key >> 96);
    } else {
        builder->starts_v6[builder->count] = key;
    }
    builder->values[builder->count++] = value;
}

static void build_ranges(struct builder *builder, const struct prefix_map_entry *entries,
                         size_t count)
{
    struct {
        unsigned __int128 last;
        uint32_t value;
    } open[130] = {{.last = ~(unsigned __int128)0, .value = PREFIX_MAP_NONE}}; /* [0]: no prefix */
    size_t depth = 0;

    begin_range(builder, 0, PREFIX_MAP_NONE);
    for (size_t i = 0; i < count; i++) {
        unsigned __int128 key = key_of(&entries[i].prefix);
        if (i > 0 && prefix_equal(&entries[i].prefix, &entries[i - 1].prefix)) {
            continue;
        }
        for (; depth > 0 && open[depth].last < key; depth--) {
            begin_range(builder, open[depth].last + 1, open[depth - 1].value);
        }
        depth++;
        open[depth].last = last_key_of(&entries[i].prefix);
        open[depth].value = entries[i].value;
        begin_range(builder, key, entries[i].value);
    }
    for (; depth > 0; depth--) {
        if (open[depth].last != open[0].last) {
            begin_range(builder, open[depth].last + 1, open[depth - 1].value);
        }
    }
}

/* A table over an address's first bits, one slot for about two ranges, narrows the search where
 * ranges are spread; where they are crowded, the search is as it was. */
static bool build_index(struct prefix_map *map)
{
    unsigned bits = 1;

    while (bits < 20 && (size_t)2 << bits < map->count_v4) {
        bits++;
    }
    size_t slots = (size_t)1 << bits;
    map->index_shift = 32 - bits;
    map->index_v4 = malloc((slots + 1) * sizeof map->index_v4[0]);
    if (map->index_v4 == NULL) {
        return false;
    }
    size_t range = 0;
    for (size_t slot = 0; slot < slots; slot++) {
        uint32_t first = (uint32_t)(slot << map->index_shift);
        while (range + 1 < map->count_v4 && map->starts_v4[range + 1] <= first) {
            range++;
        }
        map->index_v4[slot] = (uint32_t)range;
    }
    map->index_v4[slots] = (uint32_t)(map->count_v4 - 1);
    return true;
}

/* Give back what was not needed; where that fails, the larger piece is as good. */
static void *shrink(void *memory, size_t count, size_t size)
{
    void *smaller = realloc(memory, count * size);

    return smaller != NULL ? smaller : memory;
}

bool prefix_map_init(struct prefix_map *map, struct prefix_map_entry *entries, size_t count)
{
    size_t v4 = 0;

    *map = (struct prefix_map){0};
    if (count >= PREFIX_MAP_NONE / 4) {
        return false;
    }
    if (count > 0) {
        qsort(entries, count, sizeof entries[0], compare_entries);
    }
    while (v4 < count && entries[v4].prefix.family == AF_INET) {
        v4++;
    }
    size_t most_v4 = 2 * v4 + 1, most_v6 = 2 * (count - v4) + 1;
    map->starts_v4 = malloc(most_v4 * sizeof map->starts_v4[0]);
    map->values_v4 = malloc(most_v4 * sizeof map->values_v4[0]);
    map->starts_v6 = malloc(most_v6 * sizeof map->starts_v6[0]);
    map->values_v6 = malloc(most_v6 * sizeof map->values_v6[0]);
    if (map->starts_v4 == NULL || map->values_v4 == NULL || map->starts_v6 == NULL ||
        map->values_v6 == NULL) {
        prefix_map_clear(map);
        return false;
    }
    struct builder builder_v4 = {.starts_v4 = map->starts_v4, .values = map->values_v4};
    struct builder builder_v6 = {.starts_v6 = map->starts_v6, .values = map->values_v6};
    build_ranges(&builder_v4, entries, v4);
    build_ranges(&builder_v6, entries + v4, count - v4);
    map->count_v4 = builder_v4.count;
    map->count_v6 = builder_v6.count;
    map->starts_v4 = shrink(map->starts_v4, map->count_v4, sizeof map->starts_v4[0]);
    map->values_v4 = shrink(map->values_v4, map->count_v4, sizeof map->values_v4[0]);
    map->starts_v6 = shrink(map->starts_v6, map->count_v6, sizeof map->starts_v6[0]);
    map->values_v6 = shrink(map->values_v6, map->count_v6, sizeof map->values_v6[0]);
    if (!build_index(map)) {
        prefix_map_clear(map);
        return false;
    }
    return true;
}

void prefix_map_clear(struct prefix_map *map)
{
    free(map->starts_v4);
    free(map->values_v4);
    free(map->starts_v6);
    free(map->values_v6);
    free(map->index_v4);
    *map = (struct prefix_map){0};
}

/* The last range that begins at or before KEY; the first always does. */
static size_t find_v4(const struct prefix_map *map, uint32_t key)
{
    size_t slot = key >> map->index_shift;
    size_t low = map->index_v4[slot], high = map->index_v4[slot + 1];

    while (low < high) {
        size_t middle = high - (high - low) / 2;
        if (map->starts_v4[middle] <= key) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

static size_t find_v6(const struct prefix_map *map, unsigned __int128 key)
{
    size_t low = 0, high = map->count_v6 - 1;

    while (low < high) {
        size_t middle = high - (high - low) / 2;
        if (map->starts_v6[middle] <= key) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

uint32_t prefix_map_find(const struct prefix_map *map, const struct prefix *address)
{
    if (address->family == AF_INET) {
        return map->values_v4[find_v4(map, key_of_v4(address))];
    }
    if (address->family == AF_INET6) {
        return map->values_v6[find_v6(map, key_of(address))];
    }
    return PREFIX_MAP_NONE;
}
