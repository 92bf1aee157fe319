/*
 * What the tests of `page` share: a directory of files to serve, a loopback listener that hands its
 * connections to the program as a superserver would, and a client that reads answers.
 *
 * Every wait has an end: a client's read fails the test after SITE_PATIENCE_S seconds.
 */
#ifndef PAGE_SITE_H
#define PAGE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    SITE_PATIENCE_S = 10, /* less than the program's own limits: what it must notice, it notices */
    SITE_BIG = 3 * 1024 * 1024 + 17, /* the size of big.bin, whose bytes are random */
    SITE_ARGUMENTS_MAX = 8,
};

struct site {
    char root[64]; /* the directory; beside it stands "secret", which must never be served */
    char base[48]; /* the temporary directory around it */
    int listener;
    uint16_t port;
    char *big;
};

/* A connection with a process of its own at its other end. */
struct session {
    int fd;
    pid_t pid;
    int log; /* what it wrote to standard error, a file */
};

struct answer {
    int status;
    char head[16384]; /* up to the empty line, NUL-terminated */
    char *body;       /* NUL-terminated for the convenience of tests */
    size_t length;
};

/* cmocka group fixtures; *state is the site. */
int site_setup(void **state);
int site_teardown(void **state);

/* Makes a file in the site's directory; `path` is relative to it. */
void site_write(const struct site *site, const char *path, const void *content, size_t length);

/* The program's path for execv and its arguments: options, NULL-terminated, then the directory. */
void site_arguments(const struct site *site, const char *const *options,
                    const char *argv[SITE_ARGUMENTS_MAX]);

/* Options are given up to a NULL. */
struct session session_open(const struct site *site, ...) __attribute__((sentinel));
struct session session_open_pair(const struct site *site); /* over a UNIX socket pair */
void session_send(const struct session *session, const void *bytes, size_t length);
void session_say(const struct session *session, const char *text);

/* Reads one answer; `head_only` for an answer to HEAD.  The caller calls answer_free(). */
void session_read(const struct session *session, bool head_only, struct answer *answer);

/* Reads to the end of the stream, at most `size` bytes. */
size_t session_drain(const struct session *session, char *to, size_t size);

/* Closes our side, waits for the process and asserts that it ended with status 0. */
void session_close(struct session *session);

/* The same without closing first: the process must end by itself. */
void session_await_end(struct session *session);

/* What it logged, NUL-terminated. */
void session_log(const struct session *session, char *to, size_t size);

/* One request on a connection of its own. */
void site_ask(const struct site *site, const char *request, struct answer *answer);

/* As site_ask(), for a GET of `path` with more fields ("" or each with "\r\n"). */
void site_get(const struct site *site, const char *path, const char *fields, struct answer *answer);

/* The value of a field of the answer, or NULL; good until the next call. */
const char *answer_field(const struct answer *answer, const char *name);
void answer_free(struct answer *answer);

/* Accepts connections and starts the program for each, in a process of its own, until stopped. */
pid_t site_serve(const struct site *site, const char *const *options);
void site_stop(pid_t pid);

/* Runs a program found in PATH with its standard output in `to`; `quiet` throws its messages away.
 * Returns its exit status. */
int site_run(const char *const *argv, bool quiet, char *to, size_t size);

/* Is there a program of that name in PATH? */
bool site_has_program(const char *name);

#endif
