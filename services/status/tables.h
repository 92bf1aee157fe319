/*
 * The tables of the page: services, what was refused and why, instances.  On narrow screens the style
 * makes a card of each row.
 */
#ifndef STATUS_TABLES_H
#define STATUS_TABLES_H

#include <stdio.h>

#include "history.h"
#include "snapshot.h"

/* Sections, with their headings (see view.h). */
void table_services(FILE *page, const struct snapshot *snapshot, const struct history *history);
void table_reasons(FILE *page, const struct snapshot *snapshot, const struct history *history);
void table_instances(FILE *page, const struct snapshot *snapshot, const struct history *history);

/* The text of that key, escaped. */
void table_text(FILE *page, const json_t *row, const char *key);

/* A state in the colour of its kind. */
void table_state(FILE *page, const char *state);

#endif
