/* Files for a handler to serve, in a directory of the test's own. */
#ifndef TESTS_SERVICES_HANDLER_FILES_H
#define TESTS_SERVICES_HANDLER_FILES_H

#include <stddef.h>
#include <sys/types.h>

/* Make a fresh directory that everybody may read, and go there: the names below are relative to it.
 * Its absolute path, until files_remove(). */
const char *files_make(void);
void files_remove(void);

void files_directory(const char *name, mode_t mode);
void files_write(const char *name, const void *content, size_t length, mode_t mode);
void files_text(const char *name, const char *content);

/* Write the file "passwd" with a person for each of NAMES, up to a NULL: the uid is ours, "ada" is
 * called "Ada Lovelace", the home is the directory of the person's name. */
void files_people(const char *const names[]);

#endif
