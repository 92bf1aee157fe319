/*
 * events: see events.h.
 */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "runner.h"

#define READ_SIZE   65536
#define LINES_SHOWN 60
#define WORDS_SIZE  512

/* ---- Reading -------------------------------------------------------------------------------- */

/* The directory is watched: the log may not be there yet, and may be made again. */
void events_open(struct events *events, const char *path)
{
    char directory[PATH_MAX];

    *events = (struct events){.fd = -1, .watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
    snprintf(events->path, sizeof events->path, "%s", path);
    snprintf(directory, sizeof directory, "%s", path);
    *strrchr(directory, '/') = '\0';
    assert_true(events->watch >= 0);
    assert_true(inotify_add_watch(events->watch, directory, IN_MODIFY | IN_CREATE | IN_MOVED_TO) >=
                0);
}

void events_follow(struct events *events, const char *path)
{
    events_read(events);
    if (events->fd >= 0)
        close(events->fd);
    events->fd = -1;
    snprintf(events->path, sizeof events->path, "%s", path);
}

void events_close(struct events *events)
{
    if (events->fd >= 0)
        close(events->fd);
    if (events->watch >= 0)
        close(events->watch);
    for (size_t i = 0; i < events->count; i++)
        json_decref(events->list[i].json);
    free(events->list);
    free(events->partial);
    *events = (struct events){.fd = -1, .watch = -1};
}

/* Lines may wait a moment in superd. It writes them, as it says, before it answers a request: ask for
 * something, where there is somebody to be asked. */
static void settle(const struct events *events)
{
    static const char request[] = "{\"id\": 1, \"command\": \"status\"}\n";
    const struct timeval patience = {.tv_sec = 5};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t directory = (size_t)(strrchr(events->path, '/') - events->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char answer[4096];

    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    snprintf(address.sun_path, sizeof address.sun_path, "%.*s/control.sock", (int)directory,
             events->path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, request, strlen(request), MSG_NOSIGNAL) > 0)
        recv(fd, answer, sizeof answer, 0);
    close(fd);
}

static void add_line(struct events *events, const char *line, size_t length)
{
    json_error_t error;
    json_t *json = json_loadb(line, length, JSON_ALLOW_NUL, &error);

    if (!json)
        fail_msg("the log has a line that is no JSON (%s): %.*s", error.text, (int)length, line);
    if (events->count == events->room) {
        events->room = events->room ? events->room * 2 : 256;
        events->list = realloc(events->list, events->room * sizeof *events->list);
        assert_non_null(events->list);
    }
    events->list[events->count++] = (struct event){.json = json};
}

static void take_text(struct events *events, const char *text, size_t length)
{
    char *newline;

    events->partial = realloc(events->partial, events->partial_length + length + 1);
    assert_non_null(events->partial);
    memcpy(events->partial + events->partial_length, text, length);
    events->partial_length += length;
    while ((newline = memchr(events->partial, '\n', events->partial_length))) {
        size_t line = (size_t)(newline - events->partial);

        add_line(events, events->partial, line);
        events->partial_length -= line + 1;
        memmove(events->partial, newline + 1, events->partial_length);
    }
}

static bool same_file(int fd, const char *path)
{
    struct stat open_one, named;

    return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
           open_one.st_ino == named.st_ino && open_one.st_dev == named.st_dev;
}

void events_read(struct events *events)
{
    static char text[READ_SIZE];

    for (;;) {
        ssize_t n;

        if (events->fd < 0)
            events->fd = open(events->path, O_RDONLY | O_CLOEXEC);
        if (events->fd < 0)
            return;
        while ((n = read(events->fd, text, sizeof text)) > 0)
            take_text(events, text, (size_t)n);
        if (access(events->path, F_OK) != 0 || same_file(events->fd, events->path))
            return;
        close(events->fd); /* rotated, and read to its end */
        events->fd = -1;
    }
}

static void wait_for_more(struct events *events, int ms)
{
    struct pollfd wait = {.fd = events->watch, .events = POLLIN};
    char text[4096];

    poll(&wait, 1, ms);
    while (read(events->watch, text, sizeof text) > 0)
        continue;
}

/* ---- Matching ------------------------------------------------------------------------------- */

static bool value_is(const json_t *value, const char *wanted)
{
    char text[32];

    if (!value)
        return false;
    if (strcmp(wanted, "*") == 0)
        return true;
    if (json_is_string(value))
        return strcmp(json_string_value(value), wanted) == 0;
    if (json_is_integer(value)) {
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        return strcmp(text, wanted) == 0;
    }
    return json_is_boolean(value) && strcmp(json_is_true(value) ? "true" : "false", wanted) == 0;
}

static bool matches(const json_t *json, const char *name, va_list list)
{
    va_list rest;
    const char *key;
    bool same = value_is(json_object_get(json, "event"), name);

    va_copy(rest, list);
    while (same && (key = va_arg(rest, const char *))) {
        const char *value = va_arg(rest, const char *);

        same = value_is(json_object_get(json, key), value);
    }
    va_end(rest);
    return same;
}

static struct event *look(struct events *events, const char *name, va_list list)
{
    events_read(events);
    for (size_t i = 0; i < events->count; i++) {
        if (!events->list[i].found && matches(events->list[i].json, name, list))
            return &events->list[i];
    }
    return NULL;
}

static const char *in_words(const char *name, va_list list, char text[WORDS_SIZE])
{
    size_t length = (size_t)snprintf(text, WORDS_SIZE, "%s", name);
    va_list rest;
    const char *key;

    va_copy(rest, list);
    while (length < WORDS_SIZE && (key = va_arg(rest, const char *)))
        length += (size_t)snprintf(text + length, WORDS_SIZE - length, " %s=%s", key,
                                   va_arg(rest, const char *));
    va_end(rest);
    return text;
}

json_t *expect_event(struct events *events, const char *name, ...)
{
    uint64_t end = e2e_now_ms() + (uint64_t)e2e_deadline_ms();
    struct event *event;
    char words[WORDS_SIZE];
    va_list list;

    va_start(list, name);
    while (!(event = look(events, name, list))) {
        uint64_t now = e2e_now_ms();

        if (now >= end)
            fail_msg("no such event in the log: %s", in_words(name, list, words));
        wait_for_more(events, (int)(end - now));
    }
    va_end(list);
    event->found = true;
    return event->json;
}

json_t *find_event(struct events *events, const char *name, ...)
{
    struct event *event;
    va_list list;

    settle(events);
    va_start(list, name);
    event = look(events, name, list);
    va_end(list);
    return event ? event->json : NULL;
}

size_t count_events(struct events *events, const char *name, ...)
{
    size_t n = 0;
    va_list list;

    settle(events);
    events_read(events);
    va_start(list, name);
    for (size_t i = 0; i < events->count; i++)
        n += matches(events->list[i].json, name, list);
    va_end(list);
    return n;
}

/* ---- Fields --------------------------------------------------------------------------------- */

const char *event_text(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));

    if (!text)
        fail_msg("the event has no text \"%s\"", key);
    return text;
}

long long event_number(const json_t *event, const char *key)
{
    const json_t *value = json_object_get(event, key);

    if (!json_is_integer(value))
        fail_msg("the event has no number \"%s\"", key);
    return json_integer_value(value);
}

void events_show(const struct events *events)
{
    size_t i = events->count > LINES_SHOWN ? events->count - LINES_SHOWN : 0;

    for (; i < events->count; i++) {
        char *line = json_dumps(events->list[i].json, JSON_COMPACT);

        printf("  log: %s\n", line ? line : "?");
        free(line);
    }
}
