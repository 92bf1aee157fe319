/*
 * log_pack: see log_pack.h. A packed event is a header, then its fields:
 *
 *     4 bytes   the key, as its distance from an address of this program
 *     1 byte    type, and times 16 how many bytes follow of the number, or of the text's length
 *     ...       those, the lowest first; then the text
 *
 * Most numbers are small and keys stand in the program, so that the past takes half the memory that it
 * would take as lines.
 */
#include "base/log_pack.h"

#include <string.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/strbuf.h"

#define FIELDS_MAX 32

#define HEAD_MOST (sizeof(int32_t) + 1 + sizeof(uint64_t)) /* of a field, without its text */

struct packed_event {
    int64_t wall_us;
    const char *event;
    unsigned char level;
    unsigned char count; /* of fields */
};

static const char anchor[] = "";

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
    uint64_t value = value_of(field);
    size_t text = is_text(field) ? value : 0, room = LOG_PACK_SIZE - keep - *length;
    intptr_t distance = (intptr_t)field->key - (intptr_t)anchor;
    int32_t key = (int32_t)distance;
    char *at = bytes + *length, *tag;
    unsigned count = 0;

    /* A key of another library may be anywhere. */
    if (room < HEAD_MOST || room - HEAD_MOST < text || key != distance)
        return false;
    memcpy(at, &key, sizeof key);
    tag = at + sizeof key;
    for (at = tag + 1; value > 0; value >>= 8, count++)
        *at++ = (char)value;
    *tag = (char)(field->type | count << 4);
    if (text)
        memcpy(at, field->text, text);
    *length = (size_t)(at - bytes) + text;
    return true;
}

size_t log_pack(const struct log_record *record, char bytes[LOG_PACK_SIZE])
{
    const struct log_field cut = log_bool("truncated", true);
    struct packed_event head = {
        .level = (unsigned char)record->level, .wall_us = record->wall_us, .event = record->event};
    size_t length = 1 + sizeof head; /* it begins with a zero, which is no brace */
    bool complete = true;

    bytes[0] = '\0';
    for (const struct log_field *field = record->fields; field->type != FIELD_END; field++) {
        if (is_text(field) && !field->text)
            continue;
        if (head.count < FIELDS_MAX - 1 && put_field(bytes, &length, field, HEAD_MOST))
            head.count++;
        else
            complete = false;
    }
    if (!complete && put_field(bytes, &length, &cut, 0))
        head.count++;
    memcpy(bytes + 1, &head, sizeof head);
    return length;
}

/* Read one field at AT; its text stays where it is. Returns where the next one stands. */
static const char *get_field(const char *at, struct log_field *field)
{
    uint64_t value = 0;
    unsigned char tag;
    int32_t key;

    memcpy(&key, at, sizeof key);
    memcpy(&tag, at + sizeof key, 1);
    at += sizeof key + 1;
    for (unsigned i = 0; i < tag >> 4; i++)
        value |= (uint64_t)(unsigned char)*at++ << 8 * i;
    *field = (struct log_field){.key = (const char *)((intptr_t)anchor + key),
                                .type = (enum log_field_type)(tag & 15)};
    if (is_text(field)) {
        field->type = FIELD_BYTES;
        field->text = at;
        field->length = value;
        return at + value;
    }
    if (field->type == FIELD_BOOL)
        field->boolean = value;
    else
        field->u64 = value;
    return at;
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
    memcpy(&head, bytes + 1, sizeof head);
    bytes += 1 + sizeof head;
    for (unsigned i = 0; i < head.count; i++)
        bytes = get_field(bytes, &fields[i]);
    fields[head.count].type = FIELD_END;
    strbuf_init(&sb, line, LOG_LINE_SIZE);
    log_line_build(&sb, LOG_FORMAT_JSON, clock_format(head.wall_us, time),
                   (enum log_level)head.level, head.event, fields);
    return sb.length;
}
