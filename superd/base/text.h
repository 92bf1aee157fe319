/*
 * text: making bytes that came from outside fit to be shown: log lines, messages, terminals.
 */
#ifndef SUPERD_BASE_TEXT_H
#define SUPERD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* The length in bytes (1 to 4) of the valid UTF-8 sequence at BYTES, of which LENGTH can be read; 0
 * where there is none (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
size_t text_utf8_length(const char *bytes, size_t length);

/* Append BYTES as a JSON string with its quotes (RFC 8259). Bytes that are not UTF-8 become
 * \u00XX escapes of their value, so every line stays valid JSON. */
void text_append_json(struct strbuf *sb, const char *bytes, size_t length);

/* Append BYTES as the value of key=value: bare where that is unambiguous, else in double quotes
 * with \" \\ \n \r \t and \xXX for control characters and for bytes that are not UTF-8. */
void text_append_value(struct strbuf *sb, const char *bytes, size_t length);

/* How unlike two words are: the number of single-character insertions, deletions, replacements and
 * swaps of neighbours between them (Damerau-Levenshtein, restricted), letters without regard to
 * case; for "did you mean". Words over 63 bytes are taken as entirely unlike. */
unsigned text_distance(const char *a, const char *b);

#endif
