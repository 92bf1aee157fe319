/*
 * Validators of a file and the fields that test them (RFC 9110 sections 8.8 and 13).
 *
 * The entity tag is strong: made of inode, size and modification time in nanoseconds, so that it
 * changes whenever a file is replaced or written (as far as the file system's clock can tell).
 * No I/O here: the file's status and the time are arguments.
 */
#ifndef PAGE_VALIDATOR_H
#define PAGE_VALIDATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "date.h"
#include "request.h"

struct validator {
    char tag[64];                  /* with its quotes */
    char modified_text[DATE_SIZE]; /* as in Last-Modified */
    int64_t modified;              /* seconds since 1970; never later than now */
    int64_t now;
};

enum validator_verdict {
    VALIDATOR_PROCEED,
    VALIDATOR_NOT_MODIFIED, /* 304 */
    VALIDATOR_FAILED,       /* 412 */
};

void validator_init(struct validator *validator, const struct stat *st, int64_t now);

/* Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of
 * RFC 9110 section 13.2.2. */
enum validator_verdict validator_evaluate(const struct validator *validator,
                                          const struct request *request);

/* May a range be answered with a part?  True without If-Range, or when it holds. */
bool validator_allows_range(const struct validator *validator, const struct request *request);

/* Is the tag in this list of tags, or the list `*`?  `weak`: tags that are marked weak count. */
bool validator_tag_in_list(const char *list, size_t length, const char *tag, bool weak);

#endif
