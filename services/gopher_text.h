/* Text as gopher sends it (RFC 1436, "TextFile Entity"): lines end in CR LF, a line that begins
 * with a period gets another one before it, and a line of a single period ends it all.  Pure. */
#ifndef SERVICES_GOPHER_TEXT_H
#define SERVICES_GOPHER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Where in the text we are; begins as zero. */
struct gopher_text {
    bool in_line;  /* something of the present line has been written */
    bool after_cr; /* the last byte was a CR, not yet written */
};

/* Encode the next LENGTH bytes into OUT, which has room for 2 * LENGTH + 1.  The length of OUT. */
size_t gopher_text_encode(struct gopher_text *text, const char *in, size_t length, char *out);

/* What ends the text, into OUT.  Its length. */
enum { GOPHER_TEXT_END_MAX = 8 };
size_t gopher_text_end(struct gopher_text *text, char out[GOPHER_TEXT_END_MAX]);

#endif
