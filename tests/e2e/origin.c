/*
 * origin: see origin.h.
 */
#include "origin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"

const char *origin_source(unsigned number)
{
    static char text[32];

    snprintf(text, sizeof text, "127.1.%u.%u", number / 250 % 250, 1 + number % 250);
    return text;
}

/* ---- Connecting ----------------------------------------------------------------------------- */

/* FROM and any port, which connect(2) chooses: so one address has as many as there are. */
static int bind_from(int fd, const char *from)
{
    const int on = 1;
    struct sockaddr_storage address;
    char written[INET6_ADDRSTRLEN + 8];
    socklen_t length;

    snprintf(written, sizeof written, strchr(from, ':') ? "[%s]:0" : "%s:0", from);
    length = client_address(written, &address);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, (struct sockaddr *)&address, length);
}

static int open_socket(const char *to, const char *from, int type)
{
    struct sockaddr_storage address;
    int fd, r;

    client_address(to, &address);
    fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    r = bind_from(fd, from) == 0 ? 0 : -errno;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

static int try_type(const char *to, const char *from, int type)
{
    struct sockaddr_storage address;
    socklen_t length = client_address(to, &address);
    int fd = open_socket(to, from, type), r;

    if (fd < 0)
        return fd;
    do {
        r = connect(fd, (struct sockaddr *)&address, length);
    } while (r != 0 && errno == EINTR);
    if (r == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

int origin_socket(const char *to, const char *from)
{
    int fd = open_socket(to, from, SOCK_STREAM);

    if (fd < 0)
        fail_msg("no socket is to be had at %s: %s", from, strerror(-fd));
    return fd;
}

int origin_try(const char *to, const char *from)
{
    return try_type(to, from, SOCK_STREAM);
}

int origin_dial(const char *to, const char *from)
{
    int fd = origin_try(to, from);

    if (fd < 0)
        fail_msg("cannot connect from %s to %s: %s", from, to, strerror(-fd));
    return fd;
}

int origin_datagrams(const char *to, const char *from)
{
    int fd = try_type(to, from, SOCK_DGRAM);

    if (fd < 0)
        fail_msg("cannot talk from %s to %s: %s", from, to, strerror(-fd));
    return fd;
}

int origin_dial_as(const char *to, uid_t uid)
{
    int fd;

    assert_int_equal(seteuid(uid), 0);
    fd = client_try(to, SOCK_STREAM);
    assert_int_equal(seteuid(0), 0);
    if (fd < 0)
        fail_msg("user %u cannot connect to %s: %s", uid, to, strerror(-fd));
    return fd;
}

/* ---- What becomes of it --------------------------------------------------------------------- */

void origin_expect_refused(const char *to, const char *from)
{
    int fd = origin_try(to, from);

    if (fd == -ECONNRESET) /* refused before connect(2) had returned */
        return;
    if (fd < 0)
        fail_msg("cannot connect from %s to %s: %s", from, to, strerror(-fd));
    client_expect_closed(fd);
    close(fd);
}

void origin_expect_greeting(int fd)
{
    assert_string_equal(client_hear_line(fd), "waiting");
}

int origin_enter(const char *to, const char *from)
{
    int fd = origin_dial(to, from);

    origin_expect_greeting(fd);
    return fd;
}

int origin_ask(const char *to, const char *from)
{
    int fd = origin_try(to, from);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char byte;

    if (fd < 0 && fd != -ECONNRESET)
        fail_msg("cannot connect from %s to %s: %s", from, to, strerror(-fd));
    if (fd < 0)
        return -1;
    if (poll(&wait, 1, e2e_deadline_ms()) != 1)
        fail_msg("neither admitted nor refused");
    if (recv(fd, &byte, 1, MSG_PEEK) == 1) {
        origin_expect_greeting(fd);
        return fd;
    }
    close(fd);
    return -1;
}

/* ---- A network of one's own ----------------------------------------------------------------- */

void origin_own_network(const char *const *addresses)
{
    harness_needs_root();
    if (!process_find("ip"))
        e2e_skip("there is no ip(8) to make a network with");
    if (unshare(CLONE_NEWNET) != 0)
        e2e_skip("no network namespace is to be had: %s", strerror(errno));
    process_shell("ip link set lo up");
    for (; *addresses; addresses++) {
        const char *const add[] = {"ip", "address", "add", *addresses, "dev", "lo", "nodad", NULL};

        if (process_run(add, NULL) != 0)
            e2e_skip("no address %s is to be had", *addresses);
    }
}
