/*
 * admission: the one place where it is decided whether a connection becomes an instance.
 *
 * Pure: it does no I/O, knows nothing of sockets, processes or the loop, and takes the time as an
 * argument; the caller reports what happens (an admission is counted by the decision itself, its
 * end by admission_release()). What must hold, and is checked by tests/unit/admission:
 *   - live instances never exceed limits.instances or limits.per_source as they were configured
 * when the last of them was admitted; nothing is refused below a limit;
 *   - counts are of live instances and survive a change of configuration: after a limit shrinks,
 * the live ones still count;
 *   - the source table never exceeds its bound, idle entries go first, and a source with live
 *     instances or a standing trap is never forgotten. (With a bound of twice the daemon's
 * instances there is always room: traps have at most half of the table.);
 *   - a decision allocates nothing that outlives a refusal.
 *
 * Two questions, because a connection cannot be put back into the backlog once it is accepted:
 *   admission_ready()    before accepting: may the service's listeners be watched? (hold)
 *   admission_decide()   on an accepted connection: admit, refuse, or "keep this one until there is
 *                        room" (HOLD), which happens only when the service is full and the caller
 *                        looked ahead (see admission_look_ahead()).
 *
 * The order of checks, and so which reason is named when several hold:
 *   of the peer      trapped, denied, closed-hours          refuse
 *   of the source    source-limit, source-rate, source-table  refuse
 *   of the service   fair-share                             refuse
 *                    service-limit                          hold, or refuse as when_full says
 *   of the daemon    daemon-limit                           hold
 *   of the service   service-rate                           hold, or refuse as when_full says
 *   of the daemon    load                                   hold
 * Paused, draining, throttled and launchers are the caller's, before he asks. Only an admission
 * takes tokens. Fair share: when a service is full, a source that holds more than half of
 * limits.instances (and more than one) is refused; others are held.
 *
 * A source is counted in each service by itself, under the prefix length that the service has when
 * the connection comes: after a change of length, live instances count in the service, but not for
 * the source that the new length makes of their peers.
 */
#ifndef SUPERD_ADMISSION_ADMISSION_H
#define SUPERD_ADMISSION_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admission/access.h"
#include "admission/reason.h"
#include "base/zone.h"
#include "config/config.h"

struct admission;         /* the daemon's: sources, traps, what is live in all */
struct admission_service; /* one service's counters and buckets; survives reloads */
struct source;            /* an entry of the source table */

enum decision { DECISION_ADMIT, DECISION_HOLD, DECISION_REFUSE };

struct verdict {
    enum decision decision;
    enum reason reason;    /* REASON_NONE when admitted */
    uint64_t retry_ms;     /* HOLD: in so long the answer may change by time alone; 0: by events */
    struct source *source; /* ADMIT: what admission_release() wants back. Valid until then. */
    struct position position; /* the rule or setting that decided, where it has a place */
    const char *rule; /* that rule as it was written; NULL: none. Lives as the policy does. */
};

/* The time of a decision: the monotonic clock, and the wall clock for hours. */
struct moment {
    uint64_t now_ms;
    int64_t wall_s; /* seconds since 1970 UTC */
};

/* What is known of a peer without reading a byte of its. */
struct peer {
    struct address address;
    uid_t uid; /* UNIX sockets, else (uid_t)-1 */
    gid_t gid;
    const gid_t *groups; /* supplementary groups of a UNIX peer */
    size_t group_count;
};

/* The rules of one service in one generation. The caller owns what it points to and keeps it until
 * admission_service_configure() has taken the next, or the service is destroyed. */
struct admission_policy {
    const struct limit_settings *limits;
    const struct access_settings *access;
    const struct access_table
        *table;              /* compiled from `access`; may be replaced when a file changes */
    const struct zone *zone; /* of access->time_zone, for its hours; NULL: UTC */
};

/* ---- The daemon ----------------------------------------------------------------------------- */

#define ADMISSION_SEED_SIZE 16

/* SOURCES: bound of the source table (0 is taken as 1); INSTANCES: most live instances of all
 * services; SEED: random bytes (getrandom(2)) that nobody outside may know, or he could choose
 * addresses that make the table slow. NULL when there is no memory: the table is allocated whole,
 * so that a flood never allocates. */
struct admission *admission_create(uint32_t sources, uint32_t instances,
                                   const uint8_t seed[ADMISSION_SEED_SIZE]);
void admission_destroy(struct admission *admission);

/* Change the bounds; what is live still counts. A table that shrinks keeps what it may not forget.
 * False when there is no memory: then nothing changed. */
bool admission_configure(struct admission *admission, uint32_t sources, uint32_t instances);

/* The machine is overloaded (superd.limits.load, .pressure), or no longer. */
void admission_set_overload(struct admission *admission, bool overloaded);

/* Refuse SOURCE, a prefix of any length, everywhere until UNTIL_MS (monotonic); a later end that it
 * has already stays. False: half of the table is standing traps, or all of it is live sources. */
bool admission_trap(struct admission *admission, const struct prefix *source, uint64_t now_ms,
                    uint64_t until_ms);

/* ---- Services ------------------------------------------------------------------------------- */

/* NULL when there is no memory. The admission must outlive it. */
struct admission_service *admission_service_create(struct admission *admission,
                                                   const struct admission_policy *policy);
/* Nothing of it may be live. NULL is allowed. */
void admission_service_destroy(struct admission_service *service);

/* Change to POLICY: counts stay, buckets keep their tokens up to the new burst. */
void admission_service_configure(struct admission_service *service,
                                 const struct admission_policy *policy);

/* May the service's listeners be watched? ADMIT, or HOLD with its reason. With
 * when_full = "refuse" a full service is still ready (its clients are accepted to be refused). */
struct verdict admission_ready(struct admission_service *service, struct moment moment);

/* Is it worth accepting one connection although the service is full, to see whose it is? Only
 * where one source holds more than half of the service (fair share, see above). */
bool admission_look_ahead(const struct admission_service *service);

/* Decide on an accepted connection of PEER. ADMIT counts it (service, source, daemon, rates). */
struct verdict admission_decide(struct admission_service *service, const struct peer *peer,
                                struct moment moment);

/* For listener mode: rules, hours and traps alone; counts its refusals and nothing else, and never
 * holds. */
struct verdict admission_check_access(struct admission_service *service, const struct peer *peer,
                                      struct moment moment);

/* As admission_decide(), but only say it: nothing is counted, `source` is NULL. */
struct verdict admission_explain(struct admission_service *service, const struct peer *peer,
                                 struct moment moment);

/* A listener-mode instance starts: counts in the service and the daemon, for no source. Admits or
 * holds (also with when_full = "refuse": there is nobody to refuse yet). What it admits goes back
 * by admission_release() with source NULL. */
struct verdict admission_decide_listener(struct admission_service *service, struct moment moment);

/* Live instances of SOURCE (in the service it was admitted to); 0 for NULL. */
uint32_t admission_source_live(const struct source *source);

/* The instance that SOURCE was given for has ended (been reaped). */
void admission_release(struct admission_service *service, struct source *source);

/* ---- What can be asked ---------------------------------------------------------------------- */

struct admission_counts {
    uint32_t live;
    uint64_t admitted;
    uint64_t refused[REASON_MAX];
};
const struct admission_counts *admission_service_counts(const struct admission_service *service);
uint32_t admission_live(const struct admission *admission);
uint32_t admission_source_count(const struct admission *admission); /* entries in the table */

/* Call VISIT for every entry of the table, in no order: one for each source in each service that
 * has admitted it, and one for each trap. */
struct source_view {
    struct prefix prefix;
    const struct admission_service *service; /* NULL: a trap */
    uint32_t live;                           /* in this service */
    uint64_t admitted;
    uint64_t refused; /* for its own limits and for fair share, since the entry was made */
    uint64_t last_seen_ms;
    uint64_t trapped_until_ms; /* a trap's; it may be over */
};
typedef void source_visitor(void *data, const struct source_view *view);
void admission_visit_sources(const struct admission *admission, source_visitor *visit, void *data);

#endif
