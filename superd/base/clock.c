/* clock: the monotonic and the wall clock. See clock.h. */
#include "base/clock.h"

#include <time.h>

#include "base/strbuf.h"

uint64_t clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_now_ms(void)
{
    return clock_now_ns() / 1000000u;
}

int64_t clock_wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* "2026-11-22T14:03:20", which is made once for all events of a second. */
static const char *format_second(time_t second)
{
    static _Thread_local char text[CLOCK_TEXT_SIZE];
    static _Thread_local time_t made;
    struct strbuf sb;
    struct tm tm;

    if (text[0] && made == second)
        return text;
    gmtime_r(&second, &tm); /* cannot fail: 64 bits of microseconds are years within an int */
    strbuf_init(&sb, text, sizeof text);
    strbuf_printf(&sb, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)tm.tm_year + 1900,
                  tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    made = second;
    return text;
}

char *clock_format(int64_t wall_us, char text[CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_us / 1000000);
    int64_t rest = wall_us % 1000000;
    struct strbuf sb;

    if (rest < 0) {
        seconds--;
        rest += 1000000;
    }
    strbuf_init(&sb, text, CLOCK_TEXT_SIZE);
    strbuf_text(&sb, format_second(seconds));
    strbuf_char(&sb, '.');
    for (int64_t unit = 100000; unit > 0; unit /= 10)
        strbuf_char(&sb, (char)('0' + rest / unit % 10));
    strbuf_char(&sb, 'Z');
    return text;
}
