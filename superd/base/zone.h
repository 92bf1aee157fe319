/*
 * zone: time zones as values: what the clock on the wall shows somewhere, without TZ, tzset() or
 * any other state of the process, so that two services can have different zones.
 *
 * Reads the system's time-zone files (RFC 8536). Only zone_load() does I/O; it is called when a
 * configuration is made, never for a connection.
 */
#ifndef SUPERD_BASE_ZONE_H
#define SUPERD_BASE_ZONE_H

#include <stddef.h>
#include <stdint.h>

struct zone;

/* The zone of that NAME, as TZ has it: "Europe/Berlin" (a file below /usr/share/zoneinfo), or a
 * POSIX rule, "CET-1CEST,M3.5.0,M10.5.0/3". NULL: the system's (TZ, or else /etc/localtime, or else
 * UTC). Returns 0 and the zone, which the caller destroys; -ENOENT: there is no such zone; -EINVAL:
 * its file is damaged; -ENOMEM; or what open(2) and read(2) say. */
int zone_load(const char *name, struct zone **zone_r);

/* A zone from the bytes of a time-zone file. Returns 0, -EINVAL or -ENOMEM. */
int zone_parse(const void *bytes, size_t size, struct zone **zone_r);

/* NULL is allowed. */
void zone_destroy(struct zone *zone);

struct zone_time {
    int32_t offset_s; /* seconds east of UTC */
    int64_t until_s;  /* it holds until then (UTC) at least; INT64_MAX: for ever */
};

/* The zone's offset at WALL_S, seconds since 1970 UTC. NULL is UTC. */
struct zone_time zone_at(const struct zone *zone, int64_t wall_s);

#endif
