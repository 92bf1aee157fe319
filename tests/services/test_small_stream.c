/* The small services that stream: echo, discard and chargen on connections, run as a superserver runs
 * them.  test_small_udp.c has the datagram side. */
#include <config.h>

#include "handler_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char *const echo_argv[] = {"echo", NULL};
static const char *const discard_argv[] = {"discard", NULL};
static const char *const chargen_argv[] = {"chargen", NULL};

/* Bytes whose place in the stream shows, so that lost, doubled and swapped ones are found. */
static char pattern(uint64_t offset)
{
    return (char)((offset * 0x9e3779b97f4a7c15u) >> 56);
}

static void fill_pattern(char *buffer, size_t length, uint64_t offset)
{
    for (size_t i = 0; i < length; i++)
        buffer[i] = pattern(offset + i);
}

static void check_pattern(const char *buffer, size_t length, uint64_t offset)
{
    for (size_t i = 0; i < length; i++)
        if (buffer[i] != pattern(offset + i))
            fail_msg("byte %llu differs", (unsigned long long)(offset + i));
}

/* Send TOTAL bytes and read them back, both at the same time. */
static void both_ways(int fd, uint64_t total)
{
    static char out[65536], in[65536];
    uint64_t sent = 0, got = 0;

    while (got < total) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (sent < total)
            p.events |= POLLOUT;
        assert_int_equal(poll(&p, 1, 60000), 1);
        if ((p.revents & POLLOUT) != 0) {
            size_t piece = total - sent < sizeof out ? (size_t)(total - sent) : sizeof out;
            fill_pattern(out, piece, sent);
            ssize_t n = send(fd, out, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
            assert_true(n > 0 || errno == EAGAIN);
            sent += n > 0 ? (uint64_t)n : 0;
        }
        if ((p.revents & POLLIN) != 0) {
            ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT);
            assert_true(n > 0);
            check_pattern(in, (size_t)n, got);
            got += (uint64_t)n;
        }
    }
    assert_int_equal(got, sent);
}

static void end_and_expect_nothing_more(int fd)
{
    char rest[16];

    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_int_equal(handler_read_all(fd, rest, sizeof rest), 0);
    close(fd);
}

static void echo__hundred_megabytes_both_ways__come_back(void **state)
{
    (void)state;
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_serve(pair.server, echo_argv);

    both_ways(pair.client, UINT64_C(100) << 20);
    end_and_expect_nothing_more(pair.client);
    handler_end_quietly(&run);
}

static void echo__nonblocking_descriptor__comes_back(void **state)
{
    (void)state;
    struct handler_pair pair = handler_socketpair();

    assert_int_equal(fcntl(pair.server, F_SETFL, O_NONBLOCK), 0);
    struct handler_run run = handler_serve(pair.server, echo_argv);
    both_ways(pair.client, 8u << 20);
    end_and_expect_nothing_more(pair.client);
    handler_end_quietly(&run);
}

static void echo__slow_bytes__each_comes_back_at_once(void **state)
{
    (void)state;
    struct handler_pair pair = handler_socketpair();
    struct handler_run run = handler_serve(pair.server, echo_argv);

    for (int i = 0; i < 300; i++) {
        char out = pattern((uint64_t)i), in = 0;
        handler_send(pair.client, &out, 1);
        assert_true(handler_readable(pair.client, 60000));
        assert_int_equal(read(pair.client, &in, 1), 1);
        assert_int_equal(in, out);
    }
    end_and_expect_nothing_more(pair.client);
    handler_end_quietly(&run);
}

static void echo__half_close_before_reading__all_comes_back(void **state)
{
    (void)state;
    static char buffer[65536];
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_serve(pair.server, echo_argv);
    uint64_t sent = 0, got = 0;
    ssize_t n;

    /* As much as the buffers hold while we read nothing, then the end. */
    do {
        fill_pattern(buffer, sizeof buffer, sent);
        n = send(pair.client, buffer, sizeof buffer, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (uint64_t)n : 0;
    } while (n > 0 && sent < 64u << 20);
    assert_true(sent > 0);
    assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
    while (handler_readable(pair.client, 60000) &&
           (n = read(pair.client, buffer, sizeof buffer)) > 0) {
        check_pattern(buffer, (size_t)n, got);
        got += (uint64_t)n;
    }
    assert_int_equal(n, 0);
    assert_int_equal(got, sent);
    close(pair.client);
    handler_end_quietly(&run);
}

static void echo__client_leaves_in_any_state__ends_quietly(void **state)
{
    (void)state;
    static const char some[100000];

    for (int round = 0; round < 4; round++) {
        struct handler_pair pair = handler_tcp_pair();
        struct handler_run run = handler_serve(pair.server, echo_argv);
        if (round >= 2)
            (void)!send(pair.client, some, sizeof some, MSG_DONTWAIT);
        if (round % 2 == 0)
            handler_reset(pair.client);
        else
            close(pair.client); /* with unread input in the later round: a reset as well */
        handler_end_quietly(&run);
    }
}

static void echo__reset_before_start__ends_quietly(void **state)
{
    (void)state;
    struct handler_pair pair = handler_tcp_pair();

    handler_reset(pair.client);
    struct handler_run run = handler_serve(pair.server, echo_argv);
    handler_end_quietly(&run);
}

static void echo__pipes__come_back(void **state)
{
    (void)state;
    int in[2], out[2];
    char answer[64];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    struct handler_run run = handler_start(in[0], out[1], echo_argv, NULL);
    assert_int_equal(write(in[1], "through a pipe", 14), 14);
    close(in[1]);
    assert_int_equal(handler_read_all(out[0], answer, sizeof answer), 14);
    assert_string_equal(answer, "through a pipe");
    close(out[0]);
    handler_end_quietly(&run);
}

static void echo__terminal__comes_back(void **state)
{
    (void)state;
    char answer[64];
    size_t length = 0;
    int user_end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (user_end < 0 || grantpt(user_end) < 0 || unlockpt(user_end) < 0)
        skip();
    int terminal = open(ptsname(user_end), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0);
    struct handler_run run = handler_serve(terminal, echo_argv);
    assert_int_equal(write(user_end, "hello\n\004", 7), 7); /* the last is the end of input */
    handler_end_quietly(&run);
    /* The terminal echoes first, then the handler does. */
    ssize_t n;
    while ((n = read(user_end, answer + length, sizeof answer - 1 - length)) > 0)
        length += (size_t)n;
    answer[length] = '\0';
    assert_non_null(strstr(answer, "hello\r\n"));
    assert_non_null(strstr(strstr(answer, "hello\r\n") + 1, "hello\r\n"));
    close(user_end);
}

static void discard__megabytes__no_answer(void **state)
{
    (void)state;
    static const char piece[65536];
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_serve(pair.server, discard_argv);

    for (int i = 0; i < 320; i++)
        handler_send(pair.client, piece, sizeof piece);
    end_and_expect_nothing_more(pair.client);
    handler_end_quietly(&run);
}

/* The stream of chargen at OFFSET, said again in other words than chargen.c does. */
static char chargen_at(uint64_t offset)
{
    uint64_t line = offset / 74, column = offset % 74;

    if (column >= 72)
        return "\r\n"[column - 72];
    return (char)(32 + (line + column) % 95);
}

static uint64_t check_chargen(int fd, uint64_t offset, uint64_t until)
{
    static char buffer[65536];

    while (offset < until) {
        assert_true(handler_readable(fd, 60000));
        ssize_t n = read(fd, buffer, sizeof buffer);
        assert_true(n > 0);
        for (ssize_t i = 0; i < n; i++)
            if (buffer[i] != chargen_at(offset + (uint64_t)i))
                fail_msg("byte %llu differs", (unsigned long long)offset + (unsigned long long)i);
        offset += (uint64_t)n;
    }
    return offset;
}

static void chargen__sending_and_half_closing_client__gets_the_pattern(void **state)
{
    (void)state;
    static const char piece[65536];
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_serve(pair.server, chargen_argv);
    uint64_t offset = 0;

    for (int i = 0; i < 64; i++) {
        offset = check_chargen(pair.client, offset, offset + 10000);
        handler_send(pair.client, piece, sizeof piece);
    }
    assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
    check_chargen(pair.client, offset, offset + 20u * 1000 * 1000);
    close(pair.client);
    handler_end_quietly(&run);
}

static void chargen__client_that_does_not_read__can_send(void **state)
{
    (void)state;
    static const char piece[65536];
    struct handler_pair pair = handler_socketpair();
    struct handler_run run = handler_serve(pair.server, chargen_argv);

    for (int i = 0; i < 160; i++)
        handler_send(pair.client, piece, sizeof piece);
    assert_true(handler_running(&run));
    close(pair.client);
    handler_end_quietly(&run);
}

static void chargen__pipe_that_closes__ends_quietly(void **state)
{
    (void)state;
    int out[2];
    char start[200];

    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    struct handler_run run = handler_start(open("/dev/null", O_RDONLY | O_CLOEXEC), out[1],
                                           chargen_argv, NULL);
    assert_true(handler_readable(out[0], 60000));
    assert_int_equal(read(out[0], start, sizeof start), (int)sizeof start);
    for (size_t i = 0; i < sizeof start; i++)
        assert_int_equal(start[i], chargen_at(i));
    close(out[0]);
    handler_end_quietly(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo__hundred_megabytes_both_ways__come_back),
        cmocka_unit_test(echo__nonblocking_descriptor__comes_back),
        cmocka_unit_test(echo__slow_bytes__each_comes_back_at_once),
        cmocka_unit_test(echo__half_close_before_reading__all_comes_back),
        cmocka_unit_test(echo__client_leaves_in_any_state__ends_quietly),
        cmocka_unit_test(echo__reset_before_start__ends_quietly),
        cmocka_unit_test(echo__pipes__come_back),
        cmocka_unit_test(echo__terminal__comes_back),
        cmocka_unit_test(discard__megabytes__no_answer),
        cmocka_unit_test(chargen__sending_and_half_closing_client__gets_the_pattern),
        cmocka_unit_test(chargen__client_that_does_not_read__can_send),
        cmocka_unit_test(chargen__pipe_that_closes__ends_quietly),
    };

    return cmocka_run_group_tests_name("services/small-stream", tests, NULL, NULL);
}
