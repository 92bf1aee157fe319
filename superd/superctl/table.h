/*
 * table: rows and columns on a terminal or in a pipe, and quantities as people read them.
 */
#ifndef SUPERD_SUPERCTL_TABLE_H
#define SUPERD_SUPERCTL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TABLE_COLUMNS 12
#define CELL_SIZE     256

struct column {
    const char *title;
    bool right; /* numbers */
};

struct table {
    const struct column *columns;
    size_t column_count;
    char (*cells)[CELL_SIZE]; /* row by row */
    size_t row_count, capacity;
    size_t filled; /* cells of the last row */
};

void table_init(struct table *table, const struct column *columns, size_t count);
void table_clear(struct table *table);

/* Add a cell; a full row is followed by the next. Control characters are shown as "?". */
void table_text(struct table *table, const char *text); /* NULL: "-" */
void table_number(struct table *table, uint64_t number);

/* Print titles and rows; with COLOUR words that say a state are coloured. */
void table_print(const struct table *table, bool colour);

#define AMOUNT_SIZE 32
char *format_duration(uint64_t ms, char text[AMOUNT_SIZE]); /* "340ms", "12s", "5m10s", "3d4h" */
char *format_microseconds(uint64_t us, char text[AMOUNT_SIZE]); /* "850us", "1.2ms", "3.4s" */
char *format_bytes(uint64_t bytes, char text[AMOUNT_SIZE]);     /* "512", "1.2K", "34M" */

/* Members of a JSON object; 0, NULL where missing. */
uint64_t number_of(const json_t *object, const char *name);
const char *text_of(const json_t *object, const char *name);

/* The escape sequence of the colour that WORD, a state or decision, has; "" for none. */
const char *colour_of(const char *word);
#define COLOUR_END  "\033[0m"
#define COLOUR_BOLD "\033[1m"
#define COLOUR_DIM  "\033[2m"
#define COLOUR_RED  "\033[31m"

#endif
