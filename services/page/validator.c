/* See validator.h. */
#include "validator.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void validator_init(struct validator *validator, const struct stat *st, int64_t now)
{
    snprintf(validator->tag, sizeof validator->tag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%lx\"",
             (uint64_t)st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
             (unsigned long)st->st_mtim.tv_nsec);
    validator->now = now;
    validator->modified = st->st_mtim.tv_sec < now ? st->st_mtim.tv_sec : now;
    date_format(validator->modified, validator->modified_text);
}

bool validator_tag_in_list(const char *list, size_t length, const char *tag, bool weak)
{
    const char *at = list;
    const char *end = list + length;
    size_t tag_length = strlen(tag);
    if (length == 1 && *at == '*')
        return true;
    while (at < end) {
        if (*at == ' ' || *at == '\t' || *at == ',') {
            at++;
            continue;
        }
        bool is_weak = end - at > 2 && at[0] == 'W' && at[1] == '/';
        if (is_weak)
            at += 2;
        if (*at != '"')
            return false; /* not a list of tags: nothing behind this can be trusted */
        const char *close = memchr(at + 1, '"', (size_t)(end - at - 1));
        if (close == NULL)
            return false;
        size_t found = (size_t)(close + 1 - at);
        if ((weak || !is_weak) && found == tag_length && memcmp(at, tag, found) == 0)
            return true;
        at = close + 1;
    }
    return false;
}

/* A list may be spread over several fields of the same name.  `*present_r` tells whether there was
 * any. */
static bool tag_in_fields(const struct validator *validator, const struct request *request,
                          const char *name, bool weak, bool *present_r)
{
    unsigned cursor = 0;
    const struct span *list;
    *present_r = false;
    while ((list = request_next_field(request, name, &cursor)) != NULL) {
        *present_r = true;
        if (validator_tag_in_list(list->at, list->length, validator->tag, weak))
            return true;
    }
    return false;
}

/* False where there is no such field, or it is no date: then it must be ignored. */
static bool date_field(const struct validator *validator, const struct request *request,
                       const char *name, int64_t *seconds_r)
{
    const struct span *value = request_only_field(request, name);
    return value != NULL && date_parse(value->at, value->length, validator->now, seconds_r);
}

enum validator_verdict validator_evaluate(const struct validator *validator,
                                          const struct request *request)
{
    bool present;
    int64_t seconds;
    bool match = tag_in_fields(validator, request, "if-match", false, &present);
    if (present ? !match
                : date_field(validator, request, "if-unmodified-since", &seconds) &&
                      validator->modified > seconds)
        return VALIDATOR_FAILED;
    match = tag_in_fields(validator, request, "if-none-match", true, &present);
    if (present ? match
                : date_field(validator, request, "if-modified-since", &seconds) &&
                      validator->modified <= seconds)
        return VALIDATOR_NOT_MODIFIED;
    return VALIDATOR_PROCEED;
}

bool validator_allows_range(const struct validator *validator, const struct request *request)
{
    unsigned cursor = 0;
    if (request_next_field(request, "if-range", &cursor) == NULL)
        return true;
    const struct span *value = request_only_field(request, "if-range");
    if (value == NULL)
        return false;
    if (value->length > 1 && (value->at[0] == '"' || value->at[1] == '/')) /* "tag" or W/"tag" */
        return value->length == strlen(validator->tag) &&
               memcmp(value->at, validator->tag, value->length) == 0;
    /* A date is a strong validator only if the file could not change again within its second. */
    int64_t seconds;
    return date_parse(value->at, value->length, validator->now, &seconds) &&
           seconds == validator->modified && validator->modified < validator->now;
}
