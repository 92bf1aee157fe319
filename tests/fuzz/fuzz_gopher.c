/* Fuzz target: what services/gopher parses: selectors from clients, gophermaps and text from users.
 */
#include <config.h>

#include "gopher_menu.h"
#include "gopher_request.h"
#include "gopher_text.h"
#include "gopher_type.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* A path is relative, without empty and dotted components and without control characters. */
static void check_request(const char *line, size_t size)
{
    struct gopher_request request;

    if (gopher_request_parse(line, size, &request) < 0)
        return;
    check(strnlen(request.path, sizeof request.path) <= GOPHER_SELECTOR_MAX);
    check(strnlen(request.user, sizeof request.user) <= GOPHER_SELECTOR_MAX);
    check(strchr(request.user, '/') == NULL);
    check(request.path[0] != '/' && request.path[0] != '.');
    check(strstr(request.path, "//") == NULL && strstr(request.path, "/.") == NULL);
    for (const char *p = request.path; *p != '\0'; p++)
        check((unsigned char)*p >= ' ' && *p != 127 && !(*p == '/' && p[1] == '\0'));
}

/* However it is cut, the text decodes to what it was, with line ends as gopher has them. */
static void check_text(const char *data, size_t size)
{
    char *out = malloc(2 * size + 2 + GOPHER_TEXT_END_MAX);
    struct gopher_text text = {0};
    size_t half = size / 2;

    check(out != NULL);
    size_t length = gopher_text_encode(&text, data, half, out);
    check(length <= 2 * half + 1);
    size_t more = gopher_text_encode(&text, data + half, size - half, out + length);
    check(more <= 2 * (size - half) + 1);
    length += more;
    length += gopher_text_end(&text, out + length);
    check(length >= 3 && memcmp(out + length - 3, ".\r\n", 3) == 0);
    size_t at = 0;
    bool line_start = true;
    for (size_t i = 0; i + 3 < length; i++) {
        if (line_start && out[i] == '.')
            check(out[++i] == '.');
        line_start = out[i] == '\n';
        if (out[i] == '\r' && out[i + 1] == '\n') {
            at += at < size && data[at] == '\r' && at + 1 < size && data[at + 1] == '\n';
            check(at >= size || data[at] == '\n' || (data[at] == '\r' && at + 1 == size));
            line_start = true;
            i++;
            at++;
        } else {
            check(at < size && data[at] == out[i]);
            at++;
        }
    }
    check(at >= size);
    free(out);
}

/* One line of a gophermap is one line of the menu, with its three tabs. */
static void check_map_line(const char *line, size_t size)
{
    static const struct gopher_place place = {"host.example", "70", "/~ada", -1, ""};
    char *out = NULL;
    size_t length = 0, tabs = 0;

    FILE *stream = open_memstream(&out, &length);
    check(stream != NULL);
    gopher_map_line(&place, line, size, stream);
    check(fclose(stream) == 0);
    check(length > 2 && memcmp(out + length - 2, "\r\n", 2) == 0);
    for (size_t i = 0; i < length - 2; i++) {
        check(out[i] != '\r' && out[i] != '\n' && out[i] != '\0');
        tabs += out[i] == '\t';
    }
    check(tabs == 3);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    check_request(text, size);
    check_text(text, size);
    check_map_line(text, size);
    check(strchr("09", gopher_type_by_content(text, size)) != NULL);
    return 0;
}
