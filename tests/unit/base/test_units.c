/* Tests of superd/base/units.c. */
#include "unit.h"

#include "base/units.h"

static void units_parse_duration__good__milliseconds(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
        const char *shortest;
    } cases[] = {
        {"0", 0, "0"},           {"0s", 0, "0"},
        {"500ms", 500, "500ms"}, {"1000ms", 1000, "1s"},
        {"30s", 30000, "30s"},   {"90s", 90000, "90s"},
        {"120s", 120000, "2m"},  {"10m", 600000, "10m"},
        {"24h", 86400000, "1d"}, {"18446744073709551615ms", UINT64_MAX, "18446744073709551615ms"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[UNITS_TEXT_SIZE];
        uint64_t value = 99;

        assert_true(units_parse_duration(cases[i].text, &value));
        assert_int_equal(value, cases[i].value);
        assert_string_equal(units_format_duration(value, text), cases[i].shortest);
    }
}

static void units_parse_size__good__bytes(void **state)
{
    static const struct {
        const char *text;
        uint64_t value;
        const char *shortest;
    } cases[] = {
        {"0", 0, "0"},
        {"4096", 4096, "4K"},
        {"4097", 4097, "4097"},
        {"64K", 65536, "64K"},
        {"1024K", 1 << 20, "1M"},
        {"2G", 2147483648, "2G"},
        {"1536M", 1610612736, "1536M"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[UNITS_TEXT_SIZE];
        uint64_t value = 99;

        assert_true(units_parse_size(cases[i].text, &value));
        assert_int_equal(value, cases[i].value);
        assert_string_equal(units_format_size(value, text), cases[i].shortest);
    }
}

static void units_parse__bad__false_and_untouched(void **state)
{
    static const char *const durations[] = {"",
                                            "5",
                                            "s",
                                            "-5s",
                                            "+5s",
                                            " 5s",
                                            "5s ",
                                            "5 s",
                                            "5S",
                                            "5sx",
                                            "1.5s",
                                            "5ss",
                                            "5us",
                                            "1w",
                                            "18446744073709551616ms",
                                            "213503982335d"};
    static const char *const sizes[] = {
        "", "K", "-1", "1k", "1KB", "1 K", "1.5M", "1T", "18014398509481984K"};
    static const char *const rates[] = {"",    "5",    "/s",   "5/",           "5/d", "5/ss",
                                        "0/s", "5 /s", "-5/s", "4294967296/s", "00x"};
    static const char *const modes[] = {"", "8", "0888", "10000", "000000", "-1", "0x1", "rw"};
    static const char *const numbers[] = {"", "-1", "+1", "1 ", " 1", "1x", "101", "0x10"};
    struct rate rate = {.events = 42, .period_ms = 42};
    uint64_t value = 42;
    unsigned mode = 42;

    (void)state;
    for (size_t i = 0; i < COUNT(durations); i++)
        assert_false(units_parse_duration(durations[i], &value));
    for (size_t i = 0; i < COUNT(sizes); i++)
        assert_false(units_parse_size(sizes[i], &value));
    for (size_t i = 0; i < COUNT(numbers); i++)
        assert_false(units_parse_number(numbers[i], 100, &value));
    for (size_t i = 0; i < COUNT(rates); i++)
        assert_false(units_parse_rate(rates[i], &rate));
    for (size_t i = 0; i < COUNT(modes); i++)
        assert_false(units_parse_mode(modes[i], &mode));
    assert_int_equal(value, 42);
    assert_int_equal(mode, 42);
    assert_int_equal(rate.events, 42);
    assert_int_equal(rate.period_ms, 42);
}

static void units_parse_number__bounds__kept(void **state)
{
    uint64_t value = 7;

    (void)state;
    assert_true(units_parse_number("100", 100, &value));
    assert_int_equal(value, 100);
    assert_true(units_parse_number("0", 0, &value));
    assert_int_equal(value, 0);
    assert_true(units_parse_number("18446744073709551615", UINT64_MAX, &value));
    assert_true(value == UINT64_MAX);
    assert_false(units_parse_number("18446744073709551616", UINT64_MAX, &value));
}

static void units_rate__each_period__round_trip(void **state)
{
    static const char *const texts[] = {"50/s", "10/m", "100/h", "4294967295/s", "0"};
    static const uint32_t periods[] = {1000, 60000, 3600000, 1000, 0};

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char text[UNITS_TEXT_SIZE];
        struct rate rate = {.events = 42};

        assert_true(units_parse_rate(texts[i], &rate));
        assert_int_equal(rate.period_ms, periods[i]);
        assert_string_equal(units_format_rate(rate, text), texts[i]);
    }
}

static void units_mode__octal__round_trip(void **state)
{
    char text[UNITS_TEXT_SIZE];
    unsigned mode = 0;

    (void)state;
    assert_true(units_parse_mode("0660", &mode));
    assert_int_equal(mode, 0660);
    assert_string_equal(units_format_mode(mode, text), "0660");
    assert_true(units_parse_mode("7", &mode));
    assert_string_equal(units_format_mode(mode, text), "0007");
    assert_true(units_parse_mode("01777", &mode));
    assert_string_equal(units_format_mode(mode, text), "1777");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_parse_duration__good__milliseconds),
        cmocka_unit_test(units_parse_size__good__bytes),
        cmocka_unit_test(units_parse__bad__false_and_untouched),
        cmocka_unit_test(units_parse_number__bounds__kept),
        cmocka_unit_test(units_rate__each_period__round_trip),
        cmocka_unit_test(units_mode__octal__round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
