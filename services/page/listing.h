/*
 * The listing of a directory as a page.  Bounded: a directory with more names than fit is shown in
 * part, and says so.
 */
#ifndef PAGE_LISTING_H
#define PAGE_LISTING_H

#include "reply.h"
#include "target.h"

/* Answers with the listing.  Takes possession of `directory`. */
void listing_answer(struct exchange *exchange, int directory, const struct target *target);

/* Writes `text` with the five characters of HTML escaped, what is not UTF-8 or would not be seen as
 * a replacement character, NUL-terminated.  Returns its length; what does not fit is left out. */
size_t listing_escape(const char *text, char *to, size_t size);

#endif
