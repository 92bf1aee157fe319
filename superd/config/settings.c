/* settings: groups of settings, and names that nobody knows. See settings.h. */
#include "config/settings.h"

#include <stdio.h>
#include <string.h>

#include "config/suggest.h"
#include "config/value.h"

#define NAME_SIZE 128

void settings_set_defaults(struct loader *loader, const struct settings_target *target)
{
    for (const struct schema_row *row = schema_next(NULL); row; row = schema_next(row)) {
        if (row->scope == target->scope)
            value_set_default(loader, row, target->base);
    }
}

/* Offer the names that could stand where NAME stands, behind PREFIX ("" or "limits."), and a
 * setting of that very name in another group. */
static void consider_names(struct suggestion *near, enum schema_scope scope, const char *prefix,
                           const char *name)
{
    size_t length = strlen(prefix);

    for (const struct schema_row *row = schema_next(NULL); row; row = schema_next(row)) {
        const char *last = strrchr(row->name, '.');
        char word[NAME_SIZE];

        if (row->scope != scope)
            continue;
        last = last ? last + 1 : row->name;
        if (strcmp(last, name) == 0 && near->distance > 0) {
            snprintf(near->best, sizeof near->best, "%s", row->name);
            near->distance = 0;
        }
        if (strncmp(row->name, prefix, length) != 0)
            continue;
        snprintf(word, sizeof word, "%.*s", (int)strcspn(row->name + length, "."),
                 row->name + length);
        suggestion_consider(near, word);
    }
}

static void say_unknown(struct loader *loader, enum schema_scope scope, const char *prefix,
                        const config_setting_t *setting)
{
    const char *name = config_setting_name(setting);
    struct suggestion near;

    suggestion_init(&near, name);
    consider_names(&near, scope, prefix, name);
    loader_error(loader, loader_position(loader, setting), "unknown setting \"%s%s\"%s", prefix,
                 name, suggestion_text(&near));
}

static void read_row(struct loader *loader, const struct settings_target *target,
                     const struct schema_row *row, const config_setting_t *setting)
{
    if (target->defaults && !row->defaults_too) {
        loader_error(loader, loader_position(loader, setting),
                     "\"%s\" belongs into a service, not into \"defaults\"", row->name);
        return;
    }
    if (value_set(loader, row, target->base, setting) && target->origins) {
        struct origin *origin = &target->origins[schema_index(row)];

        origin->position = loader_position(loader, setting);
        origin->own = !target->defaults;
    }
}

/* Read GROUP, whose settings' full names begin with PREFIX. Groups are one in another at most two
 * deep, as the names of the table are. */
static void read_group(struct loader *loader, const struct settings_target *target,
                       const config_setting_t *group, const char *prefix)
{
    for (int i = 0; i < config_setting_length(group) && !loader->out_of_memory; i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        char name[NAME_SIZE];
        const struct schema_row *row;

        if (snprintf(name, sizeof name, "%s%s", prefix, config_setting_name(setting)) >=
            NAME_SIZE - 1) {
            say_unknown(loader, target->scope, prefix, setting);
            continue;
        }
        row = schema_find(target->scope, name);
        if (row) {
            read_row(loader, target, row, setting);
        } else if (!schema_is_group(target->scope, name)) {
            say_unknown(loader, target->scope, prefix, setting);
        } else if (!config_setting_is_group(setting)) {
            loader_error(loader, loader_position(loader, setting),
                         "\"%s\" must be a group: %s: { ... };", name, name);
        } else {
            strcat(name, "."); /* there is room: see above */
            read_group(loader, target, setting, name);
        }
    }
}

void settings_read(struct loader *loader, const struct settings_target *target,
                   const config_setting_t *group)
{
    read_group(loader, target, group, "");
}
