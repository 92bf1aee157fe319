/* `page` as its clients see it: content, ranges, conditions, directories, persistence. */
#include "page_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void assert_field(const struct answer *answer, const char *name, const char *value)
{
    const char *found = answer_field(answer, name);
    if (value == NULL) {
        assert_null(found);
        return;
    }
    assert_non_null(found);
    assert_string_equal(found, value);
}

static void assert_status(const struct site *site, const char *path, const char *fields, int status)
{
    struct answer answer;
    site_get(site, path, fields, &answer);
    if (answer.status != status)
        print_error("%s with \"%s\"\n", path, fields);
    assert_int_equal(answer.status, status);
    answer_free(&answer);
}

static void get__file__byte_for_byte(void **state)
{
    const struct site *site = *state;
    struct answer answer;
    site_get(site, "/big.bin", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.length, SITE_BIG);
    assert_memory_equal(answer.body, site->big, SITE_BIG);
    assert_field(&answer, "Content-Type", "application/octet-stream");
    assert_field(&answer, "Accept-Ranges", "bytes");
    assert_field(&answer, "Server", "superd-page");
    assert_non_null(answer_field(&answer, "Date"));
    answer_free(&answer);

    site_get(site, "/empty.txt", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.length, 0);
    assert_field(&answer, "Content-Type", "text/plain; charset=utf-8");
    answer_free(&answer);

    site_get(site, "/style.css?v=1", "", &answer);
    assert_string_equal(answer.body, "p { color: green }\n");
    assert_field(&answer, "Content-Type", "text/css; charset=utf-8");
    answer_free(&answer);
}

static void get__over_socket_pair__byte_for_byte(void **state)
{
    const struct site *site = *state;
    struct session session = session_open_pair(site);
    struct answer answer;
    session_say(&session, "GET /big.bin HTTP/1.1\r\nHost: test\r\n\r\n");
    session_read(&session, false, &answer);
    assert_int_equal(answer.length, SITE_BIG);
    assert_memory_equal(answer.body, site->big, SITE_BIG);
    answer_free(&answer);
    session_close(&session);
}

static void get__names__decoded_and_looked_up(void **state)
{
    static const struct {
        const char *path;
        const char *body;
    } cases[] = {
        {"/sub/it's%20%22%3codd%3E%22%20%26%20100%25.txt", "odd\n"},
        {"/sub/k%C3%A4se.txt", "cheese\n"},
        {"//sub///a.txt", "a\n"},
        {"/%73ub/%61.txt?a=/../..&b", "a\n"},
        {"http://test/sub/a.txt", "a\n"},
        {"HTTPS://test:8080/sub/a.txt", "a\n"},
        {"/sub/inside-up", "0123456789"},
    };
    struct answer answer;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        site_get(*state, cases[i].path, "", &answer);
        if (answer.status != 200)
            print_error("%s\n", cases[i].path);
        assert_int_equal(answer.status, 200);
        assert_string_equal(answer.body, cases[i].body);
        answer_free(&answer);
    }
    site_get(*state, "/inside", "", &answer);
    assert_int_equal(answer.length, SITE_BIG);
    answer_free(&answer);
    assert_status(*state, "/nothing", "", 404);
    assert_status(*state, "/text.txt/", "", 404);
    assert_status(*state, "/text.txt/x", "", 404);
}

static void head__file__as_get_without_content(void **state)
{
    struct session session = session_open(*state, NULL);
    struct answer answer;
    static const char *const paths[] = {"/big.bin", "/nothing", "/sub"};
    static const int statuses[] = {200, 404, 301};
    for (size_t i = 0; i < 3; i++) {
        char request[128];
        snprintf(request, sizeof request,
                 "HEAD %s HTTP/1.1\r\nHost: test\r\nRange: bytes=0-1\r\n\r\n", paths[i]);
        session_say(&session, request);
        session_read(&session, true, &answer);
        assert_int_equal(answer.status, statuses[i]); /* a range is for GET alone */
        assert_string_not_equal(answer_field(&answer, "Content-Length"), "0");
        answer_free(&answer);
    }
    session_say(&session, "HEAD /big.bin HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    session_read(&session, true, &answer);
    char rest;
    assert_int_equal(session_drain(&session, &rest, 1), 0);
    answer_free(&answer);
    session_await_end(&session);
}

static void other_methods__405_and_the_content_is_swallowed(void **state)
{
    static const char *const methods[] = {"PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"};
    struct answer answer;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char request[128];
        snprintf(request, sizeof request, "%s /text.txt HTTP/1.1\r\nHost: test\r\n\r\n",
                 methods[i]);
        site_ask(*state, request, &answer);
        assert_int_equal(answer.status, 405);
        assert_field(&answer, "Allow", "GET, HEAD");
        answer_free(&answer);
    }
    /* Content that nobody reads must not turn the answer into a reset. */
    const struct site *site = *state;
    struct session session = session_open(site, NULL);
    session_say(&session,
                "POST /text.txt HTTP/1.1\r\nHost: test\r\nContent-Length: 2000000\r\n\r\n");
    session_send(&session, site->big, 2000000);
    session_read(&session, false, &answer);
    assert_int_equal(answer.status, 405);
    assert_field(&answer, "Connection", "close");
    answer_free(&answer);
    char rest;
    assert_int_equal(recv(session.fd, &rest, 1, 0), 0); /* the end, and no reset */
    session_close(&session);
}

static void get__with_content__answered_and_closed(void **state)
{
    struct session session = session_open(*state, NULL);
    struct answer answer;
    session_say(&session,
                "GET /text.txt HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                "26\r\nGET /sub/a.txt HTTP/1.1\r\nHost: test\r\n\r\n\r\n0\r\n\r\n");
    session_read(&session, false, &answer);
    assert_int_equal(answer.status, 200);
    assert_field(&answer, "Connection", "close");
    answer_free(&answer);
    char rest;
    assert_int_equal(session_drain(&session, &rest, 1), 0); /* content is not another request */
    session_close(&session);
}

static void range__each_form__the_bytes_asked_for(void **state)
{
    static const struct {
        const char *range;
        int status;
        const char *body;
        const char *content_range;
    } cases[] = {
        {"bytes=0-0", 206, "0", "bytes 0-0/10"},
        {"bytes=2-4", 206, "234", "bytes 2-4/10"},
        {"bytes=7-", 206, "789", "bytes 7-9/10"},
        {"bytes=-3", 206, "789", "bytes 7-9/10"},
        {"bytes=-99", 206, "0123456789", "bytes 0-9/10"},
        {"bytes=8-99999999999999999999999", 206, "89", "bytes 8-9/10"},
        {"BYTES=1-1", 206, "1", "bytes 1-1/10"},
        {"bytes=10-", 416, NULL, "bytes */10"},
        {"bytes=99999999999999999999999-", 416, NULL, "bytes */10"},
        {"bytes=-0", 416, NULL, "bytes */10"},
        {"bytes=0-1,5-6", 200, "0123456789", NULL},
        {"bytes=4-2", 200, "0123456789", NULL},
        {"bytes=a-b", 200, "0123456789", NULL},
        {"bytes=", 200, "0123456789", NULL},
        {"bytes=-", 200, "0123456789", NULL},
        {"lines=1-2", 200, "0123456789", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct answer answer;
        char field[128];
        snprintf(field, sizeof field, "Range: %s\r\n", cases[i].range);
        site_get(*state, "/text.txt", field, &answer);
        if (answer.status != cases[i].status)
            print_error("%s\n", cases[i].range);
        assert_int_equal(answer.status, cases[i].status);
        assert_field(&answer, "Content-Range", cases[i].content_range);
        if (cases[i].body != NULL)
            assert_string_equal(answer.body, cases[i].body);
        answer_free(&answer);
    }
    const struct site *site = *state;
    struct answer answer;
    site_get(site, "/big.bin", "Range: bytes=1000003-3000001\r\n", &answer);
    assert_int_equal(answer.length, 1999999);
    assert_memory_equal(answer.body, site->big + 1000003, 1999999);
    answer_free(&answer);
    assert_status(site, "/empty.txt", "Range: bytes=-5\r\n", 200);
    assert_status(site, "/empty.txt", "Range: bytes=0-\r\n", 416);
}

/* Fields that end with the value given, and what they must lead to. */
static void assert_condition(const struct site *site, const char *before, const char *value,
                             int status)
{
    char fields[512];
    snprintf(fields, sizeof fields, "%s%s\r\n", before, value);
    assert_status(site, "/aged.txt", fields, status);
}

static void conditions__tags_and_dates__as_rfc_9110_orders_them(void **state)
{
    const struct site *site = *state;
    struct answer answer;
    char tag[128], date[64], path[128];
    site_write(site, "aged.txt", "aged", 4);
    snprintf(path, sizeof path, "%s/aged.txt", site->root);
    struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    site_get(site, "/aged.txt", "", &answer);
    snprintf(tag, sizeof tag, "%s", answer_field(&answer, "ETag"));
    snprintf(date, sizeof date, "%s", answer_field(&answer, "Last-Modified"));
    assert_string_equal(date, "Sun, 09 Sep 2001 01:46:40 GMT");
    answer_free(&answer);

    assert_condition(site, "If-None-Match: ", tag, 304);
    assert_condition(site, "If-None-Match: W/", tag, 304);
    assert_condition(site, "If-None-Match: \"x,y\" , \"\",", tag, 304);
    assert_condition(site, "If-None-Match: \"x\"\r\nIf-None-Match: ", tag, 304);
    assert_condition(site, "If-None-Match: ", "*", 304);
    assert_condition(site, "If-None-Match: ", "\"x\"", 200);
    assert_condition(site, "If-None-Match: ", "x", 200);
    assert_condition(site, "If-Modified-Since: ", date, 304);
    assert_condition(site, "If-Modified-Since: ", "Sunday, 09-Sep-01 01:46:40 GMT", 304);
    assert_condition(site, "If-Modified-Since: ", "Sun Sep  9 01:46:40 2001", 304);
    assert_condition(site, "If-Modified-Since: ", "Sun, 09 Sep 2001 01:46:39 GMT", 200);
    assert_condition(site, "If-Modified-Since: ", "yesterday", 200);
    assert_condition(site, "If-None-Match: \"x\"\r\nIf-Modified-Since: ", date, 200);
    assert_condition(site, "If-Match: ", tag, 200);
    assert_condition(site, "If-Match: ", "*", 200);
    assert_condition(site, "If-Match: ", "\"x\"", 412);
    assert_condition(site, "If-Match: W/", tag, 412);
    assert_condition(site, "If-Unmodified-Since: ", date, 200);
    assert_condition(site, "If-Unmodified-Since: ", "Sun, 09 Sep 2001 01:46:39 GMT", 412);
    assert_condition(site, "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\nIf-Match: ", tag,
                     200);
    assert_condition(site, "Range: bytes=0-1\r\nIf-Range: ", tag, 206);
    assert_condition(site, "Range: bytes=0-1\r\nIf-Range: W/", tag, 200);
    assert_condition(site, "Range: bytes=0-1\r\nIf-Range: ", "\"x\"", 200);
    assert_condition(site, "Range: bytes=0-1\r\nIf-Range: ", date, 206);
    assert_condition(site, "Range: bytes=0-1\r\nIf-Range: ", "Wed, 09 Sep 2020 01:46:40 GMT", 200);
    assert_condition(site, "Range: bytes=9-\r\nIf-None-Match: ", tag, 304);

    site_write(site, "aged.txt", "news", 4); /* same inode, same size: the time tells */
    assert_condition(site, "If-None-Match: ", tag, 200);
    assert_condition(site, "If-Modified-Since: ", date, 200);
}

static void directory__index_redirect_and_refusal(void **state)
{
    struct answer answer;
    site_get(*state, "/", "", &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "<title>Front</title>"));
    assert_field(&answer, "Content-Type", "text/html; charset=utf-8");
    answer_free(&answer);
    site_get(*state, "//sub?x=1", "", &answer);
    assert_int_equal(answer.status, 301);
    assert_field(&answer, "Location", "/sub/?x=1"); /* not "//sub/", which is a host */
    answer_free(&answer);
    assert_status(*state, "/sub/", "", 403);
}

static void listing__asked_for__names_escaped_and_links_good(void **state)
{
    struct session session = session_open(*state, "-l", NULL);
    struct answer answer;
    session_say(&session, "GET /sub/ HTTP/1.1\r\nHost: test\r\n\r\n");
    session_read(&session, false, &answer);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "<a href=\"./a.txt\">a.txt</a>"));
    assert_non_null(strstr(answer.body, "<a href=\"./deeper/\">deeper/</a>"));
    assert_non_null(strstr(answer.body, "./it%27s%20%22%3Codd%3E%22%20%26%20100%25.txt\">"
                                        "it&#39;s &quot;&lt;odd&gt;&quot; &amp; 100%.txt</a>"));
    assert_non_null(strstr(answer.body, "k\xc3\xa4se.txt</a>"));
    assert_null(strstr(answer.body, "<odd>"));
    answer_free(&answer);
    session_say(&session, "GET /dots/ HTTP/1.1\r\nHost: test\r\n\r\n");
    session_read(&session, false, &answer);
    assert_null(strstr(answer.body, ".config"));
    answer_free(&answer);
    session_close(&session);
}

static void dot_files__only_when_asked_for(void **state)
{
    struct answer answer;
    assert_status(*state, "/.hidden", "", 404);
    assert_status(*state, "/%2ehidden", "", 404);
    assert_status(*state, "/dots/.config/x.txt", "", 404);
    struct session session = session_open(*state, "-a", NULL);
    session_say(&session, "GET /dots/.config/x.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    session_read(&session, false, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "x\n");
    answer_free(&answer);
    session_say(&session, "GET /dots/../text.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    session_read(&session, false, &answer);
    assert_int_equal(answer.status, 400);
    answer_free(&answer);
    session_close(&session);
}

static void connection__persists__as_the_version_and_the_fields_say(void **state)
{
    struct session session = session_open(*state, "-n", "3", NULL);
    struct answer answer;
    for (int i = 1; i <= 3; i++) {
        session_say(&session, "GET /text.txt HTTP/1.1\r\nHost: test\r\n\r\n");
        session_read(&session, false, &answer);
        assert_field(&answer, "Connection", i < 3 ? "keep-alive" : "close");
        answer_free(&answer);
    }
    char rest;
    assert_int_equal(session_drain(&session, &rest, 1), 0);
    session_close(&session);

    static const char *const closing[] = {
        "GET /text.txt HTTP/1.0\r\n\r\n",
        "GET /text.txt HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    };
    for (size_t i = 0; i < 2; i++) {
        session = session_open(*state, NULL);
        session_say(&session, closing[i]);
        session_read(&session, false, &answer);
        assert_field(&answer, "Connection", "close");
        answer_free(&answer);
        session_await_end(&session); /* without waiting for us */
    }
    session = session_open(*state, NULL);
    for (int i = 0; i < 2; i++) {
        session_say(&session, "GET /text.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        session_read(&session, false, &answer);
        assert_field(&answer, "Connection", "keep-alive");
        answer_free(&answer);
    }
    session_close(&session);
}

static void connection__idle__ended(void **state)
{
    struct session session = session_open(*state, "-k", "1", NULL);
    struct answer answer;
    session_say(&session, "GET /text.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    session_read(&session, false, &answer);
    answer_free(&answer);
    session_await_end(&session);
}

static void pipelining__many_at_once__answered_in_order(void **state)
{
    const struct site *site = *state;
    struct session session = session_open(site, NULL);
    char requests[16384];
    size_t used = 0;
    for (int i = 0; i < 90; i++)
        used += (size_t)snprintf(
            requests + used, sizeof requests - used,
            "GET /text.txt HTTP/1.1\r\nHost: test\r\nRange: bytes=%d-%d\r\n\r\n", i % 10, i % 10);
    session_send(&session, requests, used);
    for (int i = 0; i < 90; i++) {
        struct answer answer;
        session_read(&session, false, &answer);
        assert_int_equal(answer.status, 206);
        assert_int_equal(answer.body[0], '0' + i % 10);
        answer_free(&answer);
    }
    session_close(&session);
}

static void half_close__all_that_was_asked_for_is_answered(void **state)
{
    const struct site *site = *state;
    struct session session = session_open(site, NULL);
    session_say(&session, "GET /big.bin HTTP/1.1\r\nHost: test\r\n\r\n"
                          "GET /text.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_int_equal(shutdown(session.fd, SHUT_WR), 0);
    struct answer answer;
    session_read(&session, false, &answer);
    assert_int_equal(answer.length, SITE_BIG);
    assert_memory_equal(answer.body, site->big, SITE_BIG);
    answer_free(&answer);
    session_read(&session, false, &answer);
    assert_string_equal(answer.body, "0123456789");
    answer_free(&answer);
    session_await_end(&session);
}

static void log__asked_for__one_line_a_request(void **state)
{
    struct session session = session_open(*state, "-v", NULL);
    struct answer answer;
    char log[4096];
    session_say(&session,
                "GET /text.txt?\"\\\xff HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    session_read(&session, false, &answer);
    int expected = answer.status; /* the parser may take a high byte or refuse it */
    answer_free(&answer);
    char rest;
    assert_int_equal(session_drain(&session, &rest, 1), 0);
    session_log(&session, log, sizeof log);
    char line[128];
    snprintf(line, sizeof line, "\"GET /text.txt?\\x22\\x5c\\xff HTTP/1.1\" %d ", expected);
    assert_non_null(strstr(log, line));
    assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1);
    session_close(&session);
}

static void arguments__wrong__told_and_refused(void **state)
{
    static const char *const wrong[][4] = {
        {PAGE_PROGRAM, NULL},
        {PAGE_PROGRAM, "-k", "0", NULL},
        {PAGE_PROGRAM, "-k1x", "/", NULL},
        {PAGE_PROGRAM, "-n-1", "/", NULL},
        {PAGE_PROGRAM, "-z", "/", NULL},
        {PAGE_PROGRAM, "/", "/", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(site_run(wrong[i], true, NULL, 0), 2);
    static const char *const absent[] = {PAGE_PROGRAM, "/nonexistent", NULL};
    assert_int_equal(site_run(absent, true, NULL, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get__file__byte_for_byte),
        cmocka_unit_test(get__over_socket_pair__byte_for_byte),
        cmocka_unit_test(get__names__decoded_and_looked_up),
        cmocka_unit_test(head__file__as_get_without_content),
        cmocka_unit_test(other_methods__405_and_the_content_is_swallowed),
        cmocka_unit_test(get__with_content__answered_and_closed),
        cmocka_unit_test(range__each_form__the_bytes_asked_for),
        cmocka_unit_test(conditions__tags_and_dates__as_rfc_9110_orders_them),
        cmocka_unit_test(directory__index_redirect_and_refusal),
        cmocka_unit_test(listing__asked_for__names_escaped_and_links_good),
        cmocka_unit_test(dot_files__only_when_asked_for),
        cmocka_unit_test(connection__persists__as_the_version_and_the_fields_say),
        cmocka_unit_test(connection__idle__ended),
        cmocka_unit_test(pipelining__many_at_once__answered_in_order),
        cmocka_unit_test(half_close__all_that_was_asked_for_is_answered),
        cmocka_unit_test(log__asked_for__one_line_a_request),
        cmocka_unit_test(arguments__wrong__told_and_refused),
    };
    return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
