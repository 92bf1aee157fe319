/*
 * load: the files of a configuration and their top level. See load.h.
 *
 * The trees of libconfig live while their file is read; what is kept is copied into the arena.
 */
#include "config/load.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/draft.h"
#include "config/folder.h"
#include "config/identity.h"
#include "config/isolation.h"
#include "config/service.h"
#include "config/settings.h"
#include "config/source.h"
#include "config/suggest.h"

/* A service that was read; where its name is taken by a wrong one, that too is remembered. */
struct service_entry {
    struct service_config config;
    struct position position;
    bool good;
    struct service_entry *next;
};

struct load {
    struct loader loader;
    struct service_draft defaults;
    struct service_entry *first, **last; /* in the order of the files */
    bool failed;                         /* the whole is worthless, as the list tells */
};

/* ---- What draft.h promises ------------------------------------------------------------------ */

void loader_error(struct loader *loader, struct position position, const char *format, ...)
{
    char message[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    diagnostics_add(loader->list, SEVERITY_ERROR, position, loader->service, "%s", message);
}

void *loader_check(struct loader *loader, void *memory)
{
    if (!memory)
        loader->out_of_memory = true;
    return memory;
}

void *loader_array(struct loader *loader, size_t count, size_t size)
{
    return loader_check(loader, arena_array(loader->arena, count, size));
}

char *loader_strdup(struct loader *loader, const char *text)
{
    return loader_check(loader, arena_strdup(loader->arena, text));
}

struct position loader_position(const struct loader *loader, const config_setting_t *setting)
{
    return (struct position){loader->file, config_setting_source_line(setting)};
}

static const struct origin *origin_of(const struct service_draft *draft, const char *name)
{
    return &draft->origins[schema_index(schema_find(SCOPE_SERVICE, name))];
}

struct position draft_position(const struct service_draft *draft, const char *name)
{
    const struct origin *origin = origin_of(draft, name);

    return origin->position.file ? origin->position : draft->config.position;
}

bool draft_own(const struct service_draft *draft, const char *name)
{
    return origin_of(draft, name)->own;
}

/* ---- Services ------------------------------------------------------------------------------- */

static void read_service(struct load *load, const config_setting_t *setting)
{
    struct loader *loader = &load->loader;
    struct position position = loader_position(loader, setting);
    struct service_entry *entry = loader_array(loader, 1, sizeof *entry), *other;
    void **slot = loader_check(loader, map_slot(&loader->services, config_setting_name(setting)));
    bool enabled = true;

    if (!entry || !slot)
        return;
    loader->service = config_setting_name(setting);
    entry->position = position;
    other = *slot;
    if (!config_setting_is_group(setting)) {
        loader_error(loader, position, "a service must be a group: %s: { listen = ...; };",
                     loader->service);
    } else if (other) {
        loader_error(loader, position, "there is a service \"%s\" already (%s:%u)", loader->service,
                     other->position.file, other->position.line);
    } else {
        entry->good = service_read(loader, setting, &load->defaults, &entry->config, &enabled);
        *slot = entry;
    }
    loader->service = NULL;
    if (!entry->good)
        loader->config->failed_count++;
    entry->good = entry->good && enabled;
    *load->last = entry;
    load->last = &entry->next;
}

/* False: it is no group of services at all. */
static bool read_services(struct load *load, const config_setting_t *services)
{
    struct loader *loader = &load->loader;

    if (!config_setting_is_group(services)) {
        loader_error(loader, loader_position(loader, services),
                     "\"services\" must be a group: services: { NAME: { ... }; };");
        return false;
    }
    for (int i = 0; i < config_setting_length(services) && !loader->out_of_memory; i++) {
        const config_setting_t *setting = config_setting_get_elem(services, (unsigned)i);

        if (strncmp(config_setting_name(setting), SOURCE_PART, strlen(SOURCE_PART)) == 0)
            read_services(load, setting);
        else
            read_service(load, setting);
    }
    return true;
}

/* ---- Included files ------------------------------------------------------------------------- */

/* A file of services and nothing else. What is wrong with it costs no other file's services. */
static void read_drop_in(struct load *load, const char *path)
{
    struct loader *loader = &load->loader;
    const char *including = loader->file;
    bool good;
    config_t config;

    loader->file = loader_strdup(loader, path);
    if (!loader->file) {
        loader->file = including;
        return;
    }
    good = source_parse(path, loader->file, &config, loader->list);
    for (int i = 0; good && i < config_setting_length(config_root_setting(&config)); i++) {
        const config_setting_t *setting = config_setting_get_elem(config_root_setting(&config),
                                                                  (unsigned)i);

        if (strcmp(config_setting_name(setting), "services") != 0) {
            loader_error(loader, loader_position(loader, setting),
                         "\"%s\" may not stand in an included file, which holds \"services\" alone",
                         config_setting_name(setting));
            loader->config->failed_count++;
        } else if (!read_services(load, setting)) {
            loader->config->failed_count++;
        }
    }
    if (!good)
        loader->config->failed_count++;
    config_destroy(&config);
    loader->file = including;
}

static void read_folder(struct load *load, const char *folder, struct position position)
{
    struct loader *loader = &load->loader;
    struct folder_files files;
    int error = folder_list(folder, &files);

    if (error == -ENOMEM) {
        loader->out_of_memory = true;
    } else if (error) {
        loader_error(loader, position, "cannot read the folder \"%s\": %s", folder,
                     strerror(-error));
        loader->config->failed_count++;
    }
    for (size_t i = 0; i < files.count && !loader->out_of_memory; i++)
        read_drop_in(load, files.paths[i]);
    folder_free(&files);
}

/* A relative path starts at the folder of the main file. */
static void read_include(struct load *load, const config_setting_t *item)
{
    struct loader *loader = &load->loader;
    struct position position = loader_position(loader, item);
    const char *name = config_setting_get_string(item), *slash = strrchr(loader->file, '/');
    char path[PATH_MAX];
    struct stat st;
    int length;

    if (name[0] == '/' || !slash)
        length = snprintf(path, sizeof path, "%s", name);
    else
        length = snprintf(path, sizeof path, "%.*s/%s", (int)(slash - loader->file), loader->file,
                          name);
    if (length >= (int)sizeof path) {
        errno = ENAMETOOLONG;
    } else if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            read_folder(load, path, position);
        else
            read_drop_in(load, path);
        return;
    }
    loader_error(loader, position, "cannot include \"%s\": %s", name, strerror(errno));
    loader->config->failed_count++;
}

static void read_includes(struct load *load, const config_setting_t *include)
{
    struct loader *loader = &load->loader;
    bool many = config_setting_type(include) == CONFIG_TYPE_ARRAY ||
                config_setting_type(include) == CONFIG_TYPE_LIST;
    int count = many ? config_setting_length(include) : 1;

    for (int i = 0; i < count && !loader->out_of_memory; i++) {
        const config_setting_t *item = many ? config_setting_get_elem(include, (unsigned)i)
                                            : include;

        if (config_setting_type(item) == CONFIG_TYPE_STRING) {
            read_include(load, item);
        } else {
            loader_error(loader, loader_position(loader, item),
                         "\"include\" must be a list of files and folders: include = [ "
                         "\"services.d\" ];");
            load->failed = true;
        }
    }
}

/* ---- The main file -------------------------------------------------------------------------- */

enum part { PART_SUPERD, PART_DEFAULTS, PART_INCLUDE, PART_SERVICES, PART_MAX };
static const char *const part_names[PART_MAX] = {
    [PART_SUPERD] = "superd",
    [PART_DEFAULTS] = "defaults",
    [PART_INCLUDE] = "include",
    [PART_SERVICES] = "services",
};

static void find_parts(struct loader *loader, const config_setting_t *root,
                       const config_setting_t *parts[PART_MAX])
{
    for (int i = 0; i < config_setting_length(root); i++) {
        const config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
        const char *name = config_setting_name(setting);
        struct suggestion near;
        size_t part = 0;

        while (part < PART_MAX && strcmp(part_names[part], name) != 0)
            part++;
        if (part < PART_MAX) {
            parts[part] = setting;
            continue;
        }
        suggestion_init(&near, name);
        suggestion_consider_all(&near, part_names, PART_MAX);
        loader_error(
            loader, loader_position(loader, setting),
            "unknown setting \"%s\": a file holds \"superd\", \"defaults\", \"include\" and "
            "\"services\"%s",
            name, suggestion_text(&near));
    }
}

static void check_group(struct loader *loader, const config_setting_t **part, const char *name)
{
    if (!*part || config_setting_is_group(*part))
        return;
    loader_error(loader, loader_position(loader, *part), "\"%s\" must be a group: %s: { ... };",
                 name, name);
    *part = NULL;
}

static void check_daemon(struct loader *loader, const struct origin *origins)
{
    struct daemon_settings *daemon = &loader->config->daemon;
    const struct origin *control = &origins[schema_index(schema_find(SCOPE_SUPERD, "control"))];
    struct address address;

    if (daemon->log.target && daemon->log.target[0] != '/' &&
        strcmp(daemon->log.target, "stderr") != 0 && strcmp(daemon->log.target, "syslog") != 0)
        loader_error(
            loader, origins[schema_index(schema_find(SCOPE_SUPERD, "log.target"))].position,
            "\"log.target\" must be \"stderr\", \"syslog\" or the absolute path of a file, "
            "not \"%s\"",
            daemon->log.target);
    if (daemon->control && !address_parse_unix(daemon->control, &address))
        loader_error(loader, control->position, "\"control\" must be at most 107 bytes");
    isolation_check_daemon(
        loader, origins[schema_index(schema_find(SCOPE_SUPERD, "isolation.users"))].position);
    daemon->control_gid = (gid_t)-1;
    if (daemon->control_group)
        identity_gid(loader, daemon->control_group,
                     origins[schema_index(schema_find(SCOPE_SUPERD, "control_group"))].position,
                     &daemon->control_gid);
}

static void read_daemon(struct loader *loader, const config_setting_t *setting)
{
    struct daemon_settings *daemon = &loader->config->daemon;
    struct origin origins[SCHEMA_ROWS] = {{.own = false}};
    struct settings_target target = {.scope = SCOPE_SUPERD, .base = daemon, .origins = origins};

    settings_set_defaults(loader, &target);
    if (!loader->surroundings->root)
        daemon->control = NULL; /* the default is root's place */
    if (setting)
        settings_read(loader, &target, setting);
    if (!daemon->log.target)
        daemon->log.target = "stderr";
    check_daemon(loader, origins);
}

static void read_main(struct load *load, const config_setting_t *root)
{
    struct loader *loader = &load->loader;
    const config_setting_t *parts[PART_MAX] = {NULL};
    size_t errors = loader->list->errors;

    find_parts(loader, root, parts);
    check_group(loader, &parts[PART_SUPERD], "superd");
    check_group(loader, &parts[PART_DEFAULTS], "defaults");
    read_daemon(loader, parts[PART_SUPERD]);
    service_defaults(loader, parts[PART_DEFAULTS], &load->defaults);
    load->failed = loader->list->errors > errors;
    if (parts[PART_SERVICES] && !read_services(load, parts[PART_SERVICES]))
        load->failed = true;
    if (parts[PART_INCLUDE] && !loader->out_of_memory)
        read_includes(load, parts[PART_INCLUDE]);
}

/* ---- The end -------------------------------------------------------------------------------- */

static int compare_services(const void *a, const void *b)
{
    return strcmp(((const struct service_config *)a)->name,
                  ((const struct service_config *)b)->name);
}

static void collect_services(struct load *load)
{
    struct config *config = load->loader.config;
    struct service_config *services;
    size_t count = 0;

    for (const struct service_entry *entry = load->first; entry; entry = entry->next)
        count += entry->good;
    services = loader_array(&load->loader, count, sizeof *services);
    if (!services)
        return;
    config->services = services;
    for (const struct service_entry *entry = load->first; entry; entry = entry->next) {
        if (entry->good)
            services[config->service_count++] = entry->config;
    }
    if (count > 1)
        qsort(services, count, sizeof *services, compare_services);
}

static void loader_clear(struct loader *loader)
{
    map_clear(&loader->services);
    map_clear(&loader->sockets);
    map_clear(&loader->users);
    map_clear(&loader->programs);
    map_clear(&loader->ports);
    free(loader->listeners);
}

static void load_file(struct load *load, const char *path)
{
    struct loader *loader = &load->loader;
    config_t config;

    loader->file = loader_strdup(loader, path);
    loader->config->path = loader->file;
    if (!loader->file)
        return;
    if (source_parse(path, loader->file, &config, loader->list))
        read_main(load, config_root_setting(&config));
    else
        load->failed = true;
    config_destroy(&config);
    if (!load->failed && !loader->out_of_memory)
        collect_services(load);
}

struct config *config_load(const char *path, const struct config_surroundings *surroundings,
                           struct diagnostics *list)
{
    struct load load = {.loader = {.surroundings = surroundings, .list = list}};
    struct arena *arena = arena_create();
    struct config *config = arena ? arena_alloc(arena, sizeof *config) : NULL;

    if (!config) {
        arena_destroy(arena);
        list->out_of_memory = true;
        return NULL;
    }
    config->arena = arena;
    load.loader.arena = arena;
    load.loader.config = config;
    load.last = &load.first;
    load_file(&load, path);
    loader_clear(&load.loader);
    if (load.loader.out_of_memory)
        list->out_of_memory = true;
    if (load.failed || list->out_of_memory) {
        config_free(config);
        return NULL;
    }
    return config;
}
