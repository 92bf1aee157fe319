/*
 * Clients that behave badly: no effect on other services, and no descriptor, process or memory is
 * left over. (That is what daemon_stop() looks at in each case.)
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#define CAT     "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"
#define DEAF    "deaf: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'deaf']; };\n"
#define POUR    "pour: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'write', '1000000000']; };\n"
#define COUNTER "count: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'count']; };\n"

static void expect_served(struct daemon *daemon)
{
    daemon_talk(daemon, "cat", "still here", "still here");
}

static void resets__at_once__served_on(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = CAT, .defaults = "limits: { per_source = 256; };"});

    for (int i = 0; i < 200; i++)
        client_reset(daemon_dial(daemon, "cat"));
    expect_served(daemon);
    daemon_stop(daemon);
}

/* Connections that are reset while they wait in the backlog of a service that is full. */
static void resets__in_the_backlog__served_on(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat'];\n"
                                    "  limits: { instances = 1; }; };\n"});
    int first = daemon_dial(daemon, "cat"), fds[50];

    client_say(first, "hello\n");
    assert_string_equal(client_hear_line(first), "hello");
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = daemon_dial(daemon, "cat");
    for (size_t i = 0; i < COUNT(fds); i++)
        client_reset(fds[i]);
    close(first);
    expect_served(daemon);
    daemon_stop(daemon);
}

static void silent__a_hundred__others_are_served(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = CAT, .defaults = "limits: { per_source = 256; };"});
    int fds[100];

    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = daemon_dial(daemon, "cat");
    expect_served(daemon);
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    daemon_stop(daemon);
}

static void silent__first_byte_limit__ended(void)
{
    struct daemon *daemon = daemon_serve(
        "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat'];\n"
        "  time: { first_byte = '300ms'; }; };\n");
    int silent = daemon_dial(daemon, "cat"), speaking = daemon_dial(daemon, "cat");

    client_say(speaking, "hello\n");
    assert_string_equal(client_hear_line(speaking), "hello");
    client_expect_closed(silent);
    expect_event(&daemon->events, "end", "service", "cat", "outcome", "first-byte", NULL);
    client_say(speaking, "still\n");
    assert_string_equal(client_hear_line(speaking), "still");
    close(silent);
    close(speaking);
    daemon_stop(daemon);
}

static void floods__handler_does_not_read__others_are_served(void)
{
    struct daemon *daemon = daemon_serve(CAT DEAF);
    long before = census_memory(daemon->pid, "Rss");
    int fd = daemon_dial(daemon, "deaf");
    size_t sent;

    assert_string_equal(client_hear_line(fd), "deaf");
    sent = client_stuff(fd, 64 << 20);
    assert_true(sent > 0);
    assert_true(sent < 64 << 20); /* the kernel's buffers are full; superd has none of it */
    expect_served(daemon);
    assert_true(census_memory(daemon->pid, "Rss") < before + 1024);
    client_reset(fd);
    expect_event(&daemon->events, "end", "service", "deaf", NULL);
    daemon_stop(daemon);
}

static void goes_away__handler_never_looks__ended_when_configured(void)
{
    struct daemon *daemon = daemon_serve(
        "sleep: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'sleep'];\n"
        "  time: { gone = '200ms'; grace = '1s'; }; };\n" CAT);
    int fd = daemon_dial(daemon, "sleep");

    assert_string_equal(client_hear_line(fd), "sleeping");
    client_reset(fd);
    expect_event(&daemon->events, "end", "service", "sleep", "outcome", "gone", NULL);
    expect_served(daemon);
    daemon_stop(daemon);
}

static void does_not_read__handler_pours__ends_with_the_connection(void)
{
    struct daemon *daemon = daemon_serve(CAT POUR);
    int fd = daemon_dial(daemon, "pour");
    char byte;

    client_hear(fd, &byte, 1);
    expect_served(daemon);
    client_reset(fd);
    expect_event(&daemon->events, "end", "service", "pour", "signal", "PIPE", NULL);
    daemon_stop(daemon);
}

static void half_closes__the_answer_comes(void)
{
    struct daemon *daemon = daemon_serve(CAT COUNTER);
    int fd = daemon_dial(daemon, "count");

    client_half_close(fd);
    assert_string_equal(client_hear_all(fd, NULL), "0\n");
    close(fd);
    daemon_talk(daemon, "count", "half", "4\n");
    expect_served(daemon);
    daemon_stop(daemon);
}

static void shuts_down_both_ways__no_effect(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = CAT, .defaults = "limits: { per_source = 256; };"});

    for (int i = 0; i < 50; i++) {
        int fd = daemon_dial(daemon, "cat");

        shutdown(fd, SHUT_RDWR);
        close(fd);
    }
    expect_served(daemon);
    daemon_stop(daemon);
}

static void urgent_data__no_effect(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    int fd = daemon_dial(daemon, "cat");

    assert_int_equal(send(fd, "x", 1, MSG_OOB), 1);
    client_say(fd, "hello");
    client_half_close(fd);
    assert_string_equal(client_hear_all(fd, NULL), "hello");
    close(fd);
    daemon_stop(daemon);
}

/* A datagram handler that never answers a flood of packets: the socket's buffer is all that fills. */
static void datagram_flood__others_are_served(void)
{
    static const char packet[1000];
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "grace = '100ms';",
                        .services = "dgram: { listen = 'udp:127.0.0.1:0';\n"
                                    "  exec = ['@SPECIMEN@', 'accept-sleep']; };\n" CAT});
    long before = census_memory(daemon->pid, "Rss");
    int fd = client_dial(daemon_address(daemon, "dgram", 0), SOCK_DGRAM);

    for (int i = 0; i < 20000; i++)
        send(fd, packet, sizeof packet, MSG_DONTWAIT);
    expect_event(&daemon->events, "admit", "service", "dgram", NULL);
    expect_served(daemon);
    assert_int_equal(count_events(&daemon->events, "admit", "service", "dgram", NULL), 1);
    assert_true(census_memory(daemon->pid, "Rss") < before + 1024);
    close(fd);
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    daemon_expect_gone(daemon);
}

/* ---- A thousand connections, dropped at random in every state ------------------------------- */

enum state { CONNECTING, CONNECTED, SPEAKING, HALF_CLOSED, STUFFED, READING, STATES };

/* A connection begun and not waited for. */
static int dial_without_waiting(const char *written)
{
    struct sockaddr_storage address;
    socklen_t length = client_address(written, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (connect(fd, (struct sockaddr *)&address, length) != 0)
        assert_int_equal(errno, EINPROGRESS);
    return fd;
}

static int bring_into(enum state state, const char *address)
{
    static const char bytes[32768];
    int fd = state == CONNECTING ? dial_without_waiting(address)
                                 : client_dial(address, SOCK_STREAM);
    char answer[64];

    switch (state) {
    case SPEAKING:
        send(fd, "hello", 5, MSG_NOSIGNAL);
        break;
    case HALF_CLOSED:
        shutdown(fd, SHUT_WR);
        break;
    case STUFFED:
        for (int i = 0; i < 100 && send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;)
            i++;
        break;
    case READING:
        send(fd, "hello", 5, MSG_NOSIGNAL);
        recv(fd, answer, sizeof answer, MSG_DONTWAIT);
        break;
    default:
        break;
    }
    return fd;
}

static void drop(int fd)
{
    if (random() % 2)
        client_reset(fd);
    else
        close(fd);
}

/* Open COUNT connections to services of all kinds, at most 200 at a time, and drop them. */
static void storm(struct daemon *daemon, size_t count)
{
    static const char *const services[] = {"cat", "deaf", "pour", "count", "exit"};
    int open_ones[200];

    for (size_t i = 0; i < COUNT(open_ones); i++)
        open_ones[i] = -1;
    for (size_t i = 0; i < count; i++) {
        size_t slot = (size_t)random() % COUNT(open_ones);
        const char *service = services[(size_t)random() % COUNT(services)];

        if (open_ones[slot] >= 0)
            drop(open_ones[slot]);
        open_ones[slot] = bring_into((enum state)(random() % STATES),
                                     daemon_address(daemon, service, 0));
    }
    for (size_t i = 0; i < COUNT(open_ones); i++) {
        if (open_ones[i] >= 0)
            drop(open_ones[i]);
    }
}

static void a_thousand__dropped_in_every_state__nothing_is_left(void)
{
    struct daemon *daemon = daemon_start(&(struct setup){
        .defaults =
            "limits: { per_source = 1000; instances = 1000; };\n"
            /* A client that has closed without a reset looks half-closed to the kernel, so a
                     * handler that neither reads nor writes is left to the idle limit. */
            "time: { gone = '200ms'; idle = '2s'; grace = '1s'; };\n",
        /* A client that closes looks to the kernel like one that half-closes: who neither reads nor
         * writes is never told. */
        .services = CAT POUR COUNTER
        "deaf: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'deaf']; time: { idle = '1s'; }; "
        "};\n"
        "exit: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'exit', '1']; };\n"});
    unsigned seed = (unsigned)getpid();
    struct stat st;
    long before, after;

    printf("seed %u\n", seed);
    srandom(seed);
    /* Tables and buffers grow to what they need; the last of them keeps 1 MiB of recent events. */
    do {
        storm(daemon, 500);
        daemon_expect_quiet(daemon);
        assert_int_equal(stat(daemon->log, &st), 0);
    } while (!e2e_sanitized() && st.st_size < 5 << 18);
    before = census_memory(daemon->pid, "Private_Dirty");
    storm(daemon, e2e_sanitized() ? 500 : 1000);
    daemon_expect_quiet(daemon);
    after = census_memory(daemon->pid, "Private_Dirty");
    expect_served(daemon);
    if (!e2e_sanitized() && after > before + 256)
        fail_msg("memory has grown from %ld to %ld KiB", before, after);
    assert_int_equal(census_status(daemon->pid, "Threads"), 1);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(resets__at_once__served_on),
    E2E(resets__in_the_backlog__served_on),
    E2E(silent__a_hundred__others_are_served),
    E2E(silent__first_byte_limit__ended),
    E2E(floods__handler_does_not_read__others_are_served),
    E2E(goes_away__handler_never_looks__ended_when_configured),
    E2E(does_not_read__handler_pours__ends_with_the_connection),
    E2E(half_closes__the_answer_comes),
    E2E(shuts_down_both_ways__no_effect),
    E2E(urgent_data__no_effect),
    E2E(datagram_flood__others_are_served),
    {.name = "a_thousand__dropped_in_every_state__nothing_is_left",
     .run = a_thousand__dropped_in_every_state__nothing_is_left,
     .seconds = 300},
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
