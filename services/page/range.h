/*
 * The Range field (RFC 9110 section 14): one range of bytes of a file.
 *
 * Several ranges at once are answered with the whole file, which section 14.2 allows, and which
 * costs nobody the multipart form that next to no client asks for.  No I/O here.
 */
#ifndef PAGE_RANGE_H
#define PAGE_RANGE_H

#include <stddef.h>
#include <stdint.h>

enum range_kind {
    RANGE_WHOLE,         /* no range that is understood: 200 */
    RANGE_PART,          /* 206 */
    RANGE_UNSATISFIABLE, /* begins behind the end: 416 */
};

struct range {
    uint64_t first;
    uint64_t length; /* for RANGE_PART at least 1, and first + length <= size */
};

/* The value of a Range field, for a file of `size` bytes. */
enum range_kind range_parse(const char *text, size_t length, uint64_t size, struct range *range_r);

#endif
