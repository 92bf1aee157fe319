/*
 * hours: see hours.h. An answer holds to the end of its minute, as ranges begin and end with
 * minutes; or shorter, where the zone's offset changes within it.
 */
#include "admission/hours.h"

#define DAY_S 86400

static bool in_range(const struct hours_range *range, unsigned weekday, unsigned minute)
{
    unsigned yesterday = (weekday + 6) % 7;

    if (range->end > range->begin) {
        return (range->days >> weekday & 1) != 0 && minute >= range->begin && minute < range->end;
    }
    return ((range->days >> weekday & 1) != 0 && minute >= range->begin) ||
           ((range->days >> yesterday & 1) != 0 && minute < range->end);
}

struct hours_answer hours_ask(const struct hours_range *ranges, size_t count,
                              const struct zone *zone, int64_t wall_s)
{
    struct hours_answer answer = {.open = true, .from_s = INT64_MIN, .until_s = INT64_MAX};
    int64_t local_s;

    if (count == 0) {
        return answer;
    }
    struct zone_time time = zone_at(zone, wall_s);
    if (__builtin_add_overflow(wall_s, time.offset_s, &local_s)) {
        local_s = wall_s; /* a clock at the end of time: no zone matters there */
    }
    int64_t second = (local_s % DAY_S + DAY_S) % DAY_S;
    int64_t day = local_s / DAY_S - (local_s % DAY_S < 0 ? 1 : 0);
    unsigned weekday = (unsigned)((day % 7 + 7 + 3) % 7); /* 1970 began with a Thursday */

    answer.open = false;
    for (size_t i = 0; i < count && !answer.open; i++) {
        if (in_range(&ranges[i], weekday, (unsigned)(second / 60))) {
            answer.open = true;
            answer.range = &ranges[i];
        }
    }
    answer.from_s = wall_s;
    if (__builtin_add_overflow(wall_s, 60 - second % 60, &answer.until_s)) {
        answer.until_s = INT64_MAX;
    }
    if (time.until_s < answer.until_s) {
        answer.until_s = time.until_s;
    }
    return answer;
}
