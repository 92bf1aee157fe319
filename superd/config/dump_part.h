/*
 * dump_part: the parts that a dump is put together from. The inside of dump.c; nobody else includes
 * this.
 */
#ifndef SUPERD_CONFIG_DUMP_PART_H
#define SUPERD_CONFIG_DUMP_PART_H

#include <stdbool.h>
#include <stdio.h>

#include "config/schema.h"

/* One setting that needs a function of its own; it writes the value, or says that there is none. */
struct dump_special {
    const char *name;
    bool (*write)(FILE *file, const void *object);
};

/* Write TEXT in quotes as libconfig reads it; NULL: as "". */
void dump_text(FILE *file, const char *text);

/* Write what is at PLACE as the type of ROW says. False when there is nothing to write. */
bool dump_plain(FILE *file, const struct schema_row *row, const void *place);

/* The setting of isolation of that name where it is a special one, given the service; or NULL. */
const struct dump_special *dump_isolation_special(const char *name);

#endif
