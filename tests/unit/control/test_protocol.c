/* Requests, as anybody may send them, and the shapes of answers. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "control/protocol.h"

static void expect_refused(const char *line, const char *error, const char *hint)
{
    struct protocol_error said;
    struct request request;

    assert_false(protocol_parse(line, strlen(line), &request, &said));
    if (!strstr(said.error, error) || !strstr(said.hint, hint))
        fail_msg("%s: \"%s\", hint \"%s\"", line, said.error, said.hint);
    protocol_clear(&request);
}

static void parse__every_command__is_known_by_its_name(void **state)
{
    (void)state;
    for (int i = 0; i < COMMAND_MAX; i++) {
        const struct command_info *info = &protocol_commands[i];
        struct protocol_error error;
        struct request request;
        char line[256];

        assert_non_null(info->name);
        snprintf(line, sizeof line, "{\"command\":\"%s\"%s}", info->name,
                 info->arguments[0].required ? ",\"service\":\"x\"" : "");
        assert_true(protocol_parse(line, strlen(line), &request, &error));
        assert_int_equal(request.command, i);
        protocol_clear(&request);
    }
}

static void parse__arguments__are_given_back(void **state)
{
    static const char line[] = "{\"command\":\"drain\",\"service\":\"a\",\"deadline\":\"2m\","
                               "\"wait\":true,\"id\":[1,\"x\"]}";
    struct protocol_error error;
    struct request request;

    (void)state;
    assert_true(protocol_parse(line, strlen(line), &request, &error));
    assert_string_equal(protocol_text(&request, "service"), "a");
    assert_null(protocol_text(&request, "listener"));
    assert_int_equal(protocol_duration(&request, "deadline", 7), 120000);
    assert_int_equal(protocol_duration(&request, "none", 7), 7);
    assert_int_equal(protocol_number(&request, "none", 9), 9);
    assert_true(protocol_bool(&request, "wait"));
    assert_int_equal(json_array_size(request.id), 2);
    protocol_clear(&request);
}

static void parse__wrong_lines__are_refused_with_a_reason(void **state)
{
    (void)state;
    expect_refused("hello", "not a line of JSON", "one JSON object a line");
    expect_refused("", "not a line of JSON", "");
    expect_refused("{\"command\":\"status\"", "not a line of JSON", "");
    expect_refused("{\"command\":\"status\"} x", "not a line of JSON", "");
    expect_refused("[]", "a request is a JSON object", "");
    expect_refused("{}", "a request needs \"command\"", "");
    expect_refused("{\"command\":1}", "\"command\" must be a text", "");
    expect_refused("{\"command\":\"staus\"}", "no command \"staus\"", "did you mean \"status\"?");
    expect_refused("{\"command\":\"show\"}", "needs the argument \"service\"", "");
    expect_refused("{\"command\":\"show\",\"service\":1}", "\"service\" must be a text", "");
    expect_refused("{\"command\":\"show\",\"servise\":\"x\"}", "takes no argument \"servise\"",
                   "did you mean \"service\"?");
    expect_refused("{\"command\":\"kill\",\"instance\":-1}", "must be a whole number", "");
    expect_refused("{\"command\":\"kill\",\"instance\":1.5}", "must be a whole number", "");
    expect_refused("{\"command\":\"drain\",\"deadline\":\"soon\"}", "must be a duration", "");
    expect_refused("{\"command\":\"log\",\"follow\":1}", "must be true or false", "");
    expect_refused("{\"command\":\"explain\",\"service\":\"x\",\"groups\":[\"a\"]}",
                   "must be an array of whole numbers", "");
    expect_refused("{\"command\":\"status\",\"command\":\"stop\"}", "not a line of JSON", "");
    expect_refused("{\"command\":\"show\",\"service\":\"a\\u0000b\"}", "not a line of JSON", "");
}

static void parse__long_id__is_refused(void **state)
{
    char line[600];
    struct protocol_error error;
    struct request request;

    (void)state;
    memset(line, 'x', sizeof line);
    memcpy(line, "{\"command\":\"list\",\"id\":\"", 24);
    strcpy(line + 24 + PROTOCOL_ID_MAX - 2, "\"}");
    assert_true(protocol_parse(line, strlen(line), &request, &error));
    protocol_clear(&request);
    memset(line + 24, 'x', sizeof line - 24);
    strcpy(line + 24 + PROTOCOL_ID_MAX - 1, "\"}");
    expect_refused(line, "\"id\" must have at most", "");
}

static void parse__deep_nesting__is_refused(void **state)
{
    size_t depth = 60000;
    char *line = malloc(depth + 32);
    struct protocol_error error;
    struct request request;

    (void)state;
    assert_non_null(line);
    strcpy(line, "{\"command\":\"list\",\"id\":");
    memset(line + strlen(line), '[', depth);
    line[depth + 23] = '\0';
    assert_false(protocol_parse(line, strlen(line), &request, &error));
    protocol_clear(&request);
    free(line);
}

static void answer__id_and_result__are_one_line(void **state)
{
    json_t *id = json_string("q");
    size_t length;
    char *line = protocol_answer(id, json_pack("{s:s}", "text", "a\nb"), &length);

    (void)state;
    assert_string_equal(line, "{\"id\":\"q\",\"ok\":true,\"result\":{\"text\":\"a\\nb\"}}\n");
    assert_int_equal(length, strlen(line));
    free(line);
    line = protocol_answer(NULL, json_object(), &length);
    assert_string_equal(line, "{\"ok\":true,\"result\":{}}\n");
    free(line);
    json_decref(id);
}

static void refusal__bytes_that_are_no_text__still_a_line_of_json(void **state)
{
    struct protocol_error error = {.denied = true};
    json_t *parsed;
    size_t length;
    char *line;

    (void)state;
    protocol_fail(&error, "no \"%s\"", "a\xff\xc3");
    line = protocol_refusal(NULL, &error, &length);
    parsed = json_loadb(line, length, 0, NULL);
    assert_non_null(parsed);
    assert_string_equal(json_string_value(json_object_get(parsed, "error")), "no \"a??\"");
    assert_true(json_is_true(json_object_get(parsed, "denied")));
    assert_null(json_object_get(parsed, "hint"));
    json_decref(parsed);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__every_command__is_known_by_its_name),
        cmocka_unit_test(parse__arguments__are_given_back),
        cmocka_unit_test(parse__wrong_lines__are_refused_with_a_reason),
        cmocka_unit_test(parse__long_id__is_refused),
        cmocka_unit_test(parse__deep_nesting__is_refused),
        cmocka_unit_test(answer__id_and_result__are_one_line),
        cmocka_unit_test(refusal__bytes_that_are_no_text__still_a_line_of_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
