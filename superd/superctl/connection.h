/*
 * connection: asking the daemon: a line out, a line in, each with a time limit.
 */
#ifndef SUPERD_SUPERCTL_CONNECTION_H
#define SUPERD_SUPERCTL_CONNECTION_H

#include <jansson.h>

#include "superctl/superctl.h"

#define ASK_TIMEOUT_MS 30000
#define ASK_FOREVER    (-1)

struct connection;

/* Connect to PATH. Returns the connection, or NULL with errno set. */
struct connection *connection_open(const char *path);
void connection_close(struct connection *connection); /* NULL is allowed */

/* Send REQUEST (taken over). Returns 0 or -errno. */
int connection_send(struct connection *connection, json_t *request);

/* The next line as JSON, waiting at most MS milliseconds (-1: for ever). NULL: *ERROR_R is -ETIMEDOUT,
 * -ECONNRESET (the other side is gone), or what else failed. */
json_t *connection_receive(struct connection *connection, int ms, int *error_r);

/* Connect where that was not done, send, and wait. Returns the result of the answer; NULL: what is
 * wrong has been said on standard error and *CODE_R is the exit code. */
json_t *ask(struct superctl *ctl, json_t *request, int ms, int *code_r);

/* As ask() for each page; returns the last answer, with all rows of the array ROWS in it. */
json_t *ask_all(struct superctl *ctl, json_t *request, const char *rows, int *code_r);

/* A request of that command; arguments are set by json_object_set_new(). */
json_t *request_of(const char *command);

/* Set argument NAME of REQUEST to TEXT, unless that is NULL. */
void request_text(json_t *request, const char *name, const char *text);

#endif
