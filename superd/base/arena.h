/*
 * arena: memory that is allocated piece by piece and freed all at once.
 *
 * A configuration (config/config.h) lives in one arena, so that it can be built with many small
 * allocations, thrown away whole on the first error, and dropped whole when its last instance ends.
 */
#ifndef SUPERD_BASE_ARENA_H
#define SUPERD_BASE_ARENA_H

#include <stddef.h>

struct arena;

/* Make an empty arena; NULL when there is no memory. */
struct arena *arena_create(void);

/* Free the arena and all that was allocated from it. NULL is allowed. */
void arena_destroy(struct arena *arena);

/* SIZE bytes, zeroed and aligned for any type; NULL when there is no memory. SIZE may be 0. */
void *arena_alloc(struct arena *arena, size_t size);

/* COUNT elements of SIZE bytes, zeroed; NULL when there is no memory or the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of TEXT (of its first LENGTH bytes, NUL added); NULL when there is no memory. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t length);

/* As sprintf, into the arena; NULL when there is no memory. */
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes asked for so far: what a configuration costs. */
size_t arena_size(const struct arena *arena);

#endif
