/*
 * field: the pieces that a line is made of: printable ASCII fields parted by single spaces, decimal
 * numbers, names; and the quantities of options. Pure functions over memory, so that parsers built of them can be fuzzed.
 */
#ifndef WIRE_FIELD_H
#define WIRE_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cut LINE (LENGTH bytes and a NUL) in place at its spaces. Returns the number of fields, or 0 when
 * there are more than MOST, one is empty (two spaces, or one at an end), or a byte is not printable
 * ASCII. */
size_t field_split(char *line, size_t length, char *fields[], size_t most);

/* A decimal number of digits alone without leading zeros, in MINIMUM..MAXIMUM (both >= 0). */
bool field_number(const char *text, int64_t minimum, int64_t maximum, int64_t *number_r);

/* Is TEXT 1 to MOST characters, all of them letters, digits or in ALSO? */
bool field_is_word(const char *text, size_t most, const char *also);

/* Is VERSION in a list of numbers parted by commas, as a greeting has it? Cuts LIST up. */
bool field_lists_version(char *list, int64_t version);

/* For options: "3s" or "500ms", at least 1 ms and at most a day; "64K", "10M", "2G" or bytes. */
bool field_duration(const char *text, int64_t *milliseconds_r);
bool field_size(const char *text, int64_t *bytes_r);

#endif
