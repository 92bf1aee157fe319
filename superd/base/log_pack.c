/*
 * log_pack: see log_pack.h. A packed event is a header, then its fields: a head each, with the number
 * itself or the length of the text that follows.
 */
#include "base/log_pack.h"

#include <string.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/strbuf.h"

#define FIELDS_MAX 32

struct packed_event {
    char mark; /* no brace */
    unsigned char level;
    unsigned char count; /* of fields */
    int64_t wall_us;
    const char *event;
};

struct packed_field {
    uint8_t type; /* enum log_field_type */
    const char *key;
    uint64_t value; /* or length */
} __attribute__((
    __packed__)); /* there are a dozen in an event, and some thousands of events are kept */

static bool is_text(const struct log_field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_BYTES;
}

static uint64_t value_of(const struct log_field *field)
{
    switch (field->type) {
    case FIELD_TEXT:
        return strlen(field->text);
    case FIELD_BYTES:
        return field->length;
    case FIELD_BOOL:
        return field->boolean;
    case FIELD_I64:
        return (uint64_t)field->i64;
    case FIELD_U64:
    case FIELD_END:
        break;
    }
    return field->u64;
}

/* Append FIELD at *LENGTH where that leaves KEEP bytes free. */
static bool put_field(char *bytes, size_t *length, const struct log_field *field, size_t keep)
{
    struct packed_field head = {(uint8_t)field->type, field->key, value_of(field)};
    size_t text = is_text(field) ? head.value : 0, room = LOG_PACK_SIZE - keep - *length;

    if (room < sizeof head || room - sizeof head < text)
        return false;
    memcpy(bytes + *length, &head, sizeof head);
    if (text)
        memcpy(bytes + *length + sizeof head, field->text, text);
    *length += sizeof head + text;
    return true;
}

size_t log_pack(const struct log_record *record, char bytes[LOG_PACK_SIZE])
{
    const struct log_field cut = log_bool("truncated", true);
    struct packed_event head = {
        .level = (unsigned char)record->level, .wall_us = record->wall_us, .event = record->event};
    size_t length = sizeof head;
    bool complete = true;

    for (const struct log_field *field = record->fields; field->type != FIELD_END; field++) {
        if (is_text(field) && !field->text)
            continue;
        if (head.count < FIELDS_MAX - 1 &&
            put_field(bytes, &length, field, sizeof(struct packed_field)))
            head.count++;
        else
            complete = false;
    }
    if (!complete && put_field(bytes, &length, &cut, 0))
        head.count++;
    memcpy(bytes, &head, sizeof head);
    return length;
}

/* The fields of a packed event; texts stay where they are. */
static void get_fields(const char *at, unsigned count, struct log_field *fields)
{
    for (unsigned i = 0; i < count; i++) {
        struct packed_field head;

        memcpy(&head, at, sizeof head);
        at += sizeof head;
        fields[i] = (struct log_field){.key = head.key, .type = (enum log_field_type)head.type};
        if (is_text(&fields[i])) {
            fields[i].type = FIELD_BYTES;
            fields[i].text = at;
            fields[i].length = head.value;
            at += head.value;
        } else if (head.type == FIELD_BOOL) {
            fields[i].boolean = head.value;
        } else {
            fields[i].u64 = head.value;
        }
    }
    fields[count].type = FIELD_END;
}

size_t log_unpack(const char *bytes, size_t length, char line[LOG_PACK_SIZE + 1])
{
    struct log_field fields[FIELDS_MAX + 1];
    char time[CLOCK_TEXT_SIZE];
    struct packed_event head;
    struct strbuf sb;

    if (length > 0 && bytes[0] == '{') {
        memcpy(line, bytes, length);
        line[length] = '\0';
        return length;
    }
    memcpy(&head, bytes, sizeof head);
    get_fields(bytes + sizeof head, head.count, fields);
    strbuf_init(&sb, line, LOG_LINE_SIZE);
    log_line_build(&sb, LOG_FORMAT_JSON, clock_format(head.wall_us, time),
                   (enum log_level)head.level, head.event, fields);
    return sb.length;
}
