/* Tests of superd/base/text.c. */
#include "unit.h"

#include <string.h>

#include "base/text.h"

static void text_utf8_length__edges__as_rfc_3629(void **state)
{
    static const struct {
        const char *bytes;
        size_t length, expected;
    } cases[] = {
        {"a", 1, 1},
        {"\0", 1, 1},
        {"", 0, 0},
        {"\xc3\xa9", 2, 2},
        {"\xc3", 1, 0},             /* cut */
        {"\xc0\x80", 2, 0},         /* overlong NUL */
        {"\xc1\xbf", 2, 0},         /* overlong */
        {"\xe0\x9f\xbf", 3, 0},     /* overlong */
        {"\xe0\xa0\x80", 3, 3},     /* U+0800 */
        {"\xed\x9f\xbf", 3, 3},     /* U+D7FF */
        {"\xed\xa0\x80", 3, 0},     /* surrogate */
        {"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong */
        {"\xf0\x90\x80\x80", 4, 4}, /* U+10000 */
        {"\xf4\x8f\xbf\xbf", 4, 4}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", 4, 0}, /* above it */
        {"\xf5\x80\x80\x80", 4, 0},
        {"\x80", 1, 0},
        {"\xff", 1, 0},
        {"\xe2\x82x", 3, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(text_utf8_length(cases[i].bytes, cases[i].length), cases[i].expected);
}

static void text_append__strange_bytes__quoted_and_escaped(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *value, *json;
    } cases[] = {
        {"hello", 5, "hello", "\"hello\""},
        {"[::1]:7000", 10, "[::1]:7000", "\"[::1]:7000\""},
        {"", 0, "\"\"", "\"\""},
        {"two words", 9, "\"two words\"", "\"two words\""},
        {"a=b", 3, "\"a=b\"", "\"a=b\""},
        {"\"\\\n\r\t", 5, "\"\\\"\\\\\\n\\r\\t\"", "\"\\\"\\\\\\n\\r\\t\""},
        {"\0\x1b[31m", 6, "\"\\x00\\x1b[31m\"", "\"\\u0000\\u001b[31m\""},
        {"\x7f", 1, "\"\\x7f\"", "\"\\u007f\""},
        {"caf\xc3\xa9", 5, "caf\xc3\xa9", "\"caf\xc3\xa9\""},
        {"caf\xe9", 4, "\"caf\\xe9\"", "\"caf\\u00e9\""},
        {"\xc2\x9b"
         "2J",
         4, "\"\\xc2\\x9b2J\"", "\"\\u009b2J\""}, /* CSI of C1 */
        {"\xf0\x9f", 2, "\"\\xf0\\x9f\"", "\"\\u00f0\\u009f\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char data[128];
        struct strbuf sb;

        strbuf_init(&sb, data, sizeof data);
        text_append_value(&sb, cases[i].bytes, cases[i].length);
        assert_string_equal(data, cases[i].value);
        strbuf_init(&sb, data, sizeof data);
        text_append_json(&sb, cases[i].bytes, cases[i].length);
        assert_string_equal(data, cases[i].json);
    }
}

static void text_distance__pairs__counted(void **state)
{
    char longest[80];

    (void)state;
    assert_int_equal(text_distance("", ""), 0);
    assert_int_equal(text_distance("listen", "listen"), 0);
    assert_int_equal(text_distance("Listen", "LISTEN"), 0);
    assert_int_equal(text_distance("", "abc"), 3);
    assert_int_equal(text_distance("abc", ""), 3);
    assert_int_equal(text_distance("lisen", "listen"), 1);
    assert_int_equal(text_distance("listten", "listen"), 1);
    assert_int_equal(text_distance("lixten", "listen"), 1);
    assert_int_equal(text_distance("lsiten", "listen"), 1);
    assert_int_equal(text_distance("kitten", "sitting"), 3);
    assert_int_equal(text_distance("ca", "abc"), 3); /* restricted: no edit inside a swap */
    memset(longest, 'a', sizeof longest);
    longest[79] = '\0';
    assert_int_equal(text_distance(longest, longest), 79);
    longest[63] = '\0';
    assert_int_equal(text_distance(longest, longest), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_utf8_length__edges__as_rfc_3629),
        cmocka_unit_test(text_append__strange_bytes__quoted_and_escaped),
        cmocka_unit_test(text_distance__pairs__counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
