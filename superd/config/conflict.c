/* conflict: who has claimed which socket. See conflict.h. */
#include "config/conflict.h"

#include <stdio.h>
#include <string.h>

/* A listener in a chain of those that may conflict, newest first. */
struct claim {
    const struct service_config *service;
    const struct listener_config *listener;
    struct claim *next;
};

#define KEY_SIZE (ADDRESS_TEXT_SIZE + 32)

/* The chains. Of one port there may be thousands, each of an address: such a one conflicts with those of
 * the same address and with those of all addresses, and only these are looked at. */
enum chain { CHAIN_ALL, CHAIN_WILD, CHAIN_ADDRESS };

static bool is_ip(const struct listener_config *listener)
{
    return !listener->inherited && listener->address.sa.sa_family != AF_UNIX;
}

static void key_of(const struct listener_config *listener, enum chain chain, char key[KEY_SIZE])
{
    char host[ADDRESS_TEXT_SIZE];
    unsigned port = is_ip(listener) ? address_port(&listener->address) : 0;

    if (listener->inherited)
        snprintf(key, KEY_SIZE, "fd:%s", listener->inherited);
    else if (!is_ip(listener))
        snprintf(key, KEY_SIZE, "unix:%s", address_format_host(&listener->address, host));
    else if (chain == CHAIN_ADDRESS)
        snprintf(key, KEY_SIZE, "%d:%u:%s", listener->type, port,
                 address_format_host(&listener->address, host));
    else
        snprintf(key, KEY_SIZE, "%d:%u%s", listener->type, port, chain == CHAIN_WILD ? ":*" : "");
}

/* The chains it stands in, besides CHAIN_ALL. */
static enum chain second_chain(const struct listener_config *listener)
{
    if (!is_ip(listener))
        return CHAIN_ALL;
    return address_is_wildcard(&listener->address) ? CHAIN_WILD : CHAIN_ADDRESS;
}

/* As the kernel compares two sockets that are to be bound to one port (inet_csk_bind_conflict). */
static bool ip_conflict(const struct listener_config *a, const struct listener_config *b)
{
    const struct listener_config *six = a->address.sa.sa_family == AF_INET6 ? a : b;
    bool wild = address_is_wildcard(&a->address) || address_is_wildcard(&b->address);

    if (a->options.device && b->options.device && strcmp(a->options.device, b->options.device) != 0)
        return false;
    if (address_equal(&a->address, &b->address))
        return true; /* with SO_REUSEPORT it could be bound, but what would it be good for? */
    if (a->options.reuseport && b->options.reuseport)
        return false;
    if (a->address.sa.sa_family == b->address.sa.sa_family)
        return wild;
    return !six->options.v6only && address_is_wildcard(&six->address);
}

static bool conflict(const struct listener_config *a, const struct listener_config *b)
{
    return !is_ip(a) || ip_conflict(a, b);
}

/* Who in that chain has what LISTENER wants. */
static const struct claim *find_conflict(const struct loader *loader,
                                         const struct listener_config *listener, enum chain chain)
{
    char key[KEY_SIZE];
    const struct claim *other;

    key_of(listener, chain, key);
    other = map_get(&loader->sockets, key);
    while (other && !conflict(listener, other->listener))
        other = other->next;
    return other;
}

static const struct claim *find_any_conflict(const struct loader *loader,
                                             const struct listener_config *listener)
{
    const struct claim *other;

    if (second_chain(listener) != CHAIN_ADDRESS)
        return find_conflict(loader, listener, CHAIN_ALL);
    other = find_conflict(loader, listener, CHAIN_ADDRESS);
    return other ? other : find_conflict(loader, listener, CHAIN_WILD);
}

static bool add_claim(struct loader *loader, const struct service_config *service,
                      const struct listener_config *listener, enum chain chain)
{
    struct claim *claim = loader_array(loader, 1, sizeof *claim);
    char key[KEY_SIZE];
    void **slot;

    key_of(listener, chain, key);
    slot = loader_check(loader, map_slot(&loader->sockets, key));
    if (!claim || !slot)
        return false;
    *claim = (struct claim){.service = service, .listener = listener, .next = *slot};
    *slot = claim;
    return true;
}

/* It is the newest of its chains. */
static void remove_claim(struct loader *loader, const struct listener_config *listener,
                         enum chain chain)
{
    char key[KEY_SIZE];
    struct claim *claim;
    void **slot;

    key_of(listener, chain, key);
    claim = map_get(&loader->sockets, key);
    if (!claim || claim->listener != listener)
        return;
    slot = map_slot(&loader->sockets, key); /* it is there, so nothing is allocated */
    *slot = claim->next;
}

static bool claim_one(struct loader *loader, const struct service_config *service,
                      const struct listener_config *listener)
{
    enum chain second = second_chain(listener);
    const struct claim *other;

    if (is_ip(listener) && address_port(&listener->address) == 0)
        return true; /* the kernel will find one that is free */
    other = find_any_conflict(loader, listener);
    if (other) {
        loader_error(loader, listener->position,
                     "\"%s\" is taken by \"%s\" of service \"%s\" (%s:%u)", listener->written,
                     other->listener->written, other->service->name, other->listener->position.file,
                     other->listener->position.line);
        return false;
    }
    return add_claim(loader, service, listener, CHAIN_ALL) &&
           (second == CHAIN_ALL || add_claim(loader, service, listener, second));
}

/* Take back what the first COUNT listeners claimed. */
static void release(struct loader *loader, const struct service_config *service, size_t count)
{
    while (count-- > 0) {
        const struct listener_config *listener = &service->listeners[count];
        enum chain second = second_chain(listener);

        if (second != CHAIN_ALL)
            remove_claim(loader, listener, second);
        remove_claim(loader, listener, CHAIN_ALL);
    }
}

bool conflict_claim(struct loader *loader, const struct service_config *service)
{
    for (size_t i = 0; i < service->listener_count; i++) {
        if (!claim_one(loader, service, &service->listeners[i])) {
            release(loader, service, i);
            return false;
        }
    }
    return true;
}
