/*
 * source: one file of a configuration: read, and parsed by libconfig.
 *
 * What libconfig would do badly is caught before it: its @include ends the process when it names a
 * folder, and endless nesting its stack. And its line of a string in an array may be that of the
 * next word; here each setting has the line on which its value begins.
 */
#ifndef SUPERD_CONFIG_SOURCE_H
#define SUPERD_CONFIG_SOURCE_H

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/diagnostic.h"

/* Read the file at PATH, which must be a regular one or a pipe and hold at most MOST bytes and no
 * NUL, into *TEXT_R (the caller's to free, NUL added). Returns 0 or -errno: -EISDIR, -EFBIG,
 * -EILSEQ (a NUL), -ENOMEM, those of open(2) and read(2). */
int source_read(const char *path, size_t most, char **text_r, size_t *length_r);

/* What to say of an error of source_read(). */
const char *source_error(int error);

/* A group of this name within `services` is a part of it: what it holds are members of `services`. Very
 * many services are divided into such groups before libconfig gets them. */
#define SOURCE_PART "*part-"

/* Parse the file at PATH into CONFIG, which the caller ends with config_destroy() in any case.
 * False: LIST has the error; its position names FILE. */
bool source_parse(const char *path, const char *file, config_t *config, struct diagnostics *list);

#endif
