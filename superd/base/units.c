/* units: durations, sizes, rates and modes as text. See units.h. */
#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* The biggest first: formatting takes the first that divides. */
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit size_units[] = {
    {"G", 1024 * 1024 * 1024},
    {"M", 1024 * 1024},
    {"K", 1024},
    {"", 1},
};
static const struct unit rate_units[] = {
    {"h", 3600000},
    {"m", 60000},
    {"s", 1000},
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Read the digits at TEXT; returns what follows them, NULL where there are none or too many. */
static const char *read_digits(const char *text, uint64_t *number_r)
{
    uint64_t number = 0;

    if (*text < '0' || *text > '9')
        return NULL;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
            return NULL;
    }
    *number_r = number;
    return text;
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    }
    return NULL;
}

static bool parse_quantity(const char *text, const struct unit *units, size_t count,
                           uint64_t *number_r)
{
    uint64_t number, product;
    const char *rest = read_digits(text, &number);
    const struct unit *unit;

    if (!rest)
        return false;
    unit = find_unit(units, count, rest);
    if (!unit || __builtin_mul_overflow(number, unit->factor, &product))
        return false;
    *number_r = product;
    return true;
}

static char *format_quantity(uint64_t number, const struct unit *units, size_t count,
                             char text[UNITS_TEXT_SIZE])
{
    for (size_t i = 0; number > 0 && i < count; i++) {
        if (number % units[i].factor == 0) {
            snprintf(text, UNITS_TEXT_SIZE, "%" PRIu64 "%s", number / units[i].factor,
                     units[i].name);
            return text;
        }
    }
    snprintf(text, UNITS_TEXT_SIZE, "0");
    return text;
}

bool units_parse_number(const char *text, uint64_t max, uint64_t *number_r)
{
    uint64_t number;
    const char *rest = read_digits(text, &number);

    if (!rest || *rest || number > max)
        return false;
    *number_r = number;
    return true;
}

bool units_parse_duration(const char *text, uint64_t *milliseconds_r)
{
    if (strcmp(text, "0") == 0) {
        *milliseconds_r = 0;
        return true;
    }
    return parse_quantity(text, duration_units, COUNT(duration_units), milliseconds_r);
}

bool units_parse_size(const char *text, uint64_t *bytes_r)
{
    return parse_quantity(text, size_units, COUNT(size_units), bytes_r);
}

bool units_parse_rate(const char *text, struct rate *rate_r)
{
    uint64_t events;
    const char *rest = read_digits(text, &events);
    const struct unit *unit;

    if (!rest || events > UINT32_MAX)
        return false;
    if (*rest == '\0' && events == 0) {
        *rate_r = (struct rate){0};
        return true;
    }
    unit = *rest == '/' ? find_unit(rate_units, COUNT(rate_units), rest + 1) : NULL;
    if (!unit || events == 0)
        return false;
    *rate_r = (struct rate){.events = (uint32_t)events, .period_ms = (uint32_t)unit->factor};
    return true;
}

bool units_parse_mode(const char *text, unsigned *mode_r)
{
    unsigned mode = 0;
    size_t length = strlen(text);

    if (length < 1 || length > 5)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '7')
            return false;
        mode = mode * 8 + (unsigned)(*text - '0');
    }
    if (mode > 07777)
        return false;
    *mode_r = mode;
    return true;
}

char *units_format_duration(uint64_t milliseconds, char text[UNITS_TEXT_SIZE])
{
    return format_quantity(milliseconds, duration_units, COUNT(duration_units), text);
}

char *units_format_size(uint64_t bytes, char text[UNITS_TEXT_SIZE])
{
    return format_quantity(bytes, size_units, COUNT(size_units), text);
}

char *units_format_rate(struct rate rate, char text[UNITS_TEXT_SIZE])
{
    const char *name = "s";

    if (rate.events == 0) {
        snprintf(text, UNITS_TEXT_SIZE, "0");
        return text;
    }
    for (size_t i = 0; i < COUNT(rate_units); i++) {
        if (rate_units[i].factor == rate.period_ms)
            name = rate_units[i].name;
    }
    snprintf(text, UNITS_TEXT_SIZE, "%" PRIu32 "/%s", rate.events, name);
    return text;
}

char *units_format_mode(unsigned mode, char text[UNITS_TEXT_SIZE])
{
    snprintf(text, UNITS_TEXT_SIZE, "%04o", mode);
    return text;
}
