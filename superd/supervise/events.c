/*
 * events: see events.h.
 */
#include "supervise/events.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervise/generation.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

/* What of a peer's address goes into the log (superd.log.addresses). */
static const char *shown_peer(const struct service *service, const struct address *address,
                              char text[ADDRESS_TEXT_SIZE])
{
    const struct config *config = service->supervisor->generation->config;
    const char *how = config->daemon.log_addresses;

    if (!address->length || strcmp(how, "none") == 0)
        return NULL;
    if (strcmp(how, "prefix") == 0 && address->sa.sa_family != AF_UNIX) {
        struct prefix prefix = source_of(address, 0, 24, 48);

        return prefix_format(&prefix, text);
    }
    return address_format(address, text);
}

/* A UNIX peer has no address worth showing, but a user. */
static struct log_field shown_uid(const struct address *address, uid_t uid)
{
    if (address->length && address->sa.sa_family == AF_UNIX)
        return log_u64("uid", uid);
    return log_text("uid", NULL);
}

const char *event_source(const struct service *service, const struct prefix *source,
                         char text[PREFIX_TEXT_SIZE])
{
    const char *how = service->supervisor->generation->config->daemon.log_addresses;

    return strcmp(how, "none") == 0 ? NULL : prefix_format(source, text);
}

void event_listen(const struct listener *listener, const char *state)
{
    char bound[ADDRESS_TEXT_SIZE];

    log_event(LEVEL_INFO, "listen", log_text("service", listener->service->name),
              log_text("listener", listener->config->written),
              log_text("protocol", listener->config->type == SOCK_DGRAM       ? "udp"
                                   : listener->bound.sa.sa_family != AF_UNIX  ? "tcp"
                                   : listener->config->type == SOCK_SEQPACKET ? "seqpacket"
                                                                              : "unix"),
              log_text("address", address_format(&listener->bound, bound)),
              log_text("state", state));
}

void event_admit(const struct instance *instance)
{
    const struct service *service = instance->service;
    char peer[ADDRESS_TEXT_SIZE];

    if (!log_wants(LEVEL_INFO))
        return;
    log_event(LEVEL_INFO, "admit", log_text("service", service->name),
              log_u64("instance", instance->id), log_i64("pid", instance->pid),
              log_text("peer", shown_peer(service, &instance->peer, peer)),
              shown_uid(&instance->peer, instance->peer_uid),
              log_u64("launch_us", (instance->running_ns - instance->begun_ns) / 1000),
              log_u64("live", service->instance_count),
              log_u64("limit", instance->config->limits.instances));
}

/* "TERM" of SIGTERM, or its number where it has no name. */
static const char *signal_word(int number, char text[16])
{
    const char *word = sigabbrev_np(number);

    if (word)
        return word;
    snprintf(text, 16, "%d", number);
    return text;
}

uint64_t event_cpu_us(const struct rusage *usage)
{
    return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

void event_end(const struct instance *instance, enum outcome outcome, int status,
               const struct rusage *usage)
{
    const struct service *service = instance->service;
    char peer[ADDRESS_TEXT_SIZE], number[16];
    bool exited = WIFEXITED(status), signaled = WIFSIGNALED(status);

    if (!log_wants(LEVEL_INFO))
        return;
    log_event(
        LEVEL_INFO, "end", log_text("service", service->name), log_u64("instance", instance->id),
        log_i64("pid", instance->pid), log_text("peer", shown_peer(service, &instance->peer, peer)),
        shown_uid(&instance->peer, instance->peer_uid), log_text("outcome", outcome_names[outcome]),
        exited && outcome != OUTCOME_OK ? log_i64("status", WEXITSTATUS(status))
                                        : log_text("status", NULL),
        log_text("signal", signaled ? signal_word(WTERMSIG(status), number) : NULL),
        log_u64("duration_ms", (clock_now_ns() - instance->begun_ns) / 1000000),
        log_u64("cpu_us", event_cpu_us(usage)), log_i64("maxrss_kb", usage->ru_maxrss),
        log_u64("live", service->instance_count - 1),
        log_u64("limit", instance->config->limits.instances));
}

void event_launch_failed(const struct instance *instance, enum launch_step step, int error)
{
    const struct service *service = instance->service;
    char peer[ADDRESS_TEXT_SIZE];

    log_event(LEVEL_ERROR, "end", log_text("service", service->name),
              log_u64("instance", instance->id),
              log_text("peer", shown_peer(service, &instance->peer, peer)),
              shown_uid(&instance->peer, instance->peer_uid),
              log_text("outcome", outcome_names[OUTCOME_LAUNCH_FAILED]),
              log_text("step", launch_step_names[step]), log_text("error", strerror(error)),
              log_i64("errno", error), log_text("program", instance->config->program),
              log_text("user", instance->config->identity.name),
              log_u64("live", service->instance_count - 1));
}

void event_refuse(const struct service *service, const struct peer *peer,
                  const struct verdict *verdict)
{
    char text[ADDRESS_TEXT_SIZE], where[512];
    const struct position *position = &verdict->position;

    if (position->file)
        snprintf(where, sizeof where, "%s:%u", position->file, position->line);
    log_event(LEVEL_INFO, "refuse", log_text("service", service->name),
              log_text("peer", shown_peer(service, &peer->address, text)),
              shown_uid(&peer->address, peer->uid),
              log_text("reason", reason_names[verdict->reason]), log_text("rule", verdict->rule),
              log_text("where", position->file ? where : NULL));
}

void event_hold(const struct service *service, enum reason reason)
{
    /* The launchers being busy is how a loaded daemon works, many times a second: no event. */
    log_event(reason == REASON_LAUNCHERS ? LEVEL_DEBUG : LEVEL_INFO, "hold",
              log_text("service", service->name), log_text("reason", reason_names[reason]),
              log_u64("live", service->instance_count),
              log_u64("limit", service->config ? service->config->limits.instances : 0),
              service->holds_unsaid ? log_u64("unsaid", service->holds_unsaid)
                                    : log_text("unsaid", NULL));
}

void event_resume(const struct service *service)
{
    log_event(service->held == REASON_LAUNCHERS ? LEVEL_DEBUG : LEVEL_INFO, "resume",
              log_text("service", service->name), log_u64("live", service->instance_count));
}

void event_diagnostics(const struct diagnostics *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];
        char where[512];

        snprintf(where, sizeof where, "%s:%u", item->file ? item->file : "", item->line);
        log_event(item->severity == SEVERITY_ERROR ? LEVEL_ERROR : LEVEL_WARNING, "config",
                  log_text("where", item->file ? where : NULL), log_text("service", item->service),
                  log_text("message", item->message));
    }
}
