/* See target.h. */
#include "target.h"

#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The absolute form's path: what follows the authority.  NULL when it is neither form. */
static const char *find_path(const char *text, const char *end)
{
    static const char *const schemes[] = {"http://", "https://"};
    if (text < end && *text == '/')
        return text;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t length = strlen(schemes[i]);
        if ((size_t)(end - text) > length && strncasecmp(text, schemes[i], length) == 0) {
            const char *at = text + length;
            while (at < end && *at != '/' && *at != '?' && *at != '#')
                at++;
            return at;
        }
    }
    return NULL;
}

/* The byte at `*at`, decoded, `*at` moved behind it; -1 when the escape is broken. */
static int next_byte(const char **at, const char *end)
{
    char c = *(*at)++;
    if (c != '%')
        return (unsigned char)c;
    if (end - *at < 2)
        return -1;
    int high = hex_digit((*at)[0]);
    int low = hex_digit((*at)[1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* May the segment path[from..length) be looked up?  The path is NUL-terminated. */
static enum target_verdict check_segment(const char *segment, bool dot_files)
{
    if (segment[0] != '.')
        return TARGET_OK;
    if (strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0)
        return TARGET_MALFORMED; /* clients resolve these themselves, RFC 3986 section 5.2.4 */
    return dot_files ? TARGET_OK : TARGET_ABSENT;
}

/* Decodes one segment, up to a slash or the end, onto the path.  The worst that is wrong is told,
 * so that the answer does not depend on where it stands. */
static enum target_verdict add_segment(struct target *target, const char **at, const char *end,
                                       bool dot_files)
{
    enum target_verdict verdict = TARGET_OK;
    size_t from = target->length > 0 ? target->length + 1 : 0;
    size_t length = from;
    while (*at < end && **at != '/') {
        int byte = next_byte(at, end);
        if (byte <= 0)
            return TARGET_MALFORMED;
        if (byte == '/' || length + 1 >= sizeof target->path)
            verdict = TARGET_ABSENT; /* read on: it may be malformed as well */
        else
            target->path[length++] = (char)byte;
    }
    if (length == from || verdict != TARGET_OK)
        return verdict;
    target->path[length] = '\0';
    if (from > 0)
        target->path[from - 1] = '/';
    target->length = length;
    return check_segment(target->path + from, dot_files);
}

enum target_verdict target_parse(const char *text, size_t length, bool dot_files,
                                 struct target *target_r)
{
    const char *end = text + length;
    if (length == 0 || memchr(text, '#', length) != NULL)
        return TARGET_MALFORMED;
    const char *at = find_path(text, end);
    if (at == NULL)
        return TARGET_MALFORMED;
    target_r->length = 0;
    target_r->path[0] = '\0';
    target_r->query = memchr(at, '?', (size_t)(end - at));
    target_r->query_length = 0;
    if (target_r->query != NULL) {
        const char *query_end = end;
        end = target_r->query++;
        target_r->query_length = (size_t)(query_end - target_r->query);
    }
    target_r->slash = at == end || end[-1] == '/';
    enum target_verdict verdict = TARGET_OK;
    while (at < end) {
        if (*at == '/') {
            at++;
            continue;
        }
        enum target_verdict segment = add_segment(target_r, &at, end, dot_files);
        if (segment == TARGET_MALFORMED)
            return segment;
        if (segment != TARGET_OK)
            verdict = segment;
    }
    return verdict;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~/", c) != NULL);
}

size_t target_encode(const char *path, char *to, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t length = 0;
    for (; *path != '\0'; path++) {
        if (length + 4 > size)
            return 0;
        if (is_unreserved(*path)) {
            to[length++] = *path;
        } else {
            to[length++] = '%';
            to[length++] = digits[(unsigned char)*path >> 4];
            to[length++] = digits[(unsigned char)*path & 15];
        }
    }
    if (length >= size)
        return 0;
    to[length] = '\0';
    return length;
}
