/* complaint: wrong values, and what to write instead. See complaint.h. */
#include "config/complaint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "config/suggest.h"

/* What a value of each type is called, how it stands in a file, and one to show. */
static const struct {
    const char *kind, *how, *example;
} types[TYPE_MAX] = {
    [TYPE_BOOL] = {"true or false", ", without quotes", "true"},
    [TYPE_NUMBER] = {"a whole number", ", without quotes", "10"},
    [TYPE_REAL] = {"a number", ", without quotes", "1.5"},
    [TYPE_SIZE] = {"a size", " in quotes", "\"64K\""},
    [TYPE_DURATION] = {"a duration", " in quotes", "\"10m\""},
    [TYPE_RATE] = {"a rate", " in quotes", "\"50/s\""},
    [TYPE_MODE] = {"an octal mode", " in quotes", "\"0660\""},
    [TYPE_WORD] = {"a word", " in quotes", NULL},
    [TYPE_CHOICE] = {"a word", " in quotes", NULL},
    [TYPE_TEXT] = {"a text", " in quotes", "\"text\""},
    [TYPE_PATH] = {"a path", " in quotes", "\"/path\""},
    [TYPE_TEXTS] = {"a list of texts", "", "[ \"one\", \"two\" ]"},
    [TYPE_LIMIT] = {"a limit", " in quotes", "\"64M\""},
    [TYPE_ENVIRONMENT] = {"a group of texts", "", "{ NAME = \"text\"; }"},
    [TYPE_LISTEN] = {"an address, or a list of them", "", "\"*:7000\""},
};

static const char *example_of(const struct schema_row *row)
{
    bool telling = row->type == TYPE_NUMBER || row->type == TYPE_PATH || row->type == TYPE_MODE;

    if (row->type == TYPE_LIMIT && row->unit != UNIT_BYTES)
        return row->unit == UNIT_COUNT ? "\"1024\"" : "\"30s\"";
    return row->value && (telling || !types[row->type].example) ? row->value
                                                                : types[row->type].example;
}

void complain_type(struct loader *loader, const struct schema_row *row, struct position position)
{
    const char *dot = strrchr(row->name, '.');

    loader_error(loader, position, "\"%s\" must be %s%s, for example: %s = %s;", row->name,
                 types[row->type].kind, types[row->type].how, dot ? dot + 1 : row->name,
                 example_of(row));
}

void complain_text(struct loader *loader, const struct schema_row *row, const char *text,
                   struct position position)
{
    loader_error(loader, position, "\"%s\": \"%s\" is not %s, as %s", row->name, text,
                 types[row->type].kind, example_of(row));
}

static void format_bound(const struct schema_row *row, int64_t bound, char text[UNITS_TEXT_SIZE])
{
    switch (row->type) {
    case TYPE_DURATION:
        units_format_duration((uint64_t)bound, text);
        break;
    case TYPE_SIZE:
        units_format_size((uint64_t)bound, text);
        break;
    case TYPE_MODE:
        units_format_mode((unsigned)bound, text);
        break;
    default:
        snprintf(text, UNITS_TEXT_SIZE, "%" PRId64, bound);
        break;
    }
}

void complain_range(struct loader *loader, const struct schema_row *row, struct position position)
{
    char least[UNITS_TEXT_SIZE], most[UNITS_TEXT_SIZE];

    format_bound(row, row->min, least);
    format_bound(row, row->max, most);
    loader_error(loader, position, "\"%s\" must be from %s to %s", row->name, least, most);
}

/* "a", "b" or "c" */
static void list_words(const struct schema_row *row, char *text, size_t size)
{
    struct strbuf sb;

    strbuf_init(&sb, text, size);
    for (size_t i = 0; i < row->word_count; i++) {
        const char *join = i == 0 ? "" : i + 1 < row->word_count ? ", " : " or ";

        strbuf_printf(&sb, "%s\"%s\"", join, row->words[i]);
    }
}

void complain_word(struct loader *loader, const struct schema_row *row, const char *text,
                   struct position position)
{
    struct suggestion near;
    char words[128];

    suggestion_init(&near, text);
    suggestion_consider_all(&near, row->words, row->word_count);
    list_words(row, words, sizeof words);
    loader_error(loader, position, "\"%s\" must be %s, not \"%s\"%s", row->name, words, text,
                 suggestion_text(&near));
}
