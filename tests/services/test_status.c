/*
 * status and agent-check between a client and a superd that are both up to no good, or away. What a
 * real superd and they make together is in tests/e2e/test_status.c.
 *
 * A pretended superd is a process of the test's that answers every connection in one and the same way.
 */
#include <config.h>

#include "handler_run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define PAGE_REQUEST   "GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
#define EVENTS_REQUEST "GET /events HTTP/1.1\r\nHost: t\r\n\r\n"

static char folder[64], socket_path[96];

enum { ANSWER_ROOM = 1 << 20 };
static char answer[ANSWER_ROOM];

/* ---- A pretended superd --------------------------------------------------------------------- */

/* What it does with one who has connected. */
typedef void behaviour(int fd);

static void say_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = send(fd, bytes, length, MSG_NOSIGNAL);

        if (count <= 0)
            return;
        bytes += count;
        length -= (size_t)count;
    }
}

static void say(int fd, const char *text)
{
    say_all(fd, text, strlen(text));
}

static void await_request(int fd)
{
    char byte = 0;

    while (byte != '\n' && read(fd, &byte, 1) == 1)
        ;
}

static void close_at_once(int fd)
{
    (void)fd;
}

static void close_after_the_request(int fd)
{
    await_request(fd);
}

static void say_nonsense(int fd)
{
    await_request(fd);
    say(fd, "hello?\n");
}

static void say_nul_bytes(int fd)
{
    static const char line[] = "{\"ok\":true,\"result\":{\"services\0\":[]}}\n\0\0\0\n";

    await_request(fd);
    say_all(fd, line, sizeof line - 1);
}

static void say_wrong_types(int fd)
{
    for (;;) {
        await_request(fd);
        say(fd, "{\"ok\":true,\"result\":{\"services\":[7,null,{\"service\":[]}],"
                "\"daemon\":{\"state\":7},\"instances\":[[]],\"events\":[{\"event\":{}}],"
                "\"state\":[],\"live\":\"x\",\"text\":5}}\n");
        if (recv(fd, &(char){0}, 1, MSG_PEEK) <= 0)
            return;
    }
}

static void say_only_errors(int fd)
{
    await_request(fd);
    say(fd, "{\"ok\":false,\"error\":\"no <b>way</b>\"}\n");
}

/* A line without end. */
static void say_without_end(int fd)
{
    static char much[65536];
    ssize_t count;

    memset(much, 'a', sizeof much);
    await_request(fd);
    do {
        count = send(fd, much, sizeof much, MSG_NOSIGNAL);
    } while (count > 0);
}

/* The same page of services for ever. */
static void say_endless_pages(int fd)
{
    for (;;) {
        await_request(fd);
        say(fd, "{\"ok\":true,\"result\":{\"daemon\":{},\"services\":[{\"service\":\"a\"}],"
                "\"next\":\"a\",\"instances\":[],\"events\":[]}}\n");
        if (recv(fd, &(char){0}, 1, MSG_PEEK) <= 0)
            return;
    }
}

static void stay_silent(int fd)
{
    await_request(fd);
    recv(fd, &(char){0}, 1, 0);
}

static pid_t pretend(behaviour *behave)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t pid;

    strcpy(address.sun_path, socket_path);
    unlink(socket_path);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            int fd = accept(listener, NULL, NULL);

            behave(fd);
            close(fd);
        }
    }
    close(listener);
    return pid;
}

static void stop(pid_t pid)
{
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- Running -------------------------------------------------------------------------------- */

static const char *const status_words[] = {"status/status", "-s", socket_path, NULL};
static const char *const agent_words[] = {"agent-check", "-w", "-s", socket_path, "echo", NULL};

/* Sends REQUEST and has the whole answer; the handler must end with 0. */
static void exchange(const char *const words[], const void *request, size_t length, char log[4096])
{
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_serve(pair.server, words);
    size_t heard;

    handler_send(pair.client, request, length);
    heard = handler_read_all(pair.client, answer, sizeof answer - 1);
    answer[heard] = '\0';
    close(pair.client);
    assert_int_equal(handler_end(&run, log, 4096), 0);
    assert_null(strstr(log, "Sanitizer"));
    assert_null(strstr(log, "runtime error"));
}

static void get(const char *path, char log[4096])
{
    char request[512];

    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
             path);
    exchange(status_words, request, strlen(request), log);
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/superd-status-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/control.sock", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(socket_path);
    return rmdir(folder);
}

/* ---- superd is away ------------------------------------------------------------------------- */

static void superd__away__503_and_fail(void **state)
{
    char log[4096];

    (void)state;
    unlink(socket_path);
    get("/", log);
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(answer, "control.sock: No such file or directory"));
    assert_non_null(strstr(log, "control.sock: No such file or directory"));
    get("/metrics", log);
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
    get("/status.json", log);
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
    exchange(agent_words, "", 0, log);
    assert_memory_equal(answer, "fail #", 6);
    assert_non_null(strstr(log, "No such file or directory"));
}

static void superd__path_too_long__said(void **state)
{
    char path[512], log[4096];
    const char *const words[] = {"agent-check", "-s", path, "echo", NULL};

    (void)state;
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    exchange(words, "", 0, log);
    assert_memory_equal(answer, "fail #", 6);
    assert_non_null(strstr(answer, "too long"));
}

/* ---- superd is hostile ---------------------------------------------------------------------- */

static void superd__hostile__503_and_fail(void **state)
{
    static behaviour *const behaviours[] = {close_at_once,   close_after_the_request,
                                            say_nonsense,    say_nul_bytes,
                                            say_only_errors, say_without_end};
    char log[4096];

    (void)state;
    for (size_t i = 0; i < sizeof behaviours / sizeof *behaviours; i++) {
        pid_t pid = pretend(behaviours[i]);

        get("/", log);
        assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
        assert_null(strstr(answer, "<b>way</b>"));
        get("/metrics", log);
        assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
        exchange(agent_words, "", 0, log);
        assert_memory_equal(answer, "fail #", 6);
        assert_ptr_equal(strchr(answer, '\n'), answer + strlen(answer) - 1); /* one line */
        stop(pid);
    }
}

static void superd__wrong_types__a_page_all_the_same(void **state)
{
    pid_t pid = pretend(say_wrong_types);
    char log[4096];

    (void)state;
    get("/", log);
    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
    get("/metrics", log);
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
    exchange(agent_words, "", 0, log);
    assert_string_equal(answer, "up ready 100%\n");
    stop(pid);
}

static void superd__pages_without_end__bounded(void **state)
{
    pid_t pid = pretend(say_endless_pages);
    char log[4096];

    (void)state;
    get("/", log);
    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
    assert_non_null(strstr(answer, "There are more services than this page shows."));
    stop(pid);
}

static void superd__silent__fail_in_time(void **state)
{
    pid_t pid = pretend(stay_silent);
    char log[4096];

    (void)state;
    exchange(agent_words, "", 0, log);
    assert_string_equal(answer, "fail #superd does not answer in time\n");
    stop(pid);
}

/* ---- Clients are hostile -------------------------------------------------------------------- */

static void client__nonsense__refused(void **state)
{
    static const struct {
        const char *request;
        const char *answer;
    } cases[] = {
        {"hello\r\n\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 "},
        {"DELETE /status.json HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", "HTTP/1.1 405 "},
        {"GET /nothing HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 "},
        {"GET /metrics/ HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", "HTTP/1.1 404 "},
        {"GET /../metrics HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "},
        {"GET /%00 HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/3.0\r\nHost: t\r\n\r\n", "HTTP/1.1 505 "},
    };
    char log[4096];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        exchange(status_words, cases[i].request, strlen(cases[i].request), log);
        assert_memory_equal(answer, cases[i].answer, strlen(cases[i].answer));
    }
}

static void client__nul_bytes_and_huge_lines__refused(void **state)
{
    static const char nul[] = "GET /\0 HTTP/1.1\r\nHost: t\r\n\r\n";
    char *huge = malloc(100000), log[4096];

    (void)state;
    exchange(status_words, nul, sizeof nul - 1, log);
    assert_memory_equal(answer, "HTTP/1.1 400 ", 13);
    assert_non_null(huge);
    memset(huge, 'a', 100000);
    memcpy(huge, "GET /", 5);
    exchange(status_words, huge, 100000, log);
    assert_memory_equal(answer, "HTTP/1.1 414 ", 13);
    exchange(agent_words, huge, 20000, log); /* what it is sent it does not care for */
    assert_memory_equal(answer, "fail #", 6);
    free(huge);
}

static void client__slow_bytes__answered(void **state)
{
    struct handler_pair pair = handler_socketpair();
    struct handler_run run = handler_serve(pair.server, status_words);
    size_t heard;

    (void)state;
    for (const char *c = PAGE_REQUEST; *c; c++)
        handler_send(pair.client, c, 1); /* each arrives alone */
    heard = handler_read_all(pair.client, answer, sizeof answer - 1);
    answer[heard] = '\0';
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13); /* superd is away */
    close(pair.client);
    assert_int_equal(handler_end(&run, NULL, 0), 0);
}

/* It closes before it has said anything, in the middle of a request, of the answer, of the stream. */
static void client__early_close__handler_ends(void **state)
{
    static const char *const beginnings[] = {"", "GET / HT", PAGE_REQUEST, EVENTS_REQUEST};
    pid_t pid = pretend(say_endless_pages);

    (void)state;
    for (size_t i = 0; i < 2 * sizeof beginnings / sizeof *beginnings; i++) {
        struct handler_pair pair = handler_tcp_pair();
        struct handler_run run = handler_serve(pair.server, status_words);

        handler_send(pair.client, beginnings[i / 2], strlen(beginnings[i / 2]));
        if (i % 2)
            handler_reset(pair.client);
        else
            close(pair.client);
        assert_int_equal(handler_end(&run, NULL, 0), 0);
    }
    stop(pid);
}

/* One who talks while it listens is not listened to for ever. */
static void client__talks_in_the_stream__left(void **state)
{
    pid_t pid = pretend(say_endless_pages);
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_serve(pair.server, status_words);
    static char chatter[65536];
    ssize_t count;

    (void)state;
    memset(chatter, 'x', sizeof chatter);
    handler_send(pair.client, EVENTS_REQUEST, strlen(EVENTS_REQUEST));
    assert_true(recv(pair.client, answer, 13, MSG_WAITALL) == 13);
    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
    do {
        count = send(pair.client, chatter, sizeof chatter, MSG_NOSIGNAL);
        while (recv(pair.client, answer, sizeof answer, MSG_DONTWAIT) > 0)
            ;
    } while (count > 0);
    close(pair.client);
    assert_int_equal(handler_end(&run, NULL, 0), 0);
    stop(pid);
}

static void environment__names_the_socket__asked_there(void **state)
{
    static const char *const words[] = {"agent-check", "echo", NULL};
    char variable[160];
    const char *const environment[] = {variable, NULL};
    pid_t pid = pretend(say_wrong_types);
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run;
    int out = dup(pair.server);

    (void)state;
    snprintf(variable, sizeof variable, "SUPERD_CONTROL=%s", socket_path);
    run = handler_start(pair.server, out, words, environment);
    answer[handler_read_all(pair.client, answer, sizeof answer - 1)] = '\0';
    assert_string_equal(answer, "up ready\n");
    close(pair.client);
    handler_end_quietly(&run);
    stop(pid);
}

static void options__wrong__usage(void **state)
{
    static const char *const lines[][5] = {
        {"status/status", "-i", "0"},
        {"status/status", "-i", "2x"},
        {"status/status", "-q"},
        {"status/status", "more"},
        {"agent-check"},
        {"agent-check", "-q", "echo"},
        {"agent-check", "one", "another"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct handler_pair pair = handler_tcp_pair();
        struct handler_run run = handler_serve(pair.server, lines[i]);
        char log[4096];

        assert_int_equal(handler_read_all(pair.client, answer, sizeof answer), 0);
        assert_int_equal(handler_end(&run, log, sizeof log), 2);
        assert_non_null(strstr(log, "usage: "));
        close(pair.client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(superd__away__503_and_fail),
        cmocka_unit_test(superd__path_too_long__said),
        cmocka_unit_test(superd__hostile__503_and_fail),
        cmocka_unit_test(superd__wrong_types__a_page_all_the_same),
        cmocka_unit_test(superd__pages_without_end__bounded),
        cmocka_unit_test(superd__silent__fail_in_time),
        cmocka_unit_test(client__nonsense__refused),
        cmocka_unit_test(client__nul_bytes_and_huge_lines__refused),
        cmocka_unit_test(client__slow_bytes__answered),
        cmocka_unit_test(client__early_close__handler_ends),
        cmocka_unit_test(client__talks_in_the_stream__left),
        cmocka_unit_test(environment__names_the_socket__asked_there),
        cmocka_unit_test(options__wrong__usage),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
