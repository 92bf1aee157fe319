/*
 * control_cases: what the cases of the control socket say all the time.
 */
#ifndef TESTS_E2E_CONTROL_CASES_H
#define TESTS_E2E_CONTROL_CASES_H

#include "control.h"

#define CAT   "exec = ['@SPECIMEN@', 'cat']; "
#define WAIT  "exec = ['@SPECIMEN@', 'wait']; "
#define LOCAL "listen = '127.0.0.1:0'; "
#define ONE   "one: { " LOCAL CAT "}; "

/* A client that is being served, and superd knows: *ADMIT_R (NULL: not wanted) is the event. */
int served(struct daemon *daemon, const char *service, const json_t **admit_r);

/* A client that nobody accepts. */
int held(struct daemon *daemon, const char *service);

#endif
