/*
 * activity: see activity.h.
 */
#include "net/activity.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* Of <netinet/tcp.h>, which cannot stand beside <linux/tcp.h>. */
enum {
    STATE_TIME_WAIT = 6,
    STATE_CLOSE = 7,
    STATE_LAST_ACK = 9,
    STATE_LISTEN = 10,
    STATE_CLOSING = 11
};

int activity_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    return fd < 0 ? -errno : fd;
}

static void fill_address(const struct address *address, __be32 *words, __be16 *port)
{
    if (address->sa.sa_family == AF_INET)
        memcpy(words, &address->in.sin_addr, 4);
    else
        memcpy(words, &address->in6.sin6_addr, 16);
    *port = htons(address_port(address));
}

static int send_question(int diag, const struct address *local, const struct address *peer)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 question;
    } message = {.header = {.nlmsg_len = sizeof message,
                            .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                            .nlmsg_flags = NLM_F_REQUEST},
                 .question = {.sdiag_family = (uint8_t)local->sa.sa_family,
                              .sdiag_protocol = IPPROTO_TCP,
                              .idiag_ext = 1 << (INET_DIAG_INFO - 1),
                              .idiag_states = ~0U,
                              .id.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}};

    fill_address(local, message.question.id.idiag_src, &message.question.id.idiag_sport);
    fill_address(peer, message.question.id.idiag_dst, &message.question.id.idiag_dport);
    if (local->sa.sa_family == AF_INET6)
        message.question.id.idiag_if = local->in6.sin6_scope_id;
    return send(diag, &message, sizeof message, 0) < 0 ? -errno : 0;
}

static void take_info(const struct nlmsghdr *header, struct activity *activity)
{
    const struct inet_diag_msg *answer = NLMSG_DATA(header);
    int left = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof *answer));

    /* Where there is no connection (it was reset), the kernel finds the listener in its place. */
    if (answer->idiag_state == STATE_LISTEN)
        return;
    activity->found = true;
    activity->open = answer->idiag_state != STATE_TIME_WAIT && answer->idiag_state != STATE_CLOSE &&
                     answer->idiag_state != STATE_LAST_ACK && answer->idiag_state != STATE_CLOSING;
    for (const struct rtattr *a = (const struct rtattr *)(answer + 1); RTA_OK(a, left);
         a = RTA_NEXT(a, left)) {
        struct tcp_info info = {0};
        size_t length = RTA_PAYLOAD(a);

        if (a->rta_type != INET_DIAG_INFO)
            continue;
        memcpy(&info, RTA_DATA(a), length < sizeof info ? length : sizeof info);
        activity->received = info.tcpi_bytes_received;
        activity->acknowledged = info.tcpi_bytes_acked;
        activity->received_ms = info.tcpi_last_data_recv;
        activity->acknowledged_ms = info.tcpi_last_ack_recv;
    }
}

int activity_ask(int diag, const struct address *local, const struct address *peer,
                 struct activity *activity_r)
{
    union {
        struct nlmsghdr header;
        char room[4096];
    } answer;
    ssize_t n;
    int r = send_question(diag, local, peer);

    if (r < 0)
        return r;
    n = recv(diag, &answer, sizeof answer, MSG_DONTWAIT);
    if (n < 0)
        return -errno;
    if (!NLMSG_OK(&answer.header, (size_t)n))
        return -EBADMSG;
    *activity_r = (struct activity){0};
    if (answer.header.nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(&answer.header);

        return error->error == -ENOENT || error->error == 0 ? 0 : error->error;
    }
    if (answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return -EBADMSG;
    take_info(&answer.header, activity_r);
    return 0;
}
