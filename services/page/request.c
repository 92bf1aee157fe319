/* See request.h. */
#include "request.h"

#include <llhttp.h>

#include <errno.h>
#include <string.h>
#include <strings.h>

struct parse {
    llhttp_t parser;
    struct request *request;
    bool value_began; /* the last field has its value, or a part of it */
    bool complete;
    int refusal; /* our own reason to stop, a status; 0 while there is none */
};

/* Adds what comes to the span.  False when the two do not touch: then something that is not part of
 * the text stands between them (a folded line), which RFC 9112 section 5.2 tells us to refuse. */
static bool extend_span(struct span *span, const char *at, size_t length)
{
    if (span->at == NULL)
        span->at = at;
    else if (span->at + span->length != at)
        return false;
    span->length += length;
    return true;
}

static int on_url(llhttp_t *parser, const char *at, size_t length)
{
    struct parse *parse = parser->data;
    if (!extend_span(&parse->request->target, at, length))
        parse->refusal = 400;
    else if (parse->request->target.length > REQUEST_TARGET_MAX)
        parse->refusal = 414;
    return parse->refusal == 0 ? 0 : -1;
}

static int on_field_name(llhttp_t *parser, const char *at, size_t length)
{
    struct parse *parse = parser->data;
    struct request *request = parse->request;
    if (request->field_count == 0 || parse->value_began) {
        if (request->field_count == REQUEST_FIELDS_MAX) {
            parse->refusal = 431;
            return -1;
        }
        request->fields[request->field_count++] = (struct request_field){{NULL, 0}, {NULL, 0}};
        parse->value_began = false;
    }
    if (!extend_span(&request->fields[request->field_count - 1].name, at, length))
        parse->refusal = 400;
    return parse->refusal == 0 ? 0 : -1;
}

static int on_field_value(llhttp_t *parser, const char *at, size_t length)
{
    struct parse *parse = parser->data;
    struct request *request = parse->request;
    parse->value_began = true;
    if (request->field_count == 0 ||
        !extend_span(&request->fields[request->field_count - 1].value, at, length))
        parse->refusal = 400;
    return parse->refusal == 0 ? 0 : -1;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct parse *parse = parser->data;
    struct request *request = parse->request;
    request->minor = parser->http_minor;
    request->keep_alive = llhttp_should_keep_alive(parser) != 0;
    request->has_body = parser->content_length > 0;
    if (parser->method == HTTP_GET)
        request->method = REQUEST_GET;
    else if (parser->method == HTTP_HEAD)
        request->method = REQUEST_HEAD;
    if (parser->http_major != 1)
        parse->refusal = parser->http_major == 0 ? 400 : 505;
    parse->complete = true;
    return HPE_PAUSED;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* What the parser leaves to its user.  Returns 0 or the status to refuse with. */
static int check_fields(struct request *request)
{
    unsigned hosts = 0;
    for (unsigned i = 0; i < request->field_count; i++) {
        struct request_field *field = &request->fields[i];
        if (field->name.length == 0 || field->name.at[field->name.length] != ':')
            return 400; /* white space before the colon, RFC 9112 section 5.1 */
        struct span *value = &field->value;
        while (value->length > 0 && is_blank(value->at[value->length - 1]))
            value->length--;
    }
    unsigned cursor = 0;
    while (request_next_field(request, "host", &cursor) != NULL)
        hosts++;
    if (hosts > 1 || (hosts == 0 && request->minor >= 1))
        return 400; /* RFC 9112 section 3.2 */
    cursor = 0;
    if (request_next_field(request, "transfer-encoding", &cursor) != NULL)
        request->has_body = true;
    return 0;
}

/* The request line, without its end, as far as it is in the buffer. */
static void note_line(const struct request_reader *reader, struct request *request)
{
    size_t from = 0;
    while (from < reader->end && (reader->buffer[from] == '\r' || reader->buffer[from] == '\n'))
        from++;
    size_t to = from;
    while (to < reader->end && reader->buffer[to] != '\r' && reader->buffer[to] != '\n')
        to++;
    request->line = (struct span){reader->buffer + from, to - from};
}

/* Gives the parser what is new.  Returns 0 when it wants more, 1 when the header is complete, or
 * the status to refuse with. */
static int parse_step(struct request_reader *reader, struct parse *parse, size_t *parsed)
{
    llhttp_errno_t err = llhttp_execute(&parse->parser, reader->buffer + *parsed,
                                        reader->end - *parsed);
    *parsed = reader->end;
    if (parse->refusal != 0)
        return parse->refusal;
    if (parse->complete) {
        reader->start = (size_t)(llhttp_get_error_pos(&parse->parser) - reader->buffer);
        int status = check_fields(parse->request);
        return status == 0 ? 1 : status;
    }
    switch (err) {
    case HPE_OK:
        return 0;
    case HPE_INVALID_VERSION:
    case HPE_PAUSED_H2_UPGRADE:
        return 505;
    default:
        return 400;
    }
}

/* Where the room for a request is used up, what it was spent on. */
static int overflow_status(const struct request *request)
{
    return request->field_count == 0 ? 414 : 431;
}

/* What an input that ended or failed means.  Line ends alone are no request (RFC 9112 section 2.2).
 */
static enum request_outcome input_failed(ssize_t result, const struct request *request,
                                         int *status_r)
{
    if (request->line.length == 0 || (result != 0 && result != -ETIMEDOUT))
        return REQUEST_END;
    *status_r = result == 0 ? 400 : 408;
    return REQUEST_REFUSE;
}

void request_reader_init(struct request_reader *reader, struct connection *connection)
{
    reader->connection = connection;
    reader->start = reader->end = 0;
}

/* Starts a new request with what the last one left, at the front of the buffer. */
static void begin_request(struct request_reader *reader, struct request *request)
{
    memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
    reader->end -= reader->start;
    reader->start = 0;
    request->method = REQUEST_OTHER;
    request->line = request->target = (struct span){NULL, 0};
    request->field_count = 0;
    request->minor = 1;
    request->keep_alive = request->has_body = false;
}

enum request_outcome request_read(struct request_reader *reader,
                                  const struct request_limits *limits, struct request *request,
                                  int *status_r)
{
    begin_request(reader, request);
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_header_field = on_field_name;
    settings.on_header_value = on_field_value;
    settings.on_headers_complete = on_headers_complete;
    struct parse parse = {.request = request};
    llhttp_init(&parse.parser, HTTP_REQUEST, &settings);
    parse.parser.data = &parse;

    size_t parsed = 0;
    int64_t deadline = reader->end > 0 ? connection_now() + limits->whole_ms : limits->first_byte;
    for (;;) {
        int status = parsed < reader->end ? parse_step(reader, &parse, &parsed) : 0;
        if (status == 0 && reader->end == sizeof reader->buffer)
            status = overflow_status(request);
        if (status != 0) {
            note_line(reader, request);
            *status_r = status;
            return status == 1 ? REQUEST_READY : REQUEST_REFUSE;
        }
        ssize_t count = connection_read(reader->connection, reader->buffer + reader->end,
                                        sizeof reader->buffer - reader->end, deadline);
        if (count <= 0) {
            note_line(reader, request);
            return input_failed(count, request, status_r);
        }
        if (reader->end == 0)
            deadline = connection_now() + limits->whole_ms;
        reader->end += (size_t)count;
    }
}

const struct span *request_next_field(const struct request *request, const char *name,
                                      unsigned *cursor)
{
    size_t length = strlen(name);
    while (*cursor < request->field_count) {
        const struct request_field *field = &request->fields[(*cursor)++];
        if (field->name.length == length && strncasecmp(field->name.at, name, length) == 0)
            return &field->value;
    }
    return NULL;
}

const struct span *request_only_field(const struct request *request, const char *name)
{
    unsigned cursor = 0;
    const struct span *first = request_next_field(request, name, &cursor);
    if (first == NULL || request_next_field(request, name, &cursor) != NULL)
        return NULL;
    return first;
}
