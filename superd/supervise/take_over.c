/*
 * take_over: the first thing that a program does in the place of another. Declared in upgrade.h.
 *
 * What the old one had is made again, as the configuration that was in force; then the one that the
 * files say is taken into force on top of it, as at a reload. If that cannot be (somebody has changed
 * the files since they were checked, or a new port is taken), the old one's text is used: clients are
 * served on, and the log says what is wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config.h"
#include "config/load.h"
#include "launch/isolation/refuse.h"
#include "supervise/access_files.h"
#include "supervise/events.h"
#include "supervise/generation.h"
#include "supervise/handover.h"
#include "supervise/notify.h"
#include "supervise/operate.h"
#include "supervise/reaper.h"
#include "supervise/reload.h"
#include "supervise/supervisor.h"
#include "supervise/upgrade.h"

static bool commit(struct supervisor *supervisor, struct config *config, struct diagnostics *list)
{
    struct access_contents contents;

    if (!config)
        return false;
    if (!access_contents_read(config, &contents, list)) {
        config_free(config);
        return false;
    }
    return reload_commit(supervisor, config, &contents, list);
}

/* The configuration that was in force, from its text. */
static struct config *old_config(const struct supervisor *supervisor,
                                 const struct handover *handover, struct diagnostics *list)
{
    char *text = handover_text(handover, "config_text"), path[64];
    int fd = text ? memfd_create("superd.conf", MFD_CLOEXEC) : -1;
    struct config *config = NULL;

    if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        config = config_load(path, supervisor->surroundings, list);
        if (config)
            isolation_refuse(config, list);
    }
    if (fd >= 0)
        close(fd);
    free(text);
    return config;
}

static json_t *texts_of(const struct diagnostics *list)
{
    json_t *array = json_array();
    char text[2048];

    for (size_t i = 0; i < list->count; i++) {
        diagnostic_format(&list->items[i], text, sizeof text);
        json_array_append_new(array, json_string(text));
    }
    return array;
}

static void say_done(struct supervisor *supervisor, const struct upgrade_result *result)
{
    const struct generation *generation = supervisor->generation;

    if (result->config_kept)
        log_event(LEVEL_ERROR, "reload-failed", log_u64("generation", generation->number),
                  log_u64("errors", json_array_size(result->complaint)));
    log_event(
        LEVEL_INFO, "upgrade", log_text("state", "done"), log_text("version", PACKAGE_VERSION),
        log_text("from", result->from), log_u64("generation", generation->number),
        log_u64("services", generation->config->service_count),
        log_u64("failed", generation->config->failed_count),
        log_u64("instances", supervisor->instance_count), log_u64("paused_ms", result->paused_ms));
    log_flush();
    notify_send("READY=1\nSTATUS=serving");
}

static void finish(struct supervisor *supervisor, const struct handover *handover,
                   struct diagnostics *list, bool kept)
{
    const json_t *state = handover->state;
    json_t *complaint = texts_of(list);
    const struct upgrade_result result = {
        .done = true,
        .from = json_string_value(json_object_get(state, "superd")),
        .config_kept = kept,
        .complaint = complaint,
        .paused_ms = clock_now_ms() -
                     (uint64_t)json_integer_value(json_object_get(state, "quiet_ms"))};

    event_diagnostics(list);
    supervisor->state = STATE_RUNNING;
    reaper_signalled(supervisor, 0); /* who has ended meanwhile */
    operate_go_on(supervisor);
    if (supervisor->hooks.begun)
        supervisor->hooks.begun(supervisor->hooks.data);
    say_done(supervisor, &result);
    if (supervisor->hooks.upgraded)
        supervisor->hooks.upgraded(supervisor->hooks.data, &result);
    json_decref(complaint);
}

static int cannot(struct diagnostics *list, const char *error)
{
    event_diagnostics(list);
    log_event(LEVEL_ERROR, "upgrade-failed", log_text("state", "the old program is gone"),
              log_text("error", error));
    return EXIT_SYSTEM;
}

int upgrade_take_over(struct supervisor *supervisor, struct config *config,
                      struct diagnostics *list, struct handover *handover)
{
    bool kept;

    if (!handover_go_on(supervisor, handover)) {
        config_free(config);
        return cannot(list, handover->error);
    }
    kept = !commit(supervisor, config, list);
    if (kept && !commit(supervisor, old_config(supervisor, handover, list), list))
        return cannot(list, "neither the files nor the configuration before can be used");
    finish(supervisor, handover, list, kept);
    return EXIT_OK;
}
