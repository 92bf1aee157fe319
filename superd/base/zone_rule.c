/*
 * zone_rule: see zone_rule.h. The syntax is that of POSIX, XBD 8.3 (TZ), with RFC 8536's extension:
 * the hour of a change may be from -167 to 167.
 */
#include "base/zone_rule.h"

#include <string.h>

#define DAY_S 86400

/* Beyond this many seconds from 1970 (some 30,000 years) nothing is computed any more. */
#define FARTHEST_S 1000000000000

/* ---- Parsing: each function takes what it knows and moves *TEXT behind it ------------------- */

static bool parse_number(const char **text, int min, int max, int *number_r)
{
    const char *p = *text;
    int number = 0;

    if (*p < '0' || *p > '9') {
        return false;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        number = number * 10 + (*p - '0');
        if (number > max) {
            return false;
        }
    }
    if (number < min) {
        return false;
    }
    *text = p;
    *number_r = number;
    return true;
}

static bool skip(const char **text, char c)
{
    if (**text != c) {
        return false;
    }
    (*text)++;
    return true;
}

/* "CET", or "<+03>" where the name has other characters than letters. */
static bool skip_name(const char **text)
{
    const char *p = *text;
    bool quoted = skip(&p, '<');
    size_t length = quoted ? strcspn(p, ">") : 0;

    if (!quoted) {
        while ((p[length] >= 'A' && p[length] <= 'Z') || (p[length] >= 'a' && p[length] <= 'z')) {
            length++;
        }
    }
    if (length < 3) {
        return false;
    }
    p += length;
    if (quoted && !skip(&p, '>')) {
        return false;
    }
    *text = p;
    return true;
}

/* [+-]hh[:mm[:ss]] */
static bool parse_time(const char **text, int max_hours, int32_t *seconds_r)
{
    bool negative = skip(text, '-');
    int hours, minutes = 0, seconds = 0;

    if (!negative) {
        skip(text, '+');
    }
    if (!parse_number(text, 0, max_hours, &hours)) {
        return false;
    }
    if (skip(text, ':')) {
        if (!parse_number(text, 0, 59, &minutes)) {
            return false;
        }
        if (skip(text, ':') && !parse_number(text, 0, 59, &seconds)) {
            return false;
        }
    }
    *seconds_r = (hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1);
    return true;
}

static bool parse_date(const char **text, struct zone_date *date)
{
    *date = (struct zone_date){.time_s = 2 * 3600};
    if (skip(text, 'M')) {
        date->kind = ZONE_DATE_WEEKDAY;
        if (!parse_number(text, 1, 12, &date->month) || !skip(text, '.') ||
            !parse_number(text, 1, 5, &date->week) || !skip(text, '.') ||
            !parse_number(text, 0, 6, &date->day)) {
            return false;
        }
    } else if (skip(text, 'J')) {
        date->kind = ZONE_DATE_JULIAN;
        if (!parse_number(text, 1, 365, &date->day)) {
            return false;
        }
    } else {
        date->kind = ZONE_DATE_DAY;
        if (!parse_number(text, 0, 365, &date->day)) {
            return false;
        }
    }
    return !skip(text, '/') || parse_time(text, 167, &date->time_s);
}

bool zone_rule_parse(const char *text, struct zone_rule *rule_r)
{
    struct zone_rule rule = {0};
    int32_t west;

    if (!skip_name(&text) || !parse_time(&text, 24, &west)) {
        return false;
    }
    rule.standard_s = -west;
    if (*text != '\0') {
        rule.has_summer = true;
        rule.summer_s = rule.standard_s + 3600;
        if (!skip_name(&text)) {
            return false;
        }
        if (*text != ',' && *text != '\0') {
            if (!parse_time(&text, 24, &west)) {
                return false;
            }
            rule.summer_s = -west;
        }
        if (*text == '\0') {
            text = ",M3.2.0,M11.1.0"; /* what the C library assumes where no dates are given */
        }
        if (!skip(&text, ',') || !parse_date(&text, &rule.begin) || !skip(&text, ',') ||
            !parse_date(&text, &rule.end)) {
            return false;
        }
    }
    if (*text != '\0') {
        return false;
    }
    *rule_r = rule;
    return true;
}

/* ---- Computing ------------------------------------------------------------------------------ */

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1 January 1970 to 1 January of YEAR. */
static int64_t days_to_year(int64_t year)
{
    int64_t before = year - 1 +
                     400000; /* years that are over, from a start where all is positive */

    return before * 365 + before / 4 - before / 100 + before / 400 -
           (INT64_C(401969) * 365 + 401969 / 4 - 401969 / 100 + 401969 / 400);
}

/* The day (0: 1 January) of YEAR that DATE means. */
static int64_t day_of_date(const struct zone_date *date, int64_t year)
{
    static const int month_begins[13] = {0,   31,  59,  90,  120, 151, 181,
                                         212, 243, 273, 304, 334, 365};
    bool leap = is_leap(year);

    if (date->kind == ZONE_DATE_DAY) {
        return date->day;
    }
    if (date->kind == ZONE_DATE_JULIAN) {
        return date->day - 1 + (leap && date->day >= 60 ? 1 : 0);
    }
    int64_t first = month_begins[date->month - 1] + (leap && date->month > 2 ? 1 : 0);
    int64_t next = month_begins[date->month] + (leap && date->month >= 2 ? 1 : 0);
    /* 1 January 1970 was a Thursday. */
    int64_t weekday = ((days_to_year(year) + first + 4) % 7 + 7) % 7;
    int64_t day = first + (date->day - weekday + 7) % 7 + (date->week - 1) * 7;

    while (day >= next) {
        day -= 7;
    }
    return day;
}

static int64_t year_of(int64_t wall_s)
{
    int64_t year = 1970 + wall_s / (365 * DAY_S + DAY_S / 4);

    while (days_to_year(year) * DAY_S > wall_s) {
        year--;
    }
    while (days_to_year(year + 1) * DAY_S <= wall_s) {
        year++;
    }
    return year;
}

struct change {
    int64_t at_s;
    int32_t offset_s; /* from then on */
};

/* Insert, sorted by time; what comes later stays behind what is at the same time (a zone that has
 * summer time all the year ends it and begins it in the same second). */
static void insert_change(struct change *changes, size_t *count, struct change change)
{
    size_t i = (*count)++;

    for (; i > 0 && changes[i - 1].at_s > change.at_s; i--) {
        changes[i] = changes[i - 1];
    }
    changes[i] = change;
}

struct zone_time zone_rule_at(const struct zone_rule *rule, int64_t wall_s)
{
    struct zone_time time = {.offset_s = rule->standard_s, .until_s = INT64_MAX};
    struct change changes[6];
    size_t count = 0;

    if (!rule->has_summer || wall_s > FARTHEST_S || wall_s < -FARTHEST_S) {
        return time;
    }
    /* A year's changes may be days outside of it, so its neighbours' are looked at too. */
    int64_t year = year_of(wall_s);
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t begin = (days_to_year(y) + day_of_date(&rule->begin, y)) * DAY_S;
        int64_t end = (days_to_year(y) + day_of_date(&rule->end, y)) * DAY_S;
        insert_change(
            changes, &count,
            (struct change){begin + rule->begin.time_s - rule->standard_s, rule->summer_s});
        insert_change(changes, &count,
                      (struct change){end + rule->end.time_s - rule->summer_s, rule->standard_s});
    }
    for (size_t i = 0; i < count; i++) {
        if (changes[i].at_s > wall_s) {
            time.until_s = changes[i].at_s;
            break;
        }
        time.offset_s = changes[i].offset_s;
    }
    return time;
}
