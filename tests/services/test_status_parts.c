/* The parts of services/status that do no I/O: history, words, charts, and that what superd tells is
 * never markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status/chart.h"
#include "status/history.h"
#include "status/view.h"
#include "status/words.h"

#define NOW 1795358600000 /* 2026-11-22T14:43:20Z, the beginning of a step */

static void words_parse_time__times_and_others(void **state)
{
    static const char *const wrong[] = {"",
                                        "2026-11-22",
                                        "2026-11-22T14:43:20Z",
                                        "yesterday",
                                        "2026-11-22T14:43:20.123456+01:00",
                                        "2026-11-22T14:43:20.123456Zx"};
    int64_t ms = 7;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(words_parse_time(wrong[i], &ms));
    assert_int_equal(ms, 7);
    assert_true(words_parse_time("2026-11-22T14:43:20.250999Z", &ms));
    assert_int_equal(ms, NOW + 250);
}

/* The counts of all services, so many steps ago. */
static double count_at(const struct history *history, enum history_kind kind, int ago)
{
    return history->total.counts[kind][HISTORY_STEPS - 1 - ago];
}

static void read_pages(struct history *history, const char *pages)
{
    json_t *read = json_loads(pages, 0, NULL);

    assert_non_null(read);
    history_read(history, read, NOW + 1250);
    json_decref(read);
}

static void history_read__one_page__counts_end_now(void **state)
{
    struct history history;

    (void)state;
    read_pages(&history,
               "[{\"step_ms\":5000,\"steps\":60,\"step\":700,\"known_steps\":4,\"known_ms\":13250,"
               "\"elapsed_ms\":1250,\"services\":["
               "{\"service\":\"b\",\"admitted\":[0,7,0],\"refused\":[3,0,1]},"
               "{\"service\":\"a\",\"admitted\":[1,2,4],\"refused\":[0,0,0]}]}]");
    assert_int_equal(history.known_steps, 4);
    assert_int_equal(history.begun_ms, NOW);
    assert_true(count_at(&history, HISTORY_ADMITTED, 0) == 4);
    assert_true(count_at(&history, HISTORY_ADMITTED, 1) == 9);
    assert_true(count_at(&history, HISTORY_ADMITTED, 2) == 1);
    assert_true(count_at(&history, HISTORY_ADMITTED, 3) == 0);
    assert_true(count_at(&history, HISTORY_REFUSED, 0) == 1);
    assert_true(count_at(&history, HISTORY_REFUSED, 2) == 3);
    assert_true(history_find(&history, "b")->counts[HISTORY_ADMITTED][HISTORY_STEPS - 2] == 7);
    assert_true(history_find(&history, "a")->counts[HISTORY_ADMITTED][HISTORY_STEPS - 1] == 4);
    assert_null(history_find(&history, "c"));
    assert_true(history_rate(&history, HISTORY_ADMITTED, 2) == 1);    /* 10 in 10 s that are over */
    assert_true(history_rate(&history, HISTORY_REFUSED, 60) == 0.25); /* superd is 12 s older */
    history_free(&history);
}

/* A step passes while pages are asked for: each has its counts where they belong. */
static void history_read__step_passes_between_pages__fitted_together(void **state)
{
    struct history history;

    (void)state;
    read_pages(
        &history,
        "[{\"step_ms\":5000,\"step\":700,\"known_steps\":60,\"known_ms\":299999,\"elapsed_ms\":"
        "4999,"
        "\"services\":[{\"service\":\"a\",\"admitted\":[5,1]}]},"
        "{\"step_ms\":5000,\"step\":701,\"known_steps\":60,\"known_ms\":295001,\"elapsed_ms\":1,"
        "\"services\":[{\"service\":\"b\",\"admitted\":[2,0]}]},"
        "{\"step_ms\":5000,\"step\":700,\"services\":[{\"service\":\"c\",\"admitted\":[9]}]}]");
    assert_true(count_at(&history, HISTORY_ADMITTED, 0) == 0);
    assert_true(count_at(&history, HISTORY_ADMITTED, 1) == 12);
    assert_true(count_at(&history, HISTORY_ADMITTED, 2) == 5);
    assert_true(history_find(&history, "a")->counts[HISTORY_ADMITTED][HISTORY_STEPS - 2] == 1);
    assert_true(history_find(&history, "b")->counts[HISTORY_ADMITTED][HISTORY_STEPS - 2] == 2);
    assert_int_equal(history.begun_ms, NOW + 1249);
    assert_int_equal(history.known_steps, 60);
    history_free(&history);
}

static void history_read__nonsense__bounded_and_not_known(void **state)
{
    struct history history;

    (void)state;
    read_pages(&history, "[]");
    assert_int_equal(history.known_steps, 0);
    assert_true(history_rate(&history, HISTORY_ADMITTED, 12) < 0);
    history_free(&history);
    read_pages(&history, "[{\"step_ms\":1000,\"known_steps\":60,\"services\":["
                         "{\"service\":\"a\",\"admitted\":[5]}]}]"); /* other steps than ours */
    assert_int_equal(history.known_steps, 0);
    assert_null(history_find(&history, "a"));
    history_free(&history);
    read_pages(&history,
               "[{\"step_ms\":5000,\"step\":9223372036854775807,\"known_steps\":1e9,"
               "\"elapsed_ms\":-7,\"services\":[7,{\"service\":\"a\",\"admitted\":[-5,\"x\",2]},"
               "{\"admitted\":[9]}]},"
               "{\"step_ms\":5000,\"step\":-9223372036854775807,\"known_steps\":70,"
               "\"services\":[{\"service\":\"b\",\"admitted\":[9]}]},null]");
    assert_true(count_at(&history, HISTORY_ADMITTED, 0) == 2);
    assert_true(count_at(&history, HISTORY_ADMITTED, 2) == 0);
    assert_int_equal(history.known_steps, 0);
    history_free(&history);
}

/* Charts of a superd that has been there all the time have nothing grey; those of a younger one have. */
static void chart_write__known_or_not__grey_only_before_superd(void **state)
{
    static const char page[] =
        "[{\"step_ms\":5000,\"step\":700,\"known_steps\":%d,\"known_ms\":9000,"
        "\"elapsed_ms\":1250,\"services\":["
        "{\"service\":\"a\",\"admitted\":[20,5]}]}]";

    (void)state;
    for (int known = 2; known <= HISTORY_STEPS; known += HISTORY_STEPS - 2) {
        char text[512], *chart = NULL;
        struct history history;
        size_t length;
        FILE *file = open_memstream(&chart, &length);

        assert_non_null(file);
        snprintf(text, sizeof text, page, known);
        read_pages(&history, text);
        chart_write(file, &history, HISTORY_ADMITTED, "Admitted");
        assert_int_equal(fclose(file), 0);
        assert_int_equal(strstr(chart, "not known: before superd was started") != NULL,
                         known < HISTORY_STEPS);
        assert_non_null(strstr(chart, "<title>14:43:15 UTC: 4/s</title>"));
        assert_non_null(strstr(chart, "<title>14:43:20 UTC: 1/s</title>"));
        free(chart);
        history_free(&history);
    }
}

static void words__numbers__as_people_read_them(void **state)
{
    char to[WORDS_SIZE];

    (void)state;
    assert_string_equal(words_rate(0, to), "0");
    assert_string_equal(words_rate(0.0666, to), "0.067");
    assert_string_equal(words_rate(12.34, to), "12.3");
    assert_string_equal(words_rate(3456.7, to), "3457");
    assert_string_equal(words_bytes(999, to), "999 B");
    assert_string_equal(words_bytes(1023 * 1024, to), "1.0 MiB");
    assert_string_equal(words_bytes(20 << 20, to), "20 MiB");
    assert_string_equal(words_microseconds(412, to), "412 \xc2\xb5s");
    assert_string_equal(words_microseconds(999999, to), "1.0 s");
    assert_string_equal(words_duration(59999, to), "59 s");
    assert_string_equal(words_duration(90061000, to), "1 d 1 h");
    assert_string_equal(words_number(-1234567, to), "-1\xe2\x80\xaf"
                                                    "234\xe2\x80\xaf"
                                                    "567");
    assert_string_equal(words_number(INT64_MIN, to), "-9\xe2\x80\xaf"
                                                     "223\xe2\x80\xaf"
                                                     "372\xe2\x80\xaf"
                                                     "036\xe2\x80\xaf"
                                                     "854\xe2\x80\xaf"
                                                     "775\xe2\x80\xaf"
                                                     "808");
    assert_string_equal(words_clock(NOW / 1000, to), "14:43:20");
}

static void chart_ceiling__next_round_number(void **state)
{
    (void)state;
    assert_true(chart_ceiling(0) == 0.2);
    assert_true(chart_ceiling(0.3) == 0.5);
    assert_true(chart_ceiling(7) > 9.99 && chart_ceiling(7) < 10.01);
    assert_true(chart_ceiling(1300) > 1999 && chart_ceiling(1300) < 2001);
    assert_true(chart_ceiling(1e300) > 0); /* ends */
}

static char *escape(const char *text, size_t most)
{
    char *to = NULL;
    size_t length;
    FILE *file = open_memstream(&to, &length);

    assert_non_null(file);
    words_escape(file, text, most);
    assert_int_equal(fclose(file), 0);
    return to;
}

static void assert_escaped(const char *text, size_t most, const char *expected)
{
    char *escaped = escape(text, most);

    assert_string_equal(escaped, expected);
    free(escaped);
}

static void words_escape__hostile_text__means_itself(void **state)
{
    char *text = malloc(100001), *escaped;

    (void)state;
    assert_escaped("<a href=\"x\" & 'y'>", 100, "&lt;a href=&quot;x&quot; &amp; &#39;y&#39;&gt;");
    assert_escaped("a\xff\x1b[31m", 100, "a\xef\xbf\xbd\xef\xbf\xbd[31m");
    assert_escaped("abcdef", 3, "abc\xe2\x80\xa6");
    assert_escaped("ab\xc3\xa4", 3, "ab\xe2\x80\xa6"); /* no half character */
    assert_escaped("abc", 3, "abc");
    assert_non_null(text);
    memset(text, '"', 100000);
    text[100000] = '\0';
    escaped = escape(text, 100000);
    assert_true(strlen(escaped) < 20000);
    free(escaped);
    free(text);
}

/* A daemon that says the worst wherever it can. */
static struct snapshot hostile_snapshot(void)
{
    static const char bad[] = "</td></section><script>alert('1')</script>\"\n&";
    struct snapshot snapshot = {.now_ms = NOW};

    snapshot.daemon = json_pack("{s:s, s:s, s:s, s:I}", "version", bad, "state", bad, "config", bad,
                                "uptime_ms", (json_int_t)-5);
    snapshot.services = json_pack("[{s:s, s:s, s:s, s:[s, i], s:I, s:I, s:i}, i]", "service", bad,
                                  "state", bad, "reason", bad, "listeners", bad, 7, "live",
                                  (json_int_t)INT64_MAX, "limit", (json_int_t)INT64_MAX,
                                  "listener_count", 9, 5);
    snapshot.instances = json_pack("[{s:s, s:s, s:s, s:s}, s]", "service", bad, "state", bad,
                                   "peer", bad, "listener", bad, bad);
    snapshot.reasons = json_pack("[{s:s, s:{s:i}, s:s}]", "service", bad, "refused", bad, 3, "held",
                                 bad);
    snapshot.history = json_pack("[{s:i, s:[{s:s, s:[i], s:s}]}, s]", "step_ms", 5000, "services",
                                 "service", bad, "admitted", 3, "refused", bad, bad);
    snapshot.events = json_pack("[{s:s, s:s, s:s, s:s, s:{s:s}}, s]", "time", bad, "level", bad,
                                "event", bad, bad, bad, "deep", bad, bad, bad);
    assert_non_null(snapshot.daemon);
    assert_non_null(snapshot.services);
    assert_non_null(snapshot.instances);
    assert_non_null(snapshot.reasons);
    assert_non_null(snapshot.history);
    assert_non_null(snapshot.events);
    return snapshot;
}

static void view_page__hostile_daemon__no_markup_of_its(void **state)
{
    struct snapshot snapshot = hostile_snapshot();
    struct history history;
    size_t length = 0;
    char *page, *script;

    (void)state;
    history_read(&history, snapshot.history, NOW);
    page = view_page(&snapshot, &history, NULL, "0123", &length);
    assert_non_null(page);
    assert_int_equal(strlen(page), length);
    assert_non_null(strstr(page, "&lt;script&gt;alert(&#39;1&#39;)"));
    script = strstr(page, "<script");
    assert_non_null(script);
    assert_memory_equal(script, "<script nonce=\"0123\">", 21);
    assert_null(strstr(script + 1, "<script"));
    assert_null(strstr(page, "alert('"));
    free(page);

    page = view_page(NULL, NULL, "<b>away", "0123", &length);
    assert_non_null(strstr(page, "&lt;b&gt;away"));
    free(page);
    history_free(&history);
    snapshot_free(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_parse_time__times_and_others),
        cmocka_unit_test(history_read__one_page__counts_end_now),
        cmocka_unit_test(history_read__step_passes_between_pages__fitted_together),
        cmocka_unit_test(history_read__nonsense__bounded_and_not_known),
        cmocka_unit_test(chart_write__known_or_not__grey_only_before_superd),
        cmocka_unit_test(words__numbers__as_people_read_them),
        cmocka_unit_test(chart_ceiling__next_round_number),
        cmocka_unit_test(words_escape__hostile_text__means_itself),
        cmocka_unit_test(view_page__hostile_daemon__no_markup_of_its),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
