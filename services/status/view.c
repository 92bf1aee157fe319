/* See view.h.  What the page looks like and its script are in shell.c. */
#include "view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chart.h"
#include "shell.h"
#include "tables.h"
#include "words.h"

enum { NAME_MAX_SHOWN = 120, VALUE_MAX_SHOWN = 300 };

const char *const view_names[VIEW_MAX] = {
    [VIEW_DAEMON] = "daemon",   [VIEW_CHARTS] = "charts",       [VIEW_SERVICES] = "services",
    [VIEW_REASONS] = "reasons", [VIEW_INSTANCES] = "instances", [VIEW_LOG] = "log",
};

/* ---- The daemon and the charts -------------------------------------------------------------- */

static void write_tile(FILE *page, const char *label, const char *value, const char *more)
{
    fprintf(page, "<div class=\"tile\"><span>%s</span><b>%s</b><small>%s</small></div>\n", label,
            value, more);
}

static void write_daemon(FILE *page, const struct snapshot *snapshot, const struct history *history)
{
    const json_t *daemon = snapshot->daemon;
    char value[WORDS_SIZE], more[2 * WORDS_SIZE], number[WORDS_SIZE];

    fputs("<p class=\"about\">", page);
    table_state(page, snapshot_text(daemon, "state"));
    fputs(" superd ", page);
    table_text(page, daemon, "version");
    fprintf(page, ", process %" PRId64 ", generation %" PRId64 " of <code>",
            snapshot_number(daemon, "pid"), snapshot_number(daemon, "generation"));
    table_text(page, daemon, "config");
    fprintf(page, "</code>, up %s</p>\n<div class=\"tiles\">\n",
            words_duration(snapshot_number(daemon, "uptime_ms"), value));

    snprintf(more, sizeof more, "room for %s more",
             words_number(snapshot_number(daemon, "descriptors_left"), number));
    write_tile(page, "Live instances", words_number(snapshot_number(daemon, "instances"), value),
               more);
    snprintf(more, sizeof more, "%" PRId64 " left out as wrong",
             snapshot_number(daemon, "services_failed"));
    write_tile(page, "Services", words_number(snapshot_number(daemon, "services"), value),
               snapshot_number(daemon, "services_failed") ? more : "all in force");
    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        snprintf(more, sizeof more, "%s/s in 5 minutes",
                 words_rate(history_rate(history, (enum history_kind)kind, HISTORY_STEPS), number));
        write_tile(
            page, kind == HISTORY_ADMITTED ? "Admitted/s" : "Refused/s",
            words_rate(history_rate(history, (enum history_kind)kind, 60 / HISTORY_STEP_S), value),
            more);
    }
    write_tile(page, "Sources", words_number(snapshot_number(daemon, "sources"), value),
               "in the table");
    snprintf(more, sizeof more, "%s log lines lost",
             words_number(snapshot_number(daemon, "log_lost"), number));
    write_tile(page, "Launchers",
               words_number((int64_t)json_array_size(json_object_get(daemon, "launchers")), value),
               more);
    fputs("</div>\n", page);
}

static void write_charts(FILE *page, const struct snapshot *snapshot, const struct history *history)
{
    (void)snapshot;
    fputs("<h2>Connections per second</h2>\n<div class=\"charts\">\n", page);
    chart_write(page, history, HISTORY_ADMITTED, "Admitted");
    chart_write(page, history, HISTORY_REFUSED, "Refused");
    fputs("</div>\n", page);
}

/* ---- The log -------------------------------------------------------------------------------- */

static bool is_shown_apart(const char *key)
{
    return strcmp(key, "time") == 0 || strcmp(key, "level") == 0 || strcmp(key, "event") == 0;
}

static void write_field(FILE *page, const char *key, const json_t *value)
{
    char *text;

    fputs(" <span class=\"f\"><i>", page);
    words_escape(page, key, NAME_MAX_SHOWN);
    fputs("</i>=", page);
    if (json_is_string(value)) {
        words_escape(page, json_string_value(value), VALUE_MAX_SHOWN);
    } else {
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        words_escape(page, text ? text : "?", VALUE_MAX_SHOWN);
        free(text);
    }
    fputs("</span>", page);
}

static void write_line(FILE *page, const json_t *event)
{
    const char *time = snapshot_text(event, "time"), *level = snapshot_text(event, "level");
    char clock[WORDS_SIZE];
    int64_t ms;
    bool loud = strcmp(level, "error") == 0 || strcmp(level, "warning") == 0;
    const char *key;
    const json_t *value;

    fprintf(page, "<li%s><time datetime=\"",
            loud ? strcmp(level, "error") == 0 ? " class=\"bad\"" : " class=\"odd\"" : "");
    words_escape(page, time, NAME_MAX_SHOWN);
    fputs("\">", page);
    if (words_parse_time(time, &ms))
        fputs(words_clock(ms / 1000, clock), page);
    fputs("</time> <b>", page);
    words_escape(page, snapshot_text(event, "event"), NAME_MAX_SHOWN);
    fputs("</b>", page);
    json_object_foreach((json_t *)(uintptr_t)event, key, value)
    {
        if (!is_shown_apart(key))
            write_field(page, key, value);
    }
    fputs("</li>\n", page);
}

static void write_log(FILE *page, const struct snapshot *snapshot, const struct history *history)
{
    size_t count = json_array_size(snapshot->events);

    (void)history;
    fputs("<h2>Log <small>newest first, times in UTC</small></h2>\n<ol class=\"log\">\n", page);
    for (size_t i = 0; i < count && i < SNAPSHOT_LOG_LINES; i++)
        write_line(page, json_array_get(snapshot->events, count - 1 - i));
    fputs("</ol>\n", page);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static void (*const writers[VIEW_MAX])(FILE *page, const struct snapshot *snapshot,
                                       const struct history *history) = {
    [VIEW_DAEMON] = write_daemon,       [VIEW_CHARTS] = write_charts,
    [VIEW_SERVICES] = table_services,   [VIEW_REASONS] = table_reasons,
    [VIEW_INSTANCES] = table_instances, [VIEW_LOG] = write_log,
};

/* Closes PAGE, a memory stream into *TEXT. */
static char *finish(FILE *page, char **text)
{
    bool failed = ferror(page) != 0;

    if (fclose(page) == 0 && !failed)
        return *text;
    free(*text);
    return NULL;
}

char *view_section(enum view_section section, const struct snapshot *snapshot,
                   const struct history *history, size_t *length_r)
{
    char *text = NULL;
    FILE *page = open_memstream(&text, length_r);

    if (!page)
        return NULL;
    writers[section](page, snapshot, history);
    return finish(page, &text);
}

char *view_page(const struct snapshot *snapshot, const struct history *history, const char *why,
                const char *nonce, size_t *length_r)
{
    char host[256] = "", *text = NULL;
    FILE *page = open_memstream(&text, length_r);

    if (!page)
        return NULL;
    if (gethostname(host, sizeof host - 1) != 0)
        host[0] = '\0';
    shell_begin(page, host, VIEW_RELOAD_S);
    fprintf(page, "<p id=\"away\" role=\"status\"%s>", snapshot ? " hidden" : "");
    words_escape(page, snapshot ? "" : why, VALUE_MAX_SHOWN);
    fputs("</p>\n", page);
    for (int i = 0; i < VIEW_MAX; i++) {
        fprintf(page, "<section id=\"%s\">\n", view_names[i]);
        if (snapshot)
            writers[i](page, snapshot, history);
        fputs("</section>\n", page);
    }
    shell_end(page, nonce);
    return finish(page, &text);
}
