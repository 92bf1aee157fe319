/*
 * save: taking what admission has counted out of one process and into the next (supervise/handover.h).
 *
 * What must hold: what is live counts afterwards as it did before, buckets go on from where they were
 * (the monotonic clock goes on, too), and traps stand. Idle sources may be left out, the oldest first:
 * a source that is forgotten begins anew. Pure, as all of admission.
 */
#ifndef SUPERD_ADMISSION_SAVE_H
#define SUPERD_ADMISSION_SAVE_H

#include "admission/admission.h"
#include "admission/rate.h"

/* An entry of the source table. How many are live is no part of it: instances bring that. */
struct source_record {
    struct prefix prefix;
    const struct admission_service *service; /* NULL: a trap */
    uint64_t admitted, refused, last_seen_ms;
    struct rate_bucket bucket; /* of a source */
    uint64_t until_ms;         /* of a trap */
};

/* ---- Out ------------------------------------------------------------------------------------ */

/* Call VISIT for every entry that is held, after at most IDLE of the idle ones, oldest first. */
void admission_save(const struct admission *admission, uint32_t idle,
                    void (*visit)(void *data, const struct source_record *record), void *data);

/* The bounds that admission_create() or admission_configure() got. */
void admission_bounds(const struct admission *admission, uint32_t *sources_r,
                      uint32_t *instances_r);

/* The prefix that SOURCE is counted under. */
const struct prefix *admission_source_prefix(const struct source *source);

struct rate_bucket admission_service_bucket(const struct admission_service *service);

/* ---- In, before anything is decided --------------------------------------------------------- */

/* COUNTS but for those that are live. */
void admission_load_service(struct admission_service *service,
                            const struct admission_counts *counts, struct rate_bucket bucket);

/* An entry of SERVICE's (record->service is not looked at), or a trap. Left out when there is no room. */
void admission_load_source(struct admission *admission, struct admission_service *service,
                           const struct source_record *record, uint64_t now_ms);

/* An instance that lives, of the source PREFIX (NULL: of none). Returns what admission_release() is
 * to be given. */
struct source *admission_load_instance(struct admission_service *service,
                                       const struct prefix *prefix);

#endif
