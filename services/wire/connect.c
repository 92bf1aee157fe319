/*
 * connect: see connect.h. getaddrinfo() obeys no deadline, and a name server that is cut off costs
 * half a minute: so names, as opposed to numbers, are looked up by getaddrinfo_a(), which waits in a
 * thread of libc that may be left behind.
 */
#include "common/io.h"
#include "wire/connect.h"

#include "wire/wire.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool wire_address_parse(const char *text, struct wire_address *address_r)
{
    const char *colon = strrchr(text, ':');
    const char *host = text;
    size_t host_length;

    if (!colon || colon == text || colon[1] == '\0' || strlen(colon + 1) >= WIRE_PORT_SIZE)
        return false;
    host_length = (size_t)(colon - text);
    if (host[0] == '[') {
        if (host_length < 3 || host[host_length - 1] != ']')
            return false;
        host++;
        host_length -= 2;
    } else if (memchr(host, ':', host_length)) {
        return false; /* an IPv6 address without brackets: which colon ends it? */
    }
    if (host_length >= WIRE_HOST_SIZE)
        return false;
    memset(address_r, 0, sizeof *address_r);
    memcpy(address_r->host, host, host_length);
    strcpy(address_r->port, colon + 1);
    return true;
}

struct lookup {
    struct gaicb control;
    struct addrinfo hints;
    struct wire_address address;
};

/* Look a name up in libc's thread. A request that cannot be cancelled in time is left to it: it then
 * owns the memory, which is why that is allocated, and a process that gave up ends soon anyway. */
static int lookup_name(const struct wire_address *address, int64_t deadline, struct addrinfo **r)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    struct gaicb *list[1];
    int status;

    if (!lookup)
        return -ENOMEM;
    lookup->address = *address;
    lookup->hints.ai_socktype = SOCK_STREAM;
    lookup->control.ar_name = lookup->address.host;
    lookup->control.ar_service = lookup->address.port;
    lookup->control.ar_request = &lookup->hints;
    list[0] = &lookup->control;
    if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) != 0) {
        free(lookup);
        return -ENOMEM;
    }
    while ((status = gai_error(&lookup->control)) == EAI_INPROGRESS) {
        int64_t left = deadline - io_clock_ms();
        struct timespec timeout = {.tv_sec = left / 1000, .tv_nsec = left % 1000 * 1000000};

        if (left <= 0) {
            if (gai_cancel(&lookup->control) == EAI_CANCELED)
                free(lookup);
            return -ETIMEDOUT;
        }
        gai_suspend((const struct gaicb *const *)list, 1, &timeout);
    }
    *r = status == 0 ? lookup->control.ar_result : NULL;
    free(lookup);
    return status == 0 ? 0 : -ENOENT;
}

static int lookup_address(const struct wire_address *address, int64_t deadline, struct addrinfo **r)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};

    if (getaddrinfo(address->host, address->port, &hints, r) == 0)
        return 0;
    return lookup_name(address, deadline, r);
}

static int connect_one(const struct addrinfo *to, int64_t deadline)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);
    int error = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return fd;
    error = errno;
    while (error == EINPROGRESS || error == EINTR) {
        struct pollfd entry = {.fd = fd, .events = POLLOUT};
        int64_t left = deadline - io_clock_ms();
        int ready = left > 0 ? poll(&entry, 1, (int)left) : 0;
        socklen_t size = sizeof error;

        if (ready == 0)
            error = ETIMEDOUT;
        else if (ready < 0)
            error = errno;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
            return fd;
    }
    close(fd);
    return -error;
}

int wire_connect(const struct wire_address *address, int64_t deadline)
{
    struct addrinfo *list, *to;
    int count = 0;
    int fd = lookup_address(address, deadline, &list);

    if (fd < 0)
        return fd;
    for (to = list; to; to = to->ai_next)
        count++;
    fd = -ENOENT;
    /* Each address gets its share of what is left, so that one black hole does not take it all. */
    for (to = list; to && fd < 0; to = to->ai_next, count--) {
        int64_t now = io_clock_ms();

        fd = now < deadline ? connect_one(to, now + (deadline - now) / count) : -ETIMEDOUT;
    }
    freeaddrinfo(list);
    if (fd >= 0)
        wire_no_delay(fd);
    return fd;
}

void wire_no_delay(int fd)
{
    const int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}
