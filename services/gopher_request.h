/* What a gopher client asks (RFC 1436): a selector, as a path that can be opened without harm.
 * Pure: bytes in, a request out. */
#ifndef SERVICES_GOPHER_REQUEST_H
#define SERVICES_GOPHER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* RFC 1436: a selector is at most 255 characters; a search string or a Gopher+ request may follow.
 */
enum { GOPHER_SELECTOR_MAX = 255, GOPHER_LINE_MAX = 1024 };

struct gopher_request {
    bool is_user;                       /* below "~user", else below the server's directory */
    char user[GOPHER_SELECTOR_MAX + 1]; /* "" when not */
    char path[GOPHER_SELECTOR_MAX + 1]; /* relative, components by single '/', "" is the top */
};

/* Understand the LENGTH bytes of LINE, which is without its line end; what follows a tab is
 * ignored. 0, or -EINVAL: too long, control characters, or a component that begins with a dot: "."
 * and ".." lead elsewhere, and the rest of these are hidden by custom and not for the world. */
int gopher_request_parse(const char *line, size_t length, struct gopher_request *request_r);

/* Whether NAME can be one component of a selector. */
bool gopher_name_ok(const char *name, size_t length);

#endif
