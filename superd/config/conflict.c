/* conflict: who has claimed which socket. See conflict.h. */
#include "config/conflict.h"

#include <stdio.h>
#include <string.h>

/* A listener under its port, which is what is looked up: those of one port are few. */
struct claim {
    const struct service_config *service;
    const struct listener_config *listener;
    struct claim *next;
};

#define KEY_SIZE (ADDRESS_TEXT_SIZE + 16)

/* What listeners that may conflict have in common. */
static void key_of(const struct listener_config *listener, char key[KEY_SIZE])
{
    char host[ADDRESS_TEXT_SIZE];

    if (listener->inherited)
        snprintf(key, KEY_SIZE, "fd:%s", listener->inherited);
    else if (listener->address.sa.sa_family == AF_UNIX)
        snprintf(key, KEY_SIZE, "unix:%s", address_format_host(&listener->address, host));
    else
        snprintf(key, KEY_SIZE, "%d:%u", listener->type, address_port(&listener->address));
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
    bool ip = !a->inherited && a->address.sa.sa_family != AF_UNIX;

    return !ip || ip_conflict(a, b);
}

static bool claim_one(struct loader *loader, const struct service_config *service,
                      const struct listener_config *listener)
{
    char key[KEY_SIZE];
    struct claim *claim;
    void **slot;

    if (!listener->inherited && listener->address.sa.sa_family != AF_UNIX &&
        address_port(&listener->address) == 0)
        return true; /* the kernel will find one that is free */
    key_of(listener, key);
    slot = loader_check(loader, map_slot(&loader->sockets, key));
    if (!slot)
        return false;
    for (const struct claim *other = *slot; other; other = other->next) {
        if (!conflict(listener, other->listener))
            continue;
        loader_error(loader, listener->position,
                     "\"%s\" is taken by \"%s\" of service \"%s\" (%s:%u)", listener->written,
                     other->listener->written, other->service->name, other->listener->position.file,
                     other->listener->position.line);
        return false;
    }
    claim = loader_array(loader, 1, sizeof *claim);
    if (!claim)
        return false;
    *claim = (struct claim){.service = service, .listener = listener, .next = *slot};
    *slot = claim;
    return true;
}

/* Take back what the first COUNT listeners claimed: each is the newest of its key. */
static void release(struct loader *loader, const struct service_config *service, size_t count)
{
    while (count-- > 0) {
        char key[KEY_SIZE];
        struct claim *claim;
        void **slot;

        key_of(&service->listeners[count], key);
        claim = map_get(&loader->sockets, key);
        if (!claim || claim->listener != &service->listeners[count])
            continue;
        slot = map_slot(&loader->sockets, key); /* it is there, so nothing is allocated */
        *slot = claim->next;
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
