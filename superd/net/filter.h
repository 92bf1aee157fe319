/*
 * filter: access rules as a socket filter (bpf(4) of Linux: SO_ATTACH_FILTER), for listener mode.
 *
 * There the handler accepts, or receives datagrams, by itself, so superd cannot decide connection by
 * connection. The kernel can: packets of a denied source never reach the socket. A denied client sees
 * silence, not a closed connection, which is the price.
 */
#ifndef SUPERD_NET_FILTER_H
#define SUPERD_NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "net/address.h"

struct filter_rule {
    struct prefix prefix;
    bool allow;
};

/* Set on FD, a TCP listener or a UDP socket, a filter of RULES in place of the one it has: the longest
 * prefix wins, deny wins at equal length, and what no rule matches is allowed unless there is an allow
 * rule. RULES are sorted. With no rules the filter is taken off. Returns 0 or -errno; -E2BIG when they
 * do not fit into the kernel's 4,096 instructions (about 1,000 IPv4 prefixes). */
int filter_set(int fd, struct filter_rule *rules, size_t count, bool default_allow);

/* Set on FD, a TCP listener that is about to be closed, a filter that drops the first packet of a handshake
 * (SYN without ACK): handshakes under way end, none begins. A client whose packet was dropped sends
 * it again and reaches whoever has the address by then. Returns 0 or -errno. */
int filter_refuse_handshakes(int fd);

#endif
