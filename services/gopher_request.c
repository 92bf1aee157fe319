#include <config.h>

#include "gopher_request.h"

#include <errno.h>
#include <string.h>

bool gopher_name_ok(const char *name, size_t length)
{
    if (length == 0 || name[0] == '.')
        return false;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < ' ' || name[i] == 127 || name[i] == '/')
            return false;
    return true;
}

int gopher_request_parse(const char *line, size_t length, struct gopher_request *request_r)
{
    struct gopher_request request = {0};
    const char *tab = memchr(line, '\t', length);
    const char *end = tab != NULL ? tab : line + length;
    size_t used = 0;
    bool first = true;

    if (end - line > GOPHER_SELECTOR_MAX)
        return -EINVAL;
    for (const char *p = line; p < end;) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        const char *stop = slash != NULL ? slash : end;
        size_t size = (size_t)(stop - p);
        if (size > 0) {
            if (!gopher_name_ok(p, size))
                return -EINVAL;
            if (first && p[0] == '~') {
                request.is_user = true;
                memcpy(request.user, p + 1, size - 1);
            } else {
                if (used > 0)
                    request.path[used++] = '/';
                memcpy(request.path + used, p, size);
                used += size;
            }
            first = false;
        }
        p = stop < end ? stop + 1 : end;
    }
    *request_r = request;
    return 0;
}
