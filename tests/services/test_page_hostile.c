/* `page` and clients that mean no good, or break: nothing outside the directory, no end of waiting,
 * no crash.  Every session asserts that its process ended with status 0. */
#include "page_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Sends exactly these bytes; the answer must have that status, and the connection must end. */
static void assert_refused(const struct site *site, const char *bytes, size_t length, int status)
{
    struct session session = session_open(site, NULL);
    struct answer answer;
    char rest;
    session_send(&session, bytes, length);
    session_read(&session, false, &answer);
    if (answer.status != status)
        print_error("\"%.60s\" gave %d\n", bytes, answer.status);
    assert_int_equal(answer.status, status);
    assert_string_equal(answer_field(&answer, "Connection"), "close");
    answer_free(&answer);
    assert_int_equal(session_drain(&session, &rest, 1), 0);
    session_close(&session);
}

static void traversal__every_spelling__never_outside(void **state)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/../secret", 400},
        {"/sub/../../secret", 400},
        {"/sub/../text.txt", 400},
        {"/..", 400},
        {"/.", 400},
        {"/sub/./a.txt", 400},
        {"/%2e%2e/secret", 400},
        {"/%2E./secret", 400},
        {"/.%2e/secret", 400},
        {"/..%2fsecret", 404},
        {"/%2e%2e%2fsecret", 404},
        {"/sub%2f..%2f..%2fsecret", 404},
        {"/..%5csecret", 404},
        {"/..\\secret", 404},
        {"/%252e%252e/secret", 404},
        {"/%c0%ae%c0%ae/secret", 404},
        {"//etc/passwd", 404},
        {"/%2fetc%2fpasswd", 404},
        {"http://test/../secret", 400},
        {"http://test/%2e%2e/secret", 400},
        {"/outside-up", 404},
        {"/outside-directory/secret", 404},
        {"/outside-directory/", 404},
        {"/outside-absolute", 404},
        {"/outside-magic", 404},
        {"/proc/self/environ", 404},
        {"/text.txt%00.html", 400},
        {"/%", 400},
        {"/%4", 400},
        {"/%zz", 400},
        {"/a#b", 400},
    };
    static const char *const modes[] = {NULL, "-a"}; /* dot files must open no other door */
    for (size_t mode = 0; mode < 2; mode++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct session session = session_open(*state, modes[mode], NULL);
            struct answer answer;
            char request[256];
            snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: test\r\n\r\n",
                     cases[i].path);
            session_say(&session, request);
            session_read(&session, false, &answer);
            assert_null(strstr(answer.body, "secret\n"));
            assert_null(strstr(answer.body, "root:"));
            bool hidden = mode == 0 && answer.status == 404 && strstr(cases[i].path, "..") != NULL;
            if (answer.status != cases[i].status && !hidden)
                print_error("%s gave %d\n", cases[i].path, answer.status);
            assert_true(answer.status == cases[i].status || hidden);
            answer_free(&answer);
            session_close(&session);
        }
    }
}

static void nonsense__refused(void **state)
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"hello\r\n\r\n", 400},
        {"GET\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"get /text.txt HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"GET text.txt HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"GET * HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"GET ftp://test/x HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"GET /text .txt HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"GET /text.txt HTTP/1.1\r\n\r\n", 400},
        {"GET /text.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"GET /text.txt HTTP/1.1\r\nHost : test\r\n\r\n", 400},
        {"GET /text.txt HTTP/1.1\r\nHost: test\r\nRange: bytes=0-\r\n 1\r\n\r\n", 400},
        {"GET /text.txt HTTP/1.1\r\nHost: test\r\nno colon\r\n\r\n", 400},
        {"GET /text.txt HTTP/1.1\r\nHost: test\r\n: x\r\n\r\n", 400},
        {"GET /text.txt HTTP/1.1\r\nHost: test\r\nContent-Length: -1\r\n\r\n", 400},
        {"GET /text.txt HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
         400},
        {"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         400},
        {"GET / HTTP/3.0\r\nHost: test\r\n\r\n", 505},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"\x16\x03\x01\x02\x01\x01\xfc\x03\x03", 400}, /* TLS, at the wrong door */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct session session = session_open(*state, NULL);
        struct answer answer;
        session_say(&session, cases[i].text);
        session_read(&session, false, &answer);
        if (answer.status != cases[i].status)
            print_error("\"%s\" gave %d\n", cases[i].text, answer.status);
        assert_int_equal(answer.status, cases[i].status);
        answer_free(&answer);
        session_close(&session);
    }
}

static void nul_bytes__refused(void **state)
{
    static const char line[] = "GET /text\0.txt HTTP/1.1\r\nHost: test\r\n\r\n";
    static const char name[] = "GET /text.txt HTTP/1.1\r\nHo\0st: test\r\n\r\n";
    static const char value[] = "GET /text.txt HTTP/1.1\r\nHost: te\0st\r\n\r\n";
    static const char only[4096] = {0};
    assert_refused(*state, line, sizeof line - 1, 400);
    assert_refused(*state, name, sizeof name - 1, 400);
    assert_refused(*state, value, sizeof value - 1, 400);
    assert_refused(*state, only, sizeof only, 400);
}

static void too_much__414_and_431(void **state)
{
    enum { ROOM = 200000 };
    char *request = malloc(ROOM);
    assert_non_null(request);

    size_t used = (size_t)snprintf(request, ROOM, "GET /");
    memset(request + used, 'a', 100000); /* a target without end */
    assert_refused(*state, request, used + 100000, 414);
    assert_refused(*state, request, used + 8000, 414);

    used = (size_t)snprintf(request, ROOM, "GET /text.txt HTTP/1.1\r\nHost: test\r\nX: ");
    memset(request + used, 'a', 100000); /* a field without end */
    assert_refused(*state, request, used + 100000, 431);

    used = (size_t)snprintf(request, ROOM, "GET /text.txt HTTP/1.1\r\nHost: test\r\n");
    for (int i = 0; i < 100; i++)
        used += (size_t)snprintf(request + used, ROOM - used, "X: %d\r\n", i);
    used += (size_t)snprintf(request + used, ROOM - used, "\r\n");
    assert_refused(*state, request, used, 431); /* one field too many */

    memset(request, '\n', 100000); /* a request that never begins */
    struct session session = session_open(*state, NULL);
    session_send(&session, request, 100000);
    session_close(&session);
    free(request);
}

static void limits__just_met__answered(void **state)
{
    char request[16384];
    size_t used = (size_t)snprintf(request, sizeof request, "GET /text.txt?");
    memset(request + used, 'q', 7900);
    used += 7900;
    used += (size_t)snprintf(request + used, sizeof request - used, " HTTP/1.1\r\nHost: test\r\n");
    for (int i = 0; i < 99; i++)
        used += (size_t)snprintf(request + used, sizeof request - used, "X: %d\r\n", i);
    snprintf(request + used, sizeof request - used, "\r\n");
    struct answer answer;
    site_ask(*state, request, &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);

    /* A name that no file can have is merely not there. */
    used = (size_t)snprintf(request, sizeof request, "GET /");
    memset(request + used, 'n', 5000);
    snprintf(request + used + 5000, sizeof request - used - 5000, " HTTP/1.1\r\nHost: t\r\n\r\n");
    site_ask(*state, request, &answer);
    assert_int_equal(answer.status, 404);
    answer_free(&answer);
}

static void slow_bytes__in_time__answered(void **state)
{
    static const char request[] =
        "GET /text.txt HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    struct session session = session_open(*state, NULL);
    struct answer answer;
    for (size_t i = 0; i < sizeof request - 1; i++)
        session_send(&session, request + i, 1); /* TCP_NODELAY is not set: some will be joined */
    session_read(&session, false, &answer);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.body, "0123456789");
    answer_free(&answer);
    session_await_end(&session);

    struct session pair = session_open_pair(*state); /* here every byte arrives alone */
    for (size_t i = 0; i < sizeof request - 1; i++)
        session_send(&pair, request + i, 1);
    session_read(&pair, false, &answer);
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    session_close(&pair);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A byte now and then keeps no request alive: it is the whole that has a limit. */
static void slow_bytes__for_ever__408(void **state)
{
    int64_t began = now_ms(); /* before the handler begins to count */
    struct session session = session_open(*state, "-t", "1", NULL);
    struct pollfd answered = {.fd = session.fd, .events = POLLIN};
    struct answer answer;
    session_say(&session, "GET /");
    while (poll(&answered, 1, 50) == 0 && now_ms() - began < SITE_PATIENCE_S * 1000)
        session_say(&session, "a");
    session_read(&session, false, &answer);
    assert_int_equal(answer.status, 408);
    assert_true(now_ms() - began >= 1000);
    answer_free(&answer);
    session_close(&session);
}

static void silence__ended_without_an_answer(void **state)
{
    struct session session = session_open(*state, "-t", "1", NULL);
    char byte;
    assert_int_equal(session_drain(&session, &byte, 1), 0);
    session_await_end(&session);
}

static void early_close__at_every_point__ends_well(void **state)
{
    const struct site *site = *state;
    static const char *const beginnings[] = {
        "",
        "\r\n",
        "GET",
        "GET /text.txt HTTP/1.1\r\nHo",
        "GET /text.txt HTTP/1.1\r\nHost: test\r\n\r\n",
        "GET /big.bin HTTP/1.1\r\nHost: test\r\n\r\nGET /big.bin HTTP/1.1\r\nHost: test\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        struct session session = session_open(site, "-v", NULL);
        session_say(&session, beginnings[i]);
        session_close(&session);

        session = session_open(site, NULL); /* the same with a reset */
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        setsockopt(session.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        session_say(&session, beginnings[i]);
        session_close(&session);
    }
    /* In the middle of a file. */
    struct session session = session_open(site, NULL);
    char part[1000];
    session_say(&session, "GET /big.bin HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_int_equal(session_drain(&session, part, sizeof part), sizeof part);
    session_close(&session);
}

static void half_request__then_half_close__400(void **state)
{
    struct session session = session_open(*state, NULL);
    struct answer answer;
    session_say(&session, "GET /text.txt HTTP/1.1\r\nHo");
    shutdown(session.fd, SHUT_WR);
    session_read(&session, false, &answer);
    assert_int_equal(answer.status, 400);
    answer_free(&answer);
    session_await_end(&session);
}

static void reader__that_never_reads__given_up(void **state)
{
    const struct site *site = *state;
    struct session session = session_open(site, "-w", "1", "-v", NULL);
    char path[128];
    snprintf(path, sizeof path, "%s/huge.bin", site->root);
    site_write(site, "huge.bin", "", 0);
    assert_int_equal(truncate(path, 256 << 20), 0); /* more than the socket's buffers take */
    session_say(&session, "GET /huge.bin HTTP/1.1\r\nHost: test\r\n\r\n");
    session_await_end(&session); /* and that although we still have the socket open */
}

static void file__that_shrinks__announced_length_never_faked(void **state)
{
    const struct site *site = *state;
    enum { LENGTH = 256 << 20, PIECE = 1 << 20 };
    struct session session = session_open(site, "-v", NULL);
    char path[128];
    char *piece = malloc(PIECE);
    assert_non_null(piece);
    snprintf(path, sizeof path, "%s/shrinks.bin", site->root);
    site_write(site, "shrinks.bin", "", 0);
    assert_int_equal(truncate(path, LENGTH), 0);
    session_say(&session, "GET /shrinks.bin HTTP/1.1\r\nHost: test\r\n\r\n");
    size_t total = session_drain(&session, piece, 1000);
    assert_int_equal(truncate(path, 0), 0);
    for (size_t count; (count = session_drain(&session, piece, PIECE)) > 0;)
        total += count;
    assert_true(total < LENGTH); /* the client sees that something is missing */
    char log[1024];
    session_log(&session, log, sizeof log);
    assert_non_null(strstr(log, " broken: "));
    session_close(&session);
    free(piece);
}

static void special_files__refused_without_waiting(void **state)
{
    const struct site *site = *state;
    struct answer answer;
    char path[128];
    snprintf(path, sizeof path, "%s/fifo", site->root);
    assert_int_equal(mkfifo(path, 0644), 0);
    site_get(site, "/fifo", "", &answer); /* nobody writes to it */
    assert_int_equal(answer.status, 403);
    answer_free(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traversal__every_spelling__never_outside),
        cmocka_unit_test(nonsense__refused),
        cmocka_unit_test(nul_bytes__refused),
        cmocka_unit_test(too_much__414_and_431),
        cmocka_unit_test(limits__just_met__answered),
        cmocka_unit_test(slow_bytes__in_time__answered),
        cmocka_unit_test(slow_bytes__for_ever__408),
        cmocka_unit_test(silence__ended_without_an_answer),
        cmocka_unit_test(early_close__at_every_point__ends_well),
        cmocka_unit_test(half_request__then_half_close__400),
        cmocka_unit_test(reader__that_never_reads__given_up),
        cmocka_unit_test(file__that_shrinks__announced_length_never_faked),
        cmocka_unit_test(special_files__refused_without_waiting),
    };
    return cmocka_run_group_tests(tests, site_setup, site_teardown);
}
