#include <config.h>

#include "finger_request.h"

#include <stdint.h>
#include <string.h>

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && **text == ' ') {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && (*text)[*length - 1] == ' ')
        (*length)--;
}

struct finger_request finger_request_parse(const char *line, size_t length)
{
    struct finger_request request = {.kind = FINGER_BAD};

    for (size_t i = 0; i < length; i++)
        if (line[i] < ' ' || line[i] > '~') /* the bytes over 127 too, whatever char is */
            return request;
    trim(&line, &length);
    if (length >= 2 && line[0] == '/' && (line[1] == 'W' || line[1] == 'w') &&
        (length == 2 || line[2] == ' ')) {
        request.verbose = true;
        line += 2;
        length -= 2;
        trim(&line, &length);
    }
    if (length == 0) {
        request.kind = FINGER_LIST;
    } else if (memchr(line, '@', length) != NULL) {
        request.kind = FINGER_FORWARD;
    } else if (length <= FINGER_NAME_MAX) {
        request.kind = FINGER_USER;
        memcpy(request.user, line, length);
    }
    return request;
}

/* The length of the character beyond ASCII at the start of TEXT, 0 when it is none that may be
 * shown: broken, longer than need be, a surrogate, or one of the control characters U+0080 to
 * U+009F. */
static size_t utf8_length(const uint8_t *text, size_t left)
{
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    static const uint32_t least[] = {0, 0, 0xa0, 0x800, 0x10000};

    if (text[0] < 0xc2 || text[0] > 0xf4 || length > left)
        return 0;
    uint32_t code = text[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[length] || code > 0x10ffff || surrogate ? 0 : length;
}

size_t finger_clean(const char *text, size_t length, bool utf8, char *out)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)text[i];
        size_t wide = utf8 && byte >= 0x80 ? utf8_length((const uint8_t *)text + i, length - i) : 0;
        if (wide > 0) {
            memcpy(out + used, text + i, wide);
            used += wide;
            i += wide - 1;
        } else if (byte == '\n') {
            out[used++] = '\r';
            out[used++] = '\n';
        } else if (byte == '\r' && i + 1 < length && text[i + 1] == '\n') {
            continue;
        } else {
            out[used++] = (byte >= ' ' && byte <= '~') || byte == '\t' ? (char)byte : '?';
        }
    }
    return used;
}
