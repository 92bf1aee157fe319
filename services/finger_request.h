/* What a finger client asks (RFC 1288, section 2.3).  Pure: bytes in, a request out. */
#ifndef SERVICES_FINGER_REQUEST_H
#define SERVICES_FINGER_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum { FINGER_LINE_MAX = 512, FINGER_NAME_MAX = 64 };

enum finger_kind {
    FINGER_LIST,    /* who is logged in */
    FINGER_USER,    /* one user */
    FINGER_FORWARD, /* a user of another host */
    FINGER_BAD,     /* not ASCII, or a name of more than FINGER_NAME_MAX characters */
};

struct finger_request {
    enum finger_kind kind;
    bool verbose;                   /* /W */
    char user[FINGER_NAME_MAX + 1]; /* for FINGER_USER: printing characters, as they were sent */
};

/* Understand the LENGTH bytes of LINE, which is without its line end. */
struct finger_request finger_request_parse(const char *line, size_t length);

/* Make TEXT fit for a terminal (RFC 1288, section 3.3): line ends become CR LF, unprintable bytes
 * become '?', what is left is printing ASCII and tabs, and with UTF8 also well-formed characters
 * beyond ASCII that are no control characters.  OUT has room for 2 * LENGTH.  The length of OUT. */
size_t finger_clean(const char *text, size_t length, bool utf8, char *out);

#endif
