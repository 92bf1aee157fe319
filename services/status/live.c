/* See live.h. */
#include "live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

enum { STRAY_MAX = 65536 }; /* bytes that a client may say while it listens */

struct live {
    const struct live_settings *settings;
    struct exchange *exchange;
    char *sent[VIEW_MAX];   /* what the client has of each section */
    char why[ASK_WHY_SIZE]; /* that superd could not be asked, as the client knows; "": it could */
    size_t stray;
};

/* Sends TEXT as the event NAME: a line of data for each of its lines.  False: the client is gone. */
static bool send_event(struct live *live, const char *name, const char *text)
{
    char *event = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&event, &length);
    bool sent = false;

    if (!file)
        return false;
    fprintf(file, "event: %s\n", name);
    for (const char *line = text;; line++) {
        size_t line_length = strcspn(line, "\r\n");

        fprintf(file, "data: %.*s\n", (int)line_length, line);
        line += line_length;
        if (!*line)
            break;
    }
    fputs("\n", file);
    if (fclose(file) == 0) {
        live->exchange->error = connection_write(live->exchange->connection, event, length, false);
        sent = live->exchange->error == 0;
    }
    free(event);
    return sent;
}

static bool send_section(struct live *live, enum view_section section,
                         const struct snapshot *snapshot, const struct history *history)
{
    size_t length;
    char *text = view_section(section, snapshot, history, &length);

    if (!text)
        return false;
    if (live->sent[section] && strcmp(live->sent[section], text) == 0) {
        free(text);
        return true;
    }
    free(live->sent[section]);
    live->sent[section] = text;
    return send_event(live, view_names[section], text);
}

/* superd may be away for a while: it is told once, and asked again next time. */
static bool tell_away(struct live *live, const char *why)
{
    if (strcmp(live->why, why) == 0)
        return true;
    snprintf(live->why, sizeof live->why, "%s", why);
    return send_event(live, "away", why);
}

static bool look(struct live *live)
{
    struct snapshot snapshot;
    struct history history;
    char why[ASK_WHY_SIZE];
    bool sent;

    if (!snapshot_take(&snapshot, live->settings->path, why)) {
        fprintf(stderr, "status: %s\n", why);
        return tell_away(live, why);
    }
    history_read(&history, snapshot.history, snapshot.now_ms);
    sent = tell_away(live, "");
    for (int i = 0; sent && i < VIEW_MAX; i++)
        sent = send_section(live, (enum view_section)i, &snapshot, &history);
    history_free(&history);
    snapshot_free(&snapshot);
    return sent;
}

/* Waits for the time of the next look.  False: the client has left, or talks on and on. */
static bool wait_for_next(struct live *live, int64_t until)
{
    char stray[4096];

    for (;;) {
        ssize_t count = connection_read(live->exchange->connection, stray, sizeof stray, until);

        if (count == -ETIMEDOUT)
            return true;
        if (count <= 0)
            return false;
        live->stray += (size_t)count;
        if (live->stray > STRAY_MAX)
            return false;
    }
}

void live_answer(const struct live_settings *settings, struct exchange *exchange)
{
    struct live live = {.settings = settings, .exchange = exchange};
    int64_t end = connection_now() + settings->total_ms, next = connection_now();
    struct head head;
    bool with_content = exchange->request->method != REQUEST_HEAD;

    exchange->keep_alive = false; /* the end of the stream is the end of the connection */
    head_begin(&head, exchange, 200);
    head_add(&head, "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
                    "X-Accel-Buffering: no\r\n");
    if (!head_send(&head, exchange, with_content) || !with_content)
        return;
    do {
        if (!look(&live))
            break;
        next += settings->interval_ms;
        if (next < connection_now())
            next = connection_now(); /* superd, or the client, is slower than that */
    } while (next < end && wait_for_next(&live, next));
    for (int i = 0; i < VIEW_MAX; i++)
        free(live.sent[i]);
}
