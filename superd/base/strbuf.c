/* strbuf: text in a bounded buffer of the caller's. See strbuf.h. */
#include "base/strbuf.h"

#include <stdio.h>
#include <string.h>

void strbuf_init(struct strbuf *sb, char *data, size_t size)
{
    sb->data = data;
    sb->size = size;
    sb->length = 0;
    sb->truncated = false;
    data[0] = '\0';
}

void strbuf_char(struct strbuf *sb, char c)
{
    if (sb->length + 1 >= sb->size) {
        sb->truncated = true;
        return;
    }
    sb->data[sb->length++] = c;
    sb->data[sb->length] = '\0';
}

void strbuf_text(struct strbuf *sb, const char *text)
{
    strbuf_bytes(sb, text, strlen(text));
}

void strbuf_bytes(struct strbuf *sb, const char *bytes, size_t length)
{
    size_t room = sb->size - 1 - sb->length;

    if (length > room) {
        length = room;
        sb->truncated = true;
    }
    if (length > 0)
        memcpy(sb->data + sb->length, bytes, length);
    sb->length += length;
    sb->data[sb->length] = '\0';
}

void strbuf_u64(struct strbuf *sb, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    strbuf_bytes(sb, digits + at, sizeof digits - at);
}

void strbuf_i64(struct strbuf *sb, int64_t number)
{
    if (number < 0) {
        strbuf_char(sb, '-');
        strbuf_u64(sb, -(uint64_t)number);
    } else {
        strbuf_u64(sb, (uint64_t)number);
    }
}

void strbuf_printf(struct strbuf *sb, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    strbuf_vprintf(sb, format, args);
    va_end(args);
}

void strbuf_vprintf(struct strbuf *sb, const char *format, va_list args)
{
    size_t room = sb->size - sb->length;
    int length = vsnprintf(sb->data + sb->length, room, format, args);

    if (length < 0) {
        sb->data[sb->length] = '\0';
        sb->truncated = true;
    } else if ((size_t)length >= room) {
        sb->length = sb->size - 1;
        sb->truncated = true;
    } else {
        sb->length += (size_t)length;
    }
}
