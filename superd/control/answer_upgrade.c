/*
 * answer_upgrade: the command upgrade, and what the next program gets of the control socket: the socket
 * itself, who is connected and what he waits for, and the ring of events (supervise/handover.h, "control").
 *
 * Whoever asks for an upgrade is answered by the program that it leads to, or by this one when it fails.
 * Clients who are in the middle of a line, or have not taken what they were sent, are not handed over:
 * their connection ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "config.h"
#include "control/state.h"
#include "supervise/generation.h"
#include "supervise/handover.h"
#include "supervise/upgrade.h"

json_t *answer_upgrade(struct control *control, struct client *client,
                       const struct request *request, struct protocol_error *error)
{
    const char *why;

    if (!upgrade_begin(control->supervisor, protocol_text(request, "binary"), &why)) {
        protocol_fail(error, "%s", why);
        return NULL;
    }
    control_session(client)->upgrade = true;
    control_postpone(client, request);
    return NULL;
}

static json_t *done_json(const struct control *control, const struct upgrade_result *result)
{
    const struct supervisor *supervisor = control->supervisor;

    return json_pack(
        "{s:b, s:s, s:s*, s:I, s:I, s:I, s:b, s:O}", "upgraded", 1, "version", PACKAGE_VERSION,
        "from", result->from, "generation", (json_int_t)supervisor->generation->number, "instances",
        (json_int_t)supervisor->instance_count, "paused_ms", (json_int_t)result->paused_ms,
        "config_kept", result->config_kept, "errors", result->complaint);
}

static json_t *failed_json(const struct upgrade_result *result)
{
    return json_pack("{s:b, s:s, s:O}", "upgraded", 0, "version", PACKAGE_VERSION, "errors",
                     result->errors);
}

static void answer_if_upgrading(void *data, struct client *client)
{
    const struct upgrade_result *result = data;

    if (control_session(client) && control_session(client)->upgrade)
        control_finish(client, failed_json(result));
}

/* ---- To the next program -------------------------------------------------------------------- */

struct saving {
    struct control *control;
    json_t *clients, *descriptors;
};

static const char *waits_for(const struct session *session)
{
    if (!session)
        return "nothing";
    if (session->upgrade)
        return "upgrade";
    if (session->reload)
        return "reload";
    if (session->drain)
        return "drain";
    if (session->following)
        return "log";
    return session->waiting ? "lost" : "nothing";
}

static void save_client(void *data, struct client *client)
{
    static const struct session none;
    const struct session *session = control_session(client) ? control_session(client) : &none;
    struct saving *saving = data;
    int fd;

    if (session->following)
        answer_log_feed(saving->control, client);
    fd = client_quiet(client);
    if (fd < 0)
        return;
    json_array_append_new(saving->descriptors, json_integer(fd));
    json_array_append_new(saving->clients,
                          json_pack("{s:i, s:s, s:O*, s:s*, s:s*, s:s*}", "fd", fd, "waits",
                                    waits_for(control_session(client)), "id", session->id,
                                    "service", session->service, "listener", session->listener,
                                    "needle", session->needle));
}

/* The lines of RING in a memory file, each with its newline: as JSON they would cost the clients who wait
 * ten times as long. Returns the descriptor; -1: it cannot be had, and the past is lost. */
static int write_ring(const struct ring *ring)
{
    static char text[LOG_PACK_SIZE + 2];
    int fd = memfd_create("superd-events", MFD_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd_dup_above(fd, 3), "we") : NULL;
    struct ring_reader reader = {0};
    uint64_t missed = 0;
    size_t length;

    while (file && (length = control_next_event(ring, &reader, text, &missed)) > 0) {
        text[length] = '\n';
        fwrite(text, 1, length + 1, file);
    }
    if (file && fclose(file) == 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    fd_close(&fd);
    return -1;
}

struct json_t *control_save(void *data, bool final)
{
    struct control *control = data;
    struct saving saving = {control, json_array(), json_array()};
    const char *path = NULL;
    gid_t group = (gid_t)-1;
    int fd = control->clients ? clients_socket(control->clients, &path, &group) : -1;

    if (fd >= 0)
        json_array_append_new(saving.descriptors, json_integer(fd));
    if (control->clients)
        clients_visit(control->clients, save_client, &saving);
    fd_close(&control->ring_fd);
    control->ring_fd = final ? write_ring(&control->ring) : -1;
    if (control->ring_fd >= 0)
        json_array_append_new(saving.descriptors, json_integer(control->ring_fd));
    return json_pack("{s:i, s:s*, s:I, s:o, s:o, s:i, s:I, s:I}", "fd", fd, "path", path, "group",
                     (json_int_t)group, "clients", saving.clients, "descriptors",
                     saving.descriptors, "ring", control->ring_fd, "first_event",
                     (json_int_t)control->ring.first, "next_event", (json_int_t)control->ring.next);
}

/* ---- From the last program ------------------------------------------------------------------ */

static json_int_t number_of(const struct control *control, const char *name)
{
    return json_integer_value(json_object_get(control->handed, name));
}

void control_load_ring(struct control *control)
{
    FILE *file = control->handed && number_of(control, "ring") > 2
                     ? fdopen((int)number_of(control, "ring"), "re")
                     : NULL;
    char *line = NULL;
    size_t size = 0;
    ssize_t length;

    if (!file)
        return;
    control->ring.first = control->ring.next = (uint64_t)number_of(control, "first_event");
    while ((length = getline(&line, &size, file)) > 0)
        ring_add(&control->ring, line, (size_t)length - 1);
    free(line);
    fclose(file);
}

void control_load_socket(struct control *control)
{
    const json_t *handed = control->handed;
    const json_t *path = json_object_get(handed, "path"), *fd = json_object_get(handed, "fd");

    if (json_is_string(path) && json_is_integer(fd))
        clients_go_on(control->clients, (int)json_integer_value(fd), json_string_value(path),
                      (gid_t)json_integer_value(json_object_get(handed, "group")));
}

static char *copy_of(const json_t *value)
{
    return json_is_string(value) ? strdup(json_string_value(value)) : NULL;
}

/* Have SESSION follow the log from the first line that the last program did not have. */
static void follow_on(struct control *control, struct session *session)
{
    uint64_t wanted = (uint64_t)number_of(control, "next_event");
    static char text[LOG_PACK_SIZE + 1];
    uint64_t missed = 0;

    while (session->reader.number < wanted &&
           control_next_event(&control->ring, &session->reader, text, &missed) > 0)
        continue;
}

/* CLIENT has waited for something since the last program. */
static void go_on_waiting(struct control *control, struct client *client, const json_t *saved,
                          const struct upgrade_result *result)
{
    const char *waits = json_string_value(json_object_get(saved, "waits"));
    struct session *session = control_session(client);
    struct protocol_error error = {.hint = ""};

    session->id = json_incref(json_object_get(saved, "id"));
    session->service = copy_of(json_object_get(saved, "service"));
    session->listener = copy_of(json_object_get(saved, "listener"));
    session->needle = copy_of(json_object_get(saved, "needle"));
    if (waits && strcmp(waits, "log") == 0) {
        follow_on(control, session);
        control_follow(control, client);
        return;
    }
    session->waiting = true;
    client_wait(client, true);
    if (waits && strcmp(waits, "upgrade") == 0) {
        control_finish(client, done_json(control, result));
    } else if (waits && strcmp(waits, "reload") == 0) {
        control_finish(client,
                       json_pack("{s:b, s:I, s:I, s:[]}", "reloaded", !result->config_kept,
                                 "generation", (json_int_t)control->supervisor->generation->number,
                                 "duration_ms", (json_int_t)result->paused_ms, "diagnostics"));
    } else if (waits && strcmp(waits, "drain") == 0) {
        session->drain = true;
    } else {
        protocol_fail(&error, "superd was upgraded meanwhile: ask again");
        control_fail(client, &error);
    }
}

static void load_client(struct control *control, const json_t *saved,
                        const struct upgrade_result *result)
{
    const char *waits = json_string_value(json_object_get(saved, "waits"));
    struct client *client = clients_adopt(control->clients,
                                          (int)json_integer_value(json_object_get(saved, "fd")));

    if (client && waits && strcmp(waits, "nothing") != 0 && control_begin_session(client))
        go_on_waiting(control, client, saved, result);
}

void control_upgraded(void *data, const struct upgrade_result *result)
{
    struct control *control = data;
    const json_t *saved;
    size_t i;

    if (!control->clients)
        return;
    if (!result->done) {
        fd_close(&control->ring_fd);
        clients_visit(control->clients, answer_if_upgrading, (void *)result);
        return;
    }
    json_array_foreach(json_object_get(control->handed, "clients"), i, saved)
    {
        load_client(control, saved, result);
    }
    json_decref(control->handed);
    control->handed = NULL;
    answer_drained(control);
}
