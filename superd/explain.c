/*
 * explain: see explain.h.
 */
#include "explain.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admission/admission.h"
#include "base/clock.h"
#include "supervise/access_files.h"
#include "supervise/supervisor.h"

/* All that a decision needs, made for one question. */
struct question {
    const struct service_config *config;
    struct access_contents contents;
    struct access_table *table;
    struct zone *zone;
    struct admission *admission;
    struct admission_service *service;
};

static bool parse_peer(const char *text, struct peer *peer)
{
    struct passwd *user;
    uint64_t uid;

    *peer = (struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1};
    if (strncmp(text, "uid:", 4) != 0)
        return address_parse_ip(text, 0, &peer->address);
    if (!units_parse_number(text + 4, UINT32_MAX - 1, &uid))
        return false;
    peer->address.un.sun_family = AF_UNIX;
    peer->address.length = sizeof(sa_family_t);
    peer->uid = (uid_t)uid;
    user = getpwuid(peer->uid);
    if (user)
        peer->gid = user->pw_gid;
    return true;
}

static bool parse_time(const char *text, const struct zone *zone, int64_t *wall_s)
{
    struct tm parts = {0};
    const char *rest;

    if (!text) {
        *wall_s = (int64_t)time(NULL);
        return true;
    }
    rest = strptime(text, "%Y-%m-%dT%H:%M", &parts);
    if (!rest || (strcmp(rest, "") != 0 && strcmp(rest, "Z") != 0))
        return false;
    *wall_s = (int64_t)timegm(&parts);
    if (*rest != 'Z')
        *wall_s -= zone_at(zone, *wall_s - zone_at(zone, *wall_s).offset_s).offset_s;
    return true;
}

static bool begin(struct question *q, const struct config *config)
{
    static const uint8_t seed[ADMISSION_SEED_SIZE]; /* nobody attacks one question */
    struct admission_policy policy;
    struct diagnostics list;
    bool read;

    diagnostics_init(&list);
    read = access_contents_read(config, &q->contents, &list);
    diagnostics_clear(&list);
    if (!read)
        return false;
    q->table = access_table_create(&q->config->access, q->contents.files, q->contents.count);
    q->admission = admission_create(16, UINT32_MAX, seed);
    if (!q->table || !q->admission ||
        (q->config->access.hours_count && zone_load(q->config->access.time_zone, &q->zone) < 0))
        return false;
    policy = (struct admission_policy){.limits = &q->config->limits,
                                       .access = &q->config->access,
                                       .table = q->table,
                                       .zone = q->zone};
    q->service = admission_service_create(q->admission, &policy);
    return q->service != NULL;
}

static void end(struct question *q)
{
    if (q->service)
        admission_service_destroy(q->service);
    if (q->admission)
        admission_destroy(q->admission);
    access_table_destroy(q->table);
    zone_destroy(q->zone);
    access_contents_free(&q->contents);
}

/* The setting that a reason comes from, for where it was written. */
static const char *setting_of(enum reason reason)
{
    static const char *const settings[REASON_MAX] = {
        [REASON_CLOSED_HOURS] = "access.hours",
        [REASON_SOURCE_LIMIT] = "limits.per_source",
        [REASON_SOURCE_RATE] = "limits.per_source_rate",
        [REASON_SERVICE_LIMIT] = "limits.instances",
        [REASON_SERVICE_RATE] = "limits.rate",
    };

    return settings[reason];
}

static void print_where(const struct question *q, const struct verdict *verdict)
{
    const char *setting = setting_of(verdict->reason);
    struct position position = verdict->position;

    if (!position.file && setting)
        position = config_origin(q->config, setting);
    if (verdict->rule)
        printf("  decided by \"%s\"\n", verdict->rule);
    else if (setting)
        printf("  decided by %s\n", setting);
    else if (!q->config->access.given)
        printf("  no access rules: everybody may connect\n");
    if (position.file)
        printf("  written at %s:%u\n", position.file, position.line);
    else if (setting)
        printf("  written nowhere: it is the default\n");
}

static void print_limit(const struct question *q, const char *name, const char *value)
{
    struct position position = config_origin(q->config, name);

    printf("  %-24s %-10s", name, value);
    if (position.file)
        printf(" %s:%u\n", position.file, position.line);
    else
        printf(" default\n");
}

static void print_limits(const struct question *q)
{
    const struct limit_settings *limits = &q->config->limits;
    char text[UNITS_TEXT_SIZE];

    snprintf(text, sizeof text, "%u", limits->instances);
    print_limit(q, "limits.instances", text);
    snprintf(text, sizeof text, "%u", limits->per_source);
    print_limit(q, "limits.per_source", text);
    if (limits->rate.events)
        print_limit(q, "limits.rate", units_format_rate(limits->rate, text));
    if (limits->per_source_rate.events)
        print_limit(q, "limits.per_source_rate", units_format_rate(limits->per_source_rate, text));
}

static int answer(struct question *q, const struct peer *peer, const char *address, int64_t wall_s)
{
    struct moment moment = {.now_ms = clock_now_ms(), .wall_s = wall_s};
    struct verdict verdict = admission_explain(q->service, peer, moment);
    char when[CLOCK_TEXT_SIZE];

    clock_format(wall_s * 1000000, when);
    if (verdict.decision == DECISION_ADMIT)
        printf("%s: %s would be admitted (at %s, with no other connection open)\n", q->config->name,
               address, when);
    else
        printf("%s: %s would be refused (at %s): %s\n", q->config->name, address, when,
               reason_names[verdict.reason]);
    print_where(q, &verdict);
    print_limits(q);
    return verdict.decision == DECISION_ADMIT ? EXIT_OK : EXIT_REFUSED;
}

int explain(const struct config *config, const char *service, const char *address, const char *time)
{
    struct question q = {.config = config_find(config, service)};
    struct peer peer;
    int64_t wall_s = 0;
    int code = EXIT_CONFIG;

    if (!q.config)
        fprintf(stderr, "superd: no service is called \"%s\"\n", service);
    else if (!parse_peer(address, &peer))
        fprintf(stderr,
                "superd: \"%s\" is not a numeric address (192.0.2.1, 2001:db8::1) or uid:N\n",
                address);
    else if (!begin(&q, config))
        fprintf(stderr, "superd: out of memory\n");
    else if (!parse_time(time, q.zone, &wall_s))
        fprintf(stderr, "superd: \"%s\" is not a time such as 2026-11-22T18:30 or ...Z\n", time);
    else
        code = answer(&q, &peer, address, wall_s);
    end(&q);
    return code;
}
