/* changes: what differs between two configurations. See changes.h. */
#include "config/changes.h"

#include <stdlib.h>
#include <string.h>

#include "config/dump.h"
#include "config/schema.h"

/* ---- One setting ---------------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_limit(const struct rlimit_setting *a, const struct rlimit_setting *b)
{
    return a->set == b->set && (!a->set || (a->soft == b->soft && a->hard == b->hard));
}

/* A row whose value stands in one place. */
static bool same_place(const struct schema_row *row, const char *a, const char *b)
{
    const char *texts[2];
    struct rlimit_setting limits[2];

    switch (row->type) {
    case TYPE_CHOICE:
    case TYPE_TEXT:
    case TYPE_PATH:
        memcpy(&texts[0], a + row->offset, sizeof texts[0]);
        memcpy(&texts[1], b + row->offset, sizeof texts[1]);
        return same_text(texts[0], texts[1]);
    case TYPE_LIMIT:
        memcpy(&limits[0], a + row->offset, sizeof limits[0]);
        memcpy(&limits[1], b + row->offset, sizeof limits[1]);
        return same_limit(&limits[0], &limits[1]);
    default:
        return memcmp(a + row->offset, b + row->offset, row->width) == 0;
    }
}

/* An empty list is as none. */
static bool is_empty(const char *text)
{
    return text[strspn(text, "[ ]")] == '\0';
}

/* 1: the same, 0: not, -1: no memory. */
static int same_setting(const struct schema_row *row, const void *a, const void *b, size_t size)
{
    char *texts[2];
    int same;

    if (!dump_is_composed(row))
        return row->offset + row->width > size || same_place(row, a, b);
    texts[0] = dump_value(row, a);
    texts[1] = dump_value(row, b);
    if (!texts[0] || !texts[1])
        same = -1;
    else
        same = strcmp(texts[0], texts[1]) == 0 || (is_empty(texts[0]) && is_empty(texts[1]));
    free(texts[0]);
    free(texts[1]);
    return same;
}

/* ---- The list ------------------------------------------------------------------------------- */

static void clear_change(struct change *change)
{
    free(change->service);
    free(change->settings);
}

void config_changes_clear(struct config_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++)
        clear_change(&changes->items[i]);
    free(changes->items);
    *changes = (struct config_changes){0};
}

/* Takes over what CHANGE points to, also on failure. */
static bool add(struct config_changes *changes, struct change *change, const char *service)
{
    size_t capacity = changes->capacity ? changes->capacity * 2 : 16;
    struct change *items = changes->items;

    change->service = service ? strdup(service) : NULL;
    if (changes->count == changes->capacity) {
        items = realloc(items, capacity * sizeof *items);
        if (items) {
            changes->items = items;
            changes->capacity = capacity;
        }
    }
    if (!items || (service && !change->service)) {
        clear_change(change);
        return false;
    }
    items[changes->count++] = *change;
    return true;
}

static bool compare(struct config_changes *changes, enum schema_scope scope, const char *service,
                    const void *old, const void *new, size_t size)
{
    struct change change = {.kind = CHANGE_CHANGED};

    for (const struct schema_row *row = schema_next(NULL); row; row = schema_next(row)) {
        int same = row->scope == scope ? same_setting(row, old, new, size) : 1;

        if (same == 0 && !change.settings)
            change.settings = calloc(SCHEMA_ROWS, sizeof *change.settings);
        if (same < 0 || (same == 0 && !change.settings)) {
            free(change.settings);
            return false;
        }
        if (same == 0)
            change.settings[change.setting_count++] = row->name;
    }
    if (change.setting_count)
        return add(changes, &change, service);
    if (service)
        changes->unchanged++;
    return true;
}

/* Both have their services sorted by name. */
static bool compare_services(struct config_changes *changes, const struct config *old,
                             const struct config *new)
{
    size_t i = 0, j = 0;
    bool done = true;

    while (done && (i < old->service_count || j < new->service_count)) {
        const struct service_config *a = i < old->service_count ? &old->services[i] : NULL;
        const struct service_config *b = j < new->service_count ? &new->services[j] : NULL;
        int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);
        struct change change = {.kind = order < 0 ? CHANGE_REMOVED : CHANGE_ADDED};

        if (order == 0)
            done = compare(changes, SCOPE_SERVICE, a->name, a, b, sizeof *a);
        else
            done = add(changes, &change, order < 0 ? a->name : b->name);
        i += order <= 0;
        j += order >= 0;
    }
    return done;
}

bool config_changes_find(struct config_changes *changes, const struct config *old,
                         const struct config *new)
{
    *changes = (struct config_changes){0};
    if (compare(changes, SCOPE_SUPERD, NULL, &old->daemon, &new->daemon, sizeof old->daemon) &&
        compare_services(changes, old, new))
        return true;
    config_changes_clear(changes);
    return false;
}
