/*
 * handover_write: the daemon's own state as JSON, and the memory file. See handover.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "admission/save.h"
#include "base/fd.h"
#include "config.h"
#include "launch/isolation/cgroup.h"
#include "net/listener.h"
#include "supervise/generation.h"
#include "supervise/groups.h"
#include "supervise/handover.h"
#include "supervise/handover_writing.h"

/* ---- Small things --------------------------------------------------------------------------- */

void writing_append(struct writing *w, json_t *array, json_t *value)
{
    if (!value || json_array_append_new(array, value) != 0)
        w->failed = true;
}

json_t *writing_descriptor(struct writing *w, int fd)
{
    if (fd >= 0)
        writing_append(w, w->descriptors, json_integer(fd));
    return json_integer(fd);
}

json_t *writing_hex(const void *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *byte = bytes;
    char *text = malloc(2 * length + 1);
    json_t *value;

    if (!text)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        text[2 * i] = digits[byte[i] >> 4];
        text[2 * i + 1] = digits[byte[i] & 15];
    }
    value = json_stringn(text, 2 * length);
    free(text);
    return value;
}

json_t *writing_text(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;

    return value || !text ? value : json_pack("{s:o}", "hex", writing_hex(text, strlen(text)));
}

json_t *writing_order(const struct standing_order *order)
{
    return json_pack("{s:b, s:b, s:I}", "paused", order->paused, "draining", order->draining,
                     "deadline_ms", (json_int_t)order->deadline_ms);
}

/* ---- The daemon ----------------------------------------------------------------------------- */

static void add_group(void *data, const char *path)
{
    struct writing *w = data;

    writing_append(w, w->array, writing_text(path));
}

static json_t *cgroup_json(struct writing *w)
{
    const char *base, *own;
    unsigned enabled;
    json_t *waiting = w->array = json_array();

    groups_visit(w->supervisor, add_group, w);
    cgroup_place(&base, &own, &enabled);
    return json_pack("{s:o, s:o, s:I, s:o}", "base", writing_text(base), "own", writing_text(own),
                     "enabled", (json_int_t)enabled, "waiting", waiting);
}

static json_t *inherited_json(struct writing *w)
{
    json_t *array = json_array();
    const char *name;
    bool given;
    int fd;

    for (size_t i = 0; inherited_at(i, &fd, &name, &given); i++)
        writing_append(w, array,
                       json_pack("{s:o, s:o, s:b}", "fd", writing_descriptor(w, fd), "name",
                                 writing_text(name), "given", given));
    return array;
}

static json_t *config_text(const struct config *config)
{
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    int r = file ? config_dump(config, file) : -ENOMEM;
    json_t *value = NULL;

    if (file && fclose(file) == 0 && r == 0)
        value = json_stringn(text, length); /* NULL also when a path in it is no UTF-8 */
    free(text);
    return value;
}

static json_t *daemon_json(struct writing *w)
{
    const struct supervisor *s = w->supervisor;
    const struct config *config = s->generation->config;
    uint32_t sources, instances;

    admission_bounds(s->admission, &sources, &instances);
    return json_pack(
        "{s:i, s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o*, s:o*, s:[I, I], s:[I, I], "
        "s:[I, I], s:o, s:o, s:o}",
        "version", HANDOVER_VERSION, "superd", PACKAGE_VERSION, "pid", (int)getpid(), "generation",
        (json_int_t)s->generation->number, "last_instance", (json_int_t)s->last_instance,
        "started_ms", (json_int_t)s->started_ms, "started_wall_us", (json_int_t)s->started_wall_us,
        "reloads", (json_int_t)s->reloads, "upgrades", (json_int_t)s->upgrades, "turns",
        (json_int_t)s->turns, "config_text", config_text(config), "pid_file",
        writing_text(s->pid_file), "limit", (json_int_t)s->descriptors.rlim_cur,
        (json_int_t)s->descriptors.rlim_max, "bounds", (json_int_t)sources, (json_int_t)instances,
        "dynamic_users", (json_int_t)s->dynamic_users.first,
        (json_int_t)(s->dynamic_users.count ? s->dynamic_users.first + s->dynamic_users.count - 1
                                            : 0),
        "order", writing_order(&s->order), "cgroup", cgroup_json(w), "inherited",
        inherited_json(w));
}

static void set(struct writing *w, json_t *state, const char *name, json_t *value)
{
    if (!value || json_object_set_new(state, name, value) != 0)
        w->failed = true;
}

static void forget_places(struct writing *w)
{
    struct place *place, *next;

    HASH_ITER (hh, w->places, place, next) {
        HASH_DEL(w->places, place);
        free(place);
    }
}

json_t *handover_state(const struct supervisor *supervisor, json_t *control)
{
    struct writing w = {
        .supervisor = supervisor, .descriptors = json_array(), .configs = json_array()};
    json_t *state = daemon_json(&w);

    set(&w, state, "services", write_services(&w)); /* before what refers to listeners */
    set(&w, state, "sources", write_sources(&w));
    set(&w, state, "instances", write_instances(&w));
    set(&w, state, "stderr", write_stderr(&w));
    set(&w, state, "configs", w.configs);
    if (control) {
        json_array_extend(w.descriptors, json_object_get(control, "descriptors"));
        set(&w, state, "control", control);
    }
    set(&w, state, "descriptors", w.descriptors);
    forget_places(&w);
    if (!w.failed)
        return state;
    json_decref(state);
    return NULL;
}

/* ---- The memory file ------------------------------------------------------------------------ */

static int write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);

        if (n < 0)
            return -errno;
        text += n;
        length -= (size_t)n;
    }
    return 0;
}

/* Not by json_dumpfd(), which makes a system call of each word. */
int handover_write(const json_t *state)
{
    int fd = memfd_create("superd-handover", MFD_CLOEXEC), r;
    char *text = json_dumps(state, JSON_COMPACT);

    if (fd < 0)
        r = -errno;
    else
        r = text ? write_all(fd, text, strlen(text)) : -ENOMEM;
    free(text);
    if (r == 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    fd_close(&fd);
    return r < 0 ? r : -EIO;
}

int handover_keep(const json_t *state, bool keep)
{
    const json_t *value;
    size_t i;
    int r = 0;

    json_array_foreach(json_object_get(state, "descriptors"), i, value)
    {
        int one = fd_set_cloexec((int)json_integer_value(value), !keep);

        if (one < 0)
            r = one;
    }
    return r;
}
