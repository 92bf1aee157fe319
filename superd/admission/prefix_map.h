/*
 * prefix_map: of many prefixes, the longest that an address is in.
 *
 * Made once from all prefixes and never changed. Nested prefixes are cut into ranges that lie side
 * by side, each with the value of the longest prefix over it; so a question is one binary search in
 * an array (about twenty steps for half a million prefixes, and never more than the array's size
 * gives), whatever lengths and nestings there are, and an IPv4 prefix costs 8 to 16 bytes. Pure.
 */
#ifndef SUPERD_ADMISSION_PREFIX_MAP_H
#define SUPERD_ADMISSION_PREFIX_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"

#define PREFIX_MAP_NONE UINT32_MAX

struct prefix_map_entry {
    struct prefix prefix; /* AF_INET or AF_INET6 */
    uint32_t value;       /* below PREFIX_MAP_NONE; of equal prefixes the lowest value counts */
};

struct prefix_map {
    size_t count_v4, count_v6;
    uint32_t *starts_v4; /* the first address of each range, ascending, the first is 0 */
    uint32_t *values_v4; /* beside starts */
    unsigned __int128 *starts_v6;
    uint32_t *values_v6;
    uint32_t *index_v4; /* by an address's first bits: the range that the first such is in */
    unsigned index_shift;
};

/* Make a map of ENTRIES, which are sorted in place and not needed afterwards. False when there is
 * no memory. The caller clears it. */
bool prefix_map_init(struct prefix_map *map, struct prefix_map_entry *entries, size_t count);
void prefix_map_clear(struct prefix_map *map);

/* The value of the longest prefix that ADDRESS (of full length) is in, or PREFIX_MAP_NONE. */
uint32_t prefix_map_find(const struct prefix_map *map, const struct prefix *address);

#endif
