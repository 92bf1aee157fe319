/* log_line: see log_line.h. */
#include "base/log_line.h"

#include <string.h>

#include "base/text.h"

#define TAIL_SIZE 24 /* kept free for the mark of a cut line and the end of the line */

const char *const log_level_names[LEVEL_MAX] = {
    [LEVEL_ERROR] = "error",
    [LEVEL_WARNING] = "warning",
    [LEVEL_INFO] = "info",
    [LEVEL_DEBUG] = "debug",
};

const char *const log_format_names[LOG_FORMAT_MAX] = {
    [LOG_FORMAT_TEXT] = "text",
    [LOG_FORMAT_JSON] = "json",
};

static void append_content(struct strbuf *sb, enum log_format format, const struct log_field *field)
{
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES: {
        size_t length = field->type == FIELD_TEXT ? strlen(field->text) : field->length;

        if (format == LOG_FORMAT_JSON)
            text_append_json(sb, field->text, length);
        else
            text_append_value(sb, field->text, length);
        break;
    }
    case FIELD_U64:
        strbuf_u64(sb, field->u64);
        break;
    case FIELD_I64:
        strbuf_i64(sb, field->i64);
        break;
    case FIELD_BOOL:
        strbuf_text(sb, field->boolean ? "true" : "false");
        break;
    case FIELD_END:
        break;
    }
}

/* Append the field, or nothing at all. */
static bool append_field(struct strbuf *sb, enum log_format format, const struct log_field *field)
{
    size_t length = sb->length;

    if (format == LOG_FORMAT_JSON) {
        strbuf_text(sb, ",\"");
        strbuf_text(sb, field->key);
        strbuf_text(sb, "\":");
    } else {
        strbuf_char(sb, ' ');
        strbuf_text(sb, field->key);
        strbuf_char(sb, '=');
    }
    append_content(sb, format, field);
    if (!sb->truncated)
        return true;
    sb->length = length;
    sb->data[length] = '\0';
    sb->truncated = false;
    return false;
}

void log_line_build(struct strbuf *sb, enum log_format format, const char *time,
                    enum log_level level, const char *event, const struct log_field *fields)
{
    const struct log_field mark = log_bool("truncated", true);
    bool complete = true, json = format == LOG_FORMAT_JSON;

    strbuf_text(sb, json ? "{\"time\":\"" : "");
    strbuf_text(sb, time);
    strbuf_text(sb, json ? "\",\"level\":\"" : " ");
    strbuf_text(sb, log_level_names[level]);
    strbuf_text(sb, json ? "\",\"event\":\"" : " ");
    strbuf_text(sb, event);
    strbuf_text(sb, json ? "\"" : "");
    sb->size -= TAIL_SIZE;
    for (; fields->type != FIELD_END; fields++) {
        if ((fields->type == FIELD_TEXT || fields->type == FIELD_BYTES) && !fields->text)
            continue;
        complete &= append_field(sb, format, fields);
    }
    sb->size += TAIL_SIZE;
    if (!complete)
        append_field(sb, format, &mark);
    if (json)
        strbuf_char(sb, '}');
}
