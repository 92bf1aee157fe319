/*
 * dump: one setting of a configuration as text, as config_dump() (load.h) writes it.
 */
#ifndef SUPERD_CONFIG_DUMP_H
#define SUPERD_CONFIG_DUMP_H

#include "config/schema.h"

/* The value of ROW in OBJECT, which is a struct daemon_settings or struct service_config as the row's
 * scope says; in libconfig's syntax, "" where the dump leaves it out. To be freed; NULL: no memory. */
char *dump_value(const struct schema_row *row, const void *object);

/* Does dump_value() put ROW together from more than the place that the row names? */
bool dump_is_composed(const struct schema_row *row);

#endif
