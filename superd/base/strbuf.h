/*
 * strbuf: text built in a buffer of the caller's, never past its end.
 *
 * For log lines, environments and messages: no allocation, always NUL-terminated, and it remembers
 * whether something did not fit.
 */
#ifndef SUPERD_BASE_STRBUF_H
#define SUPERD_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
    char *data;     /* the caller's; NUL-terminated at all times */
    size_t size;    /* bytes at data, at least 1 */
    size_t length;  /* < size */
    bool truncated; /* something did not fit */
};

/* Start with an empty text in DATA, which has SIZE >= 1 bytes. */
void strbuf_init(struct strbuf *sb, char *data, size_t size);

/* Append. What does not fit is cut and `truncated` set. */
void strbuf_char(struct strbuf *sb, char c);
void strbuf_text(struct strbuf *sb, const char *text);
void strbuf_bytes(struct strbuf *sb, const char *bytes, size_t length);
void strbuf_u64(struct strbuf *sb, uint64_t number);
void strbuf_i64(struct strbuf *sb, int64_t number);
void strbuf_printf(struct strbuf *sb, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *sb, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
