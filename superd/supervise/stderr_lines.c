/*
 * stderr_lines: see stderr_lines.h.
 */
#include "supervise/stderr_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define SECOND_MS 1000

static void new_second(struct stderr_lines *lines, uint64_t now_ms)
{
    uint64_t second = now_ms / SECOND_MS;

    if (second == lines->second)
        return;
    lines->second = second;
    lines->lines = lines->bytes = 0;
}

static void report_dropped(struct stderr_lines *lines)
{
    if (!lines->dropped)
        return;
    log_event(LEVEL_WARNING, "stderr", log_text("service", lines->service),
              log_u64("instance", lines->instance), log_u64("dropped", lines->dropped));
    lines->dropped = 0;
}

static void log_line(struct stderr_lines *lines, const char *text, size_t length, bool cut)
{
    struct log_field mark = cut ? log_bool("cut", true) : log_text("cut", NULL);

    if (lines->lines >= STDERR_LINES_PER_SECOND) {
        lines->dropped++;
        return;
    }
    lines->lines++;
    report_dropped(lines);
    if (length && text[length - 1] == '\r')
        length--;
    log_event(LEVEL_INFO, "stderr", log_text("service", lines->service),
              log_u64("instance", lines->instance), log_bytes("text", text, length), mark);
}

static void end_line(struct stderr_lines *lines, bool cut)
{
    if (lines->line_length || cut)
        log_line(lines, lines->line, lines->line_length, cut);
    lines->line_length = 0;
}

/* A part of a line is kept until its end comes. */
void stderr_lines_go_on(struct stderr_lines *lines, const char *text, size_t length)
{
    if (!lines->line) {
        lines->line = malloc(STDERR_LINE_MAX);
        if (!lines->line) {
            lines->dropped++;
            lines->skipping = true;
            return;
        }
    }
    if (length > STDERR_LINE_MAX - lines->line_length) {
        size_t fits = STDERR_LINE_MAX - lines->line_length;

        memcpy(lines->line + lines->line_length, text, fits);
        lines->line_length += fits;
        end_line(lines, true);
        lines->skipping = true;
        return;
    }
    memcpy(lines->line + lines->line_length, text, length);
    lines->line_length += length;
}

void stderr_lines_take(struct stderr_lines *lines, const char *text, size_t length, uint64_t now_ms)
{
    new_second(lines, now_ms);
    lines->bytes += (uint32_t)length;
    while (length) {
        const char *newline = memchr(text, '\n', length);
        size_t part = newline ? (size_t)(newline - text) : length;

        if (newline && !lines->skipping && !lines->line_length && part <= STDERR_LINE_MAX)
            log_line(lines, text, part, false); /* whole: no need to keep it */
        else if (!lines->skipping)
            stderr_lines_go_on(lines, text, part);
        if (!newline)
            return;
        end_line(lines, false);
        lines->skipping = false;
        text += part + 1;
        length -= part + 1;
    }
}

void stderr_lines_end(struct stderr_lines *lines, uint64_t now_ms)
{
    new_second(lines, now_ms);
    if (!lines->skipping)
        end_line(lines, false);
    report_dropped(lines);
}

void stderr_lines_clear(struct stderr_lines *lines)
{
    free(lines->line);
    lines->line = NULL;
}
