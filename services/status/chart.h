/*
 * Charts of a history, as SVG that stands in a page.  Colours come from the page's style (classes
 * bar, bar-refused, unknown, grid).  No I/O but to the file given.
 */
#ifndef STATUS_CHART_H
#define STATUS_CHART_H

#include <stdio.h>

#include "history.h"

/* A bar for each step, of connections per second, with its scale and a tooltip each. */
void chart_write(FILE *page, const struct history *history, enum history_kind kind,
                 const char *title);

/* A small one of a service, without words: admitted, with refused in another colour on top. */
void chart_write_small(FILE *page, const struct history *history,
                       const struct history_counts *counts);

/* The smallest of 1, 2, 5, 10, 20, ... (and 0.2, 0.5) that is at least `value`. */
double chart_ceiling(double value);

#endif
