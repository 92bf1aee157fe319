/*
 * One HTTP request read from a connection: llhttp does the parsing, this module the bounds.
 *
 * Why llhttp, and not libmicrohttpd, which would take an accepted socket and bring a whole HTTP
 * server along: a process per connection pays for its libraries at each connection.  On Debian 12
 * libmicrohttpd brings GnuTLS and eight libraries behind it; an empty program linked with it takes
 * three times as long to start and end as one without (1.8 ms against 0.6), whether TLS is used or
 * not, and it bounds the silence between two bytes but not the time of a request.  llhttp is the
 * parser of Node.js: kept, fuzzed, strict, packaged by Debian (12: node-llhttp, as C source;
 * later: libllhttp), no allocation and nothing to start.  The older http_parser is abandoned by
 * its authors; picohttpparser is not packaged.
 *
 * What must hold: the spans of a request point into its reader's buffer and are good until the next
 * request_read() on it.  Nothing is allocated; a request that does not fit is refused.
 */
#ifndef PAGE_REQUEST_H
#define PAGE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection.h"

enum {
    REQUEST_MAX = 16384,       /* request line and header together, bytes */
    REQUEST_TARGET_MAX = 8000, /* RFC 9110 section 4.1 asks for at least this */
    REQUEST_FIELDS_MAX = 100,
};

struct span {
    const char *at;
    size_t length;
};

struct request_field {
    struct span name;
    struct span value; /* without white space around it */
};

enum request_method {
    REQUEST_GET,
    REQUEST_HEAD,
    REQUEST_OTHER,
};

struct request {
    enum request_method method;
    struct span line; /* the request line, as far as it came; for the log */
    struct span target;
    unsigned field_count;
    struct request_field fields[REQUEST_FIELDS_MAX];
    unsigned minor;  /* HTTP/1.minor */
    bool keep_alive; /* the client would stay */
    bool has_body;   /* content follows; this program does not read it */
};

/* What came of an attempt to read a request. */
enum request_outcome {
    REQUEST_READY,
    REQUEST_END,    /* the peer left, or was silent between requests: nothing to answer */
    REQUEST_REFUSE, /* answer with the status and close */
};

struct request_limits {
    int64_t first_byte; /* deadline for the first byte */
    int64_t whole_ms;   /* from the first byte to the end of the header */
};

struct request_reader {
    struct connection *connection;
    size_t start; /* what the last request left unread begins here */
    size_t end;
    char buffer[REQUEST_MAX];
};

void request_reader_init(struct request_reader *reader, struct connection *connection);

/* Reads the next request.  On REQUEST_REFUSE `*status_r` is the status to answer with: 400, 408,
 * 414, 431 or 505; then of the request only method, line and minor are to be relied upon. */
enum request_outcome request_read(struct request_reader *reader,
                                  const struct request_limits *limits, struct request *request,
                                  int *status_r);

/* The next field of that name (lower case) from `*cursor` on, or NULL; start with a cursor of 0. */
const struct span *request_next_field(const struct request *request, const char *name,
                                      unsigned *cursor);

/* The field of that name if it is there exactly once, else NULL. */
const struct span *request_only_field(const struct request *request, const char *name);

#endif
