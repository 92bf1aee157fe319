/* text: bytes from outside made fit to be shown; likeness of words. See text.h. */
#include "base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define WORD_MOST 63

static const char hex_digits[] = "0123456789abcdef";

/* The code point of a sequence that text_utf8_length() found valid. */
static uint32_t decode(const char *bytes, size_t length)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (uint8_t)bytes[0] & masks[length];

    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((uint8_t)bytes[i] & 0x3f);
    return code;
}

size_t text_utf8_length(const char *bytes, size_t length)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first;
    size_t wanted;
    uint32_t code;

    if (length == 0)
        return 0;
    first = (uint8_t)bytes[0];
    if (first < 0x80)
        return 1;
    wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || wanted > length)
        return 0;
    for (size_t i = 1; i < wanted; i++) {
        if (((uint8_t)bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    code = decode(bytes, wanted);
    if (code < least[wanted] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return 0;
    return wanted;
}

/* C0, DEL and C1: what a terminal would obey. */
static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f);
}

static void append_escape(struct strbuf *sb, const char *prefix, uint8_t byte)
{
    strbuf_text(sb, prefix);
    strbuf_char(sb, hex_digits[byte >> 4]);
    strbuf_char(sb, hex_digits[byte & 15]);
}

/* The letter of a two-character escape, 0 where C has none. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

/* How many bytes are printable ASCII without quote and backslash: nearly always all of them. */
static size_t plain_length(const char *bytes, size_t length)
{
    size_t n = 0;

    while (n < length && bytes[n] >= 0x20 && bytes[n] < 0x7f && bytes[n] != '"' && bytes[n] != '\\')
        n++;
    return n;
}

void text_append_json(struct strbuf *sb, const char *bytes, size_t length)
{
    size_t plain = plain_length(bytes, length);

    strbuf_char(sb, '"');
    strbuf_bytes(sb, bytes, plain);
    for (size_t at = plain; at < length;) {
        size_t sequence = text_utf8_length(bytes + at, length - at);
        uint32_t code = sequence ? decode(bytes + at, sequence) : (uint8_t)bytes[at];

        if (short_escape(bytes[at])) {
            strbuf_char(sb, '\\');
            strbuf_char(sb, short_escape(bytes[at]));
        } else if (sequence == 0 || is_control(code)) {
            append_escape(sb, "\\u00", (uint8_t)code);
        } else {
            strbuf_bytes(sb, bytes + at, sequence);
        }
        at += sequence ? sequence : 1;
    }
    strbuf_char(sb, '"');
}

/* No blank, quote, backslash, equals sign, control character or broken UTF-8, and not empty? */
static bool is_bare(const char *bytes, size_t length)
{
    if (plain_length(bytes, length) == length)
        return length > 0 && !memchr(bytes, ' ', length) && !memchr(bytes, '=', length);
    for (size_t at = 0; at < length;) {
        size_t sequence = text_utf8_length(bytes + at, length - at);

        if (sequence == 0 || is_control(decode(bytes + at, sequence)) ||
            memchr(" \"\\=", bytes[at], 4))
            return false;
        at += sequence;
    }
    return length > 0;
}

void text_append_value(struct strbuf *sb, const char *bytes, size_t length)
{
    if (is_bare(bytes, length)) {
        strbuf_bytes(sb, bytes, length);
        return;
    }
    strbuf_char(sb, '"');
    for (size_t at = 0; at < length;) {
        size_t sequence = text_utf8_length(bytes + at, length - at);
        size_t step = sequence ? sequence : 1;

        if (short_escape(bytes[at])) {
            strbuf_char(sb, '\\');
            strbuf_char(sb, short_escape(bytes[at]));
        } else if (sequence == 0 || is_control(decode(bytes + at, sequence))) {
            for (size_t i = 0; i < step; i++)
                append_escape(sb, "\\x", (uint8_t)bytes[at + i]);
        } else {
            strbuf_bytes(sb, bytes + at, step);
        }
        at += step;
    }
    strbuf_char(sb, '"');
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned text_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    unsigned rows[3][WORD_MOST + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    if (a_length > WORD_MOST || b_length > WORD_MOST)
        return (unsigned)(a_length > b_length ? a_length : b_length);
    for (size_t j = 0; j <= b_length; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *oldest = before;
        int c = tolower((unsigned char)a[i - 1]);

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            int d = tolower((unsigned char)b[j - 1]);

            row[j] = least(least(row[j - 1], last[j]) + 1, last[j - 1] + (c != d));
            if (i > 1 && j > 1 && c == tolower((unsigned char)b[j - 2]) &&
                tolower((unsigned char)a[i - 2]) == d)
                row[j] = least(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
        row = oldest;
    }
    return last[b_length];
}
