/*
 * patience: how long a handler waits for a client who says nothing or takes nothing, and the options
 * --idle TIME and --line TIME that say so.
 */
#ifndef WIRE_PATIENCE_H
#define WIRE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct patience {
    int64_t idle_ms; /* for the next request to begin */
    int64_t line_ms; /* for a line to end, and for output to be taken */
};

/* Where no option says otherwise. */
enum { PATIENCE_IDLE_MS = 60000, PATIENCE_LINE_MS = 10000 };

/* What getopt_long(3) is to return for the two. */
enum { PATIENCE_IDLE = 256, PATIENCE_LINE };

/* Take OPTION with its ARGUMENT. False when it is none of the two, or no time. */
bool patience_option(struct patience *patience, int option, const char *argument);

#endif
