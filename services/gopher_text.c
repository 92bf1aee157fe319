#include <config.h>

#include "gopher_text.h"

#include <string.h>

size_t gopher_text_encode(struct gopher_text *text, const char *in, size_t length, char *out)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        if (in[i] == '\n') {
            out[used++] = '\r';
            out[used++] = '\n';
            *text = (struct gopher_text){0};
            continue;
        }
        /* A CR within a line: it stays, for it is not ours to judge. */
        if (text->after_cr) {
            out[used++] = '\r';
            text->in_line = true;
        }
        text->after_cr = in[i] == '\r';
        if (text->after_cr)
            continue;
        if (in[i] == '.' && !text->in_line)
            out[used++] = '.';
        out[used++] = in[i];
        text->in_line = true;
    }
    return used;
}

size_t gopher_text_end(struct gopher_text *text, char out[GOPHER_TEXT_END_MAX])
{
    size_t used = 0;

    if (text->in_line || text->after_cr)
        used = gopher_text_encode(text, "\n", 1, out);
    memcpy(out + used, ".\r\n", 3);
    return used + 3;
}
