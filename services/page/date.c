/* See date.h. */
#include "date.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

enum {
    DAY = 86400,
    DAYS_TO_1970 = 719162, /* from 1 January of the year 1 */
    DAYS_IN_400_YEARS = 146097,
};

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int month, int year)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month] + (month == 1 && is_leap(year));
}

/* Days from 1 January of the year 1 to 1 January of `year`. */
static int64_t days_before_year(int year)
{
    int64_t before = year - 1;
    return before * 365 + before / 4 - before / 100 + before / 400;
}

void date_format(int64_t seconds, char to[DATE_SIZE])
{
    const int64_t lowest = -(int64_t)DAYS_TO_1970 * DAY;
    const int64_t highest = (days_before_year(10000) - DAYS_TO_1970) * DAY - 1;
    seconds = seconds < lowest ? lowest : seconds > highest ? highest : seconds;
    int64_t days = (seconds - lowest) / DAY;
    int rest = (int)((seconds - lowest) % DAY);

    int year = (int)(days * 400 / DAYS_IN_400_YEARS) + 1; /* right, or one too far either way */
    while (days_before_year(year) > days)
        year--;
    while (days_before_year(year + 1) <= days)
        year++;
    int day = (int)(days - days_before_year(year));
    int month = 0;
    while (day >= month_days(month, year))
        day -= month_days(month++, year);
    int week_day = (int)((days + 1) % 7); /* 1 January of the year 1 was a Monday */
    /* The remainders change nothing; they show the compiler that no number outgrows its place. */
    snprintf(to, DATE_SIZE, "%s, %02u %s %04u %02u:%02u:%02u GMT", day_names[week_day],
             (unsigned)(day + 1) % 100, month_names[month], (unsigned)year % 10000,
             (unsigned)(rest / 3600) % 100, (unsigned)(rest / 60 % 60), (unsigned)(rest % 60));
}

/* strptime() in the C locale, which this program never leaves; all of the text must be taken. */
static bool parse_form(const char *text, const char *form, struct tm *tm)
{
    *tm = (struct tm){0};
    const char *end = strptime(text, form, tm);
    return end != NULL && *end == '\0';
}

bool date_parse(const char *text, size_t length, int64_t now, int64_t *seconds_r)
{
    char copy[64];
    struct tm tm;
    if (length == 0 || length >= sizeof copy || memchr(text, '\0', length) != NULL)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    bool short_year = false;
    if (!parse_form(copy, "%a, %d %b %Y %T GMT", &tm) &&
        !(short_year = parse_form(copy, "%A, %d-%b-%y %T GMT", &tm)) &&
        !parse_form(copy, "%a %b %e %T %Y", &tm))
        return false;
    int year = tm.tm_year + 1900;
    int this_year = (int)(now / (DAYS_IN_400_YEARS * (int64_t)DAY / 400)) + 1970;
    if (short_year && year > this_year + 50)
        year -= 100; /* more than 50 years ahead means the past */
    if (year < 1 || year > 9999 || tm.tm_mday > month_days(tm.tm_mon, year))
        return false;
    int64_t days = days_before_year(year) + tm.tm_mday - 1 - DAYS_TO_1970;
    for (int month = 0; month < tm.tm_mon; month++)
        days += month_days(month, year);
    *seconds_r = days * DAY + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
    return true;
}
