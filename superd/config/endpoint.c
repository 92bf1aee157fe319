/* endpoint: parsing "udp:*:69", "[::1]:7000-7009", "unix:/run/x". See endpoint.h. */
#include "config/endpoint.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "config/suggest.h"

#define PORT_MOST 65535

static const struct kind {
    const char *word;
    enum endpoint_kind kind;
    int type;
} kinds[] = {
    {"tcp", ENDPOINT_IP, SOCK_STREAM},       {"udp", ENDPOINT_IP, SOCK_DGRAM},
    {"unix", ENDPOINT_UNIX, SOCK_STREAM},    {"seqpacket", ENDPOINT_UNIX, SOCK_SEQPACKET},
    {"fd", ENDPOINT_INHERITED, SOCK_STREAM}, /* what it really is, the socket itself tells */
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* ---- Ports ---------------------------------------------------------------------------------- */

/* The number of the port called NAME in /etc/services, 0 when there is none. Remembered: the file
 * is read anew by each getservbyname(3). */
static unsigned port_of_name(struct loader *loader, const char *name, const char *protocol)
{
    const struct servent *entry;
    char key[128];
    void **slot;
    uintptr_t port;

    if (snprintf(key, sizeof key, "%s/%s", protocol, name) >= (int)sizeof key)
        return 0;
    port = (uintptr_t)map_get(&loader->ports, key);
    if (port)
        return (unsigned)port;
    entry = getservbyname(name, protocol);
    if (!entry)
        return 0;
    port = ntohs((uint16_t)entry->s_port);
    slot = loader_check(loader, map_slot(&loader->ports, key));
    if (slot)
        *slot = (void *)port;
    return (unsigned)port;
}

static bool parse_range(const char *text, struct endpoint *endpoint)
{
    const char *dash = strchr(text, '-');
    char first[8];
    uint64_t low, high;

    if (dash - text >= (long)sizeof first)
        return false;
    memcpy(first, text, (size_t)(dash - text));
    first[dash - text] = '\0';
    if (!units_parse_number(first, PORT_MOST, &low) ||
        !units_parse_number(dash + 1, PORT_MOST, &high) || low < 1 || low > high)
        return false;
    endpoint->first = (unsigned)low;
    endpoint->last = (unsigned)high;
    return true;
}

static bool parse_port(struct loader *loader, const char *text, struct position position,
                       struct endpoint *endpoint)
{
    const char *protocol = endpoint->type == SOCK_DGRAM ? "udp" : "tcp";
    uint64_t port;

    if (strspn(text, "0123456789-") == strlen(text) && strchr(text, '-')) {
        if (parse_range(text, endpoint))
            return true;
        loader_error(
            loader, position,
            "\"%s\" is no range of ports: it goes from a number of 1 to 65535 up to another", text);
        return false;
    }
    if (isdigit((unsigned char)text[0]) || text[0] == '\0' || text[0] == '-') {
        if (units_parse_number(text, PORT_MOST, &port)) {
            endpoint->first = endpoint->last = (unsigned)port;
            return true;
        }
        loader_error(loader, position,
                     "\"%s\" is no port: a number of 0 (the kernel chooses) to 65535, or a name of "
                     "/etc/services",
                     text);
        return false;
    }
    endpoint->first = endpoint->last = port_of_name(loader, text, protocol);
    if (endpoint->first == 0 && !loader->out_of_memory)
        loader_error(loader, position, "there is no %s port called \"%s\" in /etc/services",
                     protocol, text);
    return endpoint->first != 0;
}

/* ---- Hosts ---------------------------------------------------------------------------------- */

/* HOST is no numeric address: say what it may be. */
static void say_host(struct loader *loader, const char *text, const char *host,
                     struct position position)
{
    size_t word = strcspn(text, ":");
    struct suggestion near;
    char prefix[16];

    if (host[0] == '\0') {
        loader_error(loader, position,
                     "\"%s\" has no address before its port: for every address write \"*\"", text);
        return;
    }
    if (strchr(host, ':') && word < sizeof prefix && word > 1 &&
        strspn(host, "0123456789abcdefABCDEF:.") != strlen(host)) {
        memcpy(prefix, text, word);
        prefix[word] = '\0';
        suggestion_init(&near, prefix);
        for (size_t i = 0; i < KINDS; i++)
            suggestion_consider(&near, kinds[i].word);
        loader_error(loader, position,
                     "\"%s\" begins with neither tcp:, udp:, unix:, seqpacket: nor fd:%s", text,
                     suggestion_text(&near));
        return;
    }
    if (strchr(host, ':')) {
        loader_error(loader, position, "\"%s\": an IPv6 address stands in brackets, as \"[%s]:%s\"",
                     text, host, strrchr(text, ':') + 1);
        return;
    }
    loader_error(
        loader, position,
        "\"%s\" is no address: write a numeric address, or \"*\"; host names are not looked "
        "up, because they may mean another place tomorrow",
        host);
}

/* "HOST:PORT", "[HOST]:PORT" or "PORT" at REST, which is the end of TEXT. */
static bool parse_ip(struct loader *loader, const char *text, const char *rest,
                     struct position position, struct endpoint *endpoint)
{
    const char *colon = strrchr(rest, ':'), *begin = rest, *end = colon;
    char host[96] = "*";

    if (rest[0] == '[') {
        begin = rest + 1;
        end = strchr(rest, ']');
        if (!end || end[1] != ':') {
            loader_error(loader, position, "\"%s\" must be \"[ADDRESS]:PORT\"", text);
            return false;
        }
        colon = end + 1;
    }
    if (colon) {
        if (end - begin >= (long)sizeof host)
            end = begin + sizeof host - 1;
        memcpy(host, begin, (size_t)(end - begin));
        host[end - begin] = '\0';
    }
    endpoint->any = strcmp(host, "*") == 0 && rest[0] != '[';
    if (!endpoint->any &&
        ((rest[0] != '[' && strchr(host, ':')) || (rest[0] == '[' && !strchr(host, ':')) ||
         !address_parse_ip(host, 0, &endpoint->address))) {
        if (rest[0] == '[')
            loader_error(loader, position, "\"%s\" is no numeric IPv6 address", host);
        else
            say_host(loader, text, host, position);
        return false;
    }
    endpoint->port_at = (size_t)((colon ? colon + 1 : rest) - text);
    return parse_port(loader, text + endpoint->port_at, position, endpoint);
}

/* ---- The others ----------------------------------------------------------------------------- */

static bool parse_unix(struct loader *loader, const char *path, struct position position,
                       struct endpoint *endpoint)
{
    if (path[0] != '/' && path[0] != '@') {
        loader_error(loader, position,
                     "\"%s\": a UNIX socket is an absolute path, or \"@\" and a name", path);
        return false;
    }
    if (!address_parse_unix(path, &endpoint->address)) {
        loader_error(loader, position, "\"%s\" is no name of a UNIX socket: 1 to 107 bytes", path);
        return false;
    }
    return true;
}

static bool parse_inherited(struct loader *loader, const char *name, struct position position,
                            struct endpoint *endpoint)
{
    if (name[0] == '\0' || strchr(name, ':')) {
        loader_error(loader, position,
                     "\"fd:%s\" must be \"fd:\" and the name of an inherited socket", name);
        return false;
    }
    endpoint->name = name;
    return true;
}

bool endpoint_parse(struct loader *loader, const char *text, struct position position,
                    struct endpoint *endpoint_r)
{
    struct endpoint endpoint = {.kind = ENDPOINT_IP, .type = SOCK_STREAM};
    const char *rest = text;
    bool good = false;

    for (size_t i = 0; i < KINDS; i++) {
        size_t length = strlen(kinds[i].word);

        if (strncmp(text, kinds[i].word, length) == 0 && text[length] == ':') {
            endpoint.kind = kinds[i].kind;
            endpoint.type = kinds[i].type;
            rest = text + length + 1;
        }
    }
    switch (endpoint.kind) {
    case ENDPOINT_IP:
        good = parse_ip(loader, text, rest, position, &endpoint);
        break;
    case ENDPOINT_UNIX:
        good = parse_unix(loader, rest, position, &endpoint);
        break;
    case ENDPOINT_INHERITED:
        good = parse_inherited(loader, rest, position, &endpoint);
        break;
    }
    if (good)
        *endpoint_r = endpoint;
    return good;
}
