/* The small services that answer once: daytime, time and qotd on connections, run as a superserver
 * runs them; and the options of all.  test_small_udp.c has the datagram side. */
#include <config.h>

#include "handler_run.h"

#include "../../services/common/quotes.h"
#include "../../services/common/rfc868.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char *const echo_argv[] = {"echo", NULL};
static const char *const daytime_argv[] = {"daytime", NULL};
static const char *const time_argv[] = {"time", NULL};

static void daytime__connection__one_line_of_now(void **state)
{
    (void)state;
    char answer[600], expected[600];
    bool found = false;
    time_t before = time(NULL);

    handler_exchange(daytime_argv, NULL, "", 0, answer, sizeof answer);
    /* One of the seconds that have passed meanwhile. */
    for (time_t t = before; t <= time(NULL) && !found; t++) {
        strftime(expected, sizeof expected, "%A, %B %e, %Y %H:%M:%S-%Z\r\n", localtime(&t));
        found = strcmp(answer, expected) == 0;
    }
    assert_true(found);
}

static void daytime__format__is_used(void **state)
{
    (void)state;
    const char *const argv[] = {"daytime", "-f", "the year %Y", NULL};
    char answer[600];

    handler_exchange(argv, NULL, "whatever\n", 9, answer, sizeof answer);
    assert_int_equal(strncmp(answer, "the year 20", 11), 0);
    assert_int_equal(strlen(answer), strlen("the year 2026\r\n"));
}

static void daytime__unread_input__answer_is_not_lost(void **state)
{
    (void)state;
    static const char noise[100000];
    char answer[600];

    for (int i = 0; i < 20; i++) {
        struct handler_pair pair = handler_tcp_pair();
        struct handler_run run = handler_serve(pair.server, daytime_argv);
        handler_send(pair.client, noise, sizeof noise);
        assert_true(handler_read_all(pair.client, answer, sizeof answer) > 20);
        close(pair.client);
        handler_end_quietly(&run);
    }
}

static void daytime__client_that_stays__is_left(void **state)
{
    (void)state;
    char answer[600];
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_serve(pair.server, daytime_argv);

    assert_true(handler_read_all(pair.client, answer, sizeof answer) > 20);
    handler_end_quietly(&run); /* although we have not closed */
    close(pair.client);
}

static void time__connection__four_bytes_of_now(void **state)
{
    (void)state;
    char answer[64];
    time_t before = time(NULL);

    assert_int_equal(handler_exchange(time_argv, NULL, "", 0, answer, sizeof answer), 4);
    uint32_t told = 0;
    for (int i = 0; i < 4; i++)
        told = told << 8 | (uint8_t)answer[i];
    uint32_t since = told - (uint32_t)((uint64_t)before + 2208988800u);
    assert_true(since <= (uint32_t)(time(NULL) - before));
}

static void rfc868_encode__examples_of_the_rfc__agree(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_seconds;
        uint32_t wire;
    } cases[] = {
        {0, 2208988800u},         /* "1 Jan 1970" */
        {189302400, 2398291200u}, /* "1 Jan 1976" */
        {420595200, 2629584000u}, /* "1 May 1983" */
        {2085978495, 4294967295u}, {2085978496, 0},           {2085978497, 1},
        {-2208988800, 0},          {-297993600, 1910995200u},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t wire[4];
        rfc868_encode(cases[i].unix_seconds, wire);
        uint32_t told = (uint32_t)wire[0] << 24 | (uint32_t)wire[1] << 16 | (uint32_t)wire[2] << 8 |
                        wire[3];
        assert_int_equal(told, cases[i].wire);
    }
}

static void quotes_parse__file_of_all_kinds__keeps_what_can_be_sent(void **state)
{
    (void)state;
    struct quotes q;
    char text[4096] = "%\nfirst\n%\n%\nsecond\r\nof two\n%\n";
    size_t length = strlen(text);

    /* 509 and CR LF are 511, the most there may be; one more is too many. */
    memset(text + length, 'a', 509);
    length += 509;
    memcpy(text + length, "\n%\n", 3);
    length += 3;
    memset(text + length, 'b', 510);
    length += 510;
    memcpy(text + length, "\n%\n100 %\n% \nlast", 16);
    length += 16;
    assert_int_equal(quotes_parse(text, length, &q), 0);
    assert_int_equal(q.count, 4);
    assert_int_equal(q.starts[1], 7);
    assert_memory_equal(q.text, "first\r\n", 7);
    assert_memory_equal(q.text + q.starts[1], "second\r\nof two\r\n", 16);
    assert_int_equal(q.starts[3] - q.starts[2], 511);
    assert_memory_equal(q.text + q.starts[3], "100 %\r\n% \r\nlast\r\n", 17);
    assert_int_equal(q.starts[4] - q.starts[3], 17);
    quotes_release(&q);
    assert_int_equal(quotes_parse("", 0, &q), 0);
    assert_int_equal(q.count, 0);
    quotes_release(&q);
}

static void qotd__own_list__short_lines_with_crlf(void **state)
{
    (void)state;
    const char *const argv[] = {"qotd", NULL};
    char answer[1024];
    size_t length = handler_exchange(argv, NULL, "", 0, answer, sizeof answer);

    assert_true(length > 10 && length < 512);
    assert_string_equal(answer + length - 2, "\r\n");
    for (size_t i = 0; i < length; i++)
        assert_true(answer[i] == '\r' || answer[i] == '\n' || (answer[i] >= 32 && answer[i] < 127));
}

static void qotd__file__every_quote_comes(void **state)
{
    (void)state;
    char path[] = "/tmp/test_small.XXXXXX";
    const char *const argv[] = {"qotd", "-f", path, NULL};
    char answer[1024];
    int seen[2] = {0, 0};
    int fd = mkostemp(path, O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "one\n%\ntwo\n", 10), 10);
    close(fd);
    /* Each is as likely: one of them stays away from 64 draws once in 2^63. */
    for (int i = 0; i < 64; i++) {
        handler_exchange(argv, NULL, "", 0, answer, sizeof answer);
        assert_true(strcmp(answer, "one\r\n") == 0 || strcmp(answer, "two\r\n") == 0);
        seen[answer[0] == 't']++;
    }
    unlink(path);
    assert_true(seen[0] > 0 && seen[1] > 0);
}

static void options__wrong_ones__usage_and_status_2(void **state)
{
    (void)state;
    static const char *const wrong[][4] = {
        {"echo", "-x", NULL},          {"echo", "operand", NULL},   {"echo", "-i", "-1", NULL},
        {"discard", "-i", "1x", NULL}, {"chargen", "-i", "", NULL}, {"time", "-i", "86401", NULL},
        {"echo", "-f", "x", NULL},     {"daytime", "-f", "", NULL},
    };
    char messages[4096];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct handler_pair pair = handler_socketpair();
        struct handler_run run = handler_serve(pair.server, wrong[i]);
        char answer[64];
        assert_int_equal(handler_end(&run, messages, sizeof messages), 2);
        assert_true(strlen(messages) > 10);
        assert_int_equal(handler_read_all(pair.client, answer, sizeof answer), 0);
        close(pair.client);
    }
}

static void options__help__on_standard_output(void **state)
{
    (void)state;
    static const char *const names[] = {"echo", "discard", "chargen", "daytime", "time", "qotd"};
    char answer[4096];

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[16], start[64];
        const char *const argv[] = {name, "-h", NULL};
        snprintf(name, sizeof name, "%s", names[i]);
        snprintf(start, sizeof start, "usage: %s [-h]", name);
        handler_exchange(argv, NULL, "", 0, answer, sizeof answer);
        assert_int_equal(strncmp(answer, start, strlen(start)), 0);
    }
}

static void qotd__missing_or_empty_file__status_1_and_why(void **state)
{
    (void)state;
    static const char *const wrong[][4] = {{"qotd", "-f", "/nowhere/at/all", NULL},
                                           {"qotd", "-f", "/dev/null", NULL},
                                           {"qotd", "-f", "/dev/zero", NULL}};
    static const char *const why[] = {"No such file", "no quote", "too large"};
    char messages[4096];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct handler_pair pair = handler_socketpair();
        struct handler_run run = handler_serve(pair.server, wrong[i]);
        assert_int_equal(handler_end(&run, messages, sizeof messages), 1);
        assert_non_null(strstr(messages, why[i]));
        close(pair.client);
    }
}

static void echo__listening_socket__status_2_and_why(void **state)
{
    (void)state;
    char messages[4096];
    int listener = handler_bind(SOCK_STREAM, "127.0.0.1", 0);

    assert_int_equal(listen(listener, 1), 0);
    struct handler_run run = handler_serve(listener, echo_argv);
    assert_int_equal(handler_end(&run, messages, sizeof messages), 2);
    assert_non_null(strstr(messages, "listening socket"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(daytime__connection__one_line_of_now),
        cmocka_unit_test(daytime__format__is_used),
        cmocka_unit_test(daytime__unread_input__answer_is_not_lost),
        cmocka_unit_test(daytime__client_that_stays__is_left),
        cmocka_unit_test(time__connection__four_bytes_of_now),
        cmocka_unit_test(rfc868_encode__examples_of_the_rfc__agree),
        cmocka_unit_test(quotes_parse__file_of_all_kinds__keeps_what_can_be_sent),
        cmocka_unit_test(qotd__own_list__short_lines_with_crlf),
        cmocka_unit_test(qotd__file__every_quote_comes),
        cmocka_unit_test(qotd__missing_or_empty_file__status_1_and_why),
        cmocka_unit_test(options__wrong_ones__usage_and_status_2),
        cmocka_unit_test(options__help__on_standard_output),
        cmocka_unit_test(echo__listening_socket__status_2_and_why),
    };

    unsetenv("TZ"); /* as the handlers are run */
    return cmocka_run_group_tests_name("services/small", tests, NULL, NULL);
}
