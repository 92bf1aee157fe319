/*
 * waiting: see waiting.h. A connection that has not been accepted yet belongs to no file, so the kernel
 * shows it with inode 0 (sock_diag(7)).
 */
#include "net/waiting.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

/* The states of a connection that waits to be accepted: ESTABLISHED, or closed by its client already. */
#define STATES ((1U << 1) | (1U << 8))

/* FNV-1a. Marks are compared with those of the same queue a moment ago; nobody gains by a collision. */
static uint64_t mark_of(const void *bytes, size_t length, uint64_t mark)
{
    const unsigned char *byte = bytes;

    for (size_t i = 0; i < length; i++)
        mark = (mark ^ byte[i]) * 1099511628211ULL;
    return mark;
}

#define MARK_START 14695981039346656037ULL

static bool ask_for_all(int diag, int family)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 question;
    } message = {.header = {.nlmsg_len = sizeof message,
                            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
                 .question = {.sdiag_family = (uint8_t)family,
                              .sdiag_protocol = IPPROTO_TCP,
                              .idiag_states = STATES}};

    return send(diag, &message, sizeof message, 0) == (ssize_t)sizeof message;
}

static void take(const struct inet_diag_msg *socket, uint16_t port, struct waiting *waiting)
{
    if (socket->idiag_inode != 0 || ntohs(socket->id.idiag_sport) != port)
        return;
    if (waiting->count == WAITING_MOST) {
        waiting->known = false;
        return;
    }
    waiting->marks[waiting->count++] = mark_of(
        socket->id.idiag_dst, sizeof socket->id.idiag_dst,
        mark_of(&socket->id.idiag_dport, sizeof socket->id.idiag_dport, MARK_START));
}

/* Returns false at the end of the dump. */
static bool take_messages(struct nlmsghdr *header, size_t length, uint16_t port,
                          struct waiting *waiting)
{
    for (; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
        if (header->nlmsg_type == NLMSG_DONE)
            return false;
        if (header->nlmsg_type == NLMSG_ERROR) {
            waiting->known = false;
            return false;
        }
        take(NLMSG_DATA(header), port, waiting);
    }
    return true;
}

void waiting_connections(int diag, const struct address *local, struct waiting *waiting_r)
{
    union {
        struct nlmsghdr header;
        char room[32768];
    } answer;
    ssize_t n;

    waiting_r->count = 0;
    waiting_r->known = ask_for_all(diag, local->sa.sa_family);
    if (!waiting_r->known)
        return;
    do {
        /* The kernel makes the next part of a dump while it is read: this does not wait. */
        n = recv(diag, &answer, sizeof answer, MSG_DONTWAIT);
        if (n < 0 && errno != EINTR)
            waiting_r->known = false;
    } while ((n < 0 && errno == EINTR) ||
             (n > 0 && take_messages(&answer.header, (size_t)n, address_port(local), waiting_r)));
}

void waiting_datagram(int fd, struct waiting *waiting_r)
{
    struct address sender;
    ssize_t length;

    memset(&sender, 0, sizeof sender);
    sender.length = sizeof sender.un;
    length = recvfrom(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT, &sender.sa, &sender.length);
    waiting_r->count = 0;
    waiting_r->known = length >= 0;
    if (length >= 0)
        waiting_r->marks[waiting_r->count++] = mark_of(&sender.un, sender.length,
                                                       mark_of(&length, sizeof length, MARK_START));
}

static bool waits(const struct waiting *waiting, uint64_t mark)
{
    for (size_t i = 0; i < waiting->count; i++) {
        if (waiting->marks[i] == mark)
            return true;
    }
    return false;
}

bool waiting_taken(const struct waiting *before, const struct waiting *now)
{
    if (!before->known || !now->known)
        return true;
    for (size_t i = 0; i < before->count; i++) {
        if (!waits(now, before->marks[i]))
            return true;
    }
    return false;
}
