/*
 * log_line: how an event is written, in either format. Where it goes is log.h's.
 *
 * What must hold: a line always parses. A field that does not fit is left out whole, and the line then
 * ends with truncated=true.
 */
#ifndef SUPERD_BASE_LOG_LINE_H
#define SUPERD_BASE_LOG_LINE_H

#include "base/log.h"
#include "base/strbuf.h"

#define LOG_LINE_SIZE 8192

/* Build the line, without its newline, in SB, which is empty and has LOG_LINE_SIZE bytes. TIME is as
 * clock_format() writes it; FIELDS end with FIELD_END. */
void log_line_build(struct strbuf *sb, enum log_format format, const char *time,
                    enum log_level level, const char *event, const struct log_field *fields);

#endif
