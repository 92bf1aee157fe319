/*
 * diagnostic: what is wrong with what a person wrote: where, what, why, and what to write instead.
 *
 * Collected, not printed, so that one check can say everything at once; superd prints them as
 * "FILE:LINE: error: MESSAGE", sorted by place. A list owns its texts (it outlives the
 * configuration that failed) and is bounded: after DIAGNOSTICS_MAX only a count is kept.
 */
#ifndef SUPERD_CONFIG_DIAGNOSTIC_H
#define SUPERD_CONFIG_DIAGNOSTIC_H

#include <stdbool.h>
#include <stddef.h>

#define DIAGNOSTICS_MAX 1000

enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

/* A place in a configuration. The file's name lives as long as the configuration. */
struct position {
    const char *file; /* NULL: no place */
    unsigned line;    /* from 1; 0: the file as a whole */
};

struct diagnostic {
    enum severity severity;
    char *file; /* NULL: no place */
    unsigned line;
    char *service; /* whose entry it is in, NULL: none */
    char *message; /* a sentence without its full stop */
};

struct diagnostics {
    struct diagnostic *items;
    size_t count, capacity;
    size_t errors, warnings; /* all that were said, also those not kept */
    bool out_of_memory;      /* something could not be recorded; counts as an error */
};

void diagnostics_init(struct diagnostics *list);
void diagnostics_clear(struct diagnostics *list);

/* Add one. POSITION and SERVICE are copied. */
void diagnostics_add(struct diagnostics *list, enum severity severity, struct position position,
                     const char *service, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Any error, lack of memory included? */
bool diagnostics_failed(const struct diagnostics *list);

/* Sort by file and line, errors and warnings mixed. */
void diagnostics_sort(struct diagnostics *list);

/* "FILE:LINE: error: MESSAGE" without a newline, cut to SIZE. */
void diagnostic_format(const struct diagnostic *diagnostic, char *text, size_t size);

#endif
