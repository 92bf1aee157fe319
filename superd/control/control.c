/*
 * control: see control.h. Here: the socket's life, and giving each request to its command.
 */
#include "control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "control/job.h"
#include "control/state.h"
#include "supervise/generation.h"
#include "supervise/handover.h"
#include "supervise/reaper.h"
#include "supervise/stop.h"

#define IDLE_MS  (5 * 60 * 1000)
#define STALL_MS (20 * 1000)

static control_command *const commands[COMMAND_MAX] = {
    [COMMAND_CHECK] = answer_check,         [COMMAND_DRAIN] = answer_drain,
    [COMMAND_DUMP] = answer_dump,           [COMMAND_EXPLAIN] = answer_explain,
    [COMMAND_HISTORY] = answer_history,     [COMMAND_INSTANCES] = answer_instances,
    [COMMAND_ISOLATION] = answer_isolation, [COMMAND_KILL] = answer_kill,
    [COMMAND_LIST] = answer_list,           [COMMAND_LOG] = answer_log,
    [COMMAND_METRICS] = answer_metrics,     [COMMAND_PAUSE] = answer_pause,
    [COMMAND_RELOAD] = answer_reload,       [COMMAND_RESUME] = answer_resume,
    [COMMAND_SHOW] = answer_show,           [COMMAND_SOURCES] = answer_sources,
    [COMMAND_STATUS] = answer_status,       [COMMAND_STOP] = answer_stop,
    [COMMAND_UPGRADE] = answer_upgrade,     [COMMAND_WAIT_READY] = answer_wait_ready,
};

/* ---- Sessions ------------------------------------------------------------------------------- */

struct session *control_session(struct client *client)
{
    return *client_data(client);
}

static void forget_request(struct session *session)
{
    json_decref(session->id);
    free(session->service);
    free(session->listener);
    session->id = NULL;
    session->service = session->listener = NULL;
    session->reload = 0;
    session->drain = session->upgrade = session->waiting = false;
}

static void on_close(void *data, struct client *client)
{
    struct control *control = data;
    struct session *session = control_session(client);

    if (!session)
        return;
    if (session->job)
        session->job->client = NULL;
    if (session->following)
        control->followers--;
    forget_request(session);
    free(session->needle);
    free(session);
    *client_data(client) = NULL;
}

bool control_begin_session(struct client *client)
{
    if (!control_session(client))
        *client_data(client) = calloc(1, sizeof(struct session));
    return control_session(client);
}

/* ---- Answers -------------------------------------------------------------------------------- */

static void send_line(struct client *client, char *line, size_t length)
{
    static const char no_memory[] = "{\"ok\":false,\"error\":\"out of memory\"}\n";

    if (line)
        client_send(client, line, length);
    else
        client_send(client, no_memory, sizeof no_memory - 1);
    free(line);
}

void control_answer(struct client *client, const json_t *id, json_t *result)
{
    size_t length = 0;
    char *line = protocol_answer(id, result, &length);

    send_line(client, line, length);
}

void control_refuse(struct client *client, const json_t *id, const struct protocol_error *error)
{
    size_t length = 0;
    char *line = protocol_refusal(id, error, &length);

    send_line(client, line, length);
}

void control_postpone(struct client *client, const struct request *request)
{
    control_session(client)->id = json_incref(request->id);
    control_session(client)->waiting = true;
    client_wait(client, true);
}

void control_finish(struct client *client, json_t *result)
{
    control_answer(client, control_session(client)->id, result);
    forget_request(control_session(client));
    client_wait(client, false);
}

void control_fail(struct client *client, const struct protocol_error *error)
{
    control_refuse(client, control_session(client)->id, error);
    forget_request(control_session(client));
    client_wait(client, false);
}

static bool may(const struct client *client, const struct request *request,
                struct protocol_error *error)
{
    const struct command_info *info = &protocol_commands[request->command];

    if (!info->operators || client_right(client) == RIGHT_ALL)
        return true;
    protocol_hint(error, "members of superd.control_group may read, root and superd's user may do "
                         "everything");
    error->denied = true;
    return protocol_fail(error, "\"%s\" is not permitted to uid %u", info->name,
                         (unsigned)client_uid(client));
}

/* Who changes something stands in the log. */
static void log_operator(const struct client *client, const struct request *request)
{
    if (!protocol_commands[request->command].operators || request->command == COMMAND_DUMP ||
        request->command == COMMAND_CHECK)
        return;
    log_event(LEVEL_INFO, "operator", log_text("command", protocol_commands[request->command].name),
              log_u64("uid", client_uid(client)), log_i64("pid", client_pid(client)),
              log_text("service", protocol_text(request, "service")),
              log_text("listener", protocol_text(request, "listener")),
              log_text("source", protocol_text(request, "source")));
}

static void on_line(void *data, struct client *client, char *line, size_t length)
{
    struct control *control = data;
    struct protocol_error error;
    struct request request;
    json_t *result = NULL;

    /* What is told is how things are now, and the log has it, too. */
    reaper_collect_reports(control->supervisor);
    log_flush();
    if (protocol_parse(line, length, &request, &error) && may(client, &request, &error)) {
        if (!control_begin_session(client)) {
            protocol_fail(&error, "out of memory");
        } else {
            result = commands[request.command](control, client, &request, &error);
            if (!error.error[0])
                log_operator(client, &request);
        }
    }
    if (error.error[0])
        control_refuse(client, request.id, &error);
    else if (result || !control_session(client)->waiting)
        control_answer(client, request.id, result);
    protocol_clear(&request);
}

static void on_overlong(void *data, struct client *client)
{
    struct protocol_error error = {.hint = ""};

    (void)data;
    protocol_fail(&error, "a line has at most %d bytes", CLIENT_LINE_MAX);
    control_refuse(client, NULL, &error);
}

static void on_refused(void *data, struct client *client, bool no_room)
{
    struct protocol_error error = {.hint = ""};

    (void)data;
    if (no_room) {
        protocol_fail(&error, "there are %d clients already", CLIENTS_MAX);
    } else {
        error.denied = true;
        protocol_fail(&error, "not permitted to uid %u", (unsigned)client_uid(client));
        protocol_hint(&error, "root, superd's user, and members of superd.control_group are");
    }
    control_refuse(client, NULL, &error);
}

/* ---- The log -------------------------------------------------------------------------------- */

static void on_log_event(void *data, const struct log_record *record)
{
    struct control *control = data;
    char packed[LOG_PACK_SIZE];

    ring_add(&control->ring, packed, log_pack(record, packed));
}

static void on_room(void *data, struct client *client)
{
    answer_log_feed(data, client);
}

static void feed_one(void *data, struct client *client)
{
    if (control_session(client) && control_session(client)->following)
        answer_log_feed(data, client);
}

static void on_feed(uv_prepare_t *prepare)
{
    struct control *control = prepare->data;

    clients_visit(control->clients, feed_one, control);
    if (control->followers == 0)
        uv_prepare_stop(prepare);
    if (control->stop_asked) {
        control->stop_asked = false;
        stop_begin(control->supervisor, "superctl");
    }
}

void control_stop_soon(struct control *control)
{
    control->stop_asked = true;
    uv_prepare_start(&control->feed, on_feed);
}

void control_follow(struct control *control, struct client *client)
{
    control_session(client)->following = true;
    control->followers++;
    client_stream(client);
    uv_prepare_start(&control->feed, on_feed);
}

/* ---- What the supervisor tells -------------------------------------------------------------- */

static void listen_as_configured(struct control *control)
{
    const struct daemon_settings *settings = &control->supervisor->generation->config->daemon;
    int r = clients_listen(control->clients, settings->control, settings->control_gid);

    if (r < 0)
        log_event(LEVEL_ERROR, "error", log_text("what", "control socket"),
                  log_text("path", settings->control), log_text("error", strerror(-r)));
    /* Without a socket nobody can ask for the past. */
    log_observe(settings->control ? on_log_event : NULL, control);
}

static void on_begun(void *data)
{
    struct control *control = data;
    uv_loop_t *loop = &control->supervisor->loop;
    const struct clients_settings settings = {.loop = loop,
                                              .idle_ms = IDLE_MS,
                                              .stall_ms = STALL_MS,
                                              .data = control,
                                              .on_line = on_line,
                                              .on_overlong = on_overlong,
                                              .on_refused = on_refused,
                                              .on_room = on_room,
                                              .on_close = on_close};

    if (clients_create(&settings, &control->clients) < 0) {
        log_event(LEVEL_ERROR, "error", log_text("what", "control socket"),
                  log_text("error", "out of memory"));
        return;
    }
    uv_prepare_init(loop, &control->feed);
    control->feed.data = control;
    control_load_socket(control);
    listen_as_configured(control);
}

static void on_reloaded(void *data, const struct reload_result *result)
{
    struct control *control = data;

    if (!control->clients)
        return;
    if (result->done)
        listen_as_configured(control);
    answer_reloaded(control, result);
}

static void on_drained(void *data)
{
    struct control *control = data;

    if (control->clients)
        answer_drained(control);
}

static void on_stopped(void *data)
{
    struct control *control = data;

    log_observe(NULL, NULL);
    if (!control->clients)
        return;
    clients_destroy(control->clients);
    control->clients = NULL;
    uv_close((uv_handle_t *)&control->feed, NULL);
}

/* ---- Begin and end -------------------------------------------------------------------------- */

struct control *control_create(struct supervisor *supervisor, struct supervisor_settings *settings)
{
    struct control *control = calloc(1, sizeof *control);

    if (!control || !ring_init(&control->ring, RING_SIZE)) {
        free(control);
        return NULL;
    }
    control->supervisor = supervisor;
    control->ring_fd = -1;
    if (settings->handover)
        control->handed = json_incref((json_t *)handover_control(settings->handover));
    control_load_ring(control);
    settings->hooks = (struct supervisor_hooks){.data = control,
                                                .begun = on_begun,
                                                .reloaded = on_reloaded,
                                                .drained = on_drained,
                                                .upgraded = control_upgraded,
                                                .save = control_save,
                                                .stopped = on_stopped};
    log_observe(on_log_event, control);
    return control;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    log_observe(NULL, NULL);
    ring_clear(&control->ring);
    json_decref(control->handed);
    free(control);
}
