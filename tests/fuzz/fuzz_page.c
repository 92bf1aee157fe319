/* Everything that `page` does with bytes of a client: its own parsers, each with what must hold of
 * their results, and whole requests through the parser library.  The first byte chooses. */
#include "page/date.h"
#include "page/listing.h"
#include "page/range.h"
#include "page/request.h"
#include "page/target.h"
#include "page/validator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this must hold in every build. */
static void demand(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_page: broken: %s\n", what);
        abort();
    }
}

static void fuzz_target(const char *text, size_t length, bool dot_files)
{
    struct target target, again;
    char encoded[1 + 3 * TARGET_PATH_MAX];
    if (target_parse(text, length, dot_files, &target) != TARGET_OK)
        return;
    demand(strlen(target.path) == target.length && target.length < TARGET_PATH_MAX, "length");
    const char *segment = target.path;
    while (target.length > 0 && segment != NULL) {
        size_t segment_length = strcspn(segment, "/");
        demand(segment_length > 0, "no empty segment");
        demand(segment[0] != '.' || dot_files, "no hidden segment");
        demand(!(segment_length == 1 && segment[0] == '.'), "no . segment");
        demand(!(segment_length == 2 && memcmp(segment, "..", 2) == 0), "no .. segment");
        segment = segment[segment_length] == '/' ? segment + segment_length + 1 : NULL;
    }
    if (target.query != NULL)
        demand(target.query >= text && target.query + target.query_length <= text + length,
               "the query is in the text");
    encoded[0] = '/';
    size_t used = target_encode(target.path, encoded + 1, sizeof encoded - 1);
    demand(used >= target.length, "everything fits");
    demand(target_parse(encoded, used + 1, dot_files, &again) == TARGET_OK &&
               strcmp(again.path, target.path) == 0,
           "what is encoded means the same");
}

static void fuzz_range(const char *text, size_t length, uint64_t size)
{
    struct range range;
    if (range_parse(text, length, size, &range) == RANGE_PART)
        demand(range.length > 0 && range.first < size && range.length <= size - range.first,
               "the part is in the file");
}

static void fuzz_date(const char *text, size_t length)
{
    int64_t seconds, again;
    char formatted[DATE_SIZE];
    if (!date_parse(text, length, 1700000000, &seconds))
        return;
    date_format(seconds, formatted);
    demand(date_parse(formatted, strlen(formatted), 1700000000, &again) && again == seconds,
           "what is written is what was read");
}

static void fuzz_names(const char *text, size_t length)
{
    char escaped[128];
    char *name = malloc(length + 1);
    if (name == NULL)
        return;
    memcpy(name, text, length);
    name[length] = '\0';
    size_t used = listing_escape(name, escaped, sizeof escaped);
    demand(used == strlen(escaped) && strpbrk(escaped, "<>\"'") == NULL, "nothing is left of HTML");
    (void)validator_tag_in_list(text, length, "\"5f-a-65.0\"", false);
    (void)validator_tag_in_list(text, length, "\"5f-a-65.0\"", true);
    free(name);
}

static void demand_inside(const struct request_reader *reader, const struct span *span)
{
    demand(span->length == 0 || (span->at >= reader->buffer &&
                                 span->at + span->length <= reader->buffer + REQUEST_MAX),
           "spans are in the buffer");
}

/* A stream of requests, to its end. */
static void fuzz_requests(const char *text, size_t length)
{
    static struct request_reader reader;
    static struct request request;
    struct connection connection;
    int pair[2];
    int status = 0;
    if (length > 60000 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return;
    if (length > 0 && send(pair[0], text, length, MSG_DONTWAIT) != (ssize_t)length)
        length = 0;
    shutdown(pair[0], SHUT_WR);
    connection_init(&connection, pair[1], pair[1], 1000);
    request_reader_init(&reader, &connection);
    struct request_limits limits = {.first_byte = connection_now() + 1000, .whole_ms = 1000};
    size_t count = 0;
    enum request_outcome outcome;
    while ((outcome = request_read(&reader, &limits, &request, &status)) == REQUEST_READY) {
        struct validator validator = {.tag = "\"5f-a-65.0\"", .modified = 100, .now = 1700000000};
        demand(++count <= length, "every request takes something");
        demand_inside(&reader, &request.line);
        demand_inside(&reader, &request.target);
        for (unsigned i = 0; i < request.field_count; i++) {
            demand_inside(&reader, &request.fields[i].name);
            demand_inside(&reader, &request.fields[i].value);
        }
        (void)validator_evaluate(&validator, &request);
        (void)validator_allows_range(&validator, &request);
        fuzz_target(request.target.at, request.target.length, false);
        if (request.has_body)
            break;
    }
    if (outcome == REQUEST_REFUSE)
        demand(status == 400 || status == 408 || status == 414 || status == 431 || status == 505,
               "refused with a reason");
    close(pair[0]);
    close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size_t length = size - 1;
    switch (data[0] % 8) {
    case 0:
    case 1:
        fuzz_target(text, length, data[0] % 2 == 1);
        break;
    case 2:
        fuzz_range(text, length, 0);
        fuzz_range(text, length, 10);
        fuzz_range(text, length, UINT64_MAX);
        break;
    case 3:
        fuzz_date(text, length);
        break;
    case 4:
        fuzz_names(text, length);
        break;
    default:
        fuzz_requests(text, length);
    }
    return 0;
}
