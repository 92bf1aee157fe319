/*
 * listeners: see listeners.h.
 *
 * Matching is by the canonical address (listener_config.key). A listener on port 0 has no address
 * before it is open, so it is matched by its place in its service.
 *
 * An address that overlaps one which is leaving (`*` changed to one address, or back) cannot be
 * bound beside it, unless both sockets have SO_REUSEPORT: the leaving one is given it, the new one
 * is opened with it, and at commit what waits in the old backlog is served before that socket is
 * closed.
 */
#include "supervise/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

#include "base/fd.h"
#include "base/log.h"
#include "net/listener.h"
#include "supervise/events.h"
#include "supervise/leaving.h"
#include "supervise/listener_access.h"
#include "supervise/operate.h"

/* What is open, by identity, while a plan is made. */
struct known {
    struct listener *listener;
    bool staying;
    UT_hash_handle hh;
};

static bool is_ip(const struct listener_config *config)
{
    return config->address.length && config->address.sa.sa_family != AF_UNIX;
}

/* The text that a listener is matched by; the caller frees it. */
static char *identity_of(const struct service_config *service, size_t index)
{
    const struct listener_config *config = &service->listeners[index];
    char *text;

    if (!is_ip(config) || address_port(&config->address) != 0)
        return strdup(config->key);
    if (asprintf(&text, "%s %s %zu", config->key, service->name, index) < 0)
        return NULL;
    return text;
}

/* ---- One listener --------------------------------------------------------------------------- */

static void on_poll_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;

    if (listener->inherited)
        inherited_return(listener->fd);
    else
        fd_close(&listener->fd);
    free(listener->looping);
    free(listener->key);
    free(listener);
}

/* A socket file outlives its socket. */
static void remove_path(const struct listener *listener)
{
    const struct sockaddr_un *un = &listener->bound.un;

    if (listener->inherited || listener->fd < 0 || !listener->bound.length ||
        un->sun_family != AF_UNIX || un->sun_path[0] == '\0')
        return;
    unlink(un->sun_path);
}

/* Nobody is to come in any more, though launchers that are being forked for the next generation have
 * copies of the descriptor for a moment: closing ours would leave a port that takes connections for
 * nobody. */
static void refuse_clients(const struct listener *listener)
{
    if (listener->fd >= 0 && !listener->inherited && !listener->instance)
        shutdown(listener->fd, SHUT_RDWR);
}

void listener_close(struct listener *listener)
{
    refuse_clients(listener);
    if (listener->service) {
        operate_forget(listener->service->supervisor, listener);
        DL_DELETE(listener->service->listeners, listener);
    }
    if (listener->fd >= 0)
        remove_path(listener);
    if (listener->instance)
        listener->instance->listener = NULL;
    leaving_forget(listener);
    if (listener->poll_open) {
        uv_poll_stop(&listener->poll);
        /* Now, not when the loop gets round to it: another socket may want the address. */
        if (!listener->inherited)
            fd_close(&listener->fd);
        uv_close((uv_handle_t *)&listener->poll, on_poll_closed);
        return;
    }
    fd_close(&listener->fd);
    free(listener->looping);
    free(listener->key);
    free(listener);
}

static void refused(struct diagnostics *list, const struct service_config *service,
                    const struct listener_config *config, const char *error)
{
    diagnostics_add(list, SEVERITY_ERROR, config->position, service->name, "%s", error);
}

/* Get the socket: an inherited one, or a new one. Returns -errno when it cannot be had. */
static int get_socket(struct listener *listener, uint16_t port, bool reuse_port, char *error)
{
    const struct listener_config *config = listener->config;
    int fd, r;

    if (!config->inherited)
        return listener_open(config, port, reuse_port, error);
    fd = inherited_find(config->inherited);
    if (fd < 0) {
        snprintf(error, LISTENER_ERROR_SIZE,
                 "no inherited socket is called \"%s\": FileDescriptorName= in the socket unit, or "
                 "LISTEN_FDNAMES, must say so",
                 config->inherited);
        return -ENOENT;
    }
    r = listener_adopt(fd, config, error);
    if (r < 0) {
        inherited_return(fd);
        return r;
    }
    listener->inherited = true;
    return fd;
}

static bool make_ready(struct supervisor *supervisor, struct listener *listener)
{
    listener_bound(listener->fd, &listener->bound);
    if (uv_poll_init(&supervisor->loop, &listener->poll, listener->fd) < 0)
        return false;
    listener->poll.data = listener;
    listener->poll_open = true;
    return true;
}

/* ---- Making room for an address ------------------------------------------------------------- */

bool listener_same_port(const struct listener *listener, const struct listener_config *config)
{
    return is_ip(config) && listener->fd >= 0 && listener->bound.length &&
           listener->config->type == config->type && listener->bound.sa.sa_family != AF_UNIX &&
           address_port(&listener->bound) == address_port(&config->address);
}

/* Let a new socket stand beside those of this port that leave. Returns whether there are any. */
static bool make_room(const struct listener_plan *plan, const struct listener_config *config)
{
    const int on = 1;
    bool any = false;

    for (size_t i = 0; i < plan->leaving_count; i++) {
        if (listener_same_port(plan->leaving[i], config) &&
            setsockopt(plan->leaving[i]->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0)
            any = true;
    }
    return any;
}

/* ---- Prepare -------------------------------------------------------------------------------- */

static void forget_known(struct known **known)
{
    struct known *entry, *next;

    HASH_ITER (hh, *known, entry, next) {
        HASH_DEL(*known, entry);
        free(entry);
    }
}

static bool collect_known(struct supervisor *supervisor, struct known **known)
{
    struct service *service, *next;
    struct listener *listener;

    HASH_ITER (hh, supervisor->services, service, next) {
        DL_FOREACH (service->listeners, listener) {
            struct known *entry = calloc(1, sizeof *entry);

            if (!entry)
                return false;
            entry->listener = listener;
            HASH_ADD_KEYPTR(hh, *known, listener->key, strlen(listener->key), entry);
            if (!entry->hh.tbl) {
                free(entry);
                return false;
            }
        }
    }
    return true;
}

static bool match(struct listener_plan *plan, struct known *known, char **identities)
{
    struct known *entry, *next;

    for (size_t i = 0; i < plan->count; i++) {
        HASH_FIND_STR(known, identities[i], entry);
        if (!entry)
            continue;
        plan->wanted[i].listener = entry->listener;
        entry->staying = true;
    }
    plan->leaving = calloc(HASH_COUNT(known) + 1, sizeof *plan->leaving);
    if (!plan->leaving)
        return false;
    HASH_ITER (hh, known, entry, next) {
        if (!entry->staying)
            plan->leaving[plan->leaving_count++] = entry->listener;
    }
    return true;
}

/* The IPv6 half of a `*` on port 0 goes where its IPv4 half went, which is the entry before it. */
static uint16_t port_of_pair(const struct listener_plan *plan, size_t index,
                             const struct listener_config *config)
{
    const struct listener *before = index && config->pair ? plan->wanted[index - 1].listener : NULL;

    return before ? address_port(&before->bound) : 0;
}

static bool open_fresh(struct listener_plan *plan, size_t index,
                       const struct service_config *service, const struct listener_config *config,
                       char *identity, struct diagnostics *list)
{
    struct listener *listener = calloc(1, sizeof *listener);
    uint16_t port = port_of_pair(plan, index, config);
    char error[LISTENER_ERROR_SIZE] = "out of memory";

    if (!listener || !identity) {
        free(listener);
        refused(list, service, config, error);
        return false;
    }
    listener->config = config;
    listener->fd = get_socket(listener, port, false, error);
    if (listener->fd == -EADDRINUSE && make_room(plan, config))
        listener->fd = get_socket(listener, port, true, error);
    if (listener->fd < 0 && config->optional &&
        (listener->fd == -EAFNOSUPPORT || listener->fd == -EADDRNOTAVAIL)) {
        listener->fd = -1; /* a host without IPv6: the listener is there, but closed */
    } else if (listener->fd < 0 || !make_ready(plan->supervisor, listener)) {
        if (listener->fd >= 0)
            close(listener->fd);
        free(listener);
        refused(list, service, config, error);
        return false;
    }
    listener->key = identity;
    plan->wanted[index] = (struct wanted_listener){.listener = listener, .fresh = true};
    return true;
}

/* Open what is missing. Takes over the identities it uses (they become NULL). */
static void open_missing(struct listener_plan *plan, char **identities, struct diagnostics *list)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->config->service_count; i++) {
        const struct service_config *service = &plan->config->services[i];

        for (size_t j = 0; j < service->listener_count; j++, n++) {
            if (!plan->wanted[n].listener &&
                open_fresh(plan, n, service, &service->listeners[j], identities[n], list))
                identities[n] = NULL;
        }
    }
}

static bool make_identities(const struct listener_plan *plan, char **identities)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->config->service_count; i++) {
        for (size_t j = 0; j < plan->config->services[i].listener_count; j++) {
            identities[n] = identity_of(&plan->config->services[i], j);
            if (!identities[n++])
                return false;
        }
    }
    return true;
}

bool listeners_prepare(struct supervisor *supervisor, const struct config *config,
                       struct listener_plan *plan, struct diagnostics *list)
{
    struct known *known = NULL;
    size_t before = list->errors;
    char **identities;
    bool made;

    *plan = (struct listener_plan){.supervisor = supervisor, .config = config};
    for (size_t i = 0; i < config->service_count; i++)
        plan->count += config->services[i].listener_count;
    plan->wanted = calloc(plan->count + 1, sizeof *plan->wanted);
    identities = calloc(plan->count + 1, sizeof *identities);
    made = plan->wanted && identities && make_identities(plan, identities) &&
           collect_known(supervisor, &known) && match(plan, known, identities);
    if (made)
        open_missing(plan, identities, list);
    else
        diagnostics_add(list, SEVERITY_ERROR, (struct position){0}, NULL, "out of memory");
    forget_known(&known);
    for (size_t i = 0; identities && i < plan->count; i++)
        free(identities[i]);
    free(identities);
    if (list->errors == before)
        return true;
    listeners_abandon(plan);
    return false;
}

static void free_plan(struct listener_plan *plan)
{
    free(plan->wanted);
    free(plan->leaving);
    plan->wanted = NULL;
    plan->leaving = NULL;
}

void listeners_abandon(struct listener_plan *plan)
{
    for (size_t i = 0; plan->wanted && i < plan->count; i++) {
        if (plan->wanted[i].fresh)
            listener_close(plan->wanted[i].listener);
    }
    free_plan(plan);
}

/* ---- Commit --------------------------------------------------------------------------------- */

/* LISTENER, which may be another service's now, is from here on this one of SERVICE. */
static void hand_over(struct listener *listener, struct service *service,
                      const struct listener_config *config, bool fresh)
{
    char error[LISTENER_ERROR_SIZE];

    if (listener->service)
        DL_DELETE(listener->service->listeners, listener);
    listener->service = service;
    listener->config = config;
    DL_APPEND(service->listeners, listener);
    if (listener->fd < 0)
        return;
    leaving_stays(listener);
    if (fresh)
        event_listen(listener, "open");
    if (!listener->inherited && listener_apply(listener->fd, config, error) < 0) {
        log_event(LEVEL_WARNING, "error", log_text("service", service->name),
                  log_text("what", error));
    }
    if (!listener->instance)
        fd_set_nonblocking(listener->fd, service->config->mode == MODE_CONNECTION);
}

/* Socket filters: of services in listener mode, and of sockets that were in that mode before. */
static void apply_access(const struct listener_plan *plan)
{
    for (size_t i = 0; i < plan->config->service_count; i++) {
        const struct service_config *config = &plan->config->services[i];

        if (config->mode == MODE_LISTENER || plan->supervisor->generation->number > 1)
            listener_access_apply(service_find(plan->supervisor, config->name));
    }
}

void listeners_commit(struct listener_plan *plan)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->config->service_count; i++) {
        const struct service_config *config = &plan->config->services[i];
        struct service *service = service_find(plan->supervisor, config->name);

        for (size_t j = 0; j < config->listener_count; j++, n++)
            hand_over(plan->wanted[n].listener, service, &config->listeners[j],
                      plan->wanted[n].fresh);
    }
    apply_access(plan);
    for (size_t i = 0; i < plan->leaving_count; i++)
        leaving_let_go(plan, plan->leaving[i]);
    free_plan(plan);
}

void listeners_close(struct service *service)
{
    struct listener *listener, *next;

    DL_FOREACH_SAFE (service->listeners, listener, next) {
        listener_close(listener);
    }
}
