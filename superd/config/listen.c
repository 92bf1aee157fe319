/* listen: entries of `listen` and their options. See listen.h. */
#include "config/listen.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "config/endpoint.h"
#include "config/identity.h"
#include "config/settings.h"

/* ---- Which options go with which sockets ---------------------------------------------------- */

enum { ON_TCP = 1, ON_UDP = 2, ON_IP6 = 4, ON_PATH = 8, ON_ABSTRACT = 16, ON_INHERITED = 32 };
#define ON_IP     (ON_TCP | ON_UDP)
#define ON_STREAM (ON_TCP | ON_PATH | ON_ABSTRACT | ON_INHERITED)

static const struct {
    const char *name;
    unsigned where;
    const char *place; /* in words */
} options[] = {
    {"backlog", ON_STREAM, "sockets that accept connections"},
    {"nodelay", ON_TCP | ON_INHERITED, "TCP"},
    {"keepalive", ON_TCP | ON_INHERITED, "TCP"},
    {"v6only", ON_IP6, "IPv6 addresses"},
    {"freebind", ON_IP, "IP addresses"},
    {"device", ON_IP, "IP addresses"},
    {"reuseport", ON_IP, "IP addresses"},
    {"fastopen", ON_TCP, "TCP"},
    {"defer_accept", ON_TCP, "TCP"},
    {"mode", ON_PATH, "UNIX sockets with a path"},
    {"owner", ON_PATH, "UNIX sockets with a path"},
    {"group", ON_PATH, "UNIX sockets with a path"},
    {"trap", ON_STREAM, "connections: the source of a datagram can be forged"},
};
#define OPTIONS (sizeof options / sizeof options[0])

static unsigned kind_of(const struct listener_config *listener)
{
    if (listener->inherited)
        return ON_INHERITED;
    if (listener->address.sa.sa_family == AF_UNIX)
        return listener->address.un.sun_path[0] ? ON_PATH : ON_ABSTRACT;
    return (listener->type == SOCK_DGRAM ? ON_UDP : ON_TCP) |
           (listener->address.sa.sa_family == AF_INET6 && !listener->pair ? ON_IP6 : 0);
}

bool listen_option_applies(const struct listener_config *listener, const char *name)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strcmp(options[i].name, name) == 0)
            return options[i].where & kind_of(listener);
    }
    return true;
}

/* Was the option written, and where? */
static const struct origin *origin_of(const struct listen_draft *entry, const char *name)
{
    const struct origin *origin = &entry->origins[schema_index(schema_find(SCOPE_LISTEN, name))];

    return origin->position.file ? origin : NULL;
}

static bool check_options(struct loader *loader, const struct listen_draft *entry,
                          const struct listener_config *listener)
{
    bool good = true;

    for (size_t i = 0; i < OPTIONS; i++) {
        const struct origin *origin = origin_of(entry, options[i].name);

        if (!origin || options[i].where & kind_of(listener))
            continue;
        loader_error(loader, origin->position, "\"%s\" is for %s, not for \"%s\"", options[i].name,
                     options[i].place, entry->address);
        good = false;
    }
    return good;
}

/* ---- From an endpoint to listeners ---------------------------------------------------------- */

static struct listener_config *add_listener(struct loader *loader)
{
    struct listener_config *listener;

    if (loader->listener_count == loader->listener_capacity) {
        size_t capacity = loader->listener_capacity ? loader->listener_capacity * 2 : 16;
        struct listener_config *bigger = loader_check(
            loader, realloc(loader->listeners, capacity * sizeof *bigger));

        if (!bigger)
            return NULL;
        loader->listeners = bigger;
        loader->listener_capacity = capacity;
    }
    listener = &loader->listeners[loader->listener_count++];
    memset(listener, 0, sizeof *listener);
    return listener;
}

/* The entry as it was written, with one port of its range. */
static const char *written_of(struct loader *loader, const char *text,
                              const struct endpoint *endpoint, unsigned port)
{
    if (endpoint->first == endpoint->last)
        return text;
    return loader_check(loader,
                        arena_printf(loader->arena, "%.*s%u", (int)endpoint->port_at, text, port));
}

/* Every key is of one listener alone. Where the kernel chooses the port, the address does not tell
 * listeners apart, so the service and the number within it do. */
static const char *key_of(struct loader *loader, const struct listener_config *listener)
{
    char text[ADDRESS_TEXT_SIZE];
    const char *prefix = "";

    if (listener->inherited)
        return loader_check(loader, arena_printf(loader->arena, "fd:%s", listener->inherited));
    if (listener->address.sa.sa_family != AF_UNIX)
        prefix = listener->type == SOCK_DGRAM ? "udp:" : "tcp:";
    else
        prefix = listener->type == SOCK_SEQPACKET ? "seqpacket:" : "unix:";
    if (listener->address.sa.sa_family == AF_UNIX)
        address_format_host(&listener->address, text);
    else
        address_format(&listener->address, text);
    if (listener->address.sa.sa_family != AF_UNIX && address_port(&listener->address) == 0)
        return loader_check(loader, arena_printf(loader->arena, "%s%s/%s/%zu", prefix, text,
                                                 loader->service, loader->listener_count));
    return loader_check(loader,
                        arena_printf(loader->arena, "%s%s%s%s", prefix, text,
                                     listener->options.device ? "%" : "",
                                     listener->options.device ? listener->options.device : ""));
}

static bool add_one(struct loader *loader, const struct listen_draft *entry,
                    struct position position, const struct endpoint *endpoint, unsigned port,
                    const char *any)
{
    struct listener_config *listener = add_listener(loader);

    if (!listener)
        return false;
    listener->position = position;
    listener->type = endpoint->type;
    listener->inherited = endpoint->name;
    listener->options = entry->options;
    listener->address = endpoint->address;
    if (any)
        address_parse_ip(any, 0, &listener->address);
    address_set_port(&listener->address, (uint16_t)port);
    listener->pair = listener->optional = any && strcmp(any, "::") == 0;
    if (listener->pair)
        listener->options.v6only = true;
    listener->written = written_of(loader, entry->address, endpoint, port);
    listener->key = key_of(loader, listener);
    return listener->written && listener->key;
}

static bool add_all(struct loader *loader, const struct listen_draft *entry,
                    struct position position, const struct endpoint *endpoint)
{
    if (endpoint->kind != ENDPOINT_IP)
        return add_one(loader, entry, position, endpoint, 0, NULL);
    for (unsigned port = endpoint->first; port <= endpoint->last; port++) {
        if (!endpoint->any) {
            if (!add_one(loader, entry, position, endpoint, port, NULL))
                return false;
        } else if (!add_one(loader, entry, position, endpoint, port, "0.0.0.0") ||
                   !add_one(loader, entry, position, endpoint, port, "::")) {
            return false;
        }
    }
    return true;
}

/* ---- Entries -------------------------------------------------------------------------------- */

/* What the options say in words. */
static bool resolve_options(struct loader *loader, struct listen_draft *entry)
{
    struct listen_options *set = &entry->options;
    const struct origin *device = origin_of(entry, "device");
    bool good = true;

    set->set_mode = origin_of(entry, "mode") != NULL;
    set->owner = (uid_t)-1;
    set->group = (gid_t)-1;
    if (entry->owner)
        good &= identity_uid(loader, entry->owner, origin_of(entry, "owner")->position,
                             &set->owner);
    if (entry->group)
        good &= identity_gid(loader, entry->group, origin_of(entry, "group")->position,
                             &set->group);
    if (set->device && strlen(set->device) >= IFNAMSIZ) {
        loader_error(loader, device->position,
                     "\"%s\" is no name of a network device: 1 to %d bytes", set->device,
                     IFNAMSIZ - 1);
        good = false;
    }
    return good;
}

static bool read_entry(struct loader *loader, const config_setting_t *item,
                       const struct listen_draft *defaults)
{
    struct listen_draft entry = *defaults;
    struct settings_target target = {
        .scope = SCOPE_LISTEN, .base = &entry, .origins = entry.origins};
    struct position position = loader_position(loader, item);
    size_t errors = loader->list->errors, first = loader->listener_count;
    struct endpoint endpoint;

    if (config_setting_is_group(item)) {
        settings_read(loader, &target, item);
        if (!entry.address && loader->list->errors == errors)
            loader_error(loader, position, "an entry of \"listen\" needs an \"address\"");
        if (origin_of(&entry, "address"))
            position = origin_of(&entry, "address")->position;
    } else if (config_setting_type(item) == CONFIG_TYPE_STRING) {
        entry.address = loader_strdup(loader, config_setting_get_string(item));
    } else {
        loader_error(loader, position,
                     "an entry of \"listen\" is a text, as \"*:7000\", or a group with an "
                     "\"address\"");
    }
    if (!entry.address || !resolve_options(loader, &entry) || loader->list->errors != errors)
        return false;
    return endpoint_parse(loader, entry.address, position, &endpoint) &&
           add_all(loader, &entry, position, &endpoint) &&
           check_options(loader, &entry, &loader->listeners[first]);
}

bool listen_finish(struct loader *loader, struct service_draft *draft)
{
    const config_setting_t *listen = draft->listen;
    struct listen_draft defaults = {.address = NULL};
    struct settings_target target = {.scope = SCOPE_LISTEN, .base = &defaults};
    struct listener_config *listeners;
    bool many = config_setting_type(listen) == CONFIG_TYPE_LIST ||
                config_setting_type(listen) == CONFIG_TYPE_ARRAY;
    int count = many ? config_setting_length(listen) : 1;
    bool good = true;

    loader->listener_count = 0;
    settings_set_defaults(loader, &target);
    for (int i = 0; i < count; i++)
        good &= read_entry(loader, many ? config_setting_get_elem(listen, (unsigned)i) : listen,
                           &defaults);
    if (good && loader->listener_count == 0) {
        loader_error(loader, draft_position(draft, "listen"), "\"listen\" is empty");
        return false;
    }
    listeners = loader_array(loader, loader->listener_count, sizeof *listeners);
    if (!good || !listeners)
        return false;
    memcpy(listeners, loader->listeners, loader->listener_count * sizeof *listeners);
    draft->config.listeners = listeners;
    draft->config.listener_count = loader->listener_count;
    return true;
}
