/*
 * answer_operate: pause, resume, drain, kill, reload, stop: what changes the daemon.
 */
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "control/state.h"
#include "supervise/generation.h"

/* ---- Which ---------------------------------------------------------------------------------- */

static bool is_listener(const struct listener *listener, const char *name)
{
    char text[LISTENER_TEXT_SIZE];

    return strcmp(listener->key, name) == 0 || strcmp(listener->config->written, name) == 0 ||
           strcmp(listener_text(listener, text), name) == 0;
}

/* A listener by its key, its address, or as it was written, in SERVICE or (NULL) in all. */
static bool find_listener(struct control *control, struct service *wanted, const char *name,
                          struct scope *scope, struct protocol_error *error)
{
    struct service *service, *next;
    struct listener *listener;

    scope->listener = NULL;
    HASH_ITER (hh, control->supervisor->services, service, next) {
        if (wanted && service != wanted)
            continue;
        DL_FOREACH (service->listeners, listener) {
            if (!is_listener(listener, name))
                continue;
            if (scope->listener) {
                protocol_hint(error, "name its service too, or its key, which \"show\" tells");
                return protocol_fail(error, "more than one listener is \"%.128s\"", name);
            }
            scope->listener = listener;
        }
    }
    if (scope->listener)
        return true;
    protocol_hint(error, "\"show\" tells the listeners of a service");
    return protocol_fail(error, "there is no listener \"%.128s\"", name);
}

static bool find_scope(struct control *control, const struct request *request, struct scope *scope,
                       struct protocol_error *error)
{
    const char *listener = protocol_text(request, "listener");

    *scope = (struct scope){0};
    if (protocol_text(request, "service")) {
        scope->service = find_service(control, request, error);
        if (!scope->service)
            return false;
    }
    if (!listener)
        return true;
    if (!find_listener(control, scope->service, listener, scope, error))
        return false;
    scope->service = NULL;
    return true;
}

static json_t *scope_json(const struct control *control, struct scope scope)
{
    const struct service *service = scope.listener ? scope.listener->service : scope.service;

    return json_pack("{s:s*, s:o*, s:I}", "service", service ? service->name : NULL, "listener",
                     scope.listener ? protocol_string(scope.listener->key) : NULL, "live",
                     (json_int_t)operate_live(control->supervisor, scope));
}

/* ---- Pause, resume, drain ------------------------------------------------------------------- */

json_t *answer_pause(struct control *control, struct client *client, const struct request *request,
                     struct protocol_error *error)
{
    struct scope scope;

    (void)client;
    if (!find_scope(control, request, &scope, error))
        return NULL;
    operate_pause(control->supervisor, scope);
    return scope_json(control, scope);
}

json_t *answer_resume(struct control *control, struct client *client, const struct request *request,
                      struct protocol_error *error)
{
    struct scope scope;

    (void)client;
    if (!find_scope(control, request, &scope, error))
        return NULL;
    operate_resume(control->supervisor, scope);
    answer_drained(control); /* who waited for the end of a drain waits for nothing now */
    return scope_json(control, scope);
}

/* Remember by name what is waited for: it may be gone when it is over. */
static bool wait_for_drain(struct client *client, struct scope scope, const struct request *request,
                           struct protocol_error *error)
{
    struct session *session = control_session(client);

    session->service = scope.service ? strdup(scope.service->name) : NULL;
    session->listener = scope.listener ? strdup(scope.listener->key) : NULL;
    if ((scope.service && !session->service) || (scope.listener && !session->listener))
        return protocol_fail(error, "out of memory");
    session->drain = true;
    control_postpone(client, request);
    return true;
}

json_t *answer_drain(struct control *control, struct client *client, const struct request *request,
                     struct protocol_error *error)
{
    struct scope scope;

    if (!find_scope(control, request, &scope, error))
        return NULL;
    operate_drain(control->supervisor, scope, protocol_duration(request, "deadline", UINT64_MAX));
    if (protocol_bool(request, "wait") && operate_live(control->supervisor, scope) > 0) {
        wait_for_drain(client, scope, request, error);
        return NULL;
    }
    return scope_json(control, scope);
}

static struct listener *listener_by_key(struct control *control, const char *key)
{
    struct service *service, *next;
    struct listener *listener;

    HASH_ITER (hh, control->supervisor->services, service, next) {
        DL_FOREACH (service->listeners, listener) {
            if (strcmp(listener->key, key) == 0)
                return listener;
        }
    }
    return NULL;
}

static const struct standing_order *
order_waited_for(struct control *control, const struct session *session, struct scope *scope)
{
    *scope = (struct scope){0};
    if (session->listener) {
        scope->listener = listener_by_key(control, session->listener);
        return scope->listener ? &scope->listener->order : NULL;
    }
    if (session->service) {
        scope->service = service_find(control->supervisor, session->service);
        return scope->service ? &scope->service->order : NULL;
    }
    return &control->supervisor->order;
}

static void answer_if_drained(void *data, struct client *client)
{
    struct control *control = data;
    struct session *session = control_session(client);
    const struct standing_order *order;
    struct protocol_error error = {.hint = ""};
    struct scope scope;

    if (!session || !session->drain)
        return;
    order = order_waited_for(control, session, &scope);
    if (!order) { /* removed by a reload, and its last instance with it */
        control_finish(client, json_pack("{s:I}", "live", (json_int_t)0));
    } else if (!order->draining) {
        protocol_fail(&error, "it was resumed");
        control_fail(client, &error);
    } else if (operate_live(control->supervisor, scope) == 0) {
        control_finish(client, scope_json(control, scope));
    }
}

void answer_drained(struct control *control)
{
    clients_visit(control->clients, answer_if_drained, control);
}

/* ---- Kill ----------------------------------------------------------------------------------- */

static json_t *kill_one(struct control *control, uint64_t id, bool now,
                        struct protocol_error *error)
{
    struct instance *instance = instance_find(control->supervisor, id);

    if (!instance) {
        protocol_fail(error, "there is no instance %llu", (unsigned long long)id);
        return NULL;
    }
    instance_end(instance, OUTCOME_TERMINATED);
    if (now)
        instance_kill(instance);
    return json_pack("{s:I}", "instances", (json_int_t)1);
}

bool find_source(const struct request *request, struct prefix *prefix, bool *given,
                 struct protocol_error *error)
{
    const char *text = protocol_text(request, "source");
    uint64_t uid;

    *given = text;
    if (!text || prefix_parse(text, prefix))
        return true;
    if (strncmp(text, "uid:", 4) == 0 && units_parse_number(text + 4, UINT32_MAX, &uid)) {
        *prefix = source_of(&(struct address){.un.sun_family = AF_UNIX, .length = 2}, (uid_t)uid,
                            32, 128);
        return true;
    }
    protocol_hint(error, "a prefix such as 192.0.2.0/24 or 2001:db8::/32, an address, or uid:1000");
    return protocol_fail(error, "\"%.64s\" is not a source", text);
}

json_t *answer_kill(struct control *control, struct client *client, const struct request *request,
                    struct protocol_error *error)
{
    bool now = protocol_bool(request, "now"), by_source;
    uint64_t id = protocol_number(request, "instance", 0);
    struct service *service = NULL;
    struct instance *instance, *next;
    struct prefix prefix;
    json_int_t count = 0;

    (void)client;
    if (id)
        return kill_one(control, id, now, error);
    if (!find_source(request, &prefix, &by_source, error))
        return NULL;
    if (protocol_text(request, "service") && !(service = find_service(control, request, error)))
        return NULL;
    if (!service && !by_source) {
        protocol_fail(error, "\"kill\" needs \"instance\", \"source\" or \"service\"");
        return NULL;
    }
    HASH_ITER (by_id, control->supervisor->by_id, instance, next) {
        if ((service && instance->service != service) ||
            (by_source && !instance_is_of(instance, &prefix)))
            continue;
        instance_end(instance, OUTCOME_TERMINATED);
        if (now)
            instance_kill(instance);
        count++;
    }
    return json_pack("{s:I}", "instances", count);
}

/* ---- Reload, stop --------------------------------------------------------------------------- */

json_t *answer_reload(struct control *control, struct client *client, const struct request *request,
                      struct protocol_error *error)
{
    uint64_t number = reload_begin(control->supervisor);

    if (number == 0) {
        protocol_fail(error, control->supervisor->state > STATE_RUNNING
                                 ? "superd is stopping"
                                 : "no reload can be begun now; the log says why");
        return NULL;
    }
    control_session(client)->reload = number;
    control_postpone(client, request);
    return NULL;
}

struct answering {
    struct control *control;
    const struct reload_result *result;
};

static json_t *reload_json(const struct answering *a)
{
    const struct reload_result *result = a->result;
    const struct generation *generation = a->control->supervisor->generation;

    return json_pack("{s:b, s:I, s:I, s:o, s:o*}", "reloaded", result->done, "generation",
                     (json_int_t)generation->number, "duration_ms", (json_int_t)result->duration_ms,
                     "diagnostics", diagnostics_json(result->list), "changes",
                     result->changes ? changes_json(result->changes) : NULL);
}

static void answer_if_reloaded(void *data, struct client *client)
{
    const struct answering *a = data;
    struct session *session = control_session(client);

    if (session && session->reload && session->reload <= a->result->number)
        control_finish(client, reload_json(a));
}

void answer_reloaded(struct control *control, const struct reload_result *result)
{
    struct answering a = {control, result};

    clients_visit(control->clients, answer_if_reloaded, &a);
    answer_drained(control);
}

json_t *answer_stop(struct control *control, struct client *client, const struct request *request,
                    struct protocol_error *error)
{
    const struct supervisor *supervisor = control->supervisor;

    (void)client;
    (void)request;
    (void)error;
    control_stop_soon(control);
    return json_pack("{s:I, s:I}", "live", (json_int_t)supervisor->instance_count, "grace_ms",
                     (json_int_t)supervisor->generation->config->daemon.grace_ms);
}
