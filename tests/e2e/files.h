/*
 * files: the directory of a daemon under test, and what may be in it when the daemon has ended.
 * See harness.h for the functions that tests call.
 */
#ifndef TESTS_E2E_FILES_H
#define TESTS_E2E_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "harness.h"

/* Make the directory, open to all users, with a copy of specimen; fills daemon->directory. */
void files_make_directory(struct daemon *daemon);

/* Does it have anything that daemon_write() or daemon_expect_file() did not name? Names it in
 * WHAT. */
bool files_left_over(const struct daemon *daemon, char *what, size_t size);

void files_remove_directory(const char *path);

/* Copy a file with its mode. */
void files_copy(const char *from, const char *to);

#endif
