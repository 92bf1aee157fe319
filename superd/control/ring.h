/*
 * ring: the most recent lines of the log, in memory of fixed size, so that an operator sees what
 * happened before he asked.
 *
 * Each line has a number, from 1, that is never used again; old lines go when room is needed. Whoever
 * reads keeps the number of the next line he wants, so any number of readers cost nothing, and one who
 * is too slow finds out how many he missed.
 */
#ifndef SUPERD_CONTROL_RING_H
#define SUPERD_CONTROL_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    char *bytes;
    size_t size;
    uint64_t begin, end;  /* of what is kept, in bytes since ever */
    uint64_t first, next; /* number of the oldest line, and of the next to come */
};

/* Memory is taken as it is first written to. False: none. */
bool ring_init(struct ring *ring, size_t size);
void ring_clear(struct ring *ring);

/* Keep LINE; one that is longer than a quarter of the ring is left out, but has a number. */
void ring_add(struct ring *ring, const char *line, size_t length);

/* A reader. All zero is before the first line. */
struct ring_reader {
    uint64_t number; /* of the line that is wanted next */
    uint64_t place;  /* where it is, when that line is still there */
};

/* The next line. TEXT has at least SIZE bytes and gets a NUL. Returns its
 * length, 0 when there is none yet. Lines that were gone before they could be read are counted in
 * *MISSED_R, which is added to. Lines that do not fit into SIZE are missed, too. */
size_t ring_read(const struct ring *ring, struct ring_reader *reader, char *text, size_t size,
                 uint64_t *missed_r);

/* Pass over the oldest COUNT lines that READER has not had; fewer, when there are fewer. */
void ring_skip(const struct ring *ring, struct ring_reader *reader, uint64_t count);

#endif
