/*
 * address: socket addresses, prefixes and source keys as values: parse, compare, show.
 *
 * IPv4-mapped IPv6 addresses (::ffff:192.0.2.1) are IPv4 addresses to every function here.
 * No function resolves a host name or does any I/O.
 */
#ifndef SUPERD_NET_ADDRESS_H
#define SUPERD_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    };
    socklen_t length; /* of what is used above; 0: no address */
};

/* The longest text below: a UNIX path of 108 bytes, each escaped as \xXX, "unix:" and a NUL. */
#define ADDRESS_TEXT_SIZE 448

/* "192.0.2.1:80", "[2001:db8::1]:80", "[fe80::1%eth0]:80", "unix:/run/x", "unix:@name",
 * "unix:" for an unnamed one. Returns TEXT. */
char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE]);

/* The host part alone: "192.0.2.1", "2001:db8::1" (with %scope), "/run/x", "@name", "". Returns TEXT. */
char *address_format_host(const struct address *address, char text[ADDRESS_TEXT_SIZE]);

/* The port of an IP address, in host order; 0 for others. */
uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);

/* Parse a numeric host ("192.0.2.1", "2001:db8::1", "fe80::1%eth0" or "%3") and set PORT. False when it
 * is no numeric address. A mapped address gives AF_INET. */
bool address_parse_ip(const char *host, uint16_t port, struct address *address_r);

/* Make a UNIX address of PATH; "@name" is in the abstract namespace. False when it is empty or too
 * long for sun_path (a path needs its NUL). */
bool address_parse_unix(const char *path, struct address *address_r);

/* Turn a mapped IPv6 address into the IPv4 address that it means; others stay. */
void address_unmap(struct address *address);

bool address_equal(const struct address *a, const struct address *b);
bool address_is_loopback(const struct address *address); /* 127/8, ::1; UNIX sockets too */
bool address_is_wildcard(const struct address *address);

/* ---- Prefixes and sources ------------------------------------------------------------------- */

/* A set of addresses that begin alike. Bits after LENGTH are zero. */
struct prefix {
    uint8_t family;    /* AF_INET or AF_INET6; for a source also AF_UNIX */
    uint8_t length;    /* 0-32, 0-128; 32 for AF_UNIX */
    uint8_t bytes[16]; /* network order; AF_UNIX: the uid, 4 bytes network order */
};

/* "192.0.2.0/24", "2001:db8::/32", or an address alone (then /32 or /128). False when it does not parse
 * or has bits set behind its length. */
bool prefix_parse(const char *text, struct prefix *prefix_r);

#define PREFIX_TEXT_SIZE 64
/* "192.0.2.0/24"; an address alone where the length is the full one; "uid:1000". Returns TEXT. */
char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE]);

bool prefix_contains(const struct prefix *prefix, const struct prefix *other);
bool prefix_equal(const struct prefix *a, const struct prefix *b);

/* The source that a peer's connections are counted under: its address cut to V4_LENGTH or V6_LENGTH
 * bits. A UNIX peer is counted under UID. */
struct prefix source_of(const struct address *peer, uid_t uid, unsigned v4_length,
                        unsigned v6_length);

#endif
