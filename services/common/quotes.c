#include <config.h>

#include "io.h"
#include "quotes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void quotes_release(struct quotes *quotes)
{
    free(quotes->text);
    free(quotes->starts);
    *quotes = (struct quotes){0};
}

/* Append a line as it is sent, at OFFSET.  The new offset. */
static size_t append_line(char *text, size_t offset, const char *line, size_t length)
{
    if (length > 0 && line[length - 1] == '\r')
        length--;
    memcpy(text + offset, line, length);
    memcpy(text + offset + length, "\r\n", 2);
    return offset + length + 2;
}

int quotes_parse(const char *text, size_t length, struct quotes *quotes_r)
{
    const char *end = text + length;
    size_t lines = 1;
    struct quotes q = {0};

    for (const char *p = text; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
        lines++;
    /* At worst each line feed becomes two bytes, and each line is a quote. */
    q.text = malloc(length + 2 * lines);
    q.starts = calloc(lines + 1, sizeof *q.starts);
    if (q.text == NULL || q.starts == NULL) {
        quotes_release(&q);
        return -ENOMEM;
    }
    size_t offset = 0;
    for (const char *line = text; line < end;) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        const char *stop = feed != NULL ? feed : end;
        const char *next = feed != NULL ? feed + 1 : end;
        bool separator = stop - line == 1 && *line == '%';
        if (!separator)
            offset = append_line(q.text, offset, line, (size_t)(stop - line));
        if (separator || next == end) {
            size_t size = offset - q.starts[q.count];
            if (size > 2 && size <= QUOTES_LONGEST)
                q.starts[++q.count] = offset;
            offset = q.starts[q.count];
        }
        line = next;
    }
    *quotes_r = q;
    return 0;
}

int quotes_read(const char *path, struct quotes *quotes_r)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    char *text = malloc(QUOTES_FILE_MAX + 1);
    size_t length = 0;
    ssize_t n = text == NULL ? -ENOMEM : 1;
    while (n > 0) {
        n = io_read(fd, text + length, QUOTES_FILE_MAX + 1 - length);
        if (n > 0)
            length += (size_t)n;
        if (length > QUOTES_FILE_MAX)
            n = -EFBIG;
    }
    close(fd);
    if (n == 0)
        n = quotes_parse(text, length, quotes_r);
    free(text);
    return (int)n;
}
