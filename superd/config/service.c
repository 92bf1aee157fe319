/* service: what needs more than one setting of a service to be seen. See service.h. */
#include "config/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/conflict.h"
#include "config/environment.h"
#include "config/identity.h"
#include "config/isolation.h"
#include "config/listen.h"
#include "config/program.h"
#include "config/rules.h"
#include "config/settings.h"
#include "config/source.h"

#define NAME_MOST    63
#define MESSAGE_MOST 4096

/* What the listeners of a service are, taken together. */
struct kinds {
    bool datagrams, streams, local, traps_only;
};

static struct kinds kinds_of(const struct service_config *service)
{
    struct kinds kinds = {.traps_only = true};

    for (size_t i = 0; i < service->listener_count; i++) {
        const struct listener_config *listener = &service->listeners[i];

        if (listener->type == SOCK_DGRAM)
            kinds.datagrams = true;
        else
            kinds.streams = true;
        if (!listener->inherited && listener->address.sa.sa_family == AF_UNIX)
            kinds.local = true;
        if (listener->options.trap_ms == 0)
            kinds.traps_only = false;
    }
    return kinds;
}

/* ---- Checks --------------------------------------------------------------------------------- */

static bool finish_mode(struct loader *loader, struct service_draft *draft, struct kinds kinds)
{
    enum service_mode *mode = &draft->config.mode;

    if (!kinds.datagrams || *mode == MODE_LISTENER)
        return true;
    if (draft_own(draft, "mode")) {
        loader_error(loader, draft_position(draft, "mode"),
                     "datagrams have no connections: for udp: it must be mode = \"listener\";");
        return false;
    }
    if (kinds.streams) {
        loader_error(
            loader, draft_position(draft, "listen"),
            "\"listen\" has datagrams and connections: make it two services, or write mode "
            "= \"listener\";");
        return false;
    }
    *mode = MODE_LISTENER;
    return true;
}

/* A time limit that the kernel cannot tell for this service: an error where it was written for it,
 * no limit where it comes from `defaults`. */
static bool drop_time(struct loader *loader, const struct service_draft *draft, uint64_t *limit,
                      const char *name, const char *reason)
{
    if (*limit == 0)
        return true;
    if (draft_own(draft, name)) {
        loader_error(loader, draft_position(draft, name), "\"%s\" is not possible here: %s", name,
                     reason);
        return false;
    }
    *limit = 0;
    return true;
}

/* In listener mode the handler accepts by itself: superd has a socket filter for addresses, and nothing
 * for the rest. What cannot be kept is refused here, not forgotten. */
static bool finish_listener_access(struct loader *loader, struct service_draft *draft,
                                   struct kinds kinds)
{
    const struct access_settings *access = &draft->config.access;

    if (draft->config.mode != MODE_LISTENER)
        return true;
    if (kinds.local && access->rule_count) {
        loader_error(loader, draft_position(draft, "listen"),
                     "with mode = \"listener\" nobody but the handler sees who connects to a UNIX "
                     "socket: take its \"access\" rules away, and use \"mode\", \"owner\" and "
                     "\"group\" of the listen entry");
        return false;
    }
    if (kinds.streams && access->hours_count) {
        loader_error(loader, draft_position(draft, "access.hours"),
                     "\"access.hours\" is not possible here: with mode = \"listener\" the handler "
                     "accepts connections by itself");
        return false;
    }
    return true;
}

static bool finish_time(struct loader *loader, struct service_draft *draft, struct kinds kinds)
{
    struct time_settings *time = &draft->config.time;
    const char *reason = "";
    bool good = true;

    if (kinds.local)
        reason = "the kernel keeps no byte counts of a UNIX socket, and does not tell when its "
                 "client has gone";
    else if (kinds.datagrams)
        reason = "the kernel keeps no byte counts of datagrams";
    else if (draft->config.mode == MODE_LISTENER)
        reason = "with mode = \"listener\" the connections are the handler's, so the kernel's byte "
                 "counts of them cannot be asked for";
    else
        return true;
    good &= drop_time(loader, draft, &time->idle, "time.idle", reason);
    good &= drop_time(loader, draft, &time->first_byte, "time.first_byte", reason);
    good &= drop_time(loader, draft, &time->gone, "time.gone", reason);
    return good;
}

/* A text that may be "file:PATH". */
static bool finish_text(struct loader *loader, const struct service_draft *draft, const char *name,
                        const char **text)
{
    struct position position = draft_position(draft, name);
    const char *path;
    char *content;
    size_t length;
    int error;

    if (!*text || strncmp(*text, "file:", 5) != 0) {
        if (!*text || strlen(*text) <= MESSAGE_MOST)
            return true;
        loader_error(loader, position, "\"%s\" must be at most %d bytes", name, MESSAGE_MOST);
        return false;
    }
    path = *text + 5;
    if (path[0] != '/') {
        loader_error(loader, position, "\"%s\" must be \"file:\" and an absolute path, not \"%s\"",
                     name, *text);
        return false;
    }
    error = source_read(path, MESSAGE_MOST, &content, &length);
    if (error) {
        if (error == -ENOMEM)
            loader->out_of_memory = true;
        else
            loader_error(loader, position, "\"%s\": cannot read \"%s\": %s", name, path,
                         error == -EFBIG ? "it is over 4096 bytes" : source_error(error));
        return false;
    }
    *text = length > 0 ? loader_strdup(loader, content) : NULL;
    free(content);
    return !loader->out_of_memory;
}

/* Everybody may connect, and nobody said that this is meant. */
static void warn_open(struct loader *loader, const struct service_config *service)
{
    if (service->access.given || !service->access.warn_open)
        return;
    for (size_t i = 0; i < service->listener_count; i++) {
        const struct listener_config *listener = &service->listeners[i];

        if (listener->inherited || listener->options.trap_ms > 0 ||
            address_is_loopback(&listener->address))
            continue;
        diagnostics_add(
            loader->list, SEVERITY_WARNING, service->position, service->name,
            "everybody who can reach \"%s\" may connect: give \"access\" rules, or write "
            "access: { warn_open = false; };",
            listener->written);
        return;
    }
}

static bool check_name(struct loader *loader, const char *name, struct position position)
{
    if (strlen(name) <= NAME_MOST && !strchr(name, '*'))
        return true;
    loader_error(loader, position,
                 "\"%s\" is no name of a service: 1 to %d letters, digits, - and _, the first a "
                 "letter",
                 name, NAME_MOST);
    return false;
}

/* ---- The whole ------------------------------------------------------------------------------ */

/* READ: all its settings were good so far. */
static bool finish(struct loader *loader, struct service_draft *draft, bool read)
{
    struct service_config *config = &draft->config;
    struct kinds kinds;
    bool good;

    if (!draft->listen) {
        if (read) /* else it may be what was misspelt */
            loader_error(loader, config->position, "\"listen\" is missing: say where to listen");
        return false;
    }
    good = listen_finish(loader, draft);
    if (good) {
        kinds = kinds_of(config);
        good &= finish_mode(loader, draft, kinds) && finish_time(loader, draft, kinds);
    } else {
        kinds.traps_only = false;
    }
    /* Nothing is ever started by a service of traps alone. */
    if (!kinds.traps_only || draft->exec.count > 0) {
        good &= program_finish(loader, draft);
        good &= identity_finish(loader, draft) && isolation_finish(loader, draft);
    } else {
        config->isolation.level = ISOLATION_NONE;
        config->isolation.calls_written = "[ ]"; /* a dump has no other value for it */
    }
    good &= environment_finish(loader, draft);
    good &= rules_finish(loader, draft);
    good &= finish_listener_access(loader, draft, kinds);
    good &= finish_text(loader, draft, "banner", &config->banner);
    good &= finish_text(loader, draft, "refuse_message", &config->refuse_message);
    return good;
}

void service_defaults(struct loader *loader, const config_setting_t *setting,
                      struct service_draft *draft_r)
{
    struct settings_target target = {
        .scope = SCOPE_SERVICE, .base = draft_r, .origins = draft_r->origins, .defaults = true};

    memset(draft_r, 0, sizeof *draft_r);
    settings_set_defaults(loader, &target);
    if (setting)
        settings_read(loader, &target, setting);
}

/* Keep, of where all settings were written, what superd --explain and superctl can be asked. */
static void keep_origins(struct loader *loader, struct service_draft *draft)
{
    struct setting_origin *kept;
    const struct schema_row *row = NULL;
    size_t count = 0;

    for (size_t i = 0; i < SCHEMA_ROWS; i++)
        count += draft->origins[i].position.file != NULL;
    kept = loader_array(loader, count, sizeof *kept);
    if (!kept)
        return;
    draft->config.origins = kept;
    draft->config.origin_count = count;
    while ((row = schema_next(row))) {
        const struct origin *origin = &draft->origins[schema_index(row)];

        if (row->scope == SCOPE_SERVICE && origin->position.file)
            *kept++ = (struct setting_origin){row->name, origin->position};
    }
}

bool service_read(struct loader *loader, const config_setting_t *setting,
                  const struct service_draft *defaults, struct service_config *config_r,
                  bool *enabled_r)
{
    struct service_draft draft = *defaults;
    struct settings_target target = {
        .scope = SCOPE_SERVICE, .base = &draft, .origins = draft.origins};
    size_t errors = loader->list->errors;
    bool good;

    draft.config.name = loader_strdup(loader, config_setting_name(setting));
    draft.config.position = loader_position(loader, setting);
    if (!draft.config.name ||
        !check_name(loader, config_setting_name(setting), draft.config.position))
        return false;
    settings_read(loader, &target, setting);
    good = loader->list->errors == errors;
    /* What is disabled may well be of programs and users that are not there (yet). */
    if (!draft.disabled)
        good = finish(loader, &draft, good) && good;
    keep_origins(loader, &draft);
    *config_r = draft.config;
    *enabled_r = !draft.disabled;
    if (good && !draft.disabled) {
        good = conflict_claim(loader, config_r);
        if (good)
            warn_open(loader, config_r);
    }
    return good && !loader->out_of_memory;
}
