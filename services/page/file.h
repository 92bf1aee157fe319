/*
 * From a request for GET or HEAD to its answer: finds the file beneath the directory, tests the
 * conditions, sends the file, a part of it, or a listing.
 *
 * What must hold: nothing outside the directory is ever opened.  Every look-up is one openat2()
 * with RESOLVE_BENEATH, so that the kernel, not this program, sees to it, whatever symbolic links
 * there are and whoever changes them meanwhile; where the kernel has no openat2(), nothing is
 * served.
 */
#ifndef PAGE_FILE_H
#define PAGE_FILE_H

#include "reply.h"

/* Answers exchange->request, whose method is GET or HEAD. */
void file_answer(struct exchange *exchange);

/* Opens `path` ("" is the directory itself) for reading, beneath `root`.  Returns a descriptor that
 * the caller closes, or a negative errno value. */
int file_open_beneath(int root, const char *path);

#endif
