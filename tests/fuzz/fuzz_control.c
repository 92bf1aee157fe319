/*
 * Whatever comes in on the control socket: each line of the input is read as a request, and answered as
 * the daemon would answer a request that it cannot carry out. What must hold: every answer is one line of
 * JSON, and a request that is accepted has arguments of the types that the table of commands says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool condition)
{
    if (!condition)
        abort();
}

static void check_arguments(const struct request *request)
{
    const struct command_info *info = &protocol_commands[request->command];

    for (const struct argument *a = info->arguments; a->name; a++) {
        const json_t *value = json_object_get(request->root, a->name);

        want(value || !a->required);
        if (value && (a->type == ARGUMENT_TEXT || a->type == ARGUMENT_DURATION))
            want(protocol_text(request, a->name) != NULL);
        if (value && a->type == ARGUMENT_NUMBER)
            want(protocol_number(request, a->name, UINT64_MAX) <= INT64_MAX);
        if (value && a->type == ARGUMENT_DURATION)
            want(protocol_duration(request, a->name, UINT64_MAX) != UINT64_MAX);
    }
}

static void check_answer(char *line, size_t length)
{
    json_t *parsed;

    want(line && length > 0 && line[length - 1] == '\n' && strlen(line) == length);
    want(memchr(line, '\n', length - 1) == NULL);
    parsed = json_loadb(line, length, 0, NULL);
    want(json_is_object(parsed));
    json_decref(parsed);
    free(line);
}

static void one_line(const char *line, size_t length)
{
    struct protocol_error error;
    struct request request;
    size_t answer_length;
    char *answer;

    if (protocol_parse(line, length, &request, &error)) {
        want(error.error[0] == '\0');
        check_arguments(&request);
        answer = protocol_answer(request.id, json_pack("{s:O}", "request", request.root),
                                 &answer_length);
    } else {
        want(error.error[0] != '\0');
        answer = protocol_refusal(request.id, &error, &answer_length);
    }
    check_answer(answer, answer_length);
    protocol_clear(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;

        one_line(text, length);
        size -= end ? length + 1 : length;
        text += end ? length + 1 : length;
    }
    return 0;
}
