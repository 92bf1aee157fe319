/*
 * value: converting and storing single values. See value.h.
 *
 * A default of the schema is converted by the same code as what stands in a file: both become a
 * `struct raw` first.
 */
#include "config/value.h"

#include <stdlib.h>
#include <string.h>

#include "config/complaint.h"
#include "config/environment.h"

enum raw_type { RAW_BOOL, RAW_NUMBER, RAW_REAL, RAW_TEXT, RAW_OTHER };

struct raw {
    enum raw_type type;
    bool boolean;
    int64_t number;
    double real;
    const char *text;
    const config_setting_t *setting; /* NULL: a default */
    struct position position;
};

/* ---- From libconfig, and from the schema ---------------------------------------------------- */

static struct raw raw_of_setting(const struct loader *loader, const config_setting_t *setting)
{
    struct raw raw = {
        .type = RAW_OTHER, .setting = setting, .position = loader_position(loader, setting)};

    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_BOOL:
        raw.type = RAW_BOOL;
        raw.boolean = config_setting_get_bool(setting);
        break;
    case CONFIG_TYPE_INT:
        raw.type = RAW_NUMBER;
        raw.number = config_setting_get_int(setting);
        break;
    case CONFIG_TYPE_INT64:
        raw.type = RAW_NUMBER;
        raw.number = config_setting_get_int64(setting);
        break;
    case CONFIG_TYPE_FLOAT:
        raw.type = RAW_REAL;
        raw.real = config_setting_get_float(setting);
        break;
    case CONFIG_TYPE_STRING:
        raw.type = RAW_TEXT;
        raw.text = config_setting_get_string(setting);
        break;
    default:
        break;
    }
    return raw;
}

/* LITERAL is a word of the table: true, false, a whole number, or a text in quotes without escapes.
 */
static struct raw raw_of_literal(struct loader *loader, const char *literal)
{
    struct raw raw = {.type = RAW_NUMBER};

    if (literal[0] == '"') {
        raw.type = RAW_TEXT;
        raw.text = loader_check(loader,
                                arena_strndup(loader->arena, literal + 1, strlen(literal) - 2));
        if (!raw.text)
            raw.text = "";
    } else if (literal[0] == 't' || literal[0] == 'f') {
        raw.type = RAW_BOOL;
        raw.boolean = literal[0] == 't';
    } else {
        raw.number = strtoll(literal, NULL, 10);
    }
    return raw;
}

/* ---- One function a type -------------------------------------------------------------------- */

static void store_number(void *place, size_t width, int64_t number)
{
    switch (width) {
    case 1: {
        uint8_t narrow = (uint8_t)number;

        memcpy(place, &narrow, sizeof narrow);
        break;
    }
    case 4: {
        uint32_t narrow = (uint32_t)number; /* of an int too: two's complement */

        memcpy(place, &narrow, sizeof narrow);
        break;
    }
    default:
        memcpy(place, &number, sizeof number);
        break;
    }
}

static bool set_number(struct loader *loader, const struct schema_row *row, void *place,
                       const struct raw *raw)
{
    if (raw->type != RAW_NUMBER) {
        complain_type(loader, row, raw->position);
        return false;
    }
    if (raw->number < row->min || raw->number > row->max) {
        complain_range(loader, row, raw->position);
        return false;
    }
    store_number(place, row->width, raw->number);
    return true;
}

static bool set_real(struct loader *loader, const struct schema_row *row, void *place,
                     const struct raw *raw)
{
    double real = raw->type == RAW_NUMBER ? (double)raw->number : raw->real;

    if (raw->type != RAW_NUMBER && raw->type != RAW_REAL) {
        complain_type(loader, row, raw->position);
        return false;
    }
    if (!(real >= (double)row->min && real <= (double)row->max)) {
        complain_range(loader, row, raw->position);
        return false;
    }
    memcpy(place, &real, sizeof real);
    return true;
}

static bool set_amount(struct loader *loader, const struct schema_row *row, void *place,
                       const struct raw *raw)
{
    uint64_t amount = raw->number < 0 ? UINT64_MAX : (uint64_t)raw->number;
    bool number = raw->type == RAW_NUMBER && row->type == TYPE_SIZE;
    bool good;

    if (!number && raw->type != RAW_TEXT) {
        complain_type(loader, row, raw->position);
        return false;
    }
    if (!number) {
        good = row->type == TYPE_SIZE ? units_parse_size(raw->text, &amount)
                                      : units_parse_duration(raw->text, &amount);
        if (!good) {
            complain_text(loader, row, raw->text, raw->position);
            return false;
        }
    }
    if (amount < (uint64_t)row->min || amount > (uint64_t)row->max) {
        complain_range(loader, row, raw->position);
        return false;
    }
    memcpy(place, &amount, sizeof amount);
    return true;
}

static bool set_rate(struct loader *loader, const struct schema_row *row, void *place,
                     const struct raw *raw)
{
    struct rate rate;

    if (raw->type != RAW_TEXT) {
        complain_type(loader, row, raw->position);
        return false;
    }
    if (!units_parse_rate(raw->text, &rate)) {
        complain_text(loader, row, raw->text, raw->position);
        return false;
    }
    memcpy(place, &rate, sizeof rate);
    return true;
}

static bool set_mode(struct loader *loader, const struct schema_row *row, void *place,
                     const struct raw *raw)
{
    unsigned mode;

    if (raw->type != RAW_TEXT) {
        complain_type(loader, row, raw->position);
        return false;
    }
    if (!units_parse_mode(raw->text, &mode)) {
        complain_text(loader, row, raw->text, raw->position);
        return false;
    }
    if (mode > (uint64_t)row->max) {
        complain_range(loader, row, raw->position);
        return false;
    }
    store_number(place, row->width, mode);
    return true;
}

static bool set_word(struct loader *loader, const struct schema_row *row, void *place,
                     const struct raw *raw)
{
    if (raw->type != RAW_TEXT) {
        complain_type(loader, row, raw->position);
        return false;
    }
    for (size_t i = 0; i < row->word_count; i++) {
        if (strcmp(raw->text, row->words[i]) != 0)
            continue;
        if (row->type == TYPE_CHOICE)
            memcpy(place, &row->words[i], sizeof row->words[i]);
        else
            store_number(place, row->width, (int64_t)i);
        return true;
    }
    complain_word(loader, row, raw->text, raw->position);
    return false;
}

static bool set_text(struct loader *loader, const struct schema_row *row, void *place,
                     const struct raw *raw)
{
    const char *text = NULL;

    if (raw->type != RAW_TEXT) {
        complain_type(loader, row, raw->position);
        return false;
    }
    if (row->type == TYPE_PATH && raw->text[0] != '/' && (raw->text[0] || row->min > 0)) {
        loader_error(loader, raw->position, "\"%s\" must be an absolute path, not \"%s\"",
                     row->name, raw->text);
        return false;
    }
    if (raw->text[0]) {
        text = raw->setting ? loader_strdup(loader, raw->text) : raw->text;
        if (!text)
            return false;
    }
    memcpy(place, &text, sizeof text);
    return true;
}

static bool set_texts(struct loader *loader, const struct schema_row *row, void *place,
                      const struct raw *raw)
{
    struct texts texts = {.count = 1};
    struct text_item *items;
    bool list = raw->type == RAW_OTHER && !config_setting_is_group(raw->setting);

    if (!list && raw->type != RAW_TEXT) {
        complain_type(loader, row, raw->position);
        return false;
    }
    if (list)
        texts.count = (size_t)config_setting_length(raw->setting);
    items = loader_array(loader, texts.count, sizeof *items);
    if (!items)
        return false;
    for (size_t i = 0; i < texts.count; i++) {
        const config_setting_t *item = list ? config_setting_get_elem(raw->setting, (unsigned)i)
                                            : raw->setting;

        items[i].position = loader_position(loader, item);
        if (config_setting_type(item) != CONFIG_TYPE_STRING) {
            complain_type(loader, row, items[i].position);
            return false;
        }
        items[i].text = loader_strdup(loader, config_setting_get_string(item));
        if (!items[i].text)
            return false;
    }
    texts.items = items;
    memcpy(place, &texts, sizeof texts);
    return true;
}

static bool parse_limit(enum schema_unit unit, const char *text, uint64_t *limit_r)
{
    uint64_t milliseconds;

    if (strcmp(text, "unlimited") == 0) {
        *limit_r = UINT64_MAX;
        return true;
    }
    if (unit == UNIT_BYTES)
        return units_parse_size(text, limit_r);
    if (units_parse_number(text, INT64_MAX, limit_r))
        return true;
    if (unit == UNIT_COUNT || !units_parse_duration(text, &milliseconds) ||
        milliseconds > INT64_MAX / 1000)
        return false;
    *limit_r = unit == UNIT_SECONDS ? (milliseconds + 999) / 1000 : milliseconds * 1000;
    return true;
}

static bool set_limit(struct loader *loader, const struct schema_row *row, void *place,
                      const struct raw *raw)
{
    struct rlimit_setting limit = {.set = true};
    const char *colon;
    size_t length;
    char soft[24];

    if (raw->type == RAW_NUMBER && raw->number >= 0) {
        limit.soft = limit.hard = (uint64_t)raw->number;
        memcpy(place, &limit, sizeof limit);
        return true;
    }
    if (raw->type != RAW_TEXT) {
        complain_type(loader, row, raw->position);
        return false;
    }
    colon = strchr(raw->text, ':');
    length = colon ? (size_t)(colon - raw->text) : strlen(raw->text);
    if (length >= sizeof soft) {
        complain_text(loader, row, raw->text, raw->position);
        return false;
    }
    memcpy(soft, raw->text, length);
    soft[length] = '\0';
    if (!parse_limit(row->unit, soft, &limit.soft) ||
        !parse_limit(row->unit, colon ? colon + 1 : soft, &limit.hard)) {
        complain_text(loader, row, raw->text, raw->position);
        return false;
    }
    if (limit.soft > limit.hard) {
        loader_error(loader, raw->position,
                     "\"%s\": the soft limit, which stands first, is above the hard one",
                     row->name);
        return false;
    }
    memcpy(place, &limit, sizeof limit);
    return true;
}

static bool set_bool(struct loader *loader, const struct schema_row *row, void *place,
                     const struct raw *raw)
{
    if (raw->type != RAW_BOOL) {
        complain_type(loader, row, raw->position);
        return false;
    }
    memcpy(place, &raw->boolean, sizeof raw->boolean);
    return true;
}

static bool set_listen(struct loader *loader, const struct schema_row *row, void *place,
                       const struct raw *raw)
{
    if (raw->type != RAW_TEXT && raw->type != RAW_OTHER) {
        complain_type(loader, row, raw->position);
        return false;
    }
    memcpy(place, &raw->setting, sizeof raw->setting);
    return true;
}

static bool set_environment(struct loader *loader, const struct schema_row *row, void *place,
                            const struct raw *raw)
{
    if (raw->type != RAW_OTHER) {
        complain_type(loader, row, raw->position);
        return false;
    }
    return environment_read(loader, raw->setting, place);
}

typedef bool value_setter(struct loader *loader, const struct schema_row *row, void *place,
                          const struct raw *raw);

static value_setter *const setters[TYPE_MAX] = {
    [TYPE_BOOL] = set_bool,       [TYPE_NUMBER] = set_number,
    [TYPE_REAL] = set_real,       [TYPE_SIZE] = set_amount,
    [TYPE_DURATION] = set_amount, [TYPE_RATE] = set_rate,
    [TYPE_MODE] = set_mode,       [TYPE_WORD] = set_word,
    [TYPE_CHOICE] = set_word,     [TYPE_TEXT] = set_text,
    [TYPE_PATH] = set_text,       [TYPE_TEXTS] = set_texts,
    [TYPE_LIMIT] = set_limit,     [TYPE_ENVIRONMENT] = set_environment,
    [TYPE_LISTEN] = set_listen,
};

bool value_set(struct loader *loader, const struct schema_row *row, void *base,
               const config_setting_t *setting)
{
    struct raw raw = raw_of_setting(loader, setting);

    return setters[row->type](loader, row, (char *)base + row->offset, &raw);
}

void value_set_default(struct loader *loader, const struct schema_row *row, void *base)
{
    struct raw raw;

    if (!row->value)
        return;
    raw = raw_of_literal(loader, row->value);
    setters[row->type](loader, row, (char *)base + row->offset, &raw);
}
