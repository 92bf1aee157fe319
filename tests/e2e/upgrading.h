/*
 * upgrading: asking a daemon under test to go on with another program.
 */
#ifndef TESTS_E2E_UPGRADING_H
#define TESTS_E2E_UPGRADING_H

#include "control.h"

/* Go on with the same program again, and wait until that serves. Returns the answer. */
json_t *daemon_upgrade(struct daemon *daemon);

/* Ask for BINARY (NULL: the same), which must be refused with WORDS in one of the errors; the daemon
 * says so, and serves "cat" as before. */
void daemon_upgrade_fails(struct daemon *daemon, const char *binary, const char *words);

/* Write an executable script called NAME in the directory of DAEMON. It is given the arguments of
 * superd; @SUPERD@ is the real one. Returns its path. */
const char *daemon_script(struct daemon *daemon, const char *name, const char *text);

#endif
