/* See words.h. */
#include "words.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "../page/listing.h"

enum { TEXT_MAX = 2048 };

bool words_parse_time(const char *text, int64_t *ms_r)
{
    struct tm tm = {.tm_isdst = 0};
    int millis, end = 0;

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3d%*3dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &millis, &end) != 7 ||
        end == 0 || text[end] != '\0' || tm.tm_year < 1970)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ms_r = (int64_t)timegm(&tm) * 1000 + millis;
    return true;
}

const char *words_clock(int64_t seconds, char to[WORDS_SIZE])
{
    int64_t second = seconds % 86400;

    snprintf(to, WORDS_SIZE, "%02d:%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60),
             (int)(second % 60));
    return to;
}

const char *words_rate(double rate, char to[WORDS_SIZE])
{
    if (rate < 0)
        snprintf(to, WORDS_SIZE, "\xe2\x80\x93");
    else if (rate <= 0)
        snprintf(to, WORDS_SIZE, "0");
    else if (rate < 1)
        snprintf(to, WORDS_SIZE, "%.2g", rate);
    else
        snprintf(to, WORDS_SIZE, rate < 100 ? "%.3g" : "%.0f", rate);
    return to;
}

const char *words_duration(int64_t ms, char to[WORDS_SIZE])
{
    int64_t s = ms / 1000;

    if (ms < 1000)
        snprintf(to, WORDS_SIZE, "%" PRId64 " ms", ms);
    else if (s < 60)
        snprintf(to, WORDS_SIZE, "%" PRId64 " s", s);
    else if (s < 3600)
        snprintf(to, WORDS_SIZE, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(to, WORDS_SIZE, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(to, WORDS_SIZE, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
    return to;
}

/* Three digits or so: 1.2, 12, 120. */
static const char *with_unit(double value, const char *unit, char to[WORDS_SIZE])
{
    snprintf(to, WORDS_SIZE, "%.*f %s", value < 9.95 ? 1 : 0, value, unit);
    return to;
}

const char *words_microseconds(int64_t us, char to[WORDS_SIZE])
{
    if (us >= 1000)
        return with_unit(us < 999500 ? (double)us / 1e3 : (double)us / 1e6,
                         us < 999500 ? "ms" : "s", to);
    snprintf(to, WORDS_SIZE, "%" PRId64 " \xc2\xb5s", us);
    return to;
}

const char *words_bytes(int64_t bytes, char to[WORDS_SIZE])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1000) {
        snprintf(to, WORDS_SIZE, "%" PRId64 " B", bytes);
        return to;
    }
    for (; value >= 1000 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1024;
    return with_unit(value, units[unit], to);
}

const char *words_number(int64_t number, char to[WORDS_SIZE])
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, number), used = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
            used += snprintf(to + used, (size_t)(WORDS_SIZE - used), "\xe2\x80\xaf");
        to[used++] = digits[i];
    }
    to[used] = '\0';
    return to;
}

void words_escape(FILE *page, const char *text, size_t most)
{
    char piece[TEXT_MAX + 1], escaped[6 * TEXT_MAX + 1];
    size_t length = strnlen(text, most + 1);
    bool cut = length > most || length > TEXT_MAX;

    if (cut)
        length = most < TEXT_MAX ? most : TEXT_MAX;
    while (cut && length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--; /* not in the middle of a character */
    memcpy(piece, text, length);
    piece[length] = '\0';
    listing_escape(piece, escaped, sizeof escaped);
    fputs(escaped, page);
    if (cut)
        fputs("\xe2\x80\xa6", page);
}
