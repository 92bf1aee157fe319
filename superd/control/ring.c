/*
 * ring: see ring.h. A line stands as its length (4 bytes) and its bytes, wrapped around at the end of
 * the memory.
 */
#include "control/ring.h"

#include <stdlib.h>
#include <string.h>

#define HEADER sizeof(uint32_t)

bool ring_init(struct ring *ring, size_t size)
{
    *ring = (struct ring){.bytes = malloc(size), .size = size, .first = 1, .next = 1};
    return ring->bytes;
}

void ring_clear(struct ring *ring)
{
    free(ring->bytes);
    *ring = (struct ring){0};
}

static void put(struct ring *ring, const void *data, size_t length)
{
    size_t at = ring->end % ring->size, first = ring->size - at;

    if (first > length)
        first = length;
    memcpy(ring->bytes + at, data, first);
    memcpy(ring->bytes, (const char *)data + first, length - first);
    ring->end += length;
}

static void get(const struct ring *ring, uint64_t place, void *data, size_t length)
{
    size_t at = place % ring->size, first = ring->size - at;

    if (first > length)
        first = length;
    memcpy(data, ring->bytes + at, first);
    memcpy((char *)data + first, ring->bytes, length - first);
}

static size_t length_at(const struct ring *ring, uint64_t place)
{
    uint32_t length;

    get(ring, place, &length, sizeof length);
    return length;
}

void ring_add(struct ring *ring, const char *line, size_t length)
{
    uint32_t header = length <= ring->size / 4 ? (uint32_t)length : 0;

    while (ring->begin < ring->end && ring->end - ring->begin + HEADER + header > ring->size) {
        ring->begin += HEADER + length_at(ring, ring->begin);
        ring->first++;
    }
    put(ring, &header, sizeof header);
    put(ring, line, header);
    ring->next++;
}

/* Have READER be at a line that is still there. Returns how many went before he had them. */
static uint64_t catch_up(const struct ring *ring, struct ring_reader *reader)
{
    uint64_t missed;

    if (reader->number >= ring->first)
        return 0;
    missed = reader->number ? ring->first - reader->number : 0;
    reader->number = ring->first;
    reader->place = ring->begin;
    return missed;
}

/* Go to the next line. Returns the length of this one. */
static size_t step(const struct ring *ring, struct ring_reader *reader)
{
    size_t length = length_at(ring, reader->place);

    reader->number++;
    reader->place += HEADER + length;
    return length;
}

void ring_skip(const struct ring *ring, struct ring_reader *reader, uint64_t count)
{
    catch_up(ring, reader);
    while (count-- > 0 && reader->number < ring->next)
        step(ring, reader);
}

size_t ring_read(const struct ring *ring, struct ring_reader *reader, char *text, size_t size,
                 uint64_t *missed_r)
{
    *missed_r += catch_up(ring, reader);
    while (reader->number < ring->next) {
        uint64_t place = reader->place + HEADER;
        size_t length = step(ring, reader);

        if (length > 0 && length < size) {
            get(ring, place, text, length);
            text[length] = '\0';
            return length;
        }
        ++*missed_r;
    }
    return 0;
}
