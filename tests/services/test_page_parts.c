/* The parts of `page` that need no connection: dates, targets, ranges, lists of tags, escaping. */
#include "page/date.h"
#include "page/listing.h"
#include "page/range.h"
#include "page/target.h"
#include "page/type.h"
#include "page/validator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

static void date_format__any_day__as_the_c_library_has_it(void **state)
{
    (void)state;
    /* Steps of a prime number of seconds over the years 1 to 9999. */
    for (int64_t seconds = -62135596800; seconds < 253402300800; seconds += 86400 * 97 + 4801) {
        char ours[DATE_SIZE], theirs[64];
        struct tm tm;
        time_t time = (time_t)seconds;
        assert_non_null(gmtime_r(&time, &tm));
        assert_true(strftime(theirs, sizeof theirs, "%a, %d %b %Y %H:%M:%S GMT", &tm) > 0);
        date_format(seconds, ours);
        if (tm.tm_year + 1900 >= 1000) /* strftime does not fill up shorter years */
            assert_string_equal(ours, theirs);
        int64_t back = 0;
        assert_true(date_parse(ours, strlen(ours), 0, &back));
        assert_true(back == seconds);
    }
}

static void date_format__out_of_range__nearest_end(void **state)
{
    (void)state;
    char text[DATE_SIZE];
    date_format(INT64_MAX, text);
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
    date_format(INT64_MIN, text);
    assert_string_equal(text, "Mon, 01 Jan 0001 00:00:00 GMT");
}

static void date_parse__three_forms__one_time(void **state)
{
    static const char *const good[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                       "Sunday, 06-Nov-94 08:49:37 GMT",
                                       "Sun Nov  6 08:49:37 1994"};
    static const char *const bad[] = {"",
                                      "x",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "784111777",
                                      "Sun, 31 Feb 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT and then some",
                                      "Sun, 06 Nov 1994 25:49:37 GMT"};
    (void)state;
    int64_t seconds = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(date_parse(good[i], strlen(good[i]), 1700000000, &seconds));
        assert_int_equal(seconds, 784111777);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(date_parse(bad[i], strlen(bad[i]), 1700000000, &seconds));
    /* Two digits: more than fifty years ahead is the past. */
    static const char near[] = "Sunday, 06-Nov-60 08:49:37 GMT";
    assert_true(date_parse(near, sizeof near - 1, 1700000000, &seconds));
    assert_true(seconds > 1700000000);
    assert_true(date_parse(near, sizeof near - 1, 0, &seconds));
    assert_true(seconds < 0);
}

static void target_parse__forms__path_and_query(void **state)
{
    static const struct {
        const char *text;
        enum target_verdict verdict;
        const char *path;
        bool slash;
    } cases[] = {
        {"/", TARGET_OK, "", true},
        {"/a", TARGET_OK, "a", false},
        {"/a/", TARGET_OK, "a", true},
        {"//a//b", TARGET_OK, "a/b", false},
        {"/a%20b", TARGET_OK, "a b", false},
        {"http://h", TARGET_OK, "", true},
        {"http://h?q", TARGET_OK, "", true},
        {"http://h/a?q", TARGET_OK, "a", false},
        {"/...", TARGET_ABSENT, NULL, false},
        {"/a/.b", TARGET_ABSENT, NULL, false},
        {"/a%2fb", TARGET_ABSENT, NULL, false},
        {"/a/..", TARGET_MALFORMED, NULL, false},
        {"/.b/..", TARGET_MALFORMED, NULL, false},
        {"/a%2f%00", TARGET_MALFORMED, NULL, false},
        {"/%2", TARGET_MALFORMED, NULL, false},
        {"", TARGET_MALFORMED, NULL, false},
        {"a", TARGET_MALFORMED, NULL, false},
        {"http:/", TARGET_MALFORMED, NULL, false},
        {"?", TARGET_MALFORMED, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct target target;
        enum target_verdict verdict = target_parse(cases[i].text, strlen(cases[i].text), false,
                                                   &target);
        if (verdict != cases[i].verdict)
            print_error("%s\n", cases[i].text);
        assert_int_equal(verdict, cases[i].verdict);
        if (verdict != TARGET_OK)
            continue;
        assert_string_equal(target.path, cases[i].path);
        assert_int_equal(target.slash, cases[i].slash);
    }
}

static void target_parse__longest_path__taken_and_one_more_not(void **state)
{
    (void)state;
    char text[TARGET_PATH_MAX + 2];
    struct target target;
    memset(text, 'a', sizeof text);
    text[0] = '/';
    assert_int_equal(target_parse(text, TARGET_PATH_MAX, false, &target), TARGET_OK);
    assert_int_equal(target.length, TARGET_PATH_MAX - 1);
    assert_int_equal(strlen(target.path), TARGET_PATH_MAX - 1);
    assert_int_equal(target_parse(text, TARGET_PATH_MAX + 1, false, &target), TARGET_ABSENT);
    text[100] = '/'; /* the same where a segment begins at the end */
    text[TARGET_PATH_MAX - 1] = '/';
    assert_int_equal(target_parse(text, TARGET_PATH_MAX + 1, false, &target), TARGET_ABSENT);
}

static void target_encode__room__respected(void **state)
{
    (void)state;
    char text[16];
    assert_int_equal(target_encode("a b/\xc3", text, sizeof text), 9);
    assert_string_equal(text, "a%20b/%C3");
    assert_int_equal(target_encode("      ", text, sizeof text), 0);
}

static void tag_list__forms__found_or_not(void **state)
{
    static const struct {
        const char *list;
        bool strong;
        bool weak;
    } cases[] = {
        {"\"t\"", true, true},
        {"W/\"t\"", false, true},
        {"\"a\", \"t\"", true, true},
        {"\"a,\\\",\"t\"", true, true},
        {"*", true, true},
        {"* , \"t\"", false, false},
        {"t", false, false},
        {"\"t", false, false},
        {"", false, false},
        {"W/", false, false},
        {"w/\"t\"", false, false},
        {",,\"t\",", true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t length = strlen(cases[i].list);
        assert_int_equal(validator_tag_in_list(cases[i].list, length, "\"t\"", false),
                         cases[i].strong);
        assert_int_equal(validator_tag_in_list(cases[i].list, length, "\"t\"", true),
                         cases[i].weak);
    }
}

static void escape__hostile_names__harmless(void **state)
{
    static const struct {
        const char *text;
        const char *escaped;
    } cases[] = {
        {"plain", "plain"},
        {"<&>\"'", "&lt;&amp;&gt;&quot;&#39;"},
        {"k\xc3\xa4se", "k\xc3\xa4se"},
        {"\xff", "\xef\xbf\xbd"},
        {"a\nb", "a\xef\xbf\xbd"
                 "b"},
        {"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"},                 /* an overlong "<" */
        {"\xe2\x80\xae", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* turns text around */
        {"\xf0\x9f\xa7\x80", "\xf0\x9f\xa7\x80"},
        {"\xf0\x9f", "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char escaped[64];
        assert_int_equal(listing_escape(cases[i].text, escaped, sizeof escaped),
                         strlen(cases[i].escaped));
        assert_string_equal(escaped, cases[i].escaped);
    }
    char small[6];
    assert_int_equal(listing_escape("a&b", small, sizeof small), 1); /* no half of an escape */
    assert_string_equal(small, "a");
}

static void type__names__by_their_ending(void **state)
{
    (void)state;
    assert_string_equal(type_of_name("a/b.HTML"), "text/html; charset=utf-8");
    assert_string_equal(type_of_name("a.html/b"), "application/octet-stream");
    assert_string_equal(type_of_name("a.tar.gz"), "application/gzip");
    assert_string_equal(type_of_name("x."), "application/octet-stream");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(date_format__any_day__as_the_c_library_has_it),
        cmocka_unit_test(date_format__out_of_range__nearest_end),
        cmocka_unit_test(date_parse__three_forms__one_time),
        cmocka_unit_test(target_parse__forms__path_and_query),
        cmocka_unit_test(target_parse__longest_path__taken_and_one_more_not),
        cmocka_unit_test(target_encode__room__respected),
        cmocka_unit_test(tag_list__forms__found_or_not),
        cmocka_unit_test(escape__hostile_names__harmless),
        cmocka_unit_test(type__names__by_their_ending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
