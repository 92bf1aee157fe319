/* isolation: see isolation.h. */
#include "config/isolation.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/call_list.h"
#include "config/capability.h"
#include "config/io_limit.h"
#include "config/suggest.h"
#include "config/uid_range.h"

#define HOSTNAME_MOST 64

/* What a level means where nothing else is said. */
static const struct isolation_settings levels[ISOLATION_MAX] = {
    [ISOLATION_NONE] = {.capabilities = UINT64_MAX},
    [ISOLATION_BASIC] = {.level = ISOLATION_BASIC, .cgroup = SHARING_SERVICE},
    [ISOLATION_STRICT] = {.level = ISOLATION_STRICT,
                          .root = ROOT_MINIMAL,
                          .private_tmp = SHARING_SERVICE,
                          .network = NETWORK_NONE,
                          .pid_namespace = SHARING_SERVICE,
                          .cgroup = SHARING_SERVICE,
                          .hostname = "localhost",
                          .filter_calls = true},
};

static bool say(struct loader *loader, const struct service_draft *draft, const char *name,
                const char *message)
{
    loader_error(loader, draft_position(draft, name), "\"%s\": %s", name, message);
    return false;
}

/* ---- Words ---------------------------------------------------------------------------------- */

/* The number of a word of the table; the schema has checked that it is one. */
static unsigned word_of(const char *word, const char *const *words, unsigned count,
                        unsigned otherwise)
{
    for (unsigned i = 0; word && i < count; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return otherwise;
}

static void take_words(const struct isolation_draft *written, struct isolation_settings *settings)
{
    settings->private_tmp = word_of(written->private_tmp, sharing_names, SHARING_MAX,
                                    settings->private_tmp);
    settings->pid_namespace = word_of(written->pid_namespace, sharing_names, SHARING_MAX,
                                      settings->pid_namespace);
    settings->cgroup = word_of(written->cgroup, sharing_names, SHARING_MAX, settings->cgroup);
    settings->cgroup_asked = written->cgroup && settings->cgroup != SHARING_OFF;
    settings->network = word_of(written->network, network_names, NETWORK_MAX, settings->network);
}

static enum isolation_level level_of(const struct service_draft *draft)
{
    const struct identity *identity = &draft->config.identity;
    bool root = identity->dynamic == DYNAMIC_NO && identity->uid == 0;

    return word_of(draft->isolation.level, isolation_level_names, ISOLATION_MAX,
                   root ? ISOLATION_NONE : ISOLATION_BASIC);
}

/* ---- Paths ---------------------------------------------------------------------------------- */

const char *isolation_root_directory(const struct service_draft *draft)
{
    const char *root = draft->isolation.root;

    if (!root || root[0] != '/' || strcmp(root, "/") == 0 ||
        (draft->isolation.level && strcmp(draft->isolation.level, "none") == 0))
        return NULL;
    return root;
}

static bool take_root(struct loader *loader, const struct service_draft *draft,
                      struct isolation_settings *settings)
{
    const char *root = draft->isolation.root;
    struct stat st;

    if (!root)
        return true;
    if (strcmp(root, "host") == 0 || strcmp(root, "/") == 0) {
        settings->root = ROOT_HOST;
        return true;
    }
    if (strcmp(root, "minimal") == 0) {
        settings->root = ROOT_MINIMAL;
        return true;
    }
    if (root[0] != '/')
        return say(loader, draft, "isolate.root",
                   "must be \"host\", \"minimal\" or the absolute path of a directory");
    if (stat(root, &st) != 0 || !S_ISDIR(st.st_mode))
        return say(loader, draft, "isolate.root", "there is no such directory");
    settings->root = ROOT_DIRECTORY;
    settings->root_directory = root;
    return true;
}

static bool is_plain_path(const char *path)
{
    size_t length = strlen(path);

    if (path[0] != '/' || strstr(path, "/../") ||
        (length >= 3 && strcmp(path + length - 3, "/..") == 0))
        return false;
    return true;
}

static bool take_paths(struct loader *loader, const struct texts *texts, const char *name,
                       const char *const **paths_r)
{
    const char **paths = loader_array(loader, texts->count + 1, sizeof *paths);
    bool good = paths;

    for (size_t i = 0; paths && i < texts->count; i++) {
        const struct text_item *item = &texts->items[i];

        paths[i] = item->text;
        if (is_plain_path(item->text))
            continue;
        loader_error(loader, item->position,
                     "\"%s\": \"%s\" must be an absolute path without \"..\"", name, item->text);
        good = false;
    }
    if (good)
        *paths_r = paths;
    return good;
}

static bool take_all_paths(struct loader *loader, const struct isolation_draft *written,
                           struct isolation_settings *settings)
{
    bool good = true;

    good &= take_paths(loader, &written->read_only, "isolate.read_only", &settings->read_only);
    good &= take_paths(loader, &written->read_write, "isolate.read_write", &settings->read_write);
    good &= take_paths(loader, &written->hide, "isolate.hide", &settings->hide);
    good &= take_paths(loader, &written->devices, "isolate.devices", &settings->devices);
    for (size_t i = 0; good && i < written->devices.count; i++) {
        if (strncmp(written->devices.items[i].text, "/dev/", 5) == 0)
            continue;
        loader_error(loader, written->devices.items[i].position,
                     "\"isolate.devices\": \"%s\" is not in /dev", written->devices.items[i].text);
        good = false;
    }
    return good;
}

static bool take_hostname(struct loader *loader, const struct service_draft *draft,
                          struct isolation_settings *settings)
{
    const char *name = draft->isolation.hostname;

    if (!name)
        return true;
    if (strlen(name) > HOSTNAME_MOST)
        return say(loader, draft, "isolate.hostname", "must be at most 64 letters");
    for (const char *c = name; *c; c++) {
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.')
            return say(loader, draft, "isolate.hostname", "must be letters, digits, - and .");
    }
    settings->hostname = name;
    return true;
}

/* ---- Capabilities --------------------------------------------------------------------------- */

static bool take_capabilities(struct loader *loader, const struct texts *texts,
                              struct isolation_settings *settings)
{
    bool good = true;
    unsigned number;

    for (size_t i = 0; i < texts->count; i++) {
        const struct text_item *item = &texts->items[i];
        struct suggestion near;

        if (capability_parse(item->text, &number)) {
            settings->capabilities |= UINT64_C(1) << number;
            continue;
        }
        suggestion_init(&near, item->text);
        for (unsigned n = 0; capability_name(n); n++)
            suggestion_consider(&near, capability_name(n));
        loader_error(loader, item->position, "there is no capability \"%s\"%s", item->text,
                     suggestion_text(&near));
        good = false;
    }
    return good;
}

/* ---- What does not go together -------------------------------------------------------------- */

static const char *const detail_names[] = {
    "isolate.root",    "isolate.read_only",   "isolate.read_write",   "isolate.hide",
    "isolate.devices", "isolate.private_tmp", "isolate.network",      "isolate.pid_namespace",
    "isolate.cgroup",  "isolate.hostname",    "isolate.system_calls", "isolate.capabilities",
};

/* Without isolation its details would be a lie. */
static bool check_none(struct loader *loader, const struct service_draft *draft)
{
    static const char message[] = "needs isolation = \"basic\" or \"strict\"; a handler that runs "
                                  "as root has none unless it is asked for";
    const struct isolation_settings *given = &draft->config.isolation;

    for (size_t i = 0; i < sizeof detail_names / sizeof detail_names[0]; i++) {
        if (draft_own(draft, detail_names[i]))
            return say(loader, draft, detail_names[i], message);
    }
    if (given->user_namespace && draft_own(draft, "isolate.user_namespace"))
        return say(loader, draft, "isolate.user_namespace", message);
    if (given->no_exec && draft_own(draft, "isolate.no_exec"))
        return say(loader, draft, "isolate.no_exec", message);
    return true;
}

static bool has_resources(const struct resource_settings *r)
{
    return r->memory.set || r->swap.set || r->processes.set || r->cpu || r->cpu_weight ||
           r->io_weight || r->io_count;
}

static bool check_dynamic(struct loader *loader, const struct service_draft *draft,
                          const struct isolation_settings *settings)
{
    if (settings->root == ROOT_HOST)
        return say(loader, draft, "user",
                   "a dynamic user would leave files of its own on the host: it needs isolation = "
                   "\"strict\", or another isolate.root");
    if (settings->read_write[0])
        return say(loader, draft, "isolate.read_write",
                   "what a dynamic user leaves there would belong to whoever gets its number next");
    if (draft->config.identity.dynamic == DYNAMIC_CONNECTION &&
        settings->private_tmp == SHARING_SERVICE)
        return say(loader, draft, "isolate.private_tmp",
                   "must be \"connection\" or \"off\" where each connection has its own user");
    if (settings->user_namespace)
        return say(loader, draft, "isolate.user_namespace", "is not possible with a dynamic user");
    return true;
}

/* In a minimal root /var/tmp leads to /tmp. */
static bool is_in_tmp(const struct isolation_settings *settings, const char *path)
{
    return path && (strncmp(path, "/tmp/", 5) == 0 ||
                    (settings->root == ROOT_MINIMAL && strncmp(path, "/var/tmp/", 9) == 0));
}

/* A /tmp that is made for each connection is made over what was shown there. */
static bool check_tmp(struct loader *loader, const struct service_draft *draft,
                      const struct isolation_settings *settings)
{
    if (settings->private_tmp != SHARING_CONNECTION)
        return true;
    if (is_in_tmp(settings, draft->config.program))
        return say(loader, draft, "exec",
                   "is in /tmp, which isolate.private_tmp = \"connection\" hides from the handler");
    if (is_in_tmp(settings, draft->config.directory))
        return say(loader, draft, "directory",
                   "is in /tmp, which isolate.private_tmp = \"connection\" hides from the handler");
    return true;
}

static bool check_whole(struct loader *loader, const struct service_draft *draft,
                        struct isolation_settings *settings)
{
    bool root = loader->surroundings->root;

    if (settings->capabilities && settings->user_namespace)
        return say(loader, draft, "isolate.capabilities",
                   "means nothing in a user namespace: choose one of the two");
    if (settings->capabilities && !root)
        return say(loader, draft, "isolate.capabilities", "needs superd to run as root");
    if (!check_tmp(loader, draft, settings))
        return false;
    if (has_resources(&settings->per_instance))
        settings->cgroup = SHARING_CONNECTION;
    else if (has_resources(&settings->resources) && settings->cgroup == SHARING_OFF)
        settings->cgroup = SHARING_SERVICE;
    if (draft->config.identity.dynamic != DYNAMIC_NO)
        return check_dynamic(loader, draft, settings);
    return true;
}

/* ---- The whole ------------------------------------------------------------------------------ */

bool isolation_finish(struct loader *loader, struct service_draft *draft)
{
    const struct isolation_draft *written = &draft->isolation;
    const struct isolation_settings *given = &draft->config.isolation;
    struct isolation_settings settings = levels[level_of(draft)];
    bool good = true;

    if (settings.level == ISOLATION_NONE) {
        if (!check_none(loader, draft))
            return false;
        if (draft->config.identity.dynamic != DYNAMIC_NO)
            return say(loader, draft, "user", "a dynamic user needs isolation = \"strict\"");
    }
    settings.tmp_size = given->tmp_size;
    settings.user_namespace = given->user_namespace;
    settings.no_exec = given->no_exec;
    settings.call_action = given->call_action;
    settings.on_missing = given->on_missing;
    settings.launchers = given->launchers;
    settings.resources = given->resources;
    settings.per_instance = given->per_instance;
    good &= io_limits_take(loader, &written->io_max.resources, "resources.io_max",
                           &settings.resources);
    good &= io_limits_take(loader, &written->io_max.per_instance, "per_instance.io_max",
                           &settings.per_instance);
    if (settings.level != ISOLATION_NONE) {
        if (draft->config.identity.dynamic == DYNAMIC_CONNECTION &&
            settings.private_tmp == SHARING_SERVICE)
            settings.private_tmp = SHARING_CONNECTION;
        take_words(written, &settings);
        good &= take_root(loader, draft, &settings);
        good &= take_all_paths(loader, written, &settings);
        good &= take_hostname(loader, draft, &settings);
        good &= take_capabilities(loader, &written->capabilities, &settings);
        good &= call_list_take(loader, &written->system_calls, draft->config.identity.dynamic,
                               &settings);
        good = good && check_whole(loader, draft, &settings);
    } else {
        static const char *const nothing[] = {NULL};

        settings.read_only = settings.read_write = settings.hide = settings.devices = nothing;
        settings.calls_written = "[ \"all\" ]";
        settings.user_namespace = settings.no_exec = false;
        if (has_resources(&settings.resources) || has_resources(&settings.per_instance))
            good = say(loader, draft, "isolation",
                       "resources and per_instance need isolation = \"basic\" or \"strict\"");
    }
    draft->config.isolation = settings;
    return good;
}

/* ---- The daemon's settings ------------------------------------------------------------------ */

/* Two uids and a dash: UID_RANGE_EXAMPLE */
void isolation_check_daemon(struct loader *loader, struct position position)
{
    struct daemon_settings *daemon = &loader->config->daemon;
    const char *text = daemon->dynamic_users, *dash = text ? strchr(text, '-') : NULL;
    uint64_t first, last;
    char number[24];

    if (!text)
        return;
    if (dash && (size_t)(dash - text) < sizeof number) {
        memcpy(number, text, (size_t)(dash - text));
        number[dash - text] = '\0';
        if (units_parse_number(number, UINT32_MAX - 1, &first) && first > 0 &&
            units_parse_number(dash + 1, UINT32_MAX - 1, &last) && first <= last) {
            daemon->dynamic_first = (uid_t)first;
            daemon->dynamic_last = (uid_t)last;
            uid_range_check(loader, position, daemon->dynamic_first, daemon->dynamic_last);
            return;
        }
    }
    loader_error(loader, position,
                 "\"isolation.users\" must be two uids with a dash, as \"" UID_RANGE_EXAMPLE
                 "\", not "
                 "\"%s\"",
                 text);
}
