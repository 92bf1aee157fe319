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

size_t ring_read(const struct ring *ring, struct ring_reader *reader, char *text, size_t size,
                 uint64_t *missed_r)
{
    if (reader->number < ring->first) {
        if (reader->number)
            *missed_r += ring->first - reader->number;
        reader->number = ring->first;
        reader->place = ring->begin;
    }
    while (reader->number < ring->next) {
        size_t length = length_at(ring, reader->place);
        uint64_t place = reader->place + HEADER;

        reader->number++;
        reader->place = place + length;
        if (length > 0 && length < size) {
            get(ring, place, text, length);
            text[length] = '\0';
            return length;
        }
        ++*missed_r;
    }
    return 0;
}
