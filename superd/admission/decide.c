/*
 * decide: the decisions of admission.h. A question is answered first, changing nothing, and only
 * then counted, so that what is explained is what would be decided.
 */
#include "admission/admission.h"

#include "admission/state.h"

/* Traps whose time is over are forgotten a few at each decision: more come only one at a decision.
 */
#define EXPIRE_AT_ONCE 4

static struct verdict refuse(enum reason reason)
{
    return (struct verdict){.decision = DECISION_REFUSE, .reason = reason};
}

static struct verdict hold(enum reason reason, uint64_t retry_ms)
{
    return (struct verdict){.decision = DECISION_HOLD, .reason = reason, .retry_ms = retry_ms};
}

/* ---- Answers -------------------------------------------------------------------------------- */

static bool is_open(struct admission_service *service, int64_t wall_s)
{
    const struct access_settings *access = service->policy.access;

    if (access->hours_count == 0) {
        return true;
    }
    if (wall_s < service->hours.from_s || wall_s >= service->hours.until_s) {
        service->hours = hours_ask(access->hours, access->hours_count, service->policy.zone,
                                   wall_s);
    }
    return service->hours.open;
}

/* Traps, rules and hours. An admission names the rule that allows it, where there is one. */
static struct verdict judge_peer(struct admission_service *service, const struct peer *peer,
                                 struct moment moment)
{
    const struct admission *admission = service->admission;
    const struct admission_policy *policy = &service->policy;
    struct access_answer answer;

    if (trap_find(&admission->traps, &admission->sources, &peer->address, peer->uid,
                  moment.now_ms) != 0) {
        return refuse(REASON_TRAPPED);
    }
    struct prefix full = source_of(&peer->address, peer->uid, 32, 128);
    if (full.family == AF_UNIX) {
        answer = access_ask_unix(policy->table, peer->uid, peer->gid, peer->groups,
                                 peer->group_count);
    } else {
        answer = access_ask_ip(policy->table, &full);
    }
    struct verdict verdict = {.position = answer.position, .rule = answer.rule};
    if (!answer.allowed) {
        verdict.decision = DECISION_REFUSE;
        verdict.reason = REASON_DENIED;
    } else if (!is_open(service, moment.wall_s)) {
        verdict = refuse(REASON_CLOSED_HOURS);
        verdict.position = policy->access->hours[0].position;
        verdict.rule = policy->access->hours[0].written;
    }
    return verdict;
}

/* The source's own limits. KNOWN is its entry, or NULL. */
static struct verdict judge_source(const struct admission_service *service,
                                   const struct source *known, uint64_t now_ms)
{
    const struct limit_settings *limits = service->policy.limits;

    if (known == NULL) {
        return source_has_room(&service->admission->sources) ? (struct verdict){0}
                                                             : refuse(REASON_SOURCE_TABLE);
    }
    if (known->held >= limits->per_source) {
        return refuse(REASON_SOURCE_LIMIT);
    }
    if (rate_wait_ms(&known->bucket, limits->per_source_rate, limits->per_source_burst, now_ms) >
        0) {
        return refuse(REASON_SOURCE_RATE);
    }
    return (struct verdict){0};
}

static bool is_full(const struct admission_service *service)
{
    return service->counts.live >= service->policy.limits->instances;
}

/* The limits of the service (unless DAEMON_ALONE) and of the daemon. */
static struct verdict judge_room(const struct admission_service *service, uint64_t now_ms,
                                 bool daemon_alone)
{
    const struct limit_settings *limits = service->policy.limits;
    const struct admission *admission = service->admission;

    if (!daemon_alone && is_full(service)) {
        return hold(REASON_SERVICE_LIMIT, 0);
    }
    if (admission->live >= admission->instances) {
        return hold(REASON_DAEMON_LIMIT, 0);
    }
    uint64_t wait_ms = rate_wait_ms(&service->bucket, limits->rate, limits->burst, now_ms);
    if (!daemon_alone && wait_ms > 0) {
        return hold(REASON_SERVICE_RATE, wait_ms);
    }
    if (admission->overloaded) {
        return hold(REASON_LOAD, 0);
    }
    return (struct verdict){0};
}

/* The whole of it; KNOWN_R is the peer's entry, or NULL, where its source was looked at. */
static struct verdict judge(struct admission_service *service, const struct peer *peer,
                            struct moment moment, const struct prefix *prefix,
                            struct source **known_r)
{
    struct verdict verdict = judge_peer(service, peer, moment);

    *known_r = NULL;
    if (verdict.decision != DECISION_ADMIT) {
        return verdict;
    }
    struct source *known = source_find(&service->admission->sources, service, prefix);
    *known_r = known;
    struct verdict of_source = judge_source(service, known, moment.now_ms);
    if (of_source.decision != DECISION_ADMIT) {
        return of_source;
    }
    if (is_full(service) && known != NULL && admission_is_greedy(service, known)) {
        return refuse(REASON_FAIR_SHARE);
    }
    struct verdict of_room = judge_room(service, moment.now_ms, false);
    if (of_room.decision == DECISION_ADMIT) {
        return verdict;
    }
    if (service->policy.limits->when_full == FULL_REFUSE &&
        (of_room.reason == REASON_SERVICE_LIMIT || of_room.reason == REASON_SERVICE_RATE)) {
        return refuse(of_room.reason);
    }
    return of_room;
}

static struct prefix source_in(const struct admission_service *service, const struct peer *peer)
{
    const struct limit_settings *limits = service->policy.limits;

    return source_of(&peer->address, peer->uid, limits->source_prefix_v4, limits->source_prefix_v6);
}

/* ---- Counting ------------------------------------------------------------------------------- */

/* An instance more in the service and the daemon. */
static void count_instance(struct admission_service *service, uint64_t now_ms)
{
    const struct limit_settings *limits = service->policy.limits;

    service->counts.live++;
    service->counts.admitted++;
    service->admission->live++;
    rate_take(&service->bucket, limits->rate, limits->burst, now_ms);
}

static struct source *count_source(struct admission_service *service, const struct prefix *prefix,
                                   struct source *known, uint64_t now_ms)
{
    const struct limit_settings *limits = service->policy.limits;
    struct admission *admission = service->admission;
    struct source *source = known;

    if (source != NULL) {
        source_hold(&admission->sources, source);
    } else {
        source = source_add(&admission->sources, service, prefix);
        source->bucket = RATE_BUCKET_FULL;
    }
    source->admitted++;
    source->last_seen_ms = now_ms;
    rate_take(&source->bucket, limits->per_source_rate, limits->per_source_burst, now_ms);
    if (admission_is_greedy(service, source) &&
        (service->greedy == NULL || source->held > service->greedy->held)) {
        service->greedy = source;
    }
    return source;
}

static void count_refusal(struct admission_service *service, enum reason reason,
                          struct source *source, uint64_t now_ms)
{
    service->counts.refused[reason]++;
    if (source != NULL) {
        source->refused++;
        source->last_seen_ms = now_ms;
        source_touch(&service->admission->sources, source);
    }
}

/* Make what is known be of now: traps that are over may stand where there must be room. */
static void forget_traps(struct admission *admission, uint64_t now_ms)
{
    trap_expire(&admission->traps, &admission->sources, now_ms, EXPIRE_AT_ONCE);
    while (!source_has_room(&admission->sources) && trap_can_expire(&admission->traps, now_ms)) {
        trap_expire(&admission->traps, &admission->sources, now_ms, 1);
    }
}

/* ---- Questions ------------------------------------------------------------------------------ */

struct verdict admission_ready(struct admission_service *service, struct moment moment)
{
    return judge_room(service, moment.now_ms, service->policy.limits->when_full == FULL_REFUSE);
}

bool admission_look_ahead(const struct admission_service *service)
{
    return is_full(service) && service->greedy != NULL;
}

struct verdict admission_decide(struct admission_service *service, const struct peer *peer,
                                struct moment moment)
{
    struct prefix prefix = source_in(service, peer);
    struct source *known;

    forget_traps(service->admission, moment.now_ms);
    struct verdict verdict = judge(service, peer, moment, &prefix, &known);
    if (verdict.decision == DECISION_ADMIT) {
        verdict.source = count_source(service, &prefix, known, moment.now_ms);
        count_instance(service, moment.now_ms);
    } else if (verdict.decision == DECISION_REFUSE) {
        count_refusal(service, verdict.reason, known, moment.now_ms);
    }
    return verdict;
}

struct verdict admission_check_access(struct admission_service *service, const struct peer *peer,
                                      struct moment moment)
{
    struct verdict verdict = judge_peer(service, peer, moment);

    if (verdict.decision == DECISION_REFUSE) {
        count_refusal(service, verdict.reason, NULL, moment.now_ms);
    }
    return verdict;
}

struct verdict admission_explain(struct admission_service *service, const struct peer *peer,
                                 struct moment moment)
{
    struct prefix prefix = source_in(service, peer);
    struct source *known;

    forget_traps(service->admission, moment.now_ms);
    return judge(service, peer, moment, &prefix, &known);
}

struct verdict admission_decide_listener(struct admission_service *service, struct moment moment)
{
    struct verdict verdict = judge_room(service, moment.now_ms, false);

    if (verdict.decision == DECISION_ADMIT) {
        count_instance(service, moment.now_ms);
    }
    return verdict;
}
