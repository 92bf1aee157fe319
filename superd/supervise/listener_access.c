/*
 * listener_access: see listener_access.h.
 */
#include "supervise/listener_access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#include "base/log.h"
#include "net/filter.h"
#include "supervise/refusals.h"
#include "supervise/service.h"

#define DROPS_PER_TURN 64

/* ---- The filter ----------------------------------------------------------------------------- */

static const struct access_file *contents_of(const struct service *service, const char *path)
{
    const struct access_contents *contents = &service->supervisor->access_contents;

    for (size_t i = 0; i < contents->count; i++) {
        if (strcmp(contents->files[i].path, path) == 0)
            return &contents->files[i];
    }
    return NULL;
}

static size_t count_rules(const struct service *service, bool *any_allow)
{
    const struct access_settings *access = &service->config->access;
    size_t count = 0;

    *any_allow = false;
    for (size_t i = 0; i < access->rule_count; i++) {
        const struct access_rule *rule = &access->rules[i];
        const struct access_file *file = rule->kind == ACCESS_FILE
                                             ? contents_of(service, rule->file)
                                             : NULL;

        *any_allow |= rule->allow;
        count += rule->kind == ACCESS_PREFIX ? 1 : file ? file->count : 0;
    }
    return count;
}

static void fill_rules(const struct service *service, struct filter_rule *rules)
{
    const struct access_settings *access = &service->config->access;

    for (size_t i = 0; i < access->rule_count; i++) {
        const struct access_rule *rule = &access->rules[i];
        const struct access_file *file = rule->kind == ACCESS_FILE
                                             ? contents_of(service, rule->file)
                                             : NULL;

        if (rule->kind == ACCESS_PREFIX)
            *rules++ = (struct filter_rule){rule->prefix, rule->allow};
        for (size_t j = 0; file && j < file->count; j++)
            *rules++ = (struct filter_rule){file->prefixes[j], rule->allow};
    }
}

/* Rules that cannot be put in force: nobody may come. A filter of one rule that drops all, where that at
 * least can be had: for a TCP socket Linux asks for CAP_NET_ADMIN. Otherwise the socket is not given to a
 * handler, and is taken from the one that has it. */
static void close_to_all(struct listener *listener, int error)
{
    struct filter_rule nobody = {.prefix = {.family = AF_INET}, .allow = false};

    log_event(LEVEL_ERROR, "access", log_text("service", listener->service->name),
              log_text("listener", listener->config->written),
              log_text("state", "closed to all: its rules do not fit a socket filter"),
              log_text("error", strerror(-error)));
    listener->closed = filter_set(listener->fd, &nobody, 1, false) < 0;
    if (listener->closed && listener->instance)
        instance_end(listener->instance, OUTCOME_TERMINATED);
}

void listener_access_apply(struct service *service)
{
    bool any_allow;
    size_t count = count_rules(service, &any_allow);
    struct filter_rule nobody = {.prefix = {.family = AF_INET}, .allow = false};
    struct filter_rule *rules = calloc(count + 1, sizeof *rules);
    struct listener *listener;

    if (rules)
        fill_rules(service, rules);
    if (rules && count == 0 && any_allow)
        rules[count++] = nobody; /* an allow file that is empty, or missing, allows nobody */
    DL_FOREACH (service->listeners, listener) {
        int r;

        if (listener->fd < 0 || listener->bound.sa.sa_family == AF_UNIX)
            continue;
        if (service->config->mode != MODE_LISTENER)
            r = filter_set(listener->fd, NULL, 0, true); /* it may have been in that mode before */
        else
            r = rules ? filter_set(listener->fd, rules, count, !any_allow) : -ENOMEM;
        listener->closed = false;
        if (r < 0)
            close_to_all(listener, r);
    }
    free(rules);
}

/* ---- Before a launch ------------------------------------------------------------------------ */

/* The source of the first datagram, of which no byte is read. */
static bool peek(const struct listener *listener, struct peer *peer)
{
    *peer = (struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1};
    peer->address.length = sizeof peer->address.un;
    if (recvfrom(listener->fd, NULL, 0, MSG_PEEK | MSG_DONTWAIT, &peer->address.sa,
                 &peer->address.length) < 0)
        return false;
    address_unmap(&peer->address);
    return true;
}

static bool refused(struct listener *listener, const struct peer *peer)
{
    struct service *service = listener->service;
    struct verdict verdict = admission_check_access(service->admission, peer,
                                                    service_moment(service->supervisor));
    struct prefix source;

    if (verdict.decision != DECISION_REFUSE)
        return false;
    service_count(service, HISTORY_REFUSED);
    source = service_source(service, peer);
    refusals_add(service->supervisor->refusals, service, peer, &source, &verdict);
    return true;
}

bool listener_access_check(struct listener *listener)
{
    struct peer peer;

    if (listener->config->type != SOCK_DGRAM || listener->bound.sa.sa_family == AF_UNIX)
        return true;
    for (int i = 0; i < DROPS_PER_TURN; i++) {
        if (!peek(listener, &peer))
            return errno != EAGAIN; /* an error that waits on the socket is the handler's to see */
        if (!refused(listener, &peer))
            return true;
        recv(listener->fd, NULL, 0, MSG_DONTWAIT); /* takes it out; not a byte of it is copied */
    }
    return false; /* the loop will call again */
}
