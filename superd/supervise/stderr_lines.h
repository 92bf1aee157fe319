/*
 * stderr_lines: pieces of what one handler writes to its standard error become log lines, tagged with
 * service and instance.
 *
 * What must hold: a line is cut at STDERR_LINE_MAX bytes with a mark; so many lines a second are logged,
 * and the rest is counted. It knows nothing of pipes: stderr_reader reads them.
 */
#ifndef SUPERD_SUPERVISE_STDERR_LINES_H
#define SUPERD_SUPERVISE_STDERR_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STDERR_LINE_MAX         2048 /* bytes of a line in the log */
#define STDERR_LINES_PER_SECOND 100

/* All zero but for the first two. */
struct stderr_lines {
    uint64_t instance;
    const char *service;
    char *line; /* an unfinished line, STDERR_LINE_MAX bytes; allocated with the first of them */
    size_t line_length;
    bool skipping;   /* the rest of a line that was cut */
    uint64_t second; /* that the counts below are of */
    uint32_t lines, bytes;
    uint64_t dropped; /* lines not logged since the last that was */
};

/* More of it has come, at NOW_MS. */
void stderr_lines_take(struct stderr_lines *lines, const char *text, size_t length,
                       uint64_t now_ms);

/* No more will come: log what is left. */
void stderr_lines_end(struct stderr_lines *lines, uint64_t now_ms);

/* TEXT is a part of a line, at most STDERR_LINE_MAX bytes, that somebody has kept. */
void stderr_lines_go_on(struct stderr_lines *lines, const char *text, size_t length);

/* Free what it holds. */
void stderr_lines_clear(struct stderr_lines *lines);

#endif
