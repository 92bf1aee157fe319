/*
 * zone_rule: the rule of a time zone as POSIX writes it in TZ: "CET-1CEST,M3.5.0,M10.5.0/3".
 *
 * It stands behind the table of a time-zone file for all years after the table's last (RFC 8536,
 * 3.3), and may be given instead of a zone's name. Pure.
 */
#ifndef SUPERD_BASE_ZONE_RULE_H
#define SUPERD_BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/zone.h"

enum zone_date_kind {
    ZONE_DATE_WEEKDAY, /* Mm.w.d: the w-th (5: last) weekday d of month m */
    ZONE_DATE_JULIAN,  /* Jn: day 1 to 365, 29 February is never counted */
    ZONE_DATE_DAY      /* n: day 0 to 365, 29 February is counted */
};

struct zone_date {
    enum zone_date_kind kind;
    int month, week, day;
    int32_t time_s; /* local time of that day; may be negative or over a day */
};

struct zone_rule {
    int32_t standard_s; /* seconds east of UTC */
    int32_t summer_s;
    bool has_summer;
    struct zone_date begin, end; /* of summer time: in standard time, in summer time */
};

/* False when TEXT is no such rule. */
bool zone_rule_parse(const char *text, struct zone_rule *rule_r);

struct zone_time zone_rule_at(const struct zone_rule *rule, int64_t wall_s);

#endif
