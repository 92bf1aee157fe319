/*
 * limit_words: what the cases of admission limits say all the time.
 */
#ifndef TESTS_E2E_LIMIT_WORDS_H
#define TESTS_E2E_LIMIT_WORDS_H

#include <stddef.h>

struct daemon;

#define WAIT   "exec = ['@SPECIMEN@', 'wait']; "
#define LISTEN "listen = '127.0.0.1:0'; "
#define MOMENT 60 /* ms in which nothing is to come */

/* Wait for the event that says so, of SERVICE and for REASON. */
void expect_refusal(struct daemon *daemon, const char *service, const char *reason);
void expect_hold(struct daemon *daemon, const char *service, const char *reason);

/* A client from address FROM is served by the specimen, or is refused, at the first listener of SERVICE. */
void expect_admitted(struct daemon *daemon, const char *service, const char *from);
void expect_refused(struct daemon *daemon, const char *service, const char *from);

void close_all(const int *fds, size_t count);

#endif
