/* address: socket addresses, prefixes and sources as values. See address.h. */
#include "net/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/units.h"

#define UNIX_PATH_OFFSET offsetof(struct sockaddr_un, sun_path)

/* ---- UNIX names ----------------------------------------------------------------------------- */

/* The bytes of the name: those of a path without its NUL, those of an abstract name with the NUL in
 * front; none for an unnamed socket. */
static size_t unix_name_length(const struct address *address)
{
    size_t length = address->length > UNIX_PATH_OFFSET ? address->length - UNIX_PATH_OFFSET : 0;

    if (length > sizeof address->un.sun_path)
        length = sizeof address->un.sun_path;
    if (length > 0 && address->un.sun_path[0] != '\0')
        length = strnlen(address->un.sun_path, length);
    return length;
}

static void append_unix(struct strbuf *sb, const struct address *address)
{
    size_t length = unix_name_length(address);

    for (size_t i = 0; i < length; i++) {
        char c = address->un.sun_path[i];

        if (i == 0 && c == '\0')
            strbuf_char(sb, '@');
        else if (c > ' ' && c < 0x7f && c != '\\')
            strbuf_char(sb, c);
        else
            strbuf_printf(sb, "\\x%02x", (unsigned char)c);
    }
}

/* ---- Text ----------------------------------------------------------------------------------- */

static void append_scope(struct strbuf *sb, uint32_t scope)
{
    char name[IF_NAMESIZE];

    if (scope == 0)
        return;
    strbuf_char(sb, '%');
    if (if_indextoname(scope, name))
        strbuf_text(sb, name);
    else
        strbuf_u64(sb, scope);
}

/* Several times in each launch: inet_ntop() takes ten times as long. */
static void append_ipv4(struct strbuf *sb, uint32_t address)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        strbuf_u64(sb, address >> shift & 0xff);
        if (shift > 0)
            strbuf_char(sb, '.');
    }
}

static void append_host(struct strbuf *sb, const struct address *address)
{
    char host[INET6_ADDRSTRLEN];

    switch (address->length > 0 ? address->sa.sa_family : AF_UNSPEC) {
    case AF_INET:
        append_ipv4(sb, ntohl(address->in.sin_addr.s_addr));
        break;
    case AF_INET6:
        strbuf_text(sb, inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof host));
        append_scope(sb, address->in6.sin6_scope_id);
        break;
    case AF_UNIX:
        append_unix(sb, address);
        break;
    default:
        break;
    }
}

char *address_format(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
    struct address plain = *address;
    struct strbuf sb;

    strbuf_init(&sb, text, ADDRESS_TEXT_SIZE);
    if (plain.length == 0)
        return text;
    address_unmap(&plain);
    if (plain.sa.sa_family == AF_UNIX) {
        strbuf_text(&sb, "unix:");
        append_unix(&sb, &plain);
        return text;
    }
    if (plain.sa.sa_family == AF_INET6)
        strbuf_char(&sb, '[');
    append_host(&sb, &plain);
    strbuf_text(&sb, plain.sa.sa_family == AF_INET6 ? "]:" : ":");
    strbuf_u64(&sb, address_port(&plain));
    return text;
}

char *address_format_host(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
    struct address plain = *address;
    struct strbuf sb;

    strbuf_init(&sb, text, ADDRESS_TEXT_SIZE);
    address_unmap(&plain);
    append_host(&sb, &plain);
    return text;
}

/* The interface that is written behind a '%': a name or a number. 0: there is none. */
static uint32_t parse_scope(const char *text)
{
    uint64_t number;

    if (units_parse_number(text, UINT32_MAX, &number))
        return (uint32_t)number;
    return if_nametoindex(text);
}

static bool parse_ip6(const char *host, struct in6_addr *address_r, uint32_t *scope_r)
{
    const char *percent = strchr(host, '%');
    char bare[INET6_ADDRSTRLEN];
    struct in6_addr address;

    *scope_r = 0;
    if (!percent)
        return inet_pton(AF_INET6, host, address_r) == 1;
    if ((size_t)(percent - host) >= sizeof bare)
        return false;
    memcpy(bare, host, (size_t)(percent - host));
    bare[percent - host] = '\0';
    if (inet_pton(AF_INET6, bare, &address) != 1)
        return false;
    /* Elsewhere the kernel ignores a scope, so it would say something that does not hold. */
    if (!IN6_IS_ADDR_LINKLOCAL(&address) && !IN6_IS_ADDR_MULTICAST(&address))
        return false;
    *scope_r = parse_scope(percent + 1);
    if (*scope_r == 0)
        return false;
    *address_r = address;
    return true;
}

bool address_parse_ip(const char *host, uint16_t port, struct address *address_r)
{
    struct address address = {.length = 0};
    uint32_t scope;

    if (inet_pton(AF_INET, host, &address.in.sin_addr) == 1) {
        address.in.sin_family = AF_INET;
        address.in.sin_port = htons(port);
        address.length = sizeof address.in;
    } else if (parse_ip6(host, &address.in6.sin6_addr, &scope)) {
        address.in6.sin6_family = AF_INET6;
        address.in6.sin6_port = htons(port);
        address.in6.sin6_scope_id = scope;
        address.length = sizeof address.in6;
        address_unmap(&address);
    } else {
        return false;
    }
    *address_r = address;
    return true;
}

bool address_parse_unix(const char *path, struct address *address_r)
{
    struct address address = {.un = {.sun_family = AF_UNIX}};
    size_t length = strlen(path);
    bool abstract = path[0] == '@';
    size_t used = abstract ? length : length + 1; /* '@' stands for the NUL in front */

    if (length < (abstract ? 2 : 1) || used > sizeof address.un.sun_path)
        return false;
    memcpy(address.un.sun_path, path, length);
    if (abstract)
        address.un.sun_path[0] = '\0';
    address.length = (socklen_t)(UNIX_PATH_OFFSET + used);
    *address_r = address;
    return true;
}

/* ---- Questions ------------------------------------------------------------------------------ */

uint16_t address_port(const struct address *address)
{
    if (address->length == 0)
        return 0;
    if (address->sa.sa_family == AF_INET)
        return ntohs(address->in.sin_port);
    if (address->sa.sa_family == AF_INET6)
        return ntohs(address->in6.sin6_port);
    return 0;
}

void address_set_port(struct address *address, uint16_t port)
{
    if (address->length == 0)
        return;
    if (address->sa.sa_family == AF_INET)
        address->in.sin_port = htons(port);
    else if (address->sa.sa_family == AF_INET6)
        address->in6.sin6_port = htons(port);
}

void address_unmap(struct address *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};

    if (address->length == 0 || address->sa.sa_family != AF_INET6 ||
        !IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
        return;
    memcpy(&in.sin_addr, address->in6.sin6_addr.s6_addr + 12, 4);
    in.sin_port = address->in6.sin6_port;
    memset(address, 0, sizeof *address);
    address->in = in;
    address->length = sizeof in;
}

bool address_equal(const struct address *a, const struct address *b)
{
    struct address x = *a, y = *b;

    if (x.length == 0 || y.length == 0)
        return x.length == y.length;
    address_unmap(&x);
    address_unmap(&y);
    if (x.sa.sa_family != y.sa.sa_family)
        return false;
    switch (x.sa.sa_family) {
    case AF_INET:
        return x.in.sin_addr.s_addr == y.in.sin_addr.s_addr && x.in.sin_port == y.in.sin_port;
    case AF_INET6:
        return memcmp(&x.in6.sin6_addr, &y.in6.sin6_addr, sizeof x.in6.sin6_addr) == 0 &&
               x.in6.sin6_port == y.in6.sin6_port && x.in6.sin6_scope_id == y.in6.sin6_scope_id;
    case AF_UNIX: {
        size_t length = unix_name_length(&x);

        return length == unix_name_length(&y) && memcmp(x.un.sun_path, y.un.sun_path, length) == 0;
    }
    default:
        return false;
    }
}

bool address_is_loopback(const struct address *address)
{
    struct address plain = *address;

    if (plain.length == 0)
        return false;
    address_unmap(&plain);
    if (plain.sa.sa_family == AF_INET)
        return ntohl(plain.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (plain.sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&plain.in6.sin6_addr);
    return plain.sa.sa_family == AF_UNIX;
}

bool address_is_wildcard(const struct address *address)
{
    struct address plain = *address;

    if (plain.length == 0)
        return false;
    address_unmap(&plain);
    if (plain.sa.sa_family == AF_INET)
        return plain.in.sin_addr.s_addr == htonl(INADDR_ANY);
    return plain.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&plain.in6.sin6_addr);
}

/* ---- Prefixes and sources ------------------------------------------------------------------- */

static unsigned full_length(uint8_t family)
{
    return family == AF_INET6 ? 128 : 32;
}

/* Zero what lies behind the length; tells whether anything was there. */
static bool cut_bits(struct prefix *prefix)
{
    size_t whole = prefix->length / 8;
    uint8_t mask = (uint8_t)(0xff00 >> prefix->length % 8);
    bool cut = false;

    for (size_t i = whole; i < sizeof prefix->bytes; i++) {
        uint8_t keep = i == whole ? mask : 0;

        cut |= (prefix->bytes[i] & ~keep) != 0;
        prefix->bytes[i] &= keep;
    }
    return cut;
}

bool prefix_parse(const char *text, struct prefix *prefix_r)
{
    struct prefix prefix = {.family = AF_INET};
    const char *slash = strchr(text, '/');
    size_t host_length = slash ? (size_t)(slash - text) : strlen(text);
    char host[INET6_ADDRSTRLEN];
    struct in6_addr in6;
    uint64_t length;

    if (host_length >= sizeof host)
        return false;
    memcpy(host, text, host_length);
    host[host_length] = '\0';
    if (inet_pton(AF_INET, host, prefix.bytes) != 1) {
        if (inet_pton(AF_INET6, host, &in6) != 1)
            return false;
        prefix.family = AF_INET6;
        memcpy(prefix.bytes, &in6, sizeof in6);
    }
    length = full_length(prefix.family);
    if (slash && !units_parse_number(slash + 1, length, &length))
        return false;
    prefix.length = (uint8_t)length;
    if (cut_bits(&prefix))
        return false;
    if (prefix.family == AF_INET6 && prefix.length >= 96 && IN6_IS_ADDR_V4MAPPED(&in6)) {
        prefix = (struct prefix){.family = AF_INET, .length = (uint8_t)(length - 96)};
        memcpy(prefix.bytes, in6.s6_addr + 12, 4);
    }
    *prefix_r = prefix;
    return true;
}

char *prefix_format(const struct prefix *prefix, char text[PREFIX_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN];
    struct strbuf sb;
    uint32_t uid;

    strbuf_init(&sb, text, PREFIX_TEXT_SIZE);
    if (prefix->family == AF_UNIX) {
        memcpy(&uid, prefix->bytes, sizeof uid);
        strbuf_text(&sb, "uid:");
        strbuf_u64(&sb, ntohl(uid));
        return text;
    }
    if (!inet_ntop(prefix->family, prefix->bytes, host, sizeof host))
        return text;
    strbuf_text(&sb, host);
    if (prefix->length < full_length(prefix->family)) {
        strbuf_char(&sb, '/');
        strbuf_u64(&sb, prefix->length);
    }
    return text;
}

bool prefix_contains(const struct prefix *prefix, const struct prefix *other)
{
    struct prefix cut = *other;

    if (prefix->family != other->family || prefix->length > other->length)
        return false;
    cut.length = prefix->length;
    cut_bits(&cut);
    return memcmp(cut.bytes, prefix->bytes, sizeof cut.bytes) == 0;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
    return a->family == b->family && a->length == b->length &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

struct prefix source_of(const struct address *peer, uid_t uid, unsigned v4_length,
                        unsigned v6_length)
{
    struct address plain = *peer;
    struct prefix source = {.family = AF_UNIX, .length = 32};
    uint32_t number = htonl(uid);

    address_unmap(&plain);
    if (plain.length > 0 && plain.sa.sa_family == AF_INET) {
        source.family = AF_INET;
        source.length = (uint8_t)(v4_length < 32 ? v4_length : 32);
        memcpy(source.bytes, &plain.in.sin_addr, 4);
        cut_bits(&source);
    } else if (plain.length > 0 && plain.sa.sa_family == AF_INET6) {
        source.family = AF_INET6;
        source.length = (uint8_t)(v6_length < 128 ? v6_length : 128);
        memcpy(source.bytes, &plain.in6.sin6_addr, 16);
        cut_bits(&source);
    } else {
        memcpy(source.bytes, &number, sizeof number);
    }
    return source;
}
