/* dump_value: values as text, by the type of their row. See dump_part.h. */
#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "config/config.h"
#include "config/dump_part.h"

void dump_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; text && *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            fprintf(file, "\\x%02x", c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

static int64_t read_number(const void *place, const struct schema_row *row)
{
    uint8_t narrow;
    int64_t wide = 0;

    if (row->width == 1) {
        memcpy(&narrow, place, sizeof narrow);
        return narrow;
    }
    if (row->width == 4 && row->min < 0) {
        int32_t number;

        memcpy(&number, place, sizeof number);
        return number;
    }
    memcpy(&wide, place, row->width); /* little end first */
    return wide;
}

/* libconfig tells a real number by its point. */
static void write_real(FILE *file, double real)
{
    char text[40];

    snprintf(text, sizeof text, "%.17g", real);
    fprintf(file, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void write_limit_part(FILE *file, enum schema_unit unit, uint64_t limit)
{
    char text[UNITS_TEXT_SIZE];

    if (limit == UINT64_MAX)
        fputs("unlimited", file);
    else if (unit == UNIT_BYTES)
        fputs(units_format_size(limit, text), file);
    else
        fprintf(file, "%" PRIu64, limit);
}

static bool write_limit(FILE *file, const struct schema_row *row, const void *place)
{
    struct rlimit_setting limit;

    memcpy(&limit, place, sizeof limit);
    if (!limit.set)
        return false;
    fputc('"', file);
    write_limit_part(file, row->unit, limit.soft);
    fputc(':', file);
    write_limit_part(file, row->unit, limit.hard);
    fputc('"', file);
    return true;
}

static void write_amount(FILE *file, const struct schema_row *row, const void *place)
{
    char text[UNITS_TEXT_SIZE];
    struct rate rate;
    uint64_t amount;

    if (row->type == TYPE_RATE) {
        memcpy(&rate, place, sizeof rate);
        units_format_rate(rate, text);
    } else if (row->type == TYPE_MODE) {
        units_format_mode((unsigned)read_number(place, row), text);
    } else {
        memcpy(&amount, place, sizeof amount);
        if (row->type == TYPE_SIZE)
            units_format_size(amount, text);
        else
            units_format_duration(amount, text);
    }
    fprintf(file, "\"%s\"", text);
}

bool dump_plain(FILE *file, const struct schema_row *row, const void *place)
{
    const char *text;
    double real;

    switch (row->type) {
    case TYPE_BOOL:
        fputs(*(const bool *)place ? "true" : "false", file);
        break;
    case TYPE_NUMBER:
        fprintf(file, "%" PRId64, read_number(place, row));
        break;
    case TYPE_REAL:
        memcpy(&real, place, sizeof real);
        write_real(file, real);
        break;
    case TYPE_SIZE:
    case TYPE_DURATION:
    case TYPE_RATE:
    case TYPE_MODE:
        write_amount(file, row, place);
        break;
    case TYPE_WORD:
        dump_text(file, row->words[read_number(place, row)]);
        break;
    case TYPE_CHOICE:
    case TYPE_TEXT:
    case TYPE_PATH:
        memcpy(&text, place, sizeof text);
        dump_text(file, text);
        break;
    case TYPE_LIMIT:
        return write_limit(file, row, place);
    default:
        return false;
    }
    return true;
}
