/*
 * hours: is it now within the hours that a service is open?
 *
 * Hours are what the clock on the wall shows in the service's time zone. So when summer time
 * begins, a range within the hour that is left out does not come that night, and when it ends, a
 * range within the hour that comes twice is open twice. Pure.
 */
#ifndef SUPERD_ADMISSION_HOURS_H
#define SUPERD_ADMISSION_HOURS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/zone.h"
#include "config/config.h"

struct hours_answer {
    bool open;
    const struct hours_range *range; /* the first that it is open by; NULL: none */
    int64_t from_s, until_s;         /* the answer is good from, and until before, then (UTC) */
};

/* At WALL_S, seconds since 1970 UTC. No ranges: always open. ZONE NULL: UTC. */
struct hours_answer hours_ask(const struct hours_range *ranges, size_t count,
                              const struct zone *zone, int64_t wall_s);

#endif
