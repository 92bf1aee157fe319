/*
 * answer_log: the events of the recent past, then, where asked for, live.
 *
 * Lines go from the ring into a client's output only while there is room in that; who reads too slowly
 * is told how many lines he missed, and the daemon keeps nothing for him.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/state.h"

#define DEFAULT_LINES 100

/* What a line of SERVICE has in it. A quotation mark within a value is escaped, so only a key can look
 * like this. */
static char *needle_of(const char *service)
{
    char text[1024];
    struct strbuf sb;

    strbuf_init(&sb, text, sizeof text);
    strbuf_text(&sb, "\"service\":");
    text_append_json(&sb, service, strlen(service));
    return sb.truncated ? NULL : strdup(text);
}

size_t control_next_event(const struct ring *ring, struct ring_reader *reader,
                          char line[LOG_PACK_SIZE + 1], uint64_t *missed)
{
    static char packed[LOG_PACK_SIZE + 1];
    size_t length = ring_read(ring, reader, packed, sizeof packed, missed);

    return length ? log_unpack(packed, length, line) : 0;
}

/* The next line that SESSION wants; 0: none is there. */
static size_t next_line(const struct ring *ring, struct session *session,
                        char text[LOG_PACK_SIZE + 1], uint64_t *missed)
{
    size_t length;

    do {
        length = control_next_event(ring, &session->reader, text, missed);
    } while (length && session->needle && !strstr(text, session->needle));
    return length;
}

static void send_missed(struct client *client, const json_t *id, uint64_t missed)
{
    json_t *object = json_pack("{s:O*, s:I}", "id", (json_t *)id, "missed", (json_int_t)missed);
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

    if (text) {
        client_send(client, text, strlen(text));
        client_send(client, "\n", 1);
    }
    free(text);
    json_decref(object);
}

/* A line is JSON already. */
static void send_event(struct client *client, const char *id, const char *text, size_t length)
{
    client_send(client, "{", 1);
    if (id) {
        client_send(client, "\"id\":", 5);
        client_send(client, id, strlen(id));
        client_send(client, ",", 1);
    }
    client_send(client, "\"event\":", 8);
    client_send(client, text, length);
    client_send(client, "}\n", 2);
}

void answer_log_feed(struct control *control, struct client *client)
{
    static char text[LOG_PACK_SIZE + 1];
    struct session *session = control_session(client);
    char *id = session->id ? json_dumps(session->id, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    uint64_t missed = 0;
    size_t length;

    while (client_unsent(client) < CLIENT_OUTPUT_LOW &&
           (length = next_line(&control->ring, session, text, &missed)) > 0) {
        if (missed)
            send_missed(client, session->id, missed);
        missed = 0;
        send_event(client, id, text, length);
    }
    if (missed)
        send_missed(client, session->id, missed);
    free(id);
}

/* Go to the first of the last LINES lines that are wanted. */
static void go_back(const struct ring *ring, struct session *session, uint64_t lines)
{
    static char text[LOG_PACK_SIZE + 1];
    uint64_t total = 0, missed = 0;

    if (!session->needle) { /* nothing needs to be looked at */
        total = ring->next - ring->first;
        ring_skip(ring, &session->reader, total > lines ? total - lines : 0);
        return;
    }
    while (next_line(ring, session, text, &missed) > 0)
        total++;
    session->reader = (struct ring_reader){0};
    for (uint64_t skip = total > lines ? total - lines : 0; skip > 0; skip--)
        next_line(ring, session, text, &missed);
}

static json_t *past(const struct ring *ring, struct session *session)
{
    static char text[LOG_PACK_SIZE + 1];
    json_t *events = json_array();
    uint64_t missed = 0;
    size_t length;

    while ((length = next_line(ring, session, text, &missed)) > 0)
        json_array_append_new(events, json_loadb(text, length, 0, NULL));
    return json_pack("{s:o}", "events", events);
}

json_t *answer_log(struct control *control, struct client *client, const struct request *request,
                   struct protocol_error *error)
{
    struct session *session = control_session(client);
    const char *service = protocol_text(request, "service");

    if (protocol_bool(request, "follow") && control->followers >= FOLLOWERS_MAX) {
        protocol_fail(error, "%d clients follow the log already", FOLLOWERS_MAX);
        return NULL;
    }
    free(session->needle);
    session->needle = service ? needle_of(service) : NULL;
    session->reader = (struct ring_reader){0};
    if (service && !session->needle) {
        protocol_fail(error, "out of memory");
        return NULL;
    }
    go_back(&control->ring, session, protocol_number(request, "lines", DEFAULT_LINES));
    if (!protocol_bool(request, "follow"))
        return past(&control->ring, session);
    session->id = json_incref(request->id);
    control_follow(control, client);
    return json_pack("{s:b}", "following", 1);
}
