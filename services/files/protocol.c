/*
 * protocol: see protocol.h.
 */
#include "files/protocol.h"

#include "wire/field.h"

#include <string.h>

static const struct {
    const char *name;
    size_t arguments;
} verbs[FILES_VERB_MAX] = {
    [FILES_PUT] = {"PUT", 3},
    [FILES_GET] = {"GET", 1},
    [FILES_LIST] = {"LIST", 0},
    [FILES_DELETE] = {"DELETE", 1},
};

static const char *const words[FILES_WORD_MAX] = {
    [FILES_DONE] = "ok",           [FILES_SYNTAX] = "syntax",
    [FILES_TOO_LONG] = "too-long", [FILES_IDLE] = "idle",
    [FILES_NO_FILE] = "no-file",   [FILES_QUOTA] = "quota",
    [FILES_COUNT] = "count",       [FILES_SIZE] = "size",
    [FILES_CHECKSUM] = "checksum", [FILES_READ_ONLY] = "read-only",
    [FILES_BUSY] = "busy",         [FILES_DAMAGED] = "damaged",
    [FILES_DISK] = "disk",
};

bool files_name_valid(const char *text)
{
    return field_is_word(text, FILES_NAME_MAX, "._-+@=,") && text[0] != '.' && text[0] != '-';
}

bool files_stamp_parse(const char *size, const char *digest, int64_t *size_r,
                       char digest_r[DIGEST_TEXT])
{
    if (strlen(digest) != DIGEST_TEXT - 1 ||
        strspn(digest, "0123456789abcdef") != DIGEST_TEXT - 1 ||
        !field_number(size, 0, FILES_SIZE_MAX, size_r))
        return false;
    memcpy(digest_r, digest, DIGEST_TEXT);
    return true;
}

bool files_request_parse(char *line, size_t length, struct files_request *request_r)
{
    char *fields[FILES_FIELDS_MAX];
    size_t count = field_split(line, length, fields, FILES_FIELDS_MAX);

    memset(request_r, 0, sizeof *request_r);
    if (count == 0)
        return false;
    while (strcmp(verbs[request_r->verb].name, fields[0]) != 0)
        if (++request_r->verb == FILES_VERB_MAX)
            return false;
    if (count - 1 != verbs[request_r->verb].arguments)
        return false;
    if (count > 1) {
        if (!files_name_valid(fields[1]))
            return false;
        strcpy(request_r->name, fields[1]);
    }
    return request_r->verb != FILES_PUT ||
           files_stamp_parse(fields[2], fields[3], &request_r->size, request_r->digest);
}

bool files_greeting_parse(char *line, size_t length)
{
    char *fields[2];

    return field_split(line, length, fields, 2) == 2 && strcmp(fields[0], "FILES") == 0 &&
           field_lists_version(fields[1], FILES_VERSION);
}

const char *files_word_text(enum files_word word)
{
    return words[word];
}

int64_t files_body_ms(int64_t size)
{
    return 10000 + size / 1024 * 1000;
}
