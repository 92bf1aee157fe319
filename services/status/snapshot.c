/* See snapshot.h. */
#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "history.h"

enum {
    PATIENCE_MS = 10000,
    PIECES_MAX = 1024, /* of the metrics */
    PAGES_MAX = 256,   /* of the history; one may be empty and have a next */
};

int64_t snapshot_number(const json_t *row, const char *key)
{
    return json_integer_value(json_object_get(row, key));
}

const char *snapshot_text(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));

    return text ? text : "";
}

/* Asks for the array that is called KEY in the answer. */
static json_t *ask_for(struct ask *ask, const char *key, json_t *request, bool *cut_r)
{
    json_t *result = ask_superd(ask, request);
    json_t *array = json_incref(json_object_get(result, key));

    if (cut_r)
        *cut_r = json_object_get(result, "next") != NULL;
    if (result && !json_is_array(array)) {
        snprintf(ask->why, sizeof ask->why, "superd's answer has no %s", key);
        json_decref(array);
        array = NULL;
    }
    json_decref(result);
    return array;
}

/* Page by page. */
static bool take_services(struct snapshot *snapshot, struct ask *ask)
{
    json_t *result, *request = json_pack("{s:s}", "command", "status");
    const char *next;
    bool going;

    snapshot->services = json_array();
    do {
        const json_t *rows;

        result = ask_superd(ask, request);
        rows = json_object_get(result, "services");
        if (!json_is_array(rows) || !json_is_object(json_object_get(result, "daemon"))) {
            if (result)
                snprintf(ask->why, sizeof ask->why, "superd's answer has no services");
            json_decref(result);
            return false;
        }
        json_decref(snapshot->daemon);
        snapshot->daemon = json_incref(json_object_get(result, "daemon"));
        json_array_extend(snapshot->services, (json_t *)(uintptr_t)rows);
        next = json_string_value(json_object_get(result, "next"));
        going = next && json_array_size(snapshot->services) < SNAPSHOT_SERVICES_MAX &&
                json_array_size(rows) > 0;
        snapshot->services_cut = next && !going;
        request = going ? json_pack("{s:s, s:s}", "command", "status", "after", next) : NULL;
        json_decref(result);
    } while (going);
    return true;
}

/* By reason superd tells one service at a time: those that have refused anybody, or hold now.  One
 * that is gone meanwhile is left out. */
static void take_reasons(struct snapshot *snapshot, struct ask *ask)
{
    const json_t *row;
    size_t i;

    snapshot->reasons = json_array();
    json_array_foreach(snapshot->services, i, row)
    {
        json_t *shown;

        if (json_array_size(snapshot->reasons) >= SNAPSHOT_TOLD_MAX)
            return;
        if (snapshot_number(row, "refused") == 0 && !json_object_get(row, "reason"))
            continue;
        shown = ask_superd(ask, json_pack("{s:s, s:s}", "command", "show", "service",
                                          snapshot_text(row, "service")));
        if (shown)
            json_array_append_new(snapshot->reasons,
                                  json_pack("{s:O, s:O, s:O}", "service",
                                            json_object_get(row, "service"), "refused",
                                            json_object_get(shown, "refused_by_reason"), "held",
                                            json_object_get(shown, "held_by_reason")));
        json_decref(shown);
    }
}

/* Page by page, each with its own time. */
static bool take_history(struct snapshot *snapshot, struct ask *ask)
{
    json_t *request = json_pack("{s:s}", "command", "history");
    size_t taken = 0;

    snapshot->history = json_array();
    while (request) {
        json_t *result = ask_superd(ask, request);
        const char *next = json_string_value(json_object_get(result, "next"));

        if (!json_is_array(json_object_get(result, "services"))) {
            if (result)
                snprintf(ask->why, sizeof ask->why, "superd's answer has no history");
            json_decref(result);
            return false;
        }
        taken += json_array_size(json_object_get(result, "services"));
        json_array_append(snapshot->history, result);
        request = next && taken < HISTORY_SERVICES_MAX &&
                          json_array_size(snapshot->history) < PAGES_MAX
                      ? json_pack("{s:s, s:s}", "command", "history", "after", next)
                      : NULL;
        json_decref(result);
    }
    return true;
}

bool snapshot_take(struct snapshot *snapshot, const char *path, char why[ASK_WHY_SIZE])
{
    struct timespec now;
    struct ask ask;
    bool taken;

    *snapshot = (struct snapshot){.now_ms = 0};
    taken = ask_open(&ask, path, PATIENCE_MS) && take_services(snapshot, &ask);
    if (taken) {
        take_reasons(snapshot, &ask);
        snapshot->instances = ask_for(
            &ask, "instances",
            json_pack("{s:s, s:i}", "command", "instances", "limit", SNAPSHOT_INSTANCES_MAX),
            &snapshot->instances_cut);
        snapshot->events = ask_for(
            &ask, "events",
            json_pack("{s:s, s:I}", "command", "log", "lines", (json_int_t)SNAPSHOT_LOG_LINES),
            NULL);
        taken = snapshot->instances && snapshot->events && snapshot->reasons &&
                take_history(snapshot, &ask);
    }
    clock_gettime(CLOCK_REALTIME, &now);
    snapshot->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (!taken) {
        snprintf(why, ASK_WHY_SIZE, "%s", ask.why);
        snapshot_free(snapshot);
    }
    ask_close(&ask);
    return taken;
}

void snapshot_free(struct snapshot *snapshot)
{
    json_decref(snapshot->daemon);
    json_decref(snapshot->services);
    json_decref(snapshot->instances);
    json_decref(snapshot->reasons);
    json_decref(snapshot->history);
    json_decref(snapshot->events);
    *snapshot = (struct snapshot){.now_ms = 0};
}

/* Writes one piece.  Returns the request for the next one in *REQUEST, NULL when it was the last. */
static bool write_piece(struct ask *ask, json_t **request, FILE *file)
{
    json_t *result = ask_superd(ask, *request);
    const char *text = json_string_value(json_object_get(result, "text"));
    const char *next = json_string_value(json_object_get(result, "next"));

    *request = next ? json_pack("{s:s, s:s}", "command", "metrics", "after", next) : NULL;
    if (text)
        fputs(text, file);
    else if (result)
        snprintf(ask->why, sizeof ask->why, "superd's answer has no metrics");
    json_decref(result);
    return text;
}

char *snapshot_metrics(const char *path, size_t *length_r, char why[ASK_WHY_SIZE])
{
    json_t *request = json_pack("{s:s}", "command", "metrics");
    char *text = NULL;
    FILE *file = open_memstream(&text, length_r);
    struct ask ask;
    bool taken = ask_open(&ask, path, PATIENCE_MS) && file;

    for (int i = 0; taken && request && i < PIECES_MAX; i++)
        taken = write_piece(&ask, &request, file);
    if (taken && request) {
        snprintf(ask.why, sizeof ask.why, "superd has more metrics than fit");
        taken = false;
    }
    json_decref(request);
    if (file && fclose(file) != 0)
        taken = false;
    if (!taken) {
        snprintf(why, ASK_WHY_SIZE, "%s", ask.why[0] ? ask.why : "out of memory");
        free(text);
        text = NULL;
    }
    ask_close(&ask);
    return text;
}
