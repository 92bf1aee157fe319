/* map: uthash behind a small interface, so that its macros and its lack of memory are in one place.
 */
#include "config/map.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct map_entry;
static void entry_lost(struct map_entry *entry);

#undef HASH_NONFATAL_OOM
#define HASH_NONFATAL_OOM          1
#define uthash_nonfatal_oom(entry) entry_lost(entry)
#include <uthash.h>

struct map_entry {
    UT_hash_handle hh;
    void *value;
    bool lost; /* there was no memory to add it */
    char key[];
};

static void entry_lost(struct map_entry *entry)
{
    entry->lost = true;
}

static struct map_entry *find(const struct map *map, const char *key)
{
    struct map_entry *entry;

    HASH_FIND_STR(map->entries, key, entry);
    return entry;
}

void *map_get(const struct map *map, const char *key)
{
    const struct map_entry *entry = find(map, key);

    return entry ? entry->value : NULL;
}

void **map_slot(struct map *map, const char *key)
{
    struct map_entry *entry = find(map, key);
    size_t length = strlen(key);

    if (entry)
        return &entry->value;
    entry = calloc(1, sizeof *entry + length + 1);
    if (!entry)
        return NULL;
    memcpy(entry->key, key, length);
    HASH_ADD_KEYPTR(hh, map->entries, entry->key, length, entry);
    if (entry->lost) {
        free(entry);
        return NULL;
    }
    return &entry->value;
}

void map_clear(struct map *map)
{
    struct map_entry *entry, *next;

    HASH_ITER (hh, map->entries, entry, next) {
        HASH_DEL(map->entries, entry);
        free(entry);
    }
}
