/*
 * top: two looks at the daemon, and what changed between them, as rows for the screen. It asks and
 * reckons; top.c draws.
 */
#ifndef SUPERD_SUPERCTL_TOP_H
#define SUPERD_SUPERCTL_TOP_H

#include "superctl/superctl.h"
#include "superctl/table.h"

#define TOP_COLUMNS 10

enum top_view { TOP_SERVICES, TOP_INSTANCES, TOP_VIEWS };

enum top_format {
    TOP_TEXT,
    TOP_COUNT,
    TOP_RATE,
    TOP_BYTES,
    TOP_BYTE_RATE,
    TOP_MS,
    TOP_US,
    TOP_PERCENT
};

struct top_column {
    const char *title;
    int width; /* characters */
    enum top_format format;
};

extern const struct top_column top_columns[TOP_VIEWS][TOP_COLUMNS];

struct top_row {
    char name[64];               /* of the first column, where that is text */
    char texts[TOP_COLUMNS][64]; /* TOP_TEXT */
    double numbers[TOP_COLUMNS]; /* others; below 0: not known */
};

struct top_sample {
    json_t *daemon; /* what `status` says of the daemon */
    json_t *rows;   /* by key (service, or instance id): what was said of it */
    uint64_t at_ms;
    struct top_row *list;
    size_t count;
};

/* Ask for VIEW; rates are since BEFORE, a sample of the same view (or all zero). False: the daemon does
 * not answer. */
bool top_look(struct superctl *ctl, enum top_view view, const struct top_sample *before,
              struct top_sample *sample);
void top_forget(struct top_sample *sample);

/* Sort by that column: largest first for numbers, first letter first for texts; REVERSE turns it. */
void top_sort(struct top_sample *sample, enum top_view view, int column, bool reverse);

/* The text of a cell. */
char *top_cell(const struct top_row *row, enum top_view view, int column, char text[64]);

#endif
