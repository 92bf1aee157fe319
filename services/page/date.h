/*
 * Dates as HTTP writes them (RFC 9110 section 5.6.7), always in GMT.  The C library's gmtime() and
 * timegm() would read the time zone's file first, at each connection anew.  No I/O here.
 */
#ifndef PAGE_DATE_H
#define PAGE_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DATE_SIZE = 30, /* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL */
};

/* Seconds since 1970, from the year 1 to the year 9999; what lies outside is written as the nearest
 * of the two ends. */
void date_format(int64_t seconds, char to[DATE_SIZE]);

/* Takes all three forms that a recipient must know.  `now` resolves a year of two digits. */
bool date_parse(const char *text, size_t length, int64_t now, int64_t *seconds_r);

#endif
