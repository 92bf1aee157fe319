/*
 * units: the quantities people write in a configuration, both ways.
 *
 *   duration  "500ms" "30s" "10m" "2h" "1d", or "0"           kept in milliseconds
 *   size      "4096" "64K" "1M" "2G" (powers of 1024)          kept in bytes
 *   rate      "50/s" "10/m" "100/h", or "0" for none           kept as events per period
 *   mode      "0660" (octal)
 *
 * Parsing is strict: no sign, no blanks, nothing behind the unit, no overflow. On failure the
 * out-parameter is untouched.
 */
#ifndef SUPERD_BASE_UNITS_H
#define SUPERD_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate {
    uint32_t events;    /* 0: no rate is set */
    uint32_t period_ms; /* 1000, 60000 or 3600000 */
};

#define UNITS_TEXT_SIZE 32 /* enough for every format function below */

/* A decimal number of digits alone, at most MAX. */
bool units_parse_number(const char *text, uint64_t max, uint64_t *number_r);
bool units_parse_duration(const char *text, uint64_t *milliseconds_r);
bool units_parse_size(const char *text, uint64_t *bytes_r);
bool units_parse_rate(const char *text, struct rate *rate_r);
bool units_parse_mode(const char *text, unsigned *mode_r);

/* Write the shortest text that parses back to the same value; returns TEXT. */
char *units_format_duration(uint64_t milliseconds, char text[UNITS_TEXT_SIZE]);
char *units_format_size(uint64_t bytes, char text[UNITS_TEXT_SIZE]);
char *units_format_rate(struct rate rate, char text[UNITS_TEXT_SIZE]);
char *units_format_mode(unsigned mode, char text[UNITS_TEXT_SIZE]);

#endif
