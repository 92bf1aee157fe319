/* The small services on datagram sockets: what they answer, whom they do not answer, and that they
 * end when idle with nothing lost. */
#include <config.h>

#include "handler_run.h"

#include "../../services/common/datagram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char *const echo_argv[] = {"echo", "-i", "1", NULL};

/* Keep the socket as a superserver does, and give the handler a copy. */
static struct handler_run serve_copy(int socket, const char *const argv[])
{
    return handler_serve(fcntl(socket, F_DUPFD_CLOEXEC, 3), argv);
}

/* Send LENGTH bytes and wait for the answer; its length. */
static ssize_t ask(int fd, const void *request, size_t length, void *answer, size_t capacity)
{
    assert_int_equal(send(fd, request, length, 0), (ssize_t)length);
    assert_true(handler_readable(fd, 60000));
    return recv(fd, answer, capacity, 0);
}

static void echo__datagrams_of_all_sizes__come_back(void **state)
{
    (void)state;
    static char request[65507], answer[65507];
    static const size_t sizes[] = {0, 1, 512, 1472, 9000, 60000, 65507};
    struct handler_pair pair = handler_udp_pair("127.0.0.1", "127.0.0.1");
    struct handler_run run = serve_copy(pair.server, echo_argv);

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(request, (int)('a' + i), sizes[i]);
        assert_int_equal(ask(pair.client, request, sizes[i], answer, sizeof answer), sizes[i]);
        assert_memory_equal(answer, request, sizes[i]);
    }
    handler_end_quietly(&run);
    close(pair.client);
    close(pair.server);
}

static void echo__idle__ends_and_the_next_one_goes_on(void **state)
{
    (void)state;
    char answer[16];
    struct handler_pair pair = handler_udp_pair("127.0.0.1", "127.0.0.1");
    struct timespec before, after;

    struct handler_run run = serve_copy(pair.server, echo_argv);
    clock_gettime(CLOCK_MONOTONIC, &before);
    assert_int_equal(ask(pair.client, "one", 3, answer, sizeof answer), 3);
    handler_end_quietly(&run);
    clock_gettime(CLOCK_MONOTONIC, &after);
    /* Not at once: a second after its answer. */
    assert_true(
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 999);
    /* Between two instances: it waits in the socket. */
    assert_int_equal(send(pair.client, "two", 3, 0), 3);
    assert_false(handler_readable(pair.client, 0));
    run = serve_copy(pair.server, echo_argv);
    assert_true(handler_readable(pair.client, 60000));
    assert_int_equal(recv(pair.client, answer, sizeof answer, 0), 3);
    assert_memory_equal(answer, "two", 3);
    handler_end_quietly(&run);
    close(pair.client);
    close(pair.server);
}

static void echo__idle_of_zero__answers_what_waits(void **state)
{
    (void)state;
    const char *const argv[] = {"echo", "-i", "0", NULL};
    char answer[16];
    struct handler_pair pair = handler_udp_pair("127.0.0.1", "127.0.0.1");

    for (int i = 0; i < 5; i++)
        assert_int_equal(send(pair.client, "x", 1, 0), 1);
    struct handler_run run = serve_copy(pair.server, argv);
    handler_end_quietly(&run);
    for (int i = 0; i < 5; i++)
        assert_int_equal(recv(pair.client, answer, sizeof answer, MSG_DONTWAIT), 1);
    close(pair.client);
    close(pair.server);
}

static void chargen__datagram__answer_is_no_longer_than_the_request(void **state)
{
    (void)state;
    static const char request[2000];
    const char *const argv[] = {"chargen", "-i", "1", NULL};
    char answer[2000];
    static const size_t sizes[][2] = {{0, 0},     {1, 1},     {73, 73},
                                      {512, 512}, {513, 512}, {2000, 512}};
    struct handler_pair pair = handler_udp_pair("127.0.0.1", "127.0.0.1");
    struct handler_run run = serve_copy(pair.server, argv);

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_int_equal(ask(pair.client, request, sizes[i][0], answer, sizeof answer),
                         sizes[i][1]);
    assert_memory_equal(answer, " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ", 59);
    assert_memory_equal(answer + 72, "\r\n!\"#", 5);
    handler_end_quietly(&run);
    close(pair.client);
    close(pair.server);
}

static void others__datagram__answer_as_on_a_connection(void **state)
{
    (void)state;
    const char *const time_argv[] = {"time", "-i", "1", NULL};
    const char *const daytime_argv[] = {"daytime", "-i", "1", "-f", "%Y", NULL};
    const char *const qotd_argv[] = {"qotd", "-i", "1", NULL};
    const char *const *const all[] = {time_argv, daytime_argv, qotd_argv};
    static const ssize_t least[] = {4, 6, 10}, most[] = {4, 6, 511};
    char answer[2000];

    for (size_t i = 0; i < 3; i++) {
        struct handler_pair pair = handler_udp_pair("127.0.0.1", "127.0.0.1");
        struct handler_run run = serve_copy(pair.server, all[i]);
        ssize_t n = ask(pair.client, "", 0, answer, sizeof answer);
        assert_true(n >= least[i] && n <= most[i]);
        if (i > 0)
            assert_memory_equal(answer + n - 2, "\r\n", 2);
        handler_end_quietly(&run);
        close(pair.client);
        close(pair.server);
    }
}

static void discard__datagrams__no_answer(void **state)
{
    (void)state;
    const char *const argv[] = {"discard", "-i", "0", NULL};
    char answer[16];
    struct handler_pair pair = handler_udp_pair("127.0.0.1", "127.0.0.1");

    assert_int_equal(send(pair.client, "x", 1, 0), 1);
    struct handler_run run = serve_copy(pair.server, argv);
    handler_end_quietly(&run);
    assert_int_equal(recv(pair.client, answer, sizeof answer, MSG_DONTWAIT), -1);
    assert_int_equal(recv(pair.server, answer, sizeof answer, MSG_DONTWAIT), -1); /* it was taken */
    close(pair.client);
    close(pair.server);
}

/* Send a datagram from SENDER, which must not be answered, then one from a client that is. */
static void expect_no_answer(int server, int sender)
{
    char answer[16];
    int client = handler_connect(SOCK_DGRAM, "127.0.0.1", handler_port(server));

    struct handler_run run = serve_copy(server, echo_argv);
    /* They are taken in order, so the second answer says that the first datagram has been seen. */
    assert_int_equal(send(sender, "loop", 4, 0), 4);
    assert_int_equal(ask(client, "fine", 4, answer, sizeof answer), 4);
    assert_false(handler_readable(sender, 0));
    handler_end_quietly(&run);
    close(client);
    close(sender);
    close(server);
}

static int connect_from(const char *address, unsigned port, const char *to, unsigned to_port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)to_port)};
    int fd = handler_bind(SOCK_DGRAM, address, port);

    if (fd < 0)
        return -1;
    in.sin_addr.s_addr = inet_addr(to);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
    return fd;
}

static void echo__sender_at_our_own_port__no_answer(void **state)
{
    (void)state;
    int server = handler_bind(SOCK_DGRAM, "127.0.0.1", 0);
    int sender = connect_from("127.0.0.2", handler_port(server), "127.0.0.1", handler_port(server));

    assert_true(sender >= 0);
    expect_no_answer(server, sender);
}

static void echo__sender_at_chargen__no_answer(void **state)
{
    (void)state;
    int server = handler_bind(SOCK_DGRAM, "127.0.0.1", 0);
    int sender = connect_from("127.19.19.19", 19, "127.0.0.1", handler_port(server));

    if (sender < 0) {
        close(server);
        skip(); /* a port that only root may have */
    }
    expect_no_answer(server, sender);
}

static void datagram_port_loops__small_services__and_no_others(void **state)
{
    (void)state;
    unsigned loops = 0;

    for (unsigned port = 0; port < 65536; port++)
        loops += datagram_port_loops((uint16_t)port, 7007);
    assert_int_equal(loops, 7);
    assert_true(datagram_port_loops(7, 7007) && datagram_port_loops(13, 7007) &&
                datagram_port_loops(17, 7007) && datagram_port_loops(19, 7007) &&
                datagram_port_loops(37, 7007) && datagram_port_loops(0, 7007) &&
                datagram_port_loops(7007, 7007));
}

static void echo__wildcard_socket__answers_from_the_address_asked(void **state)
{
    (void)state;
    char answer[16];
    /* A connected client hears only the address that it wrote to. */
    struct handler_pair pair = handler_udp_pair("127.9.9.9", "0.0.0.0");

    for (int round = 0; round < 2; round++) {
        /* The first round's datagram comes before the handler could ask for its destination. */
        assert_int_equal(send(pair.client, "asked", 5, 0), 5);
        struct handler_run run = serve_copy(pair.server, echo_argv);
        assert_true(handler_readable(pair.client, 60000));
        assert_int_equal(recv(pair.client, answer, sizeof answer, 0), 5);
        assert_int_equal(ask(pair.client, "again", 5, answer, sizeof answer), 5);
        handler_end_quietly(&run);
    }
    close(pair.client);
    close(pair.server);
}

static void echo__broadcast__no_answer(void **state)
{
    (void)state;
    int server = handler_bind(SOCK_DGRAM, "0.0.0.0", 0);
    /* Not connected, so that it would hear an answer from any address. */
    int sender = handler_bind(SOCK_DGRAM, "127.0.0.1", 0);
    int client = handler_connect(SOCK_DGRAM, "127.0.0.1", handler_port(server));
    struct sockaddr_in all = {.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)handler_port(server))};
    int yes = 1;
    char answer[16];

    assert_true(sender >= 0);
    all.sin_addr.s_addr = inet_addr("127.255.255.255");
    assert_int_equal(setsockopt(sender, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes), 0);
    assert_int_equal(sendto(sender, "all", 3, 0, (struct sockaddr *)&all, sizeof all), 3);
    assert_true(handler_readable(server, 60000)); /* it does arrive */
    struct handler_run run = serve_copy(server, echo_argv);
    assert_int_equal(ask(client, "me", 2, answer, sizeof answer), 2);
    assert_false(handler_readable(sender, 0));
    handler_end_quietly(&run);
    close(client);
    close(sender);
    close(server);
}

static void echo__dual_stack_socket__answers_both_families(void **state)
{
    (void)state;
    char answer[16];
    int server = handler_bind(SOCK_DGRAM, "::", 0);

    if (server < 0)
        skip();
    int v4 = handler_connect(SOCK_DGRAM, "127.8.8.8", handler_port(server));
    int v6 = handler_connect(SOCK_DGRAM, "::1", handler_port(server));
    struct handler_run run = serve_copy(server, echo_argv);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(ask(v6, "six", 3, answer, sizeof answer), 3);
        assert_int_equal(ask(v4, "four", 4, answer, sizeof answer), 4);
    }
    handler_end_quietly(&run);
    close(v4);
    close(v6);
    close(server);
}

static void echo__unix_datagrams__named_sender_is_answered(void **state)
{
    (void)state;
    struct sockaddr_un any = {.sun_family = AF_UNIX}, server_at;
    socklen_t length = sizeof server_at;
    char answer[16];
    int server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int named = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int unnamed = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    /* An address of nothing but a family: the kernel chooses an abstract name. */
    assert_int_equal(bind(server, (struct sockaddr *)&any, sizeof any.sun_family), 0);
    assert_int_equal(bind(named, (struct sockaddr *)&any, sizeof any.sun_family), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&server_at, &length), 0);
    assert_int_equal(connect(named, (struct sockaddr *)&server_at, length), 0);
    assert_int_equal(connect(unnamed, (struct sockaddr *)&server_at, length), 0);
    struct handler_run run = serve_copy(server, echo_argv);
    assert_int_equal(send(unnamed, "hm", 2, 0), 2);
    assert_int_equal(ask(named, "hello", 5, answer, sizeof answer), 5);
    handler_end_quietly(&run);
    close(server);
    close(named);
    close(unnamed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo__datagrams_of_all_sizes__come_back),
        cmocka_unit_test(echo__idle__ends_and_the_next_one_goes_on),
        cmocka_unit_test(echo__idle_of_zero__answers_what_waits),
        cmocka_unit_test(chargen__datagram__answer_is_no_longer_than_the_request),
        cmocka_unit_test(others__datagram__answer_as_on_a_connection),
        cmocka_unit_test(discard__datagrams__no_answer),
        cmocka_unit_test(datagram_port_loops__small_services__and_no_others),
        cmocka_unit_test(echo__sender_at_our_own_port__no_answer),
        cmocka_unit_test(echo__sender_at_chargen__no_answer),
        cmocka_unit_test(echo__wildcard_socket__answers_from_the_address_asked),
        cmocka_unit_test(echo__broadcast__no_answer),
        cmocka_unit_test(echo__dual_stack_socket__answers_both_families),
        cmocka_unit_test(echo__unix_datagrams__named_sender_is_answered),
    };

    return cmocka_run_group_tests_name("services/small-udp", tests, NULL, NULL);
}
