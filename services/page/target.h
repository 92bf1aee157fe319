/*
 * The target of a request and the names of files: percent-encoding (RFC 3986), and which paths may
 * be looked up at all.
 *
 * What must hold: a path made here is relative, has no empty, `.` or `..` segment, no NUL, and no
 * segment that begins with a dot unless that was asked for.  It is the first fence only; the second
 * is openat2(RESOLVE_BENEATH) in file.c.  No I/O here.
 */
#ifndef PAGE_TARGET_H
#define PAGE_TARGET_H

#include <stdbool.h>
#include <stddef.h>

enum {
    TARGET_PATH_MAX = 4096, /* with the NUL; the kernel takes no longer one */
};

enum target_verdict {
    TARGET_OK,
    TARGET_MALFORMED, /* not a target that a client should send: 400 */
    TARGET_ABSENT,    /* a name that no file here can have, or that is not shown: 404 */
};

struct target {
    char path[TARGET_PATH_MAX]; /* decoded; "" is the directory itself */
    size_t length;
    bool slash;        /* ended in a slash: only a directory will do */
    const char *query; /* into the text, after the question mark; NULL when there is none */
    size_t query_length;
};

/* Takes the origin or the absolute form (RFC 9112 section 3.2). */
enum target_verdict target_parse(const char *text, size_t length, bool dot_files,
                                 struct target *target_r);

/* Writes `path` percent-encoded, slashes kept, NUL-terminated.  Returns its length, or 0 when it
 * does not fit (three times the length, and one, always does). */
size_t target_encode(const char *path, char *to, size_t size);

#endif
