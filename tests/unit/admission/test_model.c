/*
 * Admission against a naive model: random services, rules, hours, limits, peers, traps, reloads and
 * ends, more than a million steps; the model looks at everything one by one, each time.
 *
 * What must hold is checked beside the comparison too: never above a limit when admitted, and no
 * more entries than the bound allows.
 */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "admission/admission.h"
#include "base/zone.h"

#define SERVICES     3
#define RULES_MAX    6
#define HOURS_MAX    2
#define INSTANCE_MAX 64
#define ENTRY_MAX    128
#define ROUNDS       110
#define STEPS        10000

typedef unsigned __int128 big; /* a number, not a structure */
#define TOKEN ((big)3600000)
#define EXPIRE_MAX \
    4 /* how many traps that are over a decision forgets, if it does not need more \
       */

struct model_entry {
    bool used;
    int owner; /* a service; -1: a trap */
    struct prefix prefix;
    uint32_t live;
    big level;
    uint64_t last_ms;
    uint64_t stamp; /* when it became idle, or was heard of then */
    uint64_t until_ms;
    struct source *ticket; /* what admission called it while it has live instances */
};

struct model_service {
    struct limit_settings limits;
    struct access_settings access;
    struct access_rule rules[RULES_MAX];
    struct hours_range hours[HOURS_MAX];
    int32_t offset_s; /* of its zone */
    uint32_t live;
    uint64_t admitted, refused[REASON_MAX];
    big level;
    uint64_t last_ms;
    /* the real one */
    struct admission_policy policy;
    struct admission_service *service;
};

struct instance {
    int service;
    int entry; /* -1: of a listener-mode service */
};

struct world {
    uint64_t seed, step;
    struct fixture_random random;
    uint64_t now_ms, stamp;
    int64_t wall_s;
    uint32_t bound, trap_bound, instances, live;
    bool overloaded;
    struct model_entry entries[ENTRY_MAX];
    uint32_t entry_count; /* in use */
    struct model_service services[SERVICES];
    struct instance alive[INSTANCE_MAX];
    uint32_t alive_count;
    struct zone *zones[2];
    struct admission *admission;
};

static uint64_t reasons_seen[REASON_MAX];

#define CHECK(world, condition) fixture_check((condition), (world)->seed, (world)->step)

static uint64_t below(struct world *world, uint64_t bound)
{
    return fixture_below(&world->random, bound);
}

/* ---- Naive answers -------------------------------------------------------------------------- */

static struct prefix cut(struct prefix prefix, unsigned length)
{
    prefix.length = (uint8_t)length;
    for (unsigned bit = length; bit < 128; bit++) {
        prefix.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    }
    return prefix;
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
    return a->family == b->family && a->length == b->length &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool is_within(const struct prefix *prefix, const struct prefix *address)
{
    struct prefix shortened = cut(*address, prefix->length);

    return prefix->length <= address->length && same_prefix(prefix, &shortened);
}

static struct prefix source_in(const struct model_service *service, const struct prefix *address)
{
    return address->family == AF_UNIX   ? *address
           : address->family == AF_INET ? cut(*address, service->limits.source_prefix_v4)
                                        : cut(*address, service->limits.source_prefix_v6);
}

static int find_entry(const struct world *world, int owner, const struct prefix *prefix)
{
    for (int i = 0; i < ENTRY_MAX; i++) {
        if (world->entries[i].used && world->entries[i].owner == owner &&
            same_prefix(&world->entries[i].prefix, prefix)) {
            return i;
        }
    }
    return -1;
}

static bool model_allowed(const struct model_service *service, const struct prefix *address,
                          const struct peer *peer)
{
    const struct access_rule *best = NULL;
    bool any_allow = false;

    for (size_t i = 0; i < service->access.rule_count; i++) {
        const struct access_rule *rule = &service->rules[i];
        int weight = 0, best_weight = 0; /* larger is stronger */
        any_allow = any_allow || rule->allow;
        if (address->family == AF_UNIX) {
            if ((rule->kind == ACCESS_UID && rule->id == peer->uid) ||
                (rule->kind == ACCESS_GID && rule->id == peer->gid)) {
                weight = rule->kind == ACCESS_UID ? 2 : 1;
            }
            best_weight = best == NULL ? 0 : best->kind == ACCESS_UID ? 2 : 1;
        } else if (rule->kind == ACCESS_PREFIX && is_within(&rule->prefix, address)) {
            weight = rule->prefix.length + 1;
            best_weight = best == NULL ? 0 : best->prefix.length + 1;
        } else {
            best_weight = 1;
        }
        if (weight > best_weight ||
            (weight > 0 && weight == best_weight && best->allow && !rule->allow)) {
            best = rule;
        }
    }
    return best != NULL ? best->allow : !any_allow;
}

static bool model_open(const struct model_service *service, int64_t wall_s)
{
    const int64_t week = 7 * 1440;
    int64_t minute = (wall_s + service->offset_s) / 60 + 3 * 1440;

    for (size_t i = 0; i < service->access.hours_count; i++) {
        const struct hours_range *range = &service->hours[i];
        int64_t length = range->end - range->begin;
        length += length <= 0 ? 1440 : 0;
        for (int day = 0; day < 7; day++) {
            if ((range->days >> day & 1) != 0 &&
                ((minute - day * 1440 - range->begin) % week + week) % week < length) {
                return true;
            }
        }
    }
    return service->access.hours_count == 0;
}

static big level_now(big level, uint64_t last_ms, struct rate rate, uint32_t burst, uint64_t now_ms)
{
    big most = (burst != 0 ? burst : rate.events) * TOKEN;
    big sum = level + (big)(now_ms - last_ms) * rate.events * TOKEN / rate.period_ms;

    return sum < most ? sum : most;
}

static bool has_token(big level, uint64_t last_ms, struct rate rate, uint32_t burst,
                      uint64_t now_ms)
{
    return rate.events == 0 || level_now(level, last_ms, rate, burst, now_ms) >= TOKEN;
}

static void take_token(big *level, uint64_t *last_ms, struct rate rate, uint32_t burst,
                       uint64_t now_ms)
{
    if (rate.events != 0) {
        *level = level_now(*level, *last_ms, rate, burst, now_ms) - TOKEN;
        *last_ms = now_ms;
    }
}

/* ---- The table of the model ----------------------------------------------------------------- */

static void forget(struct world *world, int entry)
{
    world->entries[entry].used = false;
    world->entry_count--;
}

static int oldest_idle(const struct world *world)
{
    int oldest = -1;

    for (int i = 0; i < ENTRY_MAX; i++) {
        const struct model_entry *entry = &world->entries[i];
        if (entry->used && entry->owner >= 0 && entry->live == 0 &&
            (oldest < 0 || entry->stamp < world->entries[oldest].stamp)) {
            oldest = i;
        }
    }
    return oldest;
}

static int first_over(const struct world *world)
{
    int first = -1;

    for (int i = 0; i < ENTRY_MAX; i++) {
        const struct model_entry *entry = &world->entries[i];
        if (entry->used && entry->owner < 0 && entry->until_ms <= world->now_ms &&
            (first < 0 || entry->until_ms < world->entries[first].until_ms)) {
            first = i;
        }
    }
    return first;
}

static bool has_room(const struct world *world)
{
    return world->entry_count < world->bound ||
           (world->entry_count == world->bound && oldest_idle(world) >= 0);
}

static int add_entry(struct world *world, int owner, const struct prefix *prefix)
{
    int entry = 0;

    if (world->entry_count == world->bound) {
        forget(world, oldest_idle(world));
    }
    while (world->entries[entry].used) {
        entry++;
    }
    world->entries[entry] = (struct model_entry){
        .used = true, .owner = owner, .prefix = *prefix, .level = (big)1 << 100};
    world->entry_count++;
    return entry;
}

static void forget_traps(struct world *world)
{
    for (int i = 0; i < EXPIRE_MAX && first_over(world) >= 0; i++) {
        forget(world, first_over(world));
    }
    while (!has_room(world) && first_over(world) >= 0) {
        forget(world, first_over(world));
    }
}

static uint32_t standing_traps(const struct world *world)
{
    uint32_t count = 0;

    for (int i = 0; i < ENTRY_MAX; i++) {
        count += world->entries[i].used && world->entries[i].owner < 0;
    }
    return count;
}

/* ---- Deciding ------------------------------------------------------------------------------- */

static bool is_greedy(const struct model_service *service, uint32_t live)
{
    return live > 1 && 2 * (uint64_t)live > service->limits.instances;
}

static enum reason model_peer(const struct world *world, int number, const struct prefix *address,
                              const struct peer *peer)
{
    const struct model_service *service = &world->services[number];

    for (int i = 0; i < ENTRY_MAX; i++) {
        const struct model_entry *entry = &world->entries[i];
        if (entry->used && entry->owner < 0 && entry->until_ms > world->now_ms &&
            is_within(&entry->prefix, address)) {
            return REASON_TRAPPED;
        }
    }
    if (!model_allowed(service, address, peer)) {
        return REASON_DENIED;
    }
    return model_open(service, world->wall_s) ? REASON_NONE : REASON_CLOSED_HOURS;
}

static enum reason model_source(const struct world *world, int number, int entry)
{
    const struct model_service *service = &world->services[number];
    const struct limit_settings *limits = &service->limits;

    if (entry < 0) {
        return has_room(world) ? REASON_NONE : REASON_SOURCE_TABLE;
    }
    const struct model_entry *known = &world->entries[entry];
    if (known->live >= limits->per_source) {
        return REASON_SOURCE_LIMIT;
    }
    if (!has_token(known->level, known->last_ms, limits->per_source_rate, limits->per_source_burst,
                   world->now_ms)) {
        return REASON_SOURCE_RATE;
    }
    return service->live >= limits->instances && is_greedy(service, known->live) ? REASON_FAIR_SHARE
                                                                                 : REASON_NONE;
}

static enum reason model_room(const struct world *world, int number, bool daemon_alone)
{
    const struct model_service *service = &world->services[number];
    const struct limit_settings *limits = &service->limits;

    if (!daemon_alone && service->live >= limits->instances) {
        return REASON_SERVICE_LIMIT;
    }
    if (world->live >= world->instances) {
        return REASON_DAEMON_LIMIT;
    }
    if (!daemon_alone &&
        !has_token(service->level, service->last_ms, limits->rate, limits->burst, world->now_ms)) {
        return REASON_SERVICE_RATE;
    }
    return world->overloaded ? REASON_LOAD : REASON_NONE;
}

static enum decision decision_of(const struct model_service *service, enum reason reason)
{
    if (reason == REASON_NONE) {
        return DECISION_ADMIT;
    }
    if (reason < REASON_SERVICE_LIMIT) {
        return DECISION_REFUSE;
    }
    return service->limits.when_full == FULL_REFUSE &&
                   (reason == REASON_SERVICE_LIMIT || reason == REASON_SERVICE_RATE)
               ? DECISION_REFUSE
               : DECISION_HOLD;
}

/* When a hold says that time will help, it does then, and not before. */
static void check_retry(const struct world *world, int number, const struct verdict *verdict)
{
    const struct model_service *service = &world->services[number];
    const struct limit_settings *limits = &service->limits;

    if (verdict->decision != DECISION_HOLD || verdict->reason != REASON_SERVICE_RATE) {
        CHECK(world, verdict->retry_ms == 0);
        return;
    }
    uint64_t then_ms = world->now_ms + verdict->retry_ms;
    CHECK(world, verdict->retry_ms > 0);
    CHECK(world, has_token(service->level, service->last_ms, limits->rate, limits->burst, then_ms));
    CHECK(world,
          !has_token(service->level, service->last_ms, limits->rate, limits->burst, then_ms - 1));
}

static void check_ready(struct world *world, int number)
{
    const struct model_service *service = &world->services[number];
    struct moment moment = {world->now_ms, world->wall_s};
    struct verdict ready = admission_ready(service->service, moment);
    enum reason expected = model_room(world, number, service->limits.when_full == FULL_REFUSE);
    bool greedy = false;

    CHECK(world, ready.reason == expected);
    CHECK(world, ready.decision == (expected == REASON_NONE ? DECISION_ADMIT : DECISION_HOLD));
    check_retry(world, number, &ready);
    for (int i = 0; i < ENTRY_MAX; i++) {
        greedy = greedy || (world->entries[i].used && world->entries[i].owner == number &&
                            is_greedy(service, world->entries[i].live));
    }
    CHECK(world, admission_look_ahead(service->service) ==
                     (service->live >= service->limits.instances && greedy));
}

static void count_instance(struct world *world, int number, int entry)
{
    struct model_service *service = &world->services[number];

    service->live++;
    service->admitted++;
    world->live++;
    take_token(&service->level, &service->last_ms, service->limits.rate, service->limits.burst,
               world->now_ms);
    world->alive[world->alive_count++] = (struct instance){number, entry};
    CHECK(world, service->live <= service->limits.instances);
    CHECK(world, world->live <= world->instances);
}

/* One of a few addresses, so that they meet again. */
static struct peer random_peer(struct world *world, struct prefix *address_r)
{
    unsigned number = (unsigned)below(world, 12);
    struct peer peer;

    *address_r = (struct prefix){0};
    switch (below(world, 3)) {
    case 0:
        peer = fixture_v4(UINT32_C(0x0a000000) | (number / 4) << 8 | number % 4);
        *address_r = (struct prefix){
            .family = AF_INET,
            .length = 32,
            .bytes = {10, 0, (uint8_t)(number / 4), (uint8_t)(number % 4)}};
        break;
    case 1:
        peer = fixture_ip("2001:db8::");
        peer.address.in6.sin6_addr.s6_addr[7] = (uint8_t)(number / 4);
        peer.address.in6.sin6_addr.s6_addr[15] = (uint8_t)(number % 4);
        *address_r = (struct prefix){.family = AF_INET6, .length = 128};
        memcpy(address_r->bytes, &peer.address.in6.sin6_addr, sizeof address_r->bytes);
        break;
    default:
        peer = fixture_user(number / 3);
        *address_r = (struct prefix){
            .family = AF_UNIX, .length = 32, .bytes = {0, 0, 0, (uint8_t)(number / 3)}};
        peer.gid = number % 3;
        break;
    }
    return peer;
}

static void step_decide(struct world *world, int number)
{
    struct model_service *service = &world->services[number];
    struct moment moment = {world->now_ms, world->wall_s};
    struct prefix address;
    struct peer peer = random_peer(world, &address);
    struct prefix prefix = source_in(service, &address);

    if (world->alive_count == INSTANCE_MAX) {
        return;
    }
    forget_traps(world); /* once to explain, once to decide */
    forget_traps(world);
    enum reason reason = model_peer(world, number, &address, &peer);
    int entry = reason == REASON_NONE ? find_entry(world, number, &prefix) : -1;
    if (reason == REASON_NONE) {
        reason = model_source(world, number, entry);
    }
    if (reason == REASON_NONE) {
        reason = model_room(world, number, false);
    }
    enum decision decision = decision_of(service, reason);

    struct verdict explained = admission_explain(service->service, &peer, moment);
    struct verdict verdict = admission_decide(service->service, &peer, moment);
    CHECK(world, explained.decision == verdict.decision && explained.reason == verdict.reason &&
                     explained.retry_ms == verdict.retry_ms && explained.rule == verdict.rule &&
                     explained.source == NULL);
    CHECK(world, verdict.reason == reason);
    CHECK(world, verdict.decision == decision);
    reasons_seen[reason]++;
    check_retry(world, number, &verdict);
    CHECK(world, (verdict.source != NULL) == (decision == DECISION_ADMIT));
    if (decision == DECISION_REFUSE) {
        service->refused[reason]++;
        if (entry >= 0) {
            world->entries[entry].stamp = ++world->stamp;
        }
    }
    if (decision != DECISION_ADMIT) {
        return;
    }
    entry = entry >= 0 ? entry : add_entry(world, number, &prefix);
    struct model_entry *source = &world->entries[entry];
    CHECK(world, source->live == 0 || source->ticket == verdict.source);
    source->ticket = verdict.source;
    source->live++;
    CHECK(world, source->live <= service->limits.per_source);
    take_token(&source->level, &source->last_ms, service->limits.per_source_rate,
               service->limits.per_source_burst, world->now_ms);
    count_instance(world, number, entry);
}

static void step_listener(struct world *world, int number)
{
    struct model_service *service = &world->services[number];
    struct moment moment = {world->now_ms, world->wall_s};
    enum reason reason = model_room(world, number, false);

    if (world->alive_count == INSTANCE_MAX) {
        return;
    }
    struct verdict verdict = admission_decide_listener(service->service, moment);
    CHECK(world, verdict.reason == reason && verdict.source == NULL);
    CHECK(world, verdict.decision == (reason == REASON_NONE ? DECISION_ADMIT : DECISION_HOLD));
    if (reason == REASON_NONE) {
        count_instance(world, number, -1);
    }
}

static void step_check_access(struct world *world, int number)
{
    struct model_service *service = &world->services[number];
    struct prefix address;
    struct peer peer = random_peer(world, &address);
    enum reason reason = model_peer(world, number, &address, &peer);
    struct verdict verdict = admission_check_access(service->service, &peer,
                                                    (struct moment){world->now_ms, world->wall_s});

    CHECK(world, verdict.reason == reason);
    if (reason != REASON_NONE) {
        service->refused[reason]++;
    }
}

static void step_release(struct world *world)
{
    if (world->alive_count == 0) {
        return;
    }
    uint32_t which = (uint32_t)below(world, world->alive_count);
    struct instance instance = world->alive[which];
    world->alive[which] = world->alive[--world->alive_count];
    struct model_service *service = &world->services[instance.service];
    service->live--;
    world->live--;
    if (instance.entry < 0) {
        admission_release(service->service, NULL);
        return;
    }
    struct model_entry *entry = &world->entries[instance.entry];
    admission_release(service->service, entry->ticket);
    if (--entry->live == 0) {
        entry->stamp = ++world->stamp;
        if (world->entry_count > world->bound) {
            forget(world, instance.entry);
        }
    }
}

static void step_trap(struct world *world)
{
    static const uint8_t lengths_v4[] = {32, 32, 24}, lengths_v6[] = {64, 64, 128};
    struct prefix address;
    uint64_t until_ms = world->now_ms + 1 + below(world, UINT64_C(1) << 24);

    random_peer(world, &address);
    if (address.family != AF_UNIX) {
        address = cut(address, address.family == AF_INET ? lengths_v4[below(world, 3)]
                                                         : lengths_v6[below(world, 3)]);
    }
    for (int i = 0; i < ENTRY_MAX; i++) { /* no two end together: the order would be open */
        until_ms += world->entries[i].used && world->entries[i].until_ms == until_ms;
    }
    bool trapped = admission_trap(world->admission, &address, world->now_ms, until_ms);
    int entry = find_entry(world, -1, &address);
    if (entry < 0) {
        while ((standing_traps(world) >= world->trap_bound || !has_room(world)) &&
               first_over(world) >= 0) {
            forget(world, first_over(world));
        }
        bool room = standing_traps(world) < world->trap_bound && has_room(world);
        CHECK(world, trapped == room);
        if (!room) {
            return;
        }
        entry = add_entry(world, -1, &address);
    }
    CHECK(world, trapped);
    if (until_ms > world->entries[entry].until_ms) {
        world->entries[entry].until_ms = until_ms;
    }
}

/* ---- Configurations ------------------------------------------------------------------------- */

static struct rate random_rate(struct world *world)
{
    static const uint32_t periods[] = {1000, 60000, 3600000};

    if (below(world, 2) == 0) {
        return (struct rate){0};
    }
    return (struct rate){1 + (uint32_t)below(world, 100), periods[below(world, 3)]};
}

static void random_rule(struct world *world, struct access_rule *rule)
{
    struct prefix address;
    struct peer peer = random_peer(world, &address);

    *rule = (struct access_rule){.written = "a rule", .allow = below(world, 2) == 0};
    if (address.family == AF_UNIX) {
        rule->kind = below(world, 2) == 0 ? ACCESS_UID : ACCESS_GID;
        rule->id = rule->kind == ACCESS_UID ? peer.uid : peer.gid;
    } else {
        rule->kind = ACCESS_PREFIX;
        rule->prefix = cut(address, (unsigned)below(world, address.length + 1U));
    }
}

/* Give SERVICE other settings and the real one with them. */
static void step_configure(struct world *world, int number)
{
    static const uint8_t lengths_v4[] = {32, 32, 24, 0}, lengths_v6[] = {64, 64, 128, 48};
    struct model_service *service = &world->services[number];
    struct model_service old = *service; /* the real one may look at these limits once more */
    struct access_table *old_table = (struct access_table *)service->policy.table;

    service->limits = (struct limit_settings){.instances = 1 + (uint32_t)below(world, 12),
                                              .per_source = 1 + (uint32_t)below(world, 8),
                                              .rate = random_rate(world),
                                              .burst = (uint32_t)below(world, 20),
                                              .per_source_rate = random_rate(world),
                                              .per_source_burst = (uint32_t)below(world, 20),
                                              .source_prefix_v4 = lengths_v4[below(world, 4)],
                                              .source_prefix_v6 = lengths_v6[below(world, 4)],
                                              .when_full = below(world, 3) == 0 ? FULL_REFUSE
                                                                                : FULL_HOLD};
    service->access = (struct access_settings){
        .rules = service->rules, .rule_count = below(world, 2) * below(world, RULES_MAX + 1)};
    for (size_t i = 0; i < service->access.rule_count; i++) {
        random_rule(world, &service->rules[i]);
    }
    service->access.hours = service->hours;
    service->access.hours_count = below(world, 3) == 0 ? 1 + below(world, HOURS_MAX) : 0;
    for (size_t i = 0; i < service->access.hours_count; i++) {
        service->hours[i] = (struct hours_range){.days = (uint8_t)below(world, 128),
                                                 .begin = (uint16_t)below(world, 1441),
                                                 .end = (uint16_t)below(world, 1441)};
    }
    uint64_t zone = below(world, 3);
    service->offset_s = zone == 0 ? 0 : zone == 1 ? 19800 : -12600;
    service->policy = (struct admission_policy){
        .limits = &service->limits,
        .access = &service->access,
        .table = access_table_create(&service->access, NULL, 0),
        .zone = zone == 0 ? NULL : world->zones[zone - 1]};
    CHECK(world, service->policy.table != NULL);
    if (service->service == NULL) {
        service->level = (big)1 << 100;
        service->service = admission_service_create(world->admission, &service->policy);
        CHECK(world, service->service != NULL);
    } else {
        /* Two policies in a row, as two generations have them: from the old limits to the new. */
        struct admission_policy before = service->policy;
        before.limits = &old.limits;
        admission_service_configure(service->service, &before);
        admission_service_configure(service->service, &service->policy);
    }
    access_table_destroy(old_table);
}

/* Take a service away and make it anew. */
static void step_replace(struct world *world, int number)
{
    struct model_service *service = &world->services[number];

    if (service->live > 0) {
        return;
    }
    admission_service_destroy(service->service);
    access_table_destroy((struct access_table *)service->policy.table);
    memset(service, 0, sizeof *service);
    for (int i = 0; i < ENTRY_MAX; i++) {
        if (world->entries[i].used && world->entries[i].owner == number) {
            forget(world, i);
        }
    }
    step_configure(world, number);
}

static void step_bounds(struct world *world)
{
    world->bound = 1 + (uint32_t)below(world, 24);
    world->trap_bound = world->bound / 2;
    world->instances = (uint32_t)below(world, 24);
    CHECK(world, admission_configure(world->admission, world->bound, world->instances));
    while (world->entry_count > world->bound && oldest_idle(world) >= 0) {
        forget(world, oldest_idle(world));
    }
}

static void step_time(struct world *world)
{
    uint64_t span_ms = fixture_next(&world->random) >> (40 + below(world, 24));

    world->now_ms += span_ms;
    world->wall_s += (int64_t)(span_ms / 1000);
    if (below(world, 50) == 0) { /* somebody sets the wall clock */
        world->wall_s = (int64_t)below(world, UINT64_C(4000000000)) + 100000;
    }
}

/* ---- Rounds --------------------------------------------------------------------------------- */

static void see(void *data, const struct source_view *view)
{
    struct world *world = data;
    int owner = -1;

    for (int i = 0; i < SERVICES; i++) {
        owner = world->services[i].service == view->service ? i : owner;
    }
    CHECK(world, (owner < 0) == (view->service == NULL));
    int entry = find_entry(world, owner, &view->prefix);
    CHECK(world, entry >= 0);
    CHECK(world, world->entries[entry].live == view->live);
    CHECK(world, world->entries[entry].until_ms == view->trapped_until_ms);
}

static void check_counts(struct world *world)
{
    CHECK(world, admission_live(world->admission) == world->live);
    CHECK(world, admission_source_count(world->admission) == world->entry_count);
    for (int i = 0; i < SERVICES; i++) {
        const struct model_service *service = &world->services[i];
        const struct admission_counts *counts = admission_service_counts(service->service);
        CHECK(world, counts->live == service->live && counts->admitted == service->admitted);
        CHECK(world, memcmp(counts->refused, service->refused, sizeof counts->refused) == 0);
    }
    if (world->step % 256 == 0) {
        admission_visit_sources(world->admission, see, world);
    }
}

static void run_step(struct world *world)
{
    int number = (int)below(world, SERVICES);
    uint64_t dice = below(world, 1000);

    if (dice < 480) {
        step_decide(world, number);
    } else if (dice < 780) {
        step_release(world);
    } else if (dice < 900) {
        step_time(world);
    } else if (dice < 930) {
        step_listener(world, number);
    } else if (dice < 960) {
        step_check_access(world, number);
    } else if (dice < 975) {
        step_trap(world);
    } else if (dice < 985) {
        step_configure(world, number);
    } else if (dice < 990) {
        step_bounds(world);
    } else if (dice < 994) {
        step_replace(world, number);
    } else {
        world->overloaded = below(world, 4) == 0;
        admission_set_overload(world->admission, world->overloaded);
    }
    check_ready(world, number);
    check_counts(world);
}

static void run_round(struct world *world, uint64_t seed)
{
    uint8_t key[ADMISSION_SEED_SIZE];

    memset(world, 0, sizeof *world);
    world->seed = world->random.state = seed;
    world->wall_s = 1795424400;
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)below(world, 256);
    }
    assert_int_equal(zone_load("AAA-5:30", &world->zones[0]), 0);
    assert_int_equal(zone_load("BBB3:30", &world->zones[1]), 0);
    world->admission = admission_create(1, 0, key);
    assert_non_null(world->admission);
    step_bounds(world);
    for (int i = 0; i < SERVICES; i++) {
        step_configure(world, i);
    }
    for (world->step = 1; world->step <= STEPS; world->step++) {
        run_step(world);
    }
    while (world->alive_count > 0) {
        step_release(world);
    }
    check_counts(world);
    CHECK(world, admission_live(world->admission) == 0);
    CHECK(world, world->entry_count <= world->bound || oldest_idle(world) < 0);
    for (int i = 0; i < SERVICES; i++) {
        admission_service_destroy(world->services[i].service);
        access_table_destroy((struct access_table *)world->services[i].policy.table);
    }
    CHECK(world, admission_source_count(world->admission) == standing_traps(world));
    admission_destroy(world->admission);
    zone_destroy(world->zones[0]);
    zone_destroy(world->zones[1]);
}

static void admission__random_events__as_the_model_says(void **state)
{
    static struct world world;
    uint64_t first = fixture_seed();

    (void)state;
    for (uint64_t seed = first; seed < first + ROUNDS; seed++) {
        run_round(&world, seed);
    }
    /* The caller's own reasons are never ours; all others came often. */
    for (int reason = REASON_NONE; reason <= REASON_LOAD; reason++) {
        if (reasons_seen[reason] < 100) {
            fail_msg("%s came %llu times only", reason_names[reason],
                     (unsigned long long)reasons_seen[reason]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admission__random_events__as_the_model_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
