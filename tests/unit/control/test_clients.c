/* The control socket's clients with small time limits: who is slow, silent, flooding or long-winded is
 * dropped, and nobody else notices. One loop, in which the test is the other end, too. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "control/clients.h"
#include "net/address.h"

#define LIMIT_MS    1200
#define PATIENCE_MS 20000
#define BURN_MS     40

static uv_loop_t loop;
static struct clients *clients;
static char folder[64], path[128];
static size_t lines, closed, overlong, refused, no_room;
static size_t answer_size; /* of the answer to each line; 0: "ok\n" */

static void on_line(void *data, struct client *client, char *line, size_t length)
{
    (void)data;
    lines++;
    if (strncmp(line, "burn", length) == 0) {
        uint64_t until = clock_now_ms() + BURN_MS;

        while (clock_now_ms() < until)
            continue;
        client_send(client, "burnt\n", 6);
    } else if (strncmp(line, "wait", length) == 0) {
        client_wait(client, true);
    } else if (strncmp(line, "stream", length) == 0) {
        client_stream(client);
        client_send(client, "streaming\n", 10);
    } else if (answer_size) {
        char *text = malloc(answer_size);

        assert_non_null(text);
        memset(text, 'x', answer_size);
        client_send(client, text, answer_size);
        free(text);
    } else {
        client_send(client, "ok\n", 3);
    }
}

static void on_overlong(void *data, struct client *client)
{
    (void)data;
    overlong++;
    client_send(client, "overlong\n", 9);
}

static void on_refused(void *data, struct client *client, bool full)
{
    (void)data;
    refused++;
    no_room += full;
    client_send(client, "refused\n", 8);
}

static void on_close(void *data, struct client *client)
{
    (void)data;
    (void)client;
    closed++;
}

static int setup(void **state)
{
    const struct clients_settings settings = {.loop = &loop,
                                              .idle_ms = LIMIT_MS,
                                              .stall_ms = LIMIT_MS,
                                              .on_line = on_line,
                                              .on_overlong = on_overlong,
                                              .on_refused = on_refused,
                                              .on_close = on_close};

    (void)state;
    strcpy(folder, "/tmp/superd-clients-XXXXXX");
    if (!mkdtemp(folder) || uv_loop_init(&loop) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/run/control", folder);
    lines = closed = overlong = refused = no_room = answer_size = 0;
    if (clients_create(&settings, &clients) < 0)
        return -1;
    return clients_listen(clients, path, (gid_t)-1);
}

static int teardown(void **state)
{
    struct stat st;
    char run[80];
    int r;

    (void)state;
    clients_destroy(clients);
    uv_run(&loop, UV_RUN_DEFAULT);
    r = uv_loop_close(&loop);
    if (lstat(path, &st) == 0)
        r = -EEXIST; /* it takes its path away */
    snprintf(run, sizeof run, "%s/run", folder);
    rmdir(run);
    rmdir(folder);
    return r;
}

/* ---- The other end -------------------------------------------------------------------------- */

static int dial(void)
{
    struct address address;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0 && address_parse_unix(path, &address));
    assert_int_equal(connect(fd, &address.sa, address.length), 0);
    return fd;
}

static void turn(void)
{
    uv_run(&loop, UV_RUN_NOWAIT);
    poll(NULL, 0, 1);
}

/* Take turns until FD has something to read: the text, "" at the end of the stream. */
static const char *hear(int fd)
{
    static char text[65536];
    uint64_t until = clock_now_ms() + PATIENCE_MS;
    ssize_t n;

    do {
        turn();
        n = recv(fd, text, sizeof text - 1, 0);
    } while (n < 0 && errno == EAGAIN && clock_now_ms() < until);
    if (n < 0 && errno != ECONNRESET && errno != EPIPE)
        fail_msg("nothing came: %s", strerror(errno));
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void wait_for(const size_t *count, size_t wanted)
{
    uint64_t until = clock_now_ms() + PATIENCE_MS;

    while (*count < wanted && clock_now_ms() < until)
        turn();
    assert_int_equal(*count, wanted);
}

/* ---- Cases ---------------------------------------------------------------------------------- */

static void line__in_pieces_and_several_at_once__each_is_answered(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "he");
    for (int i = 0; i < 5; i++)
        turn();
    assert_int_equal(lines, 0);
    say(fd, "llo\nagain\n\nthird\n");
    wait_for(&lines, 3); /* an empty line is none */
    assert_string_equal(hear(fd), "ok\nok\nok\n");
    close(fd);
    wait_for(&closed, 1);
}

static void line__then_half_closed__is_answered_before_the_end(void **state)
{
    int fd = dial();

    (void)state;
    say(fd, "one\ntwo\n");
    shutdown(fd, SHUT_WR);
    wait_for(&lines, 2);
    assert_string_equal(hear(fd), "ok\nok\n");
    assert_string_equal(hear(fd), "");
    close(fd);
}

static void line__longer_than_the_limit__is_refused_and_the_end(void **state)
{
    static char text[CLIENT_LINE_MAX + 2];
    int fd = dial();
    size_t sent = 0;

    (void)state;
    memset(text, 'x', sizeof text);
    while (sent < sizeof text) {
        ssize_t n = send(fd, text + sent, sizeof text - sent, MSG_NOSIGNAL);

        sent += n > 0 ? (size_t)n : 0;
        turn();
    }
    assert_string_equal(hear(fd), "overlong\n");
    assert_string_equal(hear(fd), "");
    assert_int_equal(overlong, 1);
    assert_int_equal(lines, 0);
    close(fd);
}

/* Nothing is to come of itself: so the loop sleeps until somebody says something. */
static void streaming__nothing_to_be_told__the_loop_sleeps(void **state)
{
    int streaming = dial(), waiting = dial();
    uint64_t until = clock_now_ms() + PATIENCE_MS;

    (void)state;
    say(streaming, "stream\n");
    assert_string_equal(hear(streaming), "streaming\n");
    say(waiting, "wait\n");
    wait_for(&lines, 2);
    while (uv_backend_timeout(&loop) >= 0 && clock_now_ms() < until)
        turn();
    assert_int_equal(uv_backend_timeout(&loop), -1);
    assert_int_equal(clients_count(clients), 2);
    close(streaming);
    close(waiting);
}

static void silent__longer_than_idle__is_dropped(void **state)
{
    int silent = dial(), waiting = dial(), streaming = dial(), half = dial();
    uint64_t begun = clock_now_ms();

    (void)state;
    say(waiting, "wait\n");
    say(streaming, "stream\n");
    say(half, "half a li");
    assert_string_equal(hear(streaming), "streaming\n");
    assert_string_equal(hear(silent), "");
    assert_true(clock_now_ms() - begun >= LIMIT_MS);
    wait_for(&closed, 2); /* who never ends his line is silent, too */
    assert_int_equal(clients_count(clients), 2);
    close(silent);
    close(waiting);
    close(streaming);
    close(half);
    wait_for(&closed, 4);
}

static void reader__takes_nothing__is_dropped_and_others_are_served(void **state)
{
    int deaf = dial(), other = dial();

    (void)state;
    answer_size = 1024 * 1024;
    say(deaf, "big\nbig\nbig\n");
    wait_for(&lines, 1);
    answer_size = 0;
    say(other, "small\n");
    assert_string_equal(hear(other), "ok\n");
    assert_int_equal(lines, 2); /* the deaf one's other lines wait for his first answer */
    while (closed == 0) {
        say(other, "x\n");
        assert_string_equal(hear(other), "ok\n");
    }
    assert_int_equal(clients_count(clients), 1);
    close(deaf);
    close(other);
}

/* Answers that cost much time are paid for by waiting, and then it goes on. */
static void line__answer_takes_long__the_next_waits_its_share(void **state)
{
    int busy = dial(), other = dial();
    uint64_t begun = clock_now_ms();

    (void)state;
    say(busy, "burn\nburn\nburn\n");
    assert_string_equal(hear(busy), "burnt\n");
    say(other, "hello\n");
    assert_string_equal(hear(other), "ok\n");
    wait_for(&lines, 4);
    /* The third could begin when all but the burst of the time for the first two was over. */
    assert_true(clock_now_ms() - begun >= 2 * BURN_MS * 10 - 2 * CLIENTS_BURST_MS);
    close(busy);
    close(other);
}

/* Every line of the flood spends all the time there is, so that each line waits for a pause to be over. */
static void flood__of_long_answers__others_have_every_second_turn(void **state)
{
    int flood = dial(), others[2] = {dial(), dial()};

    (void)state;
    for (int i = 0; i < 100; i++)
        say(flood, "burn\n");
    assert_string_equal(hear(flood), "burnt\n");
    for (size_t i = 0; i < 4; i++) {
        size_t before = lines;
        int late = i < 2 ? others[i] : dial();

        say(late, "burn\n"); /* which leaves nothing to a third in the same pause */
        assert_string_equal(hear(late), "burnt\n");
        assert_in_range(lines - before, 1,
                        3); /* with one of the flood before it, and one on its way */
        if (late != others[i % 2])
            close(late);
    }
    close(flood);
    close(others[0]);
    close(others[1]);
}

static void flood__faster_than_the_answers__is_not_piled_up(void **state)
{
    static char many[16384], answers[4096];
    int fd = dial();
    size_t sent = 0;

    (void)state;
    for (size_t i = 0; i < sizeof many; i += 2)
        memcpy(many + i, "x\n", 2);
    while (lines < 300) {
        ssize_t n = send(fd, many, sizeof many, MSG_NOSIGNAL | MSG_DONTWAIT);

        sent += n > 0 ? (size_t)n : 0;
        uv_run(&loop, UV_RUN_NOWAIT);
        while (recv(fd, answers, sizeof answers, MSG_DONTWAIT) > 0)
            continue;
    }
    /* The rest is in the socket; once 16 KB were read for each line. */
    assert_in_range(sent, lines, 1024 * 1024);
    close(fd);
    wait_for(&closed, 1);
}

static void line__much_unread_then_half_closed__all_is_answered(void **state)
{
    static char text[50000];
    int fd = dial();

    (void)state;
    memset(text, '\n', sizeof text); /* more than one read takes */
    memcpy(text, "burn", 4);
    memcpy(text + sizeof text - 6, "\nlast", 5);
    assert_int_equal(send(fd, text, sizeof text, MSG_NOSIGNAL), sizeof text);
    shutdown(fd, SHUT_WR);
    wait_for(&lines, 1);
    while (lines < 2 && closed == 0)
        uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(lines, 2);
    assert_string_equal(hear(fd), "burnt\nok\n");
    assert_string_equal(hear(fd), "");
    close(fd);
}

static void many__more_than_there_is_room_for__the_operator_still_gets_in(void **state)
{
    int fds[CLIENTS_MAX + 8], last;

    (void)state;
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = dial();
        turn();
    }
    last = dial();
    say(last, "hello\n");
    assert_string_equal(hear(last), "ok\n");
    assert_int_equal(clients_count(clients), CLIENTS_MAX);
    assert_int_equal(closed, 9);
    assert_int_equal(refused, 0); /* we may do everything: the silent ones went */
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    close(last);
}

static void listen__other_path__the_old_one_goes_and_who_is_there_stays(void **state)
{
    int fd = dial(), after;
    struct stat st;
    char old[128];

    (void)state;
    say(fd, "one\n");
    assert_string_equal(hear(fd), "ok\n");
    strcpy(old, path);
    strcat(path, "2");
    assert_int_equal(clients_listen(clients, path, getgid()), 0);
    assert_int_equal(lstat(old, &st), -1);
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    say(fd, "two\n");
    assert_string_equal(hear(fd), "ok\n");
    after = dial();
    say(after, "three\n");
    assert_string_equal(hear(after), "ok\n");
    assert_int_equal(clients_listen(clients, path, (gid_t)-1), 0);
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(clients_listen(clients, "/dev/null/x", (gid_t)-1) < 0, 1);
    assert_int_equal(lstat(path, &st), 0); /* as it was */
    close(fd);
    close(after);
}

/* May this process give a file to any group, which root may? */
static void let_chown(bool may)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

    assert_int_equal(syscall(SYS_capget, &header, sets), 0);
    if (may)
        sets[0].effective |= 1U << CAP_CHOWN;
    else
        sets[0].effective &= ~(1U << CAP_CHOWN);
    assert_int_equal(syscall(SYS_capset, &header, sets), 0);
}

static void listen__group_not_to_be_given__the_socket_stays(void **state)
{
    gid_t strange = getegid() + 4711;
    struct stat before, after;
    int fd;

    (void)state;
    assert_int_equal(clients_listen(clients, path, getegid()), 0);
    assert_int_equal(lstat(path, &before), 0);
    assert_int_equal(before.st_mode & 07777, 0660);
    fd = dial(); /* in the queue */
    if (geteuid() == 0)
        let_chown(false);
    assert_int_equal(clients_listen(clients, path, strange), -EPERM);
    assert_int_equal(lstat(path, &after), 0);
    assert_int_equal(after.st_ino, before.st_ino);
    assert_int_equal(after.st_mode & 07777, 0600);
    say(fd, "hello\n");
    assert_string_equal(hear(fd), "ok\n");
    close(fd);
    fd = dial();
    say(fd, "hello\n");
    assert_string_equal(hear(fd), "ok\n");
    close(fd);
    if (geteuid() == 0) {
        let_chown(true);
        assert_int_equal(clients_listen(clients, path, strange), 0); /* as the next reload */
        assert_int_equal(lstat(path, &after), 0);
        assert_int_equal(after.st_gid, strange);
        assert_int_equal(after.st_mode & 07777, 0660);
    }
}

static void listen__path_of_somebody_alive__is_not_taken(void **state)
{
    struct address address;
    char other[128];
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    snprintf(other, sizeof other, "%s/other", folder);
    assert_true(address_parse_unix(other, &address));
    assert_int_equal(bind(fd, &address.sa, address.length), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(clients_listen(clients, other, (gid_t)-1), -EADDRINUSE);
    close(fd); /* left over now */
    assert_int_equal(clients_listen(clients, other, (gid_t)-1), 0);
    assert_int_equal(lstat(path, &st), -1);
    strcpy(path, other);
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(line__in_pieces_and_several_at_once__each_is_answered),
        CASE(line__then_half_closed__is_answered_before_the_end),
        CASE(line__longer_than_the_limit__is_refused_and_the_end),
        CASE(streaming__nothing_to_be_told__the_loop_sleeps),
        CASE(silent__longer_than_idle__is_dropped),
        CASE(reader__takes_nothing__is_dropped_and_others_are_served),
        CASE(line__answer_takes_long__the_next_waits_its_share),
        CASE(flood__of_long_answers__others_have_every_second_turn),
        CASE(flood__faster_than_the_answers__is_not_piled_up),
        CASE(line__much_unread_then_half_closed__all_is_answered),
        CASE(many__more_than_there_is_room_for__the_operator_still_gets_in),
        CASE(listen__other_path__the_old_one_goes_and_who_is_there_stays),
        CASE(listen__group_not_to_be_given__the_socket_stays),
        CASE(listen__path_of_somebody_alive__is_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
