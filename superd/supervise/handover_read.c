/*
 * handover_read: the daemon's own part of a handover, and what all parts need. See handover.h and
 * handover_reading.h.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "launch/isolation/cgroup.h"
#include "net/listener.h"
#include "supervise/generation.h"
#include "supervise/groups.h"
#include "supervise/handover_reading.h"
#include "supervise/operate.h"

/* ---- Small things --------------------------------------------------------------------------- */

bool reading_wrong(struct reading *r, const char *format, ...)
{
    va_list args;

    if (r->error[0])
        return false;
    va_start(args, format);
    vsnprintf(r->error, sizeof((struct handover *)NULL)->error, format, args);
    va_end(args);
    return false;
}

const json_t *reading_array(struct reading *r, const json_t *object, const char *name)
{
    const json_t *array = json_object_get(object, name);

    if (json_is_array(array))
        return array;
    reading_wrong(r, "\"%s\" is missing", name);
    return NULL;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool reading_hex(const json_t *value, void *bytes, size_t size, size_t *length_r)
{
    const char *text = json_string_value(value);
    size_t length = json_string_length(value);
    unsigned char *byte = bytes;

    if (!text || length % 2 || length / 2 > size)
        return false;
    for (size_t i = 0; i < length / 2; i++) {
        int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        byte[i] = (unsigned char)(high << 4 | low);
    }
    *length_r = length / 2;
    return true;
}

char *reading_text(const json_t *value)
{
    const json_t *bytes = json_object_get(value, "hex");
    size_t length;
    char *text;

    if (json_is_string(value))
        return strdup(json_string_value(value));
    text = bytes ? calloc(1, json_string_length(bytes) / 2 + 1) : NULL;
    if (text && !reading_hex(bytes, text, json_string_length(bytes) / 2, &length)) {
        free(text);
        text = NULL;
    }
    return text;
}

bool reading_address(const json_t *value, struct address *address_r)
{
    struct address address;
    size_t length;

    memset(&address, 0, sizeof address);
    if (!reading_hex(value, &address.un, sizeof address.un, &length))
        return false;
    address.length = (socklen_t)length;
    *address_r = address;
    return true;
}

bool reading_prefix(const json_t *value, struct prefix *prefix_r)
{
    struct prefix prefix;
    int family, bits;
    json_t *bytes;
    size_t length;

    memset(&prefix, 0, sizeof prefix);
    if (json_unpack((json_t *)value, "[i, i, o]", &family, &bits, &bytes) != 0 || bits < 0 ||
        bits > 128 || !reading_hex(bytes, prefix.bytes, sizeof prefix.bytes, &length))
        return false;
    prefix.family = (uint8_t)family;
    prefix.length = (uint8_t)bits;
    *prefix_r = prefix;
    return true;
}

void reading_by_name(const json_t *object, const char *const *names, size_t count, uint64_t *values)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (uint64_t)json_integer_value(json_object_get(object, names[i]));
}

bool reading_descriptor(struct reading *r, int number)
{
    if (number == -1 || fcntl(number, F_GETFD) >= 0 || !r->supervisor)
        return true; /* who only checks has none of them */
    return reading_wrong(r, "descriptor %d is not open", number);
}

/* ---- The daemon ----------------------------------------------------------------------------- */

static bool read_groups(struct reading *r)
{
    json_t *base, *own, *waiting, *value;
    json_int_t enabled;
    size_t i;

    if (json_unpack((json_t *)r->state, "{s:{s:o, s:o, s:I, s:o}}", "cgroup", "base", &base, "own",
                    &own, "enabled", &enabled, "waiting", &waiting) != 0)
        return reading_wrong(r, "\"cgroup\" is not as it should be");
    if (r->supervisor) {
        char *base_text = reading_text(base), *own_text = reading_text(own);

        if (base_text && own_text)
            cgroup_resume(base_text, own_text, (unsigned)enabled);
        free(base_text);
        free(own_text);
    }
    json_array_foreach(waiting, i, value)
    {
        char *path = reading_text(value);

        if (path && r->supervisor)
            groups_add(r->supervisor, path);
        free(path);
    }
    return true;
}

static bool read_inherited(struct reading *r)
{
    const json_t *array = reading_array(r, r->state, "inherited"), *value;
    size_t i;

    json_array_foreach(array, i, value)
    {
        json_t *name_value;
        int fd, given;
        char *name;

        if (json_unpack((json_t *)value, "{s:i, s:o, s:b}", "fd", &fd, "name", &name_value, "given",
                        &given) != 0)
            return reading_wrong(r, "\"inherited\" is not as it should be");
        name = reading_text(name_value);
        if (name && r->supervisor)
            inherited_add(fd, name, given);
        free(name);
    }
    return array;
}

static bool make_admission(struct supervisor *supervisor, uint32_t sources, uint32_t instances)
{
    uint8_t seed[ADMISSION_SEED_SIZE];

    if (getrandom(seed, sizeof seed, 0) != sizeof seed)
        return false;
    supervisor->admission = admission_create(sources, instances, seed);
    return supervisor->admission;
}

static bool read_daemon(struct reading *r)
{
    json_int_t last, started_ms, started_us, reloads, upgrades, turns, soft, hard, sources,
        instances, first_uid, last_uid, deadline;
    struct supervisor *s = r->supervisor;
    json_error_t error;
    int paused, draining;

    if (json_unpack_ex((json_t *)r->state, &error, 0,
                       "{s:I, s:I, s:I, s:I, s:I, s:I, s:[I, I], s:[I, I], s:[I, I], "
                       "s:{s:b, s:b, s:I}}",
                       "last_instance", &last, "started_ms", &started_ms, "started_wall_us",
                       &started_us, "reloads", &reloads, "upgrades", &upgrades, "turns", &turns,
                       "limit", &soft, &hard, "bounds", &sources, &instances, "dynamic_users",
                       &first_uid, &last_uid, "order", "paused", &paused, "draining", &draining,
                       "deadline_ms", &deadline) != 0)
        return reading_wrong(r, "%s", error.text);
    if (!s)
        return true;
    s->last_instance = (uint64_t)last;
    s->started_ms = (uint64_t)started_ms;
    s->started_wall_us = started_us;
    s->reloads = (uint64_t)reloads;
    s->upgrades = (uint64_t)upgrades + 1;
    s->turns = (uint64_t)turns;
    s->order = (struct standing_order){paused, draining, (uint64_t)deadline};
    if (!make_admission(s, (uint32_t)sources, (uint32_t)instances) ||
        !dynamic_users_configure(&s->dynamic_users, (uid_t)first_uid, (uid_t)last_uid))
        return reading_wrong(r, "out of memory");
    return true;
}

/* ---- All of it ------------------------------------------------------------------------------ */

static void clear(struct reading *r)
{
    /* Whoever was born in one holds it now, and so does the supervisor the current one. */
    for (size_t i = 0; i < r->generation_count; i++)
        generation_release(r->generations[i]);
    free(r->generations);
    free(r->configs);
    free(r->services);
    free(r->listeners);
}

static bool read_all(struct reading *r)
{
    bool done = read_daemon(r) && read_inherited(r) && read_configs(r) && read_services(r) &&
                read_sources(r) && read_instances(r) && read_stderr(r) && read_groups(r);

    clear(r);
    return done;
}

static bool is_understood(struct handover *handover)
{
    const json_t *version = json_object_get(handover->state, "version");

    if (!json_is_integer(version)) {
        snprintf(handover->error, sizeof handover->error, "it is no handover");
        return false;
    }
    if (json_integer_value(version) != HANDOVER_VERSION) {
        snprintf(handover->error, sizeof handover->error,
                 "handover version %lld is not understood: this superd understands %d",
                 (long long)json_integer_value(version), HANDOVER_VERSION);
        return false;
    }
    return true;
}

/* Not by json_loadfd(), which makes a system call of each byte. */
static json_t *load(int fd, json_error_t *error)
{
    FILE *file = fdopen(fd, "re");
    json_t *state;

    if (!file) {
        close(fd);
        return NULL;
    }
    state = json_loadf(file, JSON_REJECT_DUPLICATES, error);
    fclose(file);
    return state;
}

bool handover_parse(int fd, struct handover *handover)
{
    struct reading r = {.error = handover->error};
    json_error_t error = {.text = "out of memory"};

    *handover = (struct handover){.state = load(fd, &error)};
    if (!handover->state) {
        snprintf(handover->error, sizeof handover->error, "the handover cannot be read: %s",
                 error.text);
        return false;
    }
    r.state = handover->state;
    if (is_understood(handover) && read_all(&r))
        return true;
    handover_clear(handover);
    return false;
}

void handover_clear(struct handover *handover)
{
    json_decref(handover->state);
    handover->state = NULL;
}

const json_t *handover_control(const struct handover *handover)
{
    return json_object_get(handover->state, "control");
}

char *handover_text(const struct handover *handover, const char *name)
{
    return reading_text(json_object_get(handover->state, name));
}

struct rlimit handover_limit(const struct handover *handover)
{
    const json_t *limit = json_object_get(handover->state, "limit");

    return (struct rlimit){(rlim_t)json_integer_value(json_array_get(limit, 0)),
                           (rlim_t)json_integer_value(json_array_get(limit, 1))};
}

bool handover_go_on(struct supervisor *supervisor, struct handover *handover)
{
    struct reading r = {
        .supervisor = supervisor, .state = handover->state, .error = handover->error};

    return read_all(&r);
}
