/*
 * status: superd's own state over HTTP, as a handler of superd or any inetd-style superserver.
 *
 *     status [-i seconds] [-s socket]
 *
 * Descriptors 0 and 1 are the connection, 2 is the log.  What it shows it asks of superd's control
 * socket at each request, which its user must be allowed to read; it changes nothing.
 *
 *     /             the page          /events        its sections as they change
 *     /status.json  the same as data  /metrics       for Prometheus
 *
 * The parts: ask and snapshot (superd's answers), history (the last minutes, of those answers), words, chart,
 * view and shell (the page), live (the stream).  HTTP is services/page's.
 */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../page/http.h"
#include "../page/target.h"
#include "history.h"
#include "live.h"
#include "snapshot.h"
#include "view.h"

enum {
    EXIT_USAGE = 2,
    INTERVAL_MAX_S = 3600,
    REQUESTS_MAX = 100,
    IDLE_MS = 15000,
    REQUEST_MS = 20000,
    STALL_MS = 30000,
    LIVE_MS = 3600 * 1000,
};

static const char usage_text[] = "usage: status [-i seconds] [-s socket]\n"
                                 "  -i  look at superd so often while a page is open (2)\n"
                                 "  -s  superd's control socket ($SUPERD_CONTROL, or " RUNSTATEDIR
                                 "/superd/control.sock)\n";

static void refuse_for(struct exchange *exchange, const char *why)
{
    fprintf(stderr, "status: %s\n", why);
    reply_status(exchange, 503, "Retry-After: 5\r\n");
}

/* ---- The page ------------------------------------------------------------------------------- */

/* Letters that nobody can guess, so that what superd tells can never be a script of the page. */
static bool make_nonce(char to[VIEW_NONCE_SIZE])
{
    unsigned char bytes[(VIEW_NONCE_SIZE - 1) / 2];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(to + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static void answer_page(const struct live_settings *settings, struct exchange *exchange)
{
    char why[ASK_WHY_SIZE], nonce[VIEW_NONCE_SIZE], fields[512], *page = NULL;
    struct snapshot snapshot;
    struct history history;
    size_t length = 0;
    bool taken;

    if (!make_nonce(nonce)) {
        reply_status(exchange, 500, "");
        return;
    }
    taken = snapshot_take(&snapshot, settings->path, why);
    if (taken) {
        history_read(&history, snapshot.history, snapshot.now_ms);
        page = view_page(&snapshot, &history, NULL, nonce, &length);
        history_free(&history);
        snapshot_free(&snapshot);
    } else {
        fprintf(stderr, "status: %s\n", why);
        page = view_page(NULL, NULL, why, nonce, &length);
    }
    snprintf(fields, sizeof fields,
             "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
             "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
             "script-src 'nonce-%s'; connect-src 'self'; img-src data:; base-uri 'none'; "
             "form-action 'none'; frame-ancestors 'none'\r\n",
             nonce);
    if (page)
        reply_content(exchange, taken ? 200 : 503, fields, "text/html; charset=utf-8", page,
                      length);
    else
        reply_status(exchange, 500, "");
    free(page);
}

/* ---- Data ----------------------------------------------------------------------------------- */

static json_t *history_json(const struct history *history)
{
    static const char *const names[HISTORY_KINDS] = {"admitted", "refused"};
    json_t *object = json_pack("{s:i, s:i, s:I}", "step_s", HISTORY_STEP_S, "known_steps",
                               history->known_steps, "until",
                               (json_int_t)(history->begun_ms / 1000 + HISTORY_STEP_S));

    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        json_t *counts = json_array();

        for (int i = 0; i < HISTORY_STEPS; i++)
            json_array_append_new(counts, json_real(history->total.counts[kind][i]));
        json_object_set_new(object, names[kind], counts);
    }
    return object;
}

static void answer_json(const struct live_settings *settings, struct exchange *exchange)
{
    char why[ASK_WHY_SIZE], *text;
    struct snapshot snapshot;
    struct history history;
    json_t *object;

    if (!snapshot_take(&snapshot, settings->path, why)) {
        refuse_for(exchange, why);
        return;
    }
    history_read(&history, snapshot.history, snapshot.now_ms);
    object = json_pack("{s:O, s:O, s:b, s:O, s:O, s:b, s:o, s:O}", "daemon", snapshot.daemon,
                       "services", snapshot.services, "services_cut", (int)snapshot.services_cut,
                       "reasons", snapshot.reasons, "instances", snapshot.instances,
                       "instances_cut", (int)snapshot.instances_cut, "history",
                       history_json(&history), "events", snapshot.events);
    text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    if (text)
        reply_content(exchange, 200, "Cache-Control: no-store\r\n", "application/json", text,
                      strlen(text));
    else
        reply_status(exchange, 500, "");
    free(text);
    json_decref(object);
    history_free(&history);
    snapshot_free(&snapshot);
}

static void answer_metrics(const struct live_settings *settings, struct exchange *exchange)
{
    char why[ASK_WHY_SIZE];
    size_t length = 0;
    char *text = snapshot_metrics(settings->path, &length, why);

    if (text)
        reply_content(exchange, 200, "Cache-Control: no-store\r\n",
                      "text/plain; version=0.0.4; charset=utf-8", text, length);
    else
        refuse_for(exchange, why);
    free(text);
}

/* ---- Requests ------------------------------------------------------------------------------- */

static const struct {
    const char *path;
    void (*answer)(const struct live_settings *settings, struct exchange *exchange);
} resources[] = {
    {"", answer_page},
    {"events", live_answer},
    {"metrics", answer_metrics},
    {"status.json", answer_json},
};

static void answer(void *data, struct exchange *exchange, int refusal)
{
    static struct target target;
    enum target_verdict verdict;

    if (refusal != 0) {
        reply_status(exchange, refusal, "");
        return;
    }
    if (exchange->request->method == REQUEST_OTHER) {
        reply_status(exchange, 405, "Allow: GET, HEAD\r\n");
        return;
    }
    verdict = target_parse(exchange->request->target.at, exchange->request->target.length, false,
                           &target);
    if (verdict == TARGET_MALFORMED) {
        reply_status(exchange, 400, "");
        return;
    }
    for (size_t i = 0; verdict == TARGET_OK && i < sizeof resources / sizeof *resources; i++) {
        bool slash = target.slash && target.length > 0;

        if (!slash && strcmp(target.path, resources[i].path) == 0) {
            resources[i].answer(data, exchange);
            return;
        }
    }
    reply_status(exchange, 404, "");
}

static bool parse_interval(const char *text, int64_t *ms_r)
{
    char *end;
    unsigned long number;

    if (!isdigit((unsigned char)*text))
        return false;
    number = strtoul(text, &end, 10);
    if (*end != '\0' || number < 1 || number > INTERVAL_MAX_S)
        return false;
    *ms_r = (int64_t)number * 1000;
    return true;
}

int main(int argc, char **argv)
{
    struct live_settings live = {.interval_ms = 2000, .total_ms = LIVE_MS};
    const struct http_settings settings = {.server = "superd-status",
                                           .max_requests = REQUESTS_MAX,
                                           .idle_ms = IDLE_MS,
                                           .request_ms = REQUEST_MS,
                                           .data = &live,
                                           .answer = answer};
    struct connection connection;
    const char *path = NULL;
    bool usable = true;
    int letter;

    while ((letter = getopt(argc, argv, "i:s:")) != -1) {
        if (letter == 's')
            path = optarg;
        else if (letter != 'i' || !parse_interval(optarg, &live.interval_ms))
            usable = false;
    }
    if (!usable || optind < argc) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    live.path = ask_path(path);
    signal(SIGPIPE, SIG_IGN); /* a client that left must not show as a signal in the log */
    connection_init(&connection, STDIN_FILENO, STDOUT_FILENO, STALL_MS);
    http_serve(&settings, &connection);
    return EXIT_SUCCESS;
}
