/* environment: variables of a service. See environment.h. */
#include "config/environment.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What superd tells a handler by, so nobody else may; superd-handler(7) has them. */
static const char *const reserved_names[] = {"PROTO"};
static const char *const reserved_prefixes[] = {"TCP",      "UDPLOCAL",  "UDPREMOTE", "REMOTE_",
                                                "SUPERD_",  "LISTEN_",   "UNIXLOCAL", "UNIXREMOTE",
                                                "IPCLOCAL", "IPCREMOTE", "IPCCONN"};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < COUNT(reserved_names); i++) {
        if (strcmp(name, reserved_names[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < COUNT(reserved_prefixes); i++) {
        if (strncmp(name, reserved_prefixes[i], strlen(reserved_prefixes[i])) == 0)
            return true;
    }
    return false;
}

static bool is_name(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    for (; *name; name++) {
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    }
    return true;
}

static bool check_name(struct loader *loader, const char *name, struct position position)
{
    if (!is_name(name)) {
        loader_error(loader, position,
                     "\"%s\" is no name of an environment variable: letters, digits and _ only",
                     name);
        return false;
    }
    if (is_reserved(name)) {
        loader_error(loader, position,
                     "\"%s\" is an environment variable that superd itself sets; see "
                     "superd-handler(7)",
                     name);
        return false;
    }
    return true;
}

/* The variable that one entry of the group or list stands for. */
static struct variable *read_variable(struct loader *loader, const config_setting_t *item)
{
    struct position position = loader_position(loader, item);
    const char *name = config_setting_name(item), *value;
    struct variable *variable;
    char *copy;

    if (config_setting_type(item) != CONFIG_TYPE_STRING) {
        loader_error(loader, position, "an environment variable must be a text in quotes%s%s%s",
                     name ? ", for example: " : "", name ? name : "", name ? " = \"1\";" : "");
        return NULL;
    }
    value = config_setting_get_string(item);
    if (!name) {
        const char *equals = strchr(value, '=');

        if (!equals) {
            loader_error(loader, position, "\"%s\" must be \"NAME=text\"", value);
            return NULL;
        }
        copy = loader_check(loader, arena_strndup(loader->arena, value, (size_t)(equals - value)));
        name = copy;
        value = equals + 1;
    } else {
        copy = loader_strdup(loader, name);
        name = copy;
    }
    if (!name || !check_name(loader, name, position))
        return NULL;
    variable = loader_array(loader, 1, sizeof *variable);
    if (!variable)
        return NULL;
    variable->name = name;
    variable->value = loader_strdup(loader, value);
    return variable->value ? variable : NULL;
}

bool environment_read(struct loader *loader, const config_setting_t *setting, void *place)
{
    const struct variable *first;
    bool good = true;

    memcpy(&first, place, sizeof first);
    for (int i = 0; i < config_setting_length(setting); i++) {
        struct variable *variable = read_variable(loader,
                                                  config_setting_get_elem(setting, (unsigned)i));

        if (variable) {
            variable->next = first;
            first = variable;
        } else {
            good = false;
        }
    }
    if (good)
        memcpy(place, &first, sizeof first);
    return good;
}

/* ---- Merging -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct variable *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* The variables that are passed on; false when a name is wrong or there is no memory. */
static bool read_passed(struct loader *loader, const struct service_draft *draft,
                        const struct variable **passed_r)
{
    const struct variable *passed = NULL;
    bool good = true;

    for (size_t i = 0; i < draft->pass_environment.count; i++) {
        const struct text_item *item = &draft->pass_environment.items[i];
        const char *value = getenv(item->text);
        struct variable *variable;

        if (!check_name(loader, item->text, item->position)) {
            good = false;
            continue;
        }
        if (!value)
            continue;
        variable = loader_array(loader, 1, sizeof *variable);
        if (!variable)
            return false;
        variable->name = item->text;
        variable->value = loader_strdup(loader, value);
        if (!variable->value)
            return false;
        variable->next = passed;
        passed = variable;
    }
    *passed_r = passed;
    return good;
}

/* Unless one of that name is there already. */
static void add(const struct variable **sorted, size_t *count, const struct variable *variable)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(sorted[i]->name, variable->name) == 0)
            return;
    }
    sorted[(*count)++] = variable;
}

bool environment_finish(struct loader *loader, struct service_draft *draft)
{
    const struct variable *passed = NULL, **sorted;
    const char **result;
    size_t count = 0, most = 0;

    if (!read_passed(loader, draft, &passed))
        return false;
    for (const struct variable *v = draft->environment; v; v = v->next)
        most++;
    for (const struct variable *v = passed; v; v = v->next)
        most++;
    sorted = loader_array(loader, most, sizeof *sorted);
    result = loader_array(loader, most + 1, sizeof *result);
    if (!sorted || !result)
        return false;
    for (const struct variable *v = draft->environment; v; v = v->next)
        add(sorted, &count, v);
    for (const struct variable *v = passed; v; v = v->next)
        add(sorted, &count, v);
    if (count > 1)
        qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count; i++) {
        result[i] = loader_check(
            loader, arena_printf(loader->arena, "%s=%s", sorted[i]->name, sorted[i]->value));
        if (!result[i])
            return false;
    }
    draft->config.environment = result;
    return true;
}
