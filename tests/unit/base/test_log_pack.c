/* Packed events: unpacked they are the line that the log would have written. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log_line.h"
#include "base/log_pack.h"

#define WHEN INT64_C(1795356200123456)

/* What log_line makes of RECORD. */
static const char *line_of(const struct log_record *record)
{
    static char line[LOG_LINE_SIZE];
    char time[CLOCK_TEXT_SIZE];
    struct strbuf sb;

    strbuf_init(&sb, line, sizeof line);
    log_line_build(&sb, LOG_FORMAT_JSON, clock_format(record->wall_us, time), record->level,
                   record->event, record->fields);
    return line;
}

static size_t pack_and_unpack(const struct log_record *record, char line[LOG_PACK_SIZE + 1])
{
    char *packed = malloc(LOG_PACK_SIZE), *exact;
    size_t length = log_pack(record, packed);

    assert_true(length <= LOG_PACK_SIZE);
    exact = malloc(length); /* a sanitizer sees who reads on */
    memcpy(exact, packed, length);
    free(packed);
    length = log_unpack(exact, length, line);
    free(exact);
    assert_int_equal(length, strlen(line));
    return length;
}

static void unpack__each_type_of_field__as_the_log_writes_it(void **state)
{
    const struct log_field fields[] = {
        log_text("service", "h\"ello\n"),
        log_text("absent", NULL),
        log_bytes("line", "a\0b", 3),
        log_bytes("empty", "", 0),
        log_u64("most", UINT64_MAX),
        log_i64("least", INT64_MIN),
        log_bool("yes", true),
        log_bool("no", false),
        {.type = FIELD_END},
    };
    const struct log_record record = {WHEN, LEVEL_WARNING, "hold", fields};
    char line[LOG_PACK_SIZE + 1];

    (void)state;
    pack_and_unpack(&record, line);
    assert_string_equal(line, line_of(&record));
    assert_non_null(strstr(line, "\"most\":18446744073709551615"));
}

static void unpack__no_fields__event_alone(void **state)
{
    const struct log_field none = {.type = FIELD_END};
    const struct log_record record = {WHEN, LEVEL_ERROR, "stop", &none};
    char line[LOG_PACK_SIZE + 1];

    (void)state;
    pack_and_unpack(&record, line);
    assert_string_equal(line, line_of(&record));
}

/* Around every edge: with fields of all lengths that nearly fill, or overfill, the room. */
static void pack__fields_that_do_not_fit__are_left_out_whole(void **state)
{
    static char text[LOG_PACK_SIZE];
    char line[LOG_PACK_SIZE + 1];

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t length = LOG_PACK_SIZE - 200; length <= sizeof text; length++) {
        const struct log_field fields[] = {log_u64("first", 1),
                                           log_bytes("text", text, length),
                                           log_u64("last", 3),
                                           {.type = FIELD_END}};
        const struct log_record record = {WHEN, LEVEL_INFO, "stderr", fields};

        pack_and_unpack(&record, line);
        assert_non_null(strstr(line, "\"first\":1"));
        assert_int_equal(line[strlen(line) - 1], '}');
        if (!strstr(line, "\"text\":") || !strstr(line, "\"last\":3"))
            assert_non_null(strstr(line, "\"truncated\":true}"));
    }
    assert_null(strstr(line, "\"text\":"));
}

static void pack__more_fields_than_any_event_has__says_so(void **state)
{
    struct log_field fields[101];
    const struct log_record record = {WHEN, LEVEL_INFO, "many", fields};
    char line[LOG_PACK_SIZE + 1];

    (void)state;
    for (int i = 0; i < 100; i++)
        fields[i] = log_i64("n", i);
    fields[100].type = FIELD_END;
    pack_and_unpack(&record, line);
    assert_non_null(strstr(line, "\"n\":0,"));
    assert_non_null(strstr(line, "\"truncated\":true}"));
}

static void unpack__a_line_already__is_kept(void **state)
{
    static const char already[] = "{\"event\":\"ready\"}";
    char line[LOG_PACK_SIZE + 1];

    (void)state;
    assert_int_equal(log_unpack(already, sizeof already - 1, line), sizeof already - 1);
    assert_string_equal(line, already);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpack__each_type_of_field__as_the_log_writes_it),
        cmocka_unit_test(unpack__no_fields__event_alone),
        cmocka_unit_test(pack__fields_that_do_not_fit__are_left_out_whole),
        cmocka_unit_test(pack__more_fields_than_any_event_has__says_so),
        cmocka_unit_test(unpack__a_line_already__is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
