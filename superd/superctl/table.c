/*
 * table: see table.h.
 */
#include "superctl/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_init(struct table *table, const struct column *columns, size_t count)
{
    *table = (struct table){.columns = columns, .column_count = count};
}

void table_clear(struct table *table)
{
    free(table->cells);
    table_init(table, table->columns, table->column_count);
}

static char *next_cell(struct table *table)
{
    if (table->filled == 0 || table->filled == table->column_count) {
        size_t capacity = table->capacity ? table->capacity * 2 : 32;

        if (table->row_count == table->capacity) {
            void *larger = realloc(table->cells,
                                   capacity * table->column_count * sizeof *table->cells);

            if (!larger) {
                fputs("superctl: out of memory\n", stderr);
                exit(71);
            }
            table->cells = larger;
            table->capacity = capacity;
        }
        table->row_count++;
        table->filled = 0;
    }
    return table->cells[(table->row_count - 1) * table->column_count + table->filled++];
}

void table_text(struct table *table, const char *text)
{
    char *cell = next_cell(table);

    snprintf(cell, CELL_SIZE, "%s", text ? text : "-");
    for (; *cell; cell++) {
        if ((unsigned char)*cell < ' ' || *cell == 0x7f)
            *cell = '?';
    }
}

void table_number(struct table *table, uint64_t number)
{
    snprintf(next_cell(table), CELL_SIZE, "%" PRIu64, number);
}

/* Columns on the screen: bytes that go on a UTF-8 sequence take none. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

const char *colour_of(const char *word)
{
    static const struct {
        const char *word, *escape;
    } colours[] = {
        {"open", "\033[32m"},      {"running", "\033[32m"}, {"admit", "\033[32m"},
        {"held", "\033[33m"},      {"hold", "\033[33m"},    {"paused", "\033[33m"},
        {"draining", "\033[33m"},  {"removed", "\033[33m"}, {"terminating", "\033[33m"},
        {"throttled", COLOUR_RED}, {"refuse", COLOUR_RED},  {"killed", COLOUR_RED},
        {"stopping", COLOUR_RED},
    };

    for (size_t i = 0; i < sizeof colours / sizeof *colours; i++) {
        if (strcmp(colours[i].word, word) == 0)
            return colours[i].escape;
    }
    return "";
}

static void print_cell(const char *text, const struct column *column, size_t width, bool last,
                       const char *escape)
{
    int padding = (int)(width - width_of(text));

    printf("%*s%s%s%s", column->right ? padding : 0, "", escape, text, *escape ? COLOUR_END : "");
    if (!last)
        printf("%*s", column->right ? 2 : padding + 2, "");
}

void table_print(const struct table *table, bool colour)
{
    size_t widths[TABLE_COLUMNS], columns = table->column_count;

    for (size_t c = 0; c < columns; c++) {
        widths[c] = width_of(table->columns[c].title);
        for (size_t r = 0; r < table->row_count; r++) {
            size_t width = width_of(table->cells[r * columns + c]);

            if (width > widths[c])
                widths[c] = width;
        }
    }
    for (size_t c = 0; c < columns; c++)
        print_cell(table->columns[c].title, &table->columns[c], widths[c], c + 1 == columns,
                   colour ? COLOUR_BOLD : "");
    putchar('\n');
    for (size_t r = 0; r < table->row_count; r++) {
        for (size_t c = 0; c < columns; c++) {
            const char *text = table->cells[r * columns + c];

            print_cell(text, &table->columns[c], widths[c], c + 1 == columns,
                       colour ? colour_of(text) : "");
        }
        putchar('\n');
    }
}

/* ---- Amounts -------------------------------------------------------------------------------- */

char *format_duration(uint64_t ms, char text[AMOUNT_SIZE])
{
    uint64_t s = ms / 1000;

    if (ms < 1000)
        snprintf(text, AMOUNT_SIZE, "%" PRIu64 "ms", ms);
    else if (s < 60)
        snprintf(text, AMOUNT_SIZE, "%" PRIu64 "s", s);
    else if (s < 3600)
        snprintf(text, AMOUNT_SIZE, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, AMOUNT_SIZE, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s % 3600 / 60);
    else
        snprintf(text, AMOUNT_SIZE, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s % 86400 / 3600);
    return text;
}

char *format_microseconds(uint64_t us, char text[AMOUNT_SIZE])
{
    if (us < 1000)
        snprintf(text, AMOUNT_SIZE, "%" PRIu64 "us", us);
    else if (us < 1000000)
        snprintf(text, AMOUNT_SIZE, "%.1fms", (double)us / 1e3);
    else
        snprintf(text, AMOUNT_SIZE, "%.1fs", (double)us / 1e6);
    return text;
}

char *format_bytes(uint64_t bytes, char text[AMOUNT_SIZE])
{
    static const char units[] = "KMGTPE";
    double amount = (double)bytes / 1024;
    int unit = 0;

    if (bytes < 1024) {
        snprintf(text, AMOUNT_SIZE, "%" PRIu64, bytes);
        return text;
    }
    while (amount >= 1024 && units[unit + 1]) {
        amount /= 1024;
        unit++;
    }
    snprintf(text, AMOUNT_SIZE, amount < 10 ? "%.1f%c" : "%.0f%c", amount, units[unit]);
    return text;
}

uint64_t number_of(const json_t *object, const char *name)
{
    json_int_t number = json_integer_value(json_object_get(object, name));

    return number > 0 ? (uint64_t)number : 0;
}

const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}
