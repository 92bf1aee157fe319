/*
 * Answers: the status line and header, and the small pages that this program writes itself.
 *
 * One `struct exchange` is one request with its answer.  What must hold: exactly one answer is sent
 * for an exchange, and `keep_alive` is false afterwards whenever the stream cannot be trusted to be
 * at the beginning of the next request.
 */
#ifndef PAGE_REPLY_H
#define PAGE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection.h"
#include "request.h"

enum {
    REPLY_HEAD_MAX = 16384, /* a Location of an encoded path of the longest length fits */
};

/* What the command line said. */
struct options {
    int root;              /* the directory that is served */
    bool listing;          /* -l */
    bool dot_files;        /* -a */
    bool log;              /* -v */
    unsigned max_requests; /* -n */
    int64_t idle_ms;       /* -k */
    int64_t request_ms;    /* -t */
    int64_t stall_ms;      /* -w */
};

struct exchange {
    const struct options *options; /* of page; NULL in other programs */
    const char *server;            /* the Server field */
    struct connection *connection;
    const struct request *request;
    int64_t now;     /* the time of day, seconds since 1970: Date and validators agree on it */
    bool keep_alive; /* announced in the answer */
    int status;
    uint64_t length; /* of the content that the answer announced */
    int error;       /* why the answer did not get through, a negative errno value; else 0 */
};

struct head {
    size_t length;
    bool overflow;
    char text[REPLY_HEAD_MAX];
};

/* Begins a head: status line, Date, Server, Connection. */
void head_begin(struct head *head, struct exchange *exchange, int status);

/* Adds to it; a field ends in "\r\n". */
void head_add(struct head *head, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* Ends and sends it.  `more`: content follows.  False when it did not get through. */
bool head_send(struct head *head, struct exchange *exchange, bool more);

/* Sends a complete answer with the content given; `fields` are more header fields, each with its
 * "\r\n", or "".  The content of an answer to HEAD is left out. */
void reply_content(struct exchange *exchange, int status, const char *fields, const char *type,
                   const char *content, size_t length);

/* The same with a small page that names the status and explains it. */
void reply_status(struct exchange *exchange, int status, const char *fields);

/* What all pages made here have in common: a printf form that takes the title, which must already
 * be escaped, up to where more rules of style may follow; and from there to the beginning of
 * <body>. */
#define REPLY_PAGE_TOP                                                                   \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"            \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"         \
    "<title>%s</title>\n<style>\n"                                                       \
    ":root { color-scheme: light dark }\n"                                               \
    "body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; " \
    "padding: 0 1rem }\n"                                                                \
    "h1 { font-size: 1.4rem; overflow-wrap: anywhere }\n"
#define REPLY_PAGE_BODY "</style>\n</head>\n<body>\n"

/* Nothing in a page made here runs or loads anything; a browser may hold us to that. */
#define REPLY_PAGE_POLICY                                                      \
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; " \
    "base-uri 'none'; form-action 'none'\r\n"

#endif
