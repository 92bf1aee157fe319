/*
 * state: what admission.c keeps and decide.c decides on; for these two alone.
 */
#ifndef SUPERD_ADMISSION_STATE_H
#define SUPERD_ADMISSION_STATE_H

#include "admission/admission.h"
#include "admission/hours.h"
#include "admission/rate.h"
#include "admission/source.h"
#include "admission/trap.h"

struct admission {
    struct source_table sources;
    struct trap_set traps;
    uint32_t instances, live;
    bool overloaded;
};

struct admission_service {
    struct admission *admission;
    struct admission_policy policy;
    struct admission_counts counts;
    struct rate_bucket bucket;
    struct source *greedy;     /* who holds more than half of the service; NULL: nobody */
    struct hours_answer hours; /* the last one, good for its time; none of the old policy's */
};

/* Is it a source's share of the service that others should not have to wait for? With one instance
 * there is nothing to share: then everybody waits for his turn. */
static inline bool admission_is_greedy(const struct admission_service *service,
                                       const struct source *source)
{
    return source->held > 1 && source->held > service->policy.limits->instances / 2;
}

/* Find out anew who holds more than half; looks at the whole table. */
void admission_find_greedy(struct admission_service *service);

#endif
