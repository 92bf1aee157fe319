/*
 * map: from text to a pointer, for what the loader looks up again and again: names of services,
 * addresses that are taken, users. It owns its keys, not what the values point to.
 */
#ifndef SUPERD_CONFIG_MAP_H
#define SUPERD_CONFIG_MAP_H

struct map_entry;

/* An empty map is all zeros. */
struct map {
    struct map_entry *entries;
};

/* The value of KEY, NULL when it has none. */
void *map_get(const struct map *map, const char *key);

/* Where the value of KEY is kept, for reading and writing; NULL at first. Stays valid until
 * map_clear(). NULL when there is no memory. */
void **map_slot(struct map *map, const char *key);

void map_clear(struct map *map);

#endif
