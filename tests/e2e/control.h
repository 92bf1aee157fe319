/*
 * control: a client of superd's control socket, and running superctl.
 *
 * Requests are written with ' for ". Every function fails the case when an answer does not come, or is
 * not what was expected.
 */
#ifndef TESTS_E2E_CONTROL_H
#define TESTS_E2E_CONTROL_H

#include <jansson.h>

#include "harness.h"

/* Connect to the control socket of DAEMON. */
int control_dial(const struct daemon *daemon);

/* TEXT as JSON. It lives, as all JSON and all texts that these functions return, as long as the process. */
json_t *control_parse(const char *text);

/* Send a request; take the next line. */
void control_say(int fd, const char *request);
json_t *control_hear(int fd);

/* Connect, ask, close. control_ask() returns the whole answer, control_result() the result of one that is
 * ok, control_error() the error text of one that is not. */
json_t *control_ask(const struct daemon *daemon, const char *request);
json_t *control_result(const struct daemon *daemon, const char *request);
const char *control_error(const struct daemon *daemon, const char *request);

/* A member of a JSON value, by a path such as "services.0.live". The case fails when it is not there. */
json_t *control_get(json_t *json, const char *path);
long long control_number(json_t *json, const char *path);
const char *control_text(json_t *json, const char *path);
void control_expect_true(json_t *json, const char *path);

/* What superctl has written, and how it ended. */
struct superctl_run {
    const char *output, *errors;
    int code; /* exit code, or 128 and the signal */
};

/* Run "superctl -s SOCKET ARGUMENTS" (separated by blanks), with INPUT (NULL: none) to read. */
struct superctl_run superctl_run(const struct daemon *daemon, const char *input,
                                 const char *arguments);

/* The same; the case fails when the exit code is not CODE. Returns what it wrote to standard output. */
const char *superctl_expect(const struct daemon *daemon, int code, const char *arguments);

const char *control_superctl(void); /* the program */

#endif
