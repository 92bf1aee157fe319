/*
 * answer_explain: what would be decided about a connection now, with what is live and counted now: the
 * very function that decides is asked (admission_explain).
 */
#include <stdlib.h>

#include "control/state.h"

static const char *const decision_words[] = {
    [DECISION_ADMIT] = "admit",
    [DECISION_HOLD] = "hold",
    [DECISION_REFUSE] = "refuse",
};

/* The groups of a UNIX peer, in memory of the caller's. */
static gid_t *take_groups(const struct request *request, struct peer *peer)
{
    const json_t *groups = json_object_get(request->root, "groups");
    size_t count = json_array_size(groups);
    gid_t *list = calloc(count + 1, sizeof *list);

    for (size_t i = 0; list && i < count; i++)
        list[i] = (gid_t)json_integer_value(json_array_get(groups, i));
    peer->groups = list;
    peer->group_count = list ? count : 0;
    return list;
}

static bool take_peer(const struct request *request, struct peer *peer,
                      struct protocol_error *error)
{
    const char *address = protocol_text(request, "address");
    uint64_t uid = protocol_number(request, "uid", UINT64_MAX);

    *peer = (struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1};
    if (address && uid == UINT64_MAX) {
        if (address_parse_ip(address, 0, &peer->address))
            return true;
        return protocol_fail(error, "\"%.64s\" is not a numeric address", address);
    }
    if (address || uid >= UINT32_MAX)
        return protocol_fail(error, "\"explain\" needs \"address\" or \"uid\"");
    peer->address.un.sun_family = AF_UNIX;
    peer->address.length = sizeof(sa_family_t);
    peer->uid = (uid_t)uid;
    peer->gid = (gid_t)protocol_number(request, "gid", UINT32_MAX);
    return true;
}

/* Before a connection is even accepted its listener must be watched. */
static json_t *answer(struct service *service, const struct peer *peer)
{
    struct verdict verdict = admission_explain(service->admission, peer,
                                               service_moment(service->supervisor));
    enum decision decision = verdict.decision;
    enum reason reason = verdict.reason;
    char source[PREFIX_TEXT_SIZE];
    struct prefix prefix = service_source(service, peer);
    uint64_t retry_ms = 0;
    json_t *result;

    if (decision == DECISION_ADMIT) {
        reason = service_hold_reason(service, &retry_ms);
        decision = reason == REASON_NONE ? DECISION_ADMIT : DECISION_HOLD;
    }
    result = json_pack("{s:s, s:s, s:s*, s:s, s:o*, s:I, s:I, s:b}", "service", service->name,
                       "decision", decision_words[decision], "reason",
                       decision == DECISION_ADMIT ? NULL : reason_names[reason], "source",
                       prefix_format(&prefix, source), "rule", protocol_string(verdict.rule),
                       "live", (json_int_t)service->instance_count, "limit",
                       (json_int_t)service->policy.admission.limits->instances, "rules",
                       (int)service->policy.admission.access->given);
    if (result && verdict.position.file) {
        json_object_set_new(result, "file", protocol_string(verdict.position.file));
        json_object_set_new(result, "line", json_integer((json_int_t)verdict.position.line));
    }
    return result;
}

json_t *answer_explain(struct control *control, struct client *client,
                       const struct request *request, struct protocol_error *error)
{
    struct service *service = find_service(control, request, error);
    struct peer peer;
    json_t *result;
    gid_t *groups;

    (void)client;
    if (!service || !take_peer(request, &peer, error))
        return NULL;
    if (!service->config) {
        protocol_fail(error, "\"%s\" was removed and only has instances left", service->name);
        return NULL;
    }
    groups = take_groups(request, &peer);
    result = groups ? answer(service, &peer) : NULL;
    free(groups);
    return result;
}
