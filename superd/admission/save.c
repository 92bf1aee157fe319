/*
 * save: see save.h.
 */
#include "admission/save.h"

#include "admission/state.h"

/* ---- Out ------------------------------------------------------------------------------------ */

static struct source_record record_of(const struct source *source)
{
    struct source_record record = {.prefix = source->prefix,
                                   .service = source->owner,
                                   .admitted = source->admitted,
                                   .refused = source->refused,
                                   .last_seen_ms = source->last_seen_ms};

    if (source->owner)
        record.bucket = source->bucket;
    else
        record.until_ms = source->trap.until_ms;
    return record;
}

void admission_save(const struct admission *admission, uint32_t idle,
                    void (*visit)(void *data, const struct source_record *record), void *data)
{
    const struct source *source = admission->sources.newest;

    for (uint32_t i = 1; source && source->older && i < idle; i++)
        source = source->older;
    for (; source && idle > 0; source = source->newer) {
        struct source_record record = record_of(source);

        visit(data, &record);
    }
    for (source = NULL; (source = source_next(&admission->sources, source));) {
        struct source_record record = record_of(source);

        if (source->held > 0)
            visit(data, &record);
    }
}

void admission_bounds(const struct admission *admission, uint32_t *sources_r, uint32_t *instances_r)
{
    *sources_r = admission->sources.bound;
    *instances_r = admission->instances;
}

const struct prefix *admission_source_prefix(const struct source *source)
{
    return &source->prefix;
}

struct rate_bucket admission_service_bucket(const struct admission_service *service)
{
    return service->bucket;
}

/* ---- In ------------------------------------------------------------------------------------- */

void admission_load_service(struct admission_service *service,
                            const struct admission_counts *counts, struct rate_bucket bucket)
{
    uint32_t live = service->counts.live;

    service->counts = *counts;
    service->counts.live = live;
    service->bucket = bucket;
}

/* The entry of OWNER, held once more; NULL: there is no room. */
static struct source *hold(struct admission *admission, const void *owner,
                           const struct prefix *prefix)
{
    struct source *source = source_find(&admission->sources, owner, prefix);

    if (source) {
        source_hold(&admission->sources, source);
        return source;
    }
    source = source_add(&admission->sources, owner, prefix);
    if (source)
        source->bucket = RATE_BUCKET_FULL;
    return source;
}

void admission_load_source(struct admission *admission, struct admission_service *service,
                           const struct source_record *record, uint64_t now_ms)
{
    struct source *source;

    if (!service) {
        trap_add(&admission->traps, &admission->sources, &record->prefix, now_ms, record->until_ms);
        return;
    }
    source = hold(admission, service, &record->prefix);
    if (!source)
        return;
    source->bucket = record->bucket;
    source->admitted = record->admitted;
    source->refused = record->refused;
    source->last_seen_ms = record->last_seen_ms;
    source_let_go(&admission->sources, source);
}

struct source *admission_load_instance(struct admission_service *service,
                                       const struct prefix *prefix)
{
    struct source *source = prefix ? hold(service->admission, service, prefix) : NULL;

    service->counts.live++;
    service->admission->live++;
    if (source && admission_is_greedy(service, source) &&
        (!service->greedy || source->held > service->greedy->held))
        service->greedy = source;
    return source;
}
