/*
 * protocol: see protocol.h.
 */
#include "control/protocol.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "config/suggest.h"

#define SERVICE                         \
    {                                   \
        "service", ARGUMENT_TEXT, false \
    }
#define LISTENER                         \
    {                                    \
        "listener", ARGUMENT_TEXT, false \
    }
#define SOURCE                         \
    {                                  \
        "source", ARGUMENT_TEXT, false \
    }
#define AFTER                         \
    {                                 \
        "after", ARGUMENT_TEXT, false \
    }
#define LIMIT                           \
    {                                   \
        "limit", ARGUMENT_NUMBER, false \
    }

const struct command_info protocol_commands[COMMAND_MAX] = {
    [COMMAND_CHECK] = {"check", true},
    [COMMAND_DRAIN] =
        {"drain",
         true,
         {SERVICE, LISTENER, {"deadline", ARGUMENT_DURATION}, {"wait", ARGUMENT_BOOL}}},
    [COMMAND_DUMP] = {"dump", true, {AFTER}},
    [COMMAND_EXPLAIN] = {"explain",
                         false,
                         {{"service", ARGUMENT_TEXT, true},
                          {"address", ARGUMENT_TEXT},
                          {"uid", ARGUMENT_NUMBER},
                          {"gid", ARGUMENT_NUMBER},
                          {"groups", ARGUMENT_NUMBERS}}},
    [COMMAND_HISTORY] = {"history", false, {SERVICE, AFTER, LIMIT}},
    [COMMAND_INSTANCES] = {"instances", false, {SERVICE, SOURCE, AFTER, LIMIT}},
    [COMMAND_ISOLATION] = {"isolation", false, {SERVICE, AFTER, LIMIT}},
    [COMMAND_KILL] = {"kill",
                      true,
                      {{"instance", ARGUMENT_NUMBER}, SOURCE, SERVICE, {"now", ARGUMENT_BOOL}}},
    [COMMAND_LIST] = {"list", false, {AFTER, LIMIT}},
    [COMMAND_LOG] = {"log",
                     false,
                     {SERVICE, {"follow", ARGUMENT_BOOL}, {"lines", ARGUMENT_NUMBER}}},
    [COMMAND_METRICS] = {"metrics", false, {AFTER}},
    [COMMAND_PAUSE] = {"pause", true, {SERVICE, LISTENER}},
    [COMMAND_RELOAD] = {"reload", true},
    [COMMAND_RESUME] = {"resume", true, {SERVICE, LISTENER}},
    [COMMAND_SHOW] = {"show", false, {{"service", ARGUMENT_TEXT, true}}},
    [COMMAND_SOURCES] = {"sources", false, {SERVICE, SOURCE, LIMIT}},
    [COMMAND_STATUS] = {"status", false, {AFTER, LIMIT}},
    [COMMAND_STOP] = {"stop", true},
    [COMMAND_UPGRADE] = {"upgrade", true, {{"binary", ARGUMENT_TEXT}}},
    [COMMAND_WAIT_READY] = {"wait-ready"},
};

/* ---- Errors --------------------------------------------------------------------------------- */

bool protocol_fail(struct protocol_error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error->error, sizeof error->error, format, args);
    va_end(args);
    return false;
}

void protocol_hint(struct protocol_error *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error->hint, sizeof error->hint, format, args);
    va_end(args);
}

/* ---- Checking ------------------------------------------------------------------------------- */

static bool is_number(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static bool is_numbers(const json_t *value)
{
    const json_t *item;
    size_t i;

    if (!json_is_array(value))
        return false;
    json_array_foreach(value, i, item)
    {
        if (!is_number(item))
            return false;
    }
    return true;
}

static bool has_type(const json_t *value, enum argument_type type)
{
    uint64_t ms;

    switch (type) {
    case ARGUMENT_TEXT:
        return json_is_string(value);
    case ARGUMENT_NUMBER:
        return is_number(value);
    case ARGUMENT_BOOL:
        return json_is_boolean(value);
    case ARGUMENT_DURATION:
        return json_is_string(value) && units_parse_duration(json_string_value(value), &ms);
    case ARGUMENT_NUMBERS:
        return is_numbers(value);
    }
    return false;
}

static const char *type_words(enum argument_type type)
{
    static const char *const words[] = {
        [ARGUMENT_TEXT] = "a text",
        [ARGUMENT_NUMBER] = "a whole number, 0 or more",
        [ARGUMENT_BOOL] = "true or false",
        [ARGUMENT_DURATION] = "a duration such as \"30s\"",
        [ARGUMENT_NUMBERS] = "an array of whole numbers",
    };

    return words[type];
}

static const struct argument *find_argument(const struct command_info *info, const char *name)
{
    for (const struct argument *a = info->arguments; a->name; a++) {
        if (strcmp(a->name, name) == 0)
            return a;
    }
    return NULL;
}

static bool unknown_argument(const struct command_info *info, const char *name,
                             struct protocol_error *error)
{
    struct suggestion suggestion;

    suggestion_init(&suggestion, name);
    for (const struct argument *a = info->arguments; a->name; a++)
        suggestion_consider(&suggestion, a->name);
    if (suggestion.best[0])
        protocol_hint(error, "did you mean \"%s\"?", suggestion.best);
    return protocol_fail(error, "\"%s\" takes no argument \"%.64s\"", info->name, name);
}

static bool check_arguments(const struct request *request, struct protocol_error *error)
{
    const struct command_info *info = &protocol_commands[request->command];
    const char *name;
    const json_t *value;

    json_object_foreach(request->root, name, value)
    {
        const struct argument *argument = find_argument(info, name);

        if (strcmp(name, "id") == 0 || strcmp(name, "command") == 0)
            continue;
        if (!argument)
            return unknown_argument(info, name, error);
        if (!has_type(value, argument->type))
            return protocol_fail(error, "\"%s\" must be %s", name, type_words(argument->type));
    }
    for (const struct argument *a = info->arguments; a->name; a++) {
        if (a->required && !json_object_get(request->root, a->name))
            return protocol_fail(error, "\"%s\" needs the argument \"%s\"", info->name, a->name);
    }
    return true;
}

static bool find_command(struct request *request, struct protocol_error *error)
{
    const json_t *value = json_object_get(request->root, "command");
    const char *name = json_string_value(value);
    struct suggestion suggestion;

    if (!name)
        return protocol_fail(error,
                             value ? "\"command\" must be a text" : "a request needs \"command\"");
    suggestion_init(&suggestion, name);
    for (int i = 0; i < COMMAND_MAX; i++) {
        if (strcmp(protocol_commands[i].name, name) == 0) {
            request->command = (enum command)i;
            return true;
        }
        suggestion_consider(&suggestion, protocol_commands[i].name);
    }
    if (suggestion.best[0])
        protocol_hint(error, "did you mean \"%s\"?", suggestion.best);
    return protocol_fail(error, "there is no command \"%.64s\"", name);
}

static bool take_id(struct request *request, struct protocol_error *error)
{
    json_t *id = json_object_get(request->root, "id");
    char text[PROTOCOL_ID_MAX];

    if (id && json_dumpb(id, text, sizeof text, JSON_ENCODE_ANY | JSON_COMPACT) > sizeof text)
        return protocol_fail(error, "\"id\" must have at most %d bytes", PROTOCOL_ID_MAX);
    request->id = id;
    return true;
}

bool protocol_parse(const char *line, size_t length, struct request *request,
                    struct protocol_error *error)
{
    json_error_t where;

    *request = (struct request){0};
    *error = (struct protocol_error){.error = ""};
    request->root = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
    if (!request->root) {
        protocol_hint(error, "one JSON object a line, such as {\"command\":\"status\"}");
        return protocol_fail(error, "not a line of JSON: %s at byte %d", where.text,
                             where.position);
    }
    if (!json_is_object(request->root))
        return protocol_fail(error, "a request is a JSON object");
    return take_id(request, error) && find_command(request, error) &&
           check_arguments(request, error);
}

void protocol_clear(struct request *request)
{
    json_decref(request->root);
    *request = (struct request){0};
}

/* ---- Arguments ------------------------------------------------------------------------------ */

const char *protocol_text(const struct request *request, const char *name)
{
    return json_string_value(json_object_get(request->root, name));
}

uint64_t protocol_number(const struct request *request, const char *name, uint64_t otherwise)
{
    const json_t *value = json_object_get(request->root, name);

    return value ? (uint64_t)json_integer_value(value) : otherwise;
}

bool protocol_bool(const struct request *request, const char *name)
{
    return json_is_true(json_object_get(request->root, name));
}

uint64_t protocol_duration(const struct request *request, const char *name, uint64_t otherwise)
{
    const char *text = protocol_text(request, name);
    uint64_t ms = otherwise;

    if (text)
        units_parse_duration(text, &ms);
    return ms;
}

/* ---- Answers -------------------------------------------------------------------------------- */

json_t *protocol_string(const char *text)
{
    json_t *string = text ? json_string(text) : NULL;
    size_t length = text ? strlen(text) : 0;
    char *copy;

    if (string || !text)
        return string;
    copy = strdup(text);
    for (size_t i = 0; copy && i < length;) {
        size_t n = text_utf8_length(copy + i, length - i);

        if (n == 0)
            copy[i] = '?';
        i += n ? n : 1;
    }
    string = copy ? json_string(copy) : NULL;
    free(copy);
    return string;
}

/* OBJECT is taken over. */
static char *to_line(json_t *object, size_t *length_r)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    size_t length = text ? strlen(text) : 0;
    char *line = text ? realloc(text, length + 2) : NULL;

    json_decref(object);
    if (!line) {
        free(text);
        return NULL;
    }
    line[length] = '\n';
    line[length + 1] = '\0';
    *length_r = length + 1;
    return line;
}

char *protocol_answer(const json_t *id, json_t *result, size_t *length_r)
{
    if (!result)
        return NULL;
    return to_line(json_pack("{s:O*, s:b, s:o}", "id", (json_t *)id, "ok", 1, "result", result),
                   length_r);
}

char *protocol_refusal(const json_t *id, const struct protocol_error *error, size_t *length_r)
{
    return to_line(json_pack("{s:O*, s:b, s:o, s:o*, s:o*}", "id", (json_t *)id, "ok", 0, "error",
                             protocol_string(error->error), "hint",
                             error->hint[0] ? protocol_string(error->hint) : NULL, "denied",
                             error->denied ? json_true() : NULL),
                   length_r);
}
