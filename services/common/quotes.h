/* Quotes from a file in which a line with a single % stands between two, as fortune(6) has them. */
#ifndef SERVICES_COMMON_QUOTES_H
#define SERVICES_COMMON_QUOTES_H

#include <stddef.h>

/* RFC 865: "less than 512 characters". */
enum { QUOTES_LONGEST = 511, QUOTES_FILE_MAX = 4 * 1024 * 1024 };

/* The quotes that are sent, each with CR and LF at its line ends, one after the other. */
struct quotes {
    char *text;
    size_t *starts; /* count + 1 of them: the last is where the last quote ends */
    size_t count;
};

/* Take the quotes out of TEXT.  Those that are empty, or too long to be sent whole, are left out.
 * 0, or -ENOMEM.  To be released with quotes_release(). */
int quotes_parse(const char *text, size_t length, struct quotes *quotes_r);

/* The same from the file PATH.  0, -EFBIG over QUOTES_FILE_MAX bytes, or a negative errno value. */
int quotes_read(const char *path, struct quotes *quotes_r);

void quotes_release(struct quotes *quotes);

#endif
