/*
 * arena: a list of zeroed blocks, each handed out from its front. See arena.h.
 *
 * Blocks double from 4 KiB to 256 KiB, so a small configuration costs little and a big one few
 * calls.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_FIRST ((size_t)4096)
#define BLOCK_MOST  ((size_t)256 * 1024)
#define ALIGNMENT   _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t used, size; /* of data */
    _Alignas(max_align_t) char data[];
};

struct arena {
    struct block *blocks; /* the newest first: the only one with room worth asking for */
    size_t block_size;    /* of the next block */
    size_t asked;
};

struct arena *arena_create(void)
{
    struct arena *arena = calloc(1, sizeof *arena);

    if (arena)
        arena->block_size = BLOCK_FIRST;
    return arena;
}

void arena_destroy(struct arena *arena)
{
    if (!arena)
        return;
    while (arena->blocks) {
        struct block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
    free(arena);
}

/* Put a block with room for SIZE in front. */
static struct block *arena_grow(struct arena *arena, size_t size)
{
    size_t room = size > arena->block_size ? size : arena->block_size;
    struct block *block;

    block = calloc(1, sizeof *block + room);
    if (!block)
        return NULL;
    block->size = room;
    block->next = arena->blocks;
    arena->blocks = block;
    if (arena->block_size < BLOCK_MOST)
        arena->block_size *= 2;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct block *block = arena->blocks;
    size_t rounded;
    void *memory;

    if (size > PTRDIFF_MAX - ALIGNMENT - sizeof *block)
        return NULL;
    rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded == 0)
        rounded = ALIGNMENT; /* every result is a place of its own */
    if (!block || block->size - block->used < rounded) {
        block = arena_grow(arena, rounded);
        if (!block)
            return NULL;
    }
    memory = block->data + block->used;
    block->used += rounded;
    arena->asked += size;
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return arena_alloc(arena, bytes);
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    size_t bytes = strnlen(text, length);
    char *copy = arena_alloc(arena, bytes + 1);

    if (copy)
        memcpy(copy, text, bytes); /* the NUL is there: memory is zeroed */
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    int length;
    char *text;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return NULL;
    text = arena_alloc(arena, (size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

size_t arena_size(const struct arena *arena)
{
    return arena->asked;
}
