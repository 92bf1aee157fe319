#include <config.h>

#include "datagram.h"
#include "io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
};

/* Room for either of the two control messages that name the address asked. */
union control {
    struct cmsghdr align;
    char v4[CMSG_SPACE(sizeof(struct in_pktinfo))];
    char v6[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

bool datagram_port_loops(uint16_t port, uint16_t local_port)
{
    /* echo, daytime, qotd, chargen, time: the services that answer whatever they get. */
    static const uint16_t answering[] = {7, 13, 17, 19, 37};

    for (size_t i = 0; i < sizeof answering / sizeof answering[0]; i++)
        if (port == answering[i])
            return true;
    /* The same service of another host, where it has a port of its own choice.  Port 0 is forged.
     */
    return port == 0 || port == local_port;
}

/* The port of an internet address, in host order; -1 for another family. */
static int port_of(const union address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohs(address->in.sin_port);
    if (address->any.sa_family == AF_INET6)
        return ntohs(address->in6.sin6_port);
    return -1;
}

static bool may_answer(int fd, const union address *sender, socklen_t length)
{
    union address local;
    socklen_t local_length = sizeof local;

    if (length <= sizeof sender->any.sa_family)
        return false; /* an unnamed UNIX socket */
    int port = port_of(sender);
    if (port < 0)
        return true;
    if (getsockname(fd, &local.any, &local_length) < 0)
        return false;
    int local_port = port_of(&local);
    return local_port >= 0 && !datagram_port_loops((uint16_t)port, (uint16_t)local_port);
}

/* Make of the address that was asked, which the kernel put into M, the one to answer from.  A
 * broadcast or multicast address stays one, and the kernel refuses to send from it: no answer. */
static void answer_from(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            info.ipi_spec_dst = info.ipi_addr;
            info.ipi_ifindex = 0; /* the route may lead back by another interface */
            memcpy(CMSG_DATA(c), &info, sizeof info);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                info.ipi6_ifindex = 0;
            memcpy(CMSG_DATA(c), &info, sizeof info);
        }
    }
}

/* Take one datagram and answer it.  0, -EAGAIN when there was none, or a negative errno value. */
static int serve_one(int fd, const struct datagram_service *service)
{
    static uint8_t request[DATAGRAM_MAX];
    static uint8_t answer[DATAGRAM_MAX];
    union address sender;
    union control control;
    struct iovec data = {request, sizeof request};
    struct msghdr m = {
        .msg_name = &sender,
        .msg_namelen = sizeof sender,
        .msg_iov = &data,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };

    ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
    if (n < 0) {
        /* An error that an earlier answer met on its way is told here; it is nobody's business. */
        return errno == EINTR || errno == ECONNREFUSED || io_peer_left(errno) ? 0 : -errno;
    }
    if (service->answer == NULL || !may_answer(fd, &sender, m.msg_namelen))
        return 0;
    n = service->answer(service->context, request, (size_t)n, answer);
    if (n < 0)
        return 0;
    answer_from(&m);
    data = (struct iovec){answer, (size_t)n};
    m.msg_flags = 0;
    if (m.msg_controllen == 0)
        m.msg_control = NULL;
    while (sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
    return 0;
}

/* Have the kernel tell with each datagram which of our addresses it was sent to. */
static void ask_for_destination(int fd)
{
    int yes = 1;
    int family = -1;
    socklen_t length = sizeof family;

    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length) < 0)
        return;
    if (family == AF_INET)
        (void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof yes);
}

int datagram_serve(int fd, int idle_ms, const struct datagram_service *service)
{
    int64_t deadline = io_clock_ms() + idle_ms;

    ask_for_destination(fd);
    for (;;) {
        int error = serve_one(fd, service);
        if (error == 0) {
            deadline = io_clock_ms() + idle_ms;
            continue;
        }
        if (error != -EAGAIN)
            return error;
        int64_t left = deadline - io_clock_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int n = poll(&p, 1, left > 0 ? (int)left : 0);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}
