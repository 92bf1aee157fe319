/*
 * Numbers, times and texts of others as a page shows them.  No I/O but to the file given.
 */
#ifndef STATUS_WORDS_H
#define STATUS_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { WORDS_SIZE = 48 };

/* "2026-11-22T14:03:20.123456Z" in milliseconds since 1970; false when it is none. */
bool words_parse_time(const char *text, int64_t *ms_r);

/* Each writes into `to` and returns it. */
const char *words_clock(int64_t seconds, char to[WORDS_SIZE]); /* since 1970: "14:03:20" */
const char *words_rate(double rate,
                       char to[WORDS_SIZE]); /* "0.25", "12.5", "340"; a dash below 0 */
const char *words_duration(int64_t ms, char to[WORDS_SIZE]);     /* "250 ms", "3 d 4 h" */
const char *words_microseconds(int64_t us, char to[WORDS_SIZE]); /* "412 us", "1.2 ms" */
const char *words_bytes(int64_t bytes, char to[WORDS_SIZE]);     /* "1.4 MiB" */
const char *words_number(int64_t number, char to[WORDS_SIZE]);   /* "1 234 567", in thin spaces */

/* Writes `text` so that it means itself in HTML, within an element or a quoted attribute; what is
 * not UTF-8 or would not be seen becomes a replacement character.  Of a text that is longer than
 * `most` bytes the rest is left out, with a sign of it. */
void words_escape(FILE *page, const char *text, size_t most);

#endif
