/*
 * protocol: requests of PROTOCOL.md as structures. Pure: memory in, memory out, so it is what the
 * fuzzer gets.
 */
#ifndef FILES_PROTOCOL_H
#define FILES_PROTOCOL_H

#include "files/digest.h"
#include "wire/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILES_VERSION = 1, FILES_NAME_MAX = 128, FILES_FIELDS_MAX = 6 };

#define FILES_SIZE_MAX (INT64_C(1) << 50)

enum files_verb {
    FILES_PUT,
    FILES_GET,
    FILES_LIST,
    FILES_DELETE,
    FILES_VERB_MAX,
};

enum files_word {
    FILES_DONE, /* no error */
    FILES_SYNTAX,
    FILES_TOO_LONG,
    FILES_IDLE,
    FILES_NO_FILE,
    FILES_QUOTA,
    FILES_COUNT,
    FILES_SIZE,
    FILES_CHECKSUM,
    FILES_READ_ONLY,
    FILES_BUSY,
    FILES_DAMAGED,
    FILES_DISK,
    FILES_WORD_MAX,
};

struct files_request {
    enum files_verb verb;
    char name[FILES_NAME_MAX + 1];
    int64_t size;
    char digest[DIGEST_TEXT];
};

bool files_name_valid(const char *text);

/* Parse a request, cutting LINE up. */
bool files_request_parse(char *line, size_t length, struct files_request *request_r);

/* Parse a size and a digest, as they follow OK and FILE. */
bool files_stamp_parse(const char *size, const char *digest, int64_t *size_r,
                       char digest_r[DIGEST_TEXT]);

/* "FILES 1" or "FILES 2,1": is our version among them? Cuts LINE up. */
bool files_greeting_parse(char *line, size_t length);

const char *files_word_text(enum files_word word);

/* How long a body may take, in milliseconds: a bound for those who send a byte now and then. */
int64_t files_body_ms(int64_t size);

#endif
