/*
 * client: see client.h.
 */
#include "client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "runner.h"

#define LINE_MAX_BYTES 65536
#define STUFF_MOMENT   300 /* ms without room: the peer does not read */

/* What is returned as text stays: it is little, and the process ends with its case. */
static void *keep(void *memory)
{
    static struct kept {
        void *memory;
        struct kept *next;
    } * all;
    struct kept *one = malloc(sizeof *one);

    assert_non_null(one);
    assert_non_null(memory);
    *one = (struct kept){memory, all};
    all = one;
    return memory;
}

/* ---- Addresses ------------------------------------------------------------------------------ */

static socklen_t unix_address(const char *path, struct sockaddr_un *un)
{
    size_t length = strlen(path);

    un->sun_family = AF_UNIX;
    assert_true(length < sizeof un->sun_path);
    memcpy(un->sun_path, path, length + 1);
    if (*path == '@') {
        un->sun_path[0] = '\0';
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    }
    return sizeof *un;
}

socklen_t client_address(const char *written, struct sockaddr_storage *address_r)
{
    struct sockaddr_in *in = (struct sockaddr_in *)address_r;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address_r;
    const char *colon = strrchr(written, ':');
    char host[128];
    size_t length;

    memset(address_r, 0, sizeof *address_r);
    if (strncmp(written, "unix:", 5) == 0)
        return unix_address(written + 5, (struct sockaddr_un *)address_r);
    assert_non_null(colon);
    length = (size_t)(colon - written);
    assert_true(length < sizeof host);
    memcpy(host, written, length);
    host[length] = '\0';
    if (host[0] == '[') {
        host[length - 1] = '\0';
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
        assert_int_equal(inet_pton(AF_INET6, host + 1, &in6->sin6_addr), 1);
        if (IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
            in6->sin6_addr = in6addr_loopback;
        return sizeof *in6;
    }
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    assert_int_equal(inet_pton(AF_INET, host, &in->sin_addr), 1);
    if (in->sin_addr.s_addr == htonl(INADDR_ANY))
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof *in;
}

/* ---- Connecting ----------------------------------------------------------------------------- */

int client_try(const char *written, int type)
{
    struct sockaddr_storage address;
    socklen_t length = client_address(written, &address);
    int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    do {
        r = connect(fd, (struct sockaddr *)&address, length);
    } while (r != 0 && errno == EINTR);
    if (r == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

int client_dial(const char *written, int type)
{
    int fd = client_try(written, type);

    if (fd < 0)
        fail_msg("cannot connect to %s: %s", written, strerror(-fd));
    return fd;
}

/* ---- Talking -------------------------------------------------------------------------------- */

static bool wait_until_ready(int fd, short events, int ms)
{
    struct pollfd wait = {.fd = fd, .events = events};
    int n;

    do {
        n = poll(&wait, 1, ms);
    } while (n < 0 && errno == EINTR);
    return n == 1;
}

void client_send(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (length) {
        ssize_t n;

        if (!wait_until_ready(fd, POLLOUT, e2e_deadline_ms()))
            fail_msg("the peer does not read");
        n = send(fd, at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            fail_msg("cannot send: %s", strerror(errno));
        at += n;
        length -= (size_t)n;
    }
}

void client_say(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}

size_t client_stuff(int fd, size_t length)
{
    static const char bytes[65536];
    size_t sent = 0;

    while (sent < length && wait_until_ready(fd, POLLOUT, STUFF_MOMENT)) {
        ssize_t n = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno != EAGAIN && errno != EINTR)
            break;
        if (n > 0)
            sent += (size_t)n;
    }
    return sent;
}

/* Bytes that came, 0 at the end. A reset is an error unless the caller takes it. */
static ssize_t hear_some(int fd, void *bytes, size_t size)
{
    ssize_t n;

    do {
        if (!wait_until_ready(fd, POLLIN, e2e_deadline_ms()))
            fail_msg("the peer says nothing");
        n = recv(fd, bytes, size, MSG_DONTWAIT);
    } while (n < 0 && (errno == EINTR || errno == EAGAIN));
    return n;
}

char *client_hear_all(int fd, size_t *length_r)
{
    size_t length = 0, room = 0;
    char *text = NULL;
    ssize_t n;

    do {
        if (room - length < 65536) {
            room = room ? 2 * room : 131072;
            text = realloc(text, room);
            assert_non_null(text);
        }
        n = hear_some(fd, text + length, room - length - 1);
        if (n < 0)
            fail_msg("cannot receive after %zu bytes: %s", length, strerror(errno));
        length += (size_t)n;
    } while (n > 0);
    text[length] = '\0';
    if (length_r)
        *length_r = length;
    return keep(text);
}

void client_hear(int fd, void *bytes, size_t length)
{
    char *at = bytes;

    while (length) {
        ssize_t n = hear_some(fd, at, length);

        if (n < 0)
            fail_msg("cannot receive: %s", strerror(errno));
        if (n == 0)
            fail_msg("the peer has closed, %zu bytes early", length);
        at += n;
        length -= (size_t)n;
    }
}

char *client_hear_line(int fd)
{
    char *line = keep(malloc(LINE_MAX_BYTES));
    size_t length = 0;

    do {
        assert_true(length < LINE_MAX_BYTES);
        client_hear(fd, line + length, 1);
    } while (line[length++] != '\n');
    line[length - 1] = '\0';
    return line;
}

char *client_hear_packet(int fd)
{
    char *packet = keep(calloc(1, LINE_MAX_BYTES));
    ssize_t n = hear_some(fd, packet, LINE_MAX_BYTES - 1);

    if (n < 0)
        fail_msg("cannot receive: %s", strerror(errno));
    return packet;
}

void client_hear_nothing(int fd, int ms)
{
    if (wait_until_ready(fd, POLLIN, ms))
        fail_msg("the peer said something or closed");
}

void client_half_close(int fd)
{
    if (shutdown(fd, SHUT_WR) != 0)
        fail_msg("cannot half-close: %s", strerror(errno));
}

void client_expect_closed(int fd)
{
    char byte;
    ssize_t n = hear_some(fd, &byte, 1);

    if (n > 0)
        fail_msg("the peer said something instead of closing");
    if (n < 0 && errno != ECONNRESET)
        fail_msg("cannot receive: %s", strerror(errno));
}

void client_reset(int fd)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
}
