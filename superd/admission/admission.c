/*
 * admission: see admission.h. Here is what exists and what is counted; decide.c decides.
 */
#include "admission/admission.h"

#include <assert.h>
#include <stdlib.h>

#include "admission/state.h"

static_assert(ADMISSION_SEED_SIZE == SOURCE_SEED_SIZE, "the seed is the table's");

/* ---- The daemon ----------------------------------------------------------------------------- */

struct admission *admission_create(uint32_t sources, uint32_t instances,
                                   const uint8_t seed[ADMISSION_SEED_SIZE])
{
    struct admission *admission = calloc(1, sizeof *admission);

    if (admission == NULL) {
        return NULL;
    }
    sources = sources > 0 ? sources : 1;
    admission->instances = instances;
    if (!source_table_init(&admission->sources, sources, seed) ||
        !trap_set_init(&admission->traps, sources / 2)) {
        admission_destroy(admission);
        return NULL;
    }
    return admission;
}

void admission_destroy(struct admission *admission)
{
    if (admission == NULL) {
        return;
    }
    trap_set_clear(&admission->traps);
    source_table_clear(&admission->sources);
    free(admission);
}

bool admission_configure(struct admission *admission, uint32_t sources, uint32_t instances)
{
    uint32_t old_bound = admission->traps.bound;

    sources = sources > 0 ? sources : 1;
    if (!trap_set_resize(&admission->traps, sources / 2)) {
        return false;
    }
    if (!source_table_resize(&admission->sources, sources)) {
        admission->traps.bound = old_bound;
        return false;
    }
    admission->instances = instances;
    return true;
}

void admission_set_overload(struct admission *admission, bool overloaded)
{
    admission->overloaded = overloaded;
}

bool admission_trap(struct admission *admission, const struct prefix *source, uint64_t now_ms,
                    uint64_t until_ms)
{
    return trap_add(&admission->traps, &admission->sources, source, now_ms, until_ms);
}

uint32_t admission_live(const struct admission *admission)
{
    return admission->live;
}

uint32_t admission_source_count(const struct admission *admission)
{
    return admission->sources.count;
}

uint32_t admission_source_live(const struct source *source)
{
    return source != NULL ? source->held : 0;
}

void admission_visit_sources(const struct admission *admission, source_visitor *visit, void *data)
{
    const struct source *source = NULL;

    while ((source = source_next(&admission->sources, source)) != NULL) {
        bool trap = source->owner == NULL;
        struct source_view view = {
            .prefix = source->prefix,
            .service = source->owner,
            .live = trap ? 0 : source->held,
            .admitted = source->admitted,
            .refused = source->refused,
            .last_seen_ms = source->last_seen_ms,
            .trapped_until_ms = trap ? source->trap.until_ms : 0,
        };
        visit(data, &view);
    }
}

/* ---- Services ------------------------------------------------------------------------------- */

struct admission_service *admission_service_create(struct admission *admission,
                                                   const struct admission_policy *policy)
{
    struct admission_service *service = calloc(1, sizeof *service);

    if (service != NULL) {
        service->admission = admission;
        service->policy = *policy;
        service->bucket = RATE_BUCKET_FULL;
    }
    return service;
}

void admission_service_destroy(struct admission_service *service)
{
    if (service == NULL) {
        return;
    }
    assert(service->counts.live == 0);
    source_forget_owner(&service->admission->sources, service);
    free(service);
}

void admission_service_configure(struct admission_service *service,
                                 const struct admission_policy *policy)
{
    /* The old policy may be gone when this returns, but its limits are still there. */
    bool shrinks = policy->limits->instances < service->policy.limits->instances;

    service->policy = *policy;
    service->hours = (struct hours_answer){0};
    bool falls = service->greedy != NULL && !admission_is_greedy(service, service->greedy);
    if ((shrinks && service->counts.live > 0) || falls) {
        admission_find_greedy(service);
    }
}

const struct admission_counts *admission_service_counts(const struct admission_service *service)
{
    return &service->counts;
}

void admission_find_greedy(struct admission_service *service)
{
    struct source *source = NULL;

    service->greedy = NULL;
    while ((source = source_next(&service->admission->sources, source)) != NULL) {
        if (source->owner == service && admission_is_greedy(service, source) &&
            (service->greedy == NULL || source->held > service->greedy->held)) {
            service->greedy = source;
        }
    }
}

/*
 * Whoever holds more than half of the limit is known without looking for him: he became it with an
 * admission, and there is one such source at most while no more are live than the limit. Only after
 * the limit has shrunk there may be several; then, each time that one of them falls to half, the
 * others are looked for, at most once for each.
 */
void admission_release(struct admission_service *service, struct source *source)
{
    struct admission *admission = service->admission;

    assert(service->counts.live > 0 && admission->live > 0);
    service->counts.live--;
    admission->live--;
    if (source == NULL) {
        return;
    }
    source_let_go(&admission->sources, source);
    if (source == service->greedy && !admission_is_greedy(service, source)) {
        service->greedy = NULL;
        if (service->counts.live >= service->policy.limits->instances) {
            admission_find_greedy(service);
        }
    }
}
