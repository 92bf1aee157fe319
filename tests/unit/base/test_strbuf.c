/* Tests of superd/base/strbuf.c. */
#include "unit.h"

#include <string.h>

#include "base/strbuf.h"

static void strbuf__everything_fits__appended(void **state)
{
    char data[128];
    struct strbuf sb;

    (void)state;
    strbuf_init(&sb, data, sizeof data);
    assert_string_equal(data, "");
    strbuf_text(&sb, "a=");
    strbuf_u64(&sb, UINT64_MAX);
    strbuf_char(&sb, ' ');
    strbuf_i64(&sb, INT64_MIN);
    strbuf_char(&sb, ' ');
    strbuf_i64(&sb, 0);
    strbuf_bytes(&sb, "xyz", 2);
    strbuf_printf(&sb, "%03d", 7);
    assert_string_equal(data, "a=18446744073709551615 -9223372036854775808 0xy007");
    assert_int_equal(sb.length, strlen(data));
    assert_false(sb.truncated);
}

static void strbuf__exactly_full__not_truncated(void **state)
{
    char data[6];
    struct strbuf sb;

    (void)state;
    strbuf_init(&sb, data, sizeof data);
    strbuf_text(&sb, "12345");
    assert_false(sb.truncated);
    strbuf_text(&sb, "");
    assert_false(sb.truncated);
    strbuf_char(&sb, '6');
    assert_true(sb.truncated);
    assert_string_equal(data, "12345");
}

static void strbuf__too_much__cut_at_every_size(void **state)
{
    char data[32];

    (void)state;
    for (size_t size = 1; size < 12; size++) {
        struct strbuf text, format;

        memset(data, '#', sizeof data);
        strbuf_init(&text, data, size);
        strbuf_text(&text, "0123456789");
        assert_int_equal(strlen(data), size - 1 < 10 ? size - 1 : 10);
        assert_int_equal(text.truncated, size < 11);
        assert_int_equal(data[size], '#');

        memset(data, '#', sizeof data);
        strbuf_init(&format, data, size);
        strbuf_printf(&format, "%s", "0123456789");
        assert_int_equal(format.length, size - 1 < 10 ? size - 1 : 10);
        assert_int_equal(format.truncated, size < 11);
        assert_int_equal(data[size], '#');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strbuf__everything_fits__appended),
        cmocka_unit_test(strbuf__exactly_full__not_truncated),
        cmocka_unit_test(strbuf__too_much__cut_at_every_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
