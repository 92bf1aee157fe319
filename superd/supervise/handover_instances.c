/*
 * handover_instances: instances and what they write to their standard error, of a handover. See
 * handover.h.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "admission/save.h"
#include "supervise/deadlines.h"
#include "supervise/handover_reading.h"
#include "supervise/stderr_lines.h"

/* ---- Instances ------------------------------------------------------------------------------ */

struct instance_record {
    json_int_t id, pid, config, dynamic_uid, via, uid, begun_ns, running_ns, timer_ms;
    int state, kill, listening;
    const char *wanted;
    json_t *peer, *local, *deadlines, *source;
    struct address peer_address, local_address;
    struct prefix prefix;
    enum outcome outcome;
};

static bool find_outcome(const char *name, enum outcome *outcome_r)
{
    for (int i = 0; i < OUTCOME_MAX; i++) {
        if (strcmp(outcome_names[i], name) == 0) {
            *outcome_r = (enum outcome)i;
            return true;
        }
    }
    return false;
}

static bool unpack(struct reading *r, const json_t *value, struct instance_record *i)
{
    *i = (struct instance_record){0};
    if (json_unpack((json_t *)value,
                    "{s:I, s:I, s:I, s:i, s:s, s:b, s:I, s:I, s:b, s:o, s:o, s:I, s:I, s:I, s:I, "
                    "s?o, s?o}",
                    "id", &i->id, "pid", &i->pid, "config", &i->config, "state", &i->state,
                    "wanted", &i->wanted, "kill", &i->kill, "dynamic_uid", &i->dynamic_uid, "via",
                    &i->via, "listening", &i->listening, "peer", &i->peer, "local", &i->local,
                    "uid", &i->uid, "begun_ns", &i->begun_ns, "running_ns", &i->running_ns,
                    "timer_ms", &i->timer_ms, "deadlines", &i->deadlines, "source",
                    &i->source) != 0)
        return false;
    return i->pid > 0 && i->config >= 0 && (size_t)i->config < r->config_count && i->via >= -1 &&
           (i->via < 0 || (size_t)i->via < r->listener_count) && i->state > INSTANCE_LAUNCHING &&
           i->state <= INSTANCE_KILLED && find_outcome(i->wanted, &i->outcome) &&
           reading_address(i->peer, &i->peer_address) &&
           reading_address(i->local, &i->local_address) &&
           (!i->source || reading_prefix(i->source, &i->prefix));
}

/* False: no memory. An instance without deadlines has none: *DEADLINES_R is NULL. */
static bool make_deadlines(const json_t *value, struct deadlines **deadlines_r)
{
    json_int_t begun = 0, active = 0, received = 0, acknowledged = 0, gone = 0;
    int first_byte = 0;
    struct deadlines *d;

    *deadlines_r = NULL;
    if (!value)
        return true;
    json_unpack((json_t *)value, "{s:I, s:I, s:I, s:I, s:I, s:b}", "begun_ms", &begun, "active_ms",
                &active, "received", &received, "acknowledged", &acknowledged, "gone_ms", &gone,
                "first_byte_done", &first_byte);
    d = calloc(1, sizeof *d);
    if (!d)
        return false;
    *d = (struct deadlines){.begun_ms = (uint64_t)begun,
                            .active_ms = (uint64_t)active,
                            .received = (uint64_t)received,
                            .acknowledged = (uint64_t)acknowledged,
                            .gone_ms = (uint64_t)gone,
                            .first_byte_done = first_byte};
    *deadlines_r = d;
    return true;
}

static bool go_on(struct reading *r, const struct instance_record *record)
{
    const struct born *born = &r->configs[record->config];
    struct service *service = service_find(r->supervisor, born->config->name);
    struct instance *instance = calloc(1, sizeof *instance);

    if (!service || !instance || !make_deadlines(record->deadlines, &instance->deadlines)) {
        free(instance);
        return false;
    }
    instance->id = (uint64_t)record->id;
    instance->pid = (pid_t)record->pid;
    instance->dynamic_uid = (uid_t)record->dynamic_uid;
    instance->state = (enum instance_state)record->state;
    instance->wanted = record->outcome;
    instance->kill_wanted = record->kill;
    instance->service = service;
    instance->generation = born->generation;
    instance->config = born->config;
    instance->via = record->via >= 0 ? r->listeners[record->via] : NULL;
    instance->listener = record->listening ? instance->via : NULL;
    instance->source = admission_load_instance(service->admission,
                                               record->source ? &record->prefix : NULL);
    instance->peer = record->peer_address;
    instance->local = record->local_address;
    instance->peer_uid = (uid_t)record->uid;
    instance->begun_ns = (uint64_t)record->begun_ns;
    instance->running_ns = (uint64_t)record->running_ns;
    return instance_go_on(instance, (uint64_t)record->timer_ms);
}

bool read_instances(struct reading *r)
{
    const json_t *array = reading_array(r, r->state, "instances"), *value;
    struct instance_record record;
    size_t i;

    json_array_foreach(array, i, value)
    {
        if (!unpack(r, value, &record))
            return reading_wrong(r, "an instance is not as it should be");
        if (r->supervisor && !go_on(r, &record))
            return reading_wrong(r, "out of memory");
    }
    return array;
}

/* ---- Standard error ------------------------------------------------------------------------- */

static bool read_one_stderr(struct reading *r, const json_t *value)
{
    char line[STDERR_LINE_MAX];
    struct stderr_record record = {.line = line};
    json_int_t id, dropped;
    int finished, skipping;
    struct stderr_reader *reader;
    struct instance *instance;
    json_t *text;

    if (json_unpack((json_t *)value, "{s:I, s:s, s:i, s:b, s:o, s:b, s:I}", "instance", &id,
                    "service", &record.service, "fd", &record.fd, "finished", &finished, "line",
                    &text, "skipping", &skipping, "dropped", &dropped) != 0 ||
        !reading_hex(text, line, sizeof line, &record.line_length) ||
        !reading_descriptor(r, record.fd))
        return reading_wrong(r, "a pipe of standard error is not as it should be");
    if (!r->supervisor)
        return true;
    record.instance = (uint64_t)id;
    record.finished = finished;
    record.skipping = skipping;
    record.dropped = (uint64_t)dropped;
    reader = stderr_reader_go_on(r->supervisor->stderr_readers, &record);
    if (!reader)
        return reading_wrong(r, "out of memory");
    instance = finished ? NULL : instance_find(r->supervisor, record.instance);
    if (instance)
        instance->stderr_reader = reader;
    else if (!finished)
        stderr_reader_drop(reader); /* of one that was being launched */
    return true;
}

bool read_stderr(struct reading *r)
{
    const json_t *array = reading_array(r, r->state, "stderr"), *value;
    size_t i;

    json_array_foreach(array, i, value)
    {
        if (!read_one_stderr(r, value))
            return false;
    }
    return array;
}
