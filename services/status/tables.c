/* See tables.h. */
#include "tables.h"

#include <inttypes.h>
#include <string.h>

#include "chart.h"
#include "words.h"

enum { NAME_MAX_SHOWN = 120 };

/* ---- Pieces --------------------------------------------------------------------------------- */

void table_text(FILE *page, const json_t *row, const char *key)
{
    words_escape(page, snapshot_text(row, key), NAME_MAX_SHOWN);
}

static void write_number(FILE *page, int64_t number)
{
    char text[WORDS_SIZE];

    fputs(words_number(number, text), page);
}

/* A state in the colour of its kind. */
void table_state(FILE *page, const char *state)
{
    static const char *const good[] = {"open", "running"};
    static const char *const bad[] = {"throttled", "terminating", "killed", "away"};
    const char *class = "odd";

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        class = strcmp(state, good[i]) == 0 ? "good" : class;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        class = strcmp(state, bad[i]) == 0 ? "bad" : class;
    fprintf(page, "<span class=\"state %s\">", class);
    words_escape(page, state, NAME_MAX_SHOWN);
    fputs("</span>", page);
}

/* A cell that has its column's name with it, for narrow screens, where rows become cards. */
static void begin_cell(FILE *page, const char *label, bool number)
{
    fprintf(page, "<td data-label=\"%s\"%s>", label, number ? " class=\"n\"" : "");
}

static void write_number_cell(FILE *page, const char *label, const json_t *row, const char *key)
{
    begin_cell(page, label, true);
    write_number(page, snapshot_number(row, key));
    fputs("</td>", page);
}

static void write_text_cell(FILE *page, const char *label, const json_t *row, const char *key)
{
    begin_cell(page, label, false);
    table_text(page, row, key);
    fputs("</td>", page);
}

/* ---- Services ------------------------------------------------------------------------------- */

static void write_listeners(FILE *page, const json_t *row)
{
    const json_t *listeners = json_object_get(row, "listeners"), *listener;
    int64_t left_out = snapshot_number(row, "listener_count") - (int64_t)json_array_size(listeners);
    size_t i;

    begin_cell(page, "Listeners", false);
    fputs("<span class=\"listeners\">", page);
    json_array_foreach(listeners, i, listener)
    {
        fputs("<code>", page);
        words_escape(page, json_string_value(listener) ? json_string_value(listener) : "?",
                     NAME_MAX_SHOWN);
        fputs("</code> ", page);
    }
    if (left_out > 0)
        fprintf(page, "and %" PRId64 " more", left_out);
    fputs("</span></td>", page);
}

static void write_live(FILE *page, const json_t *row)
{
    int64_t live = snapshot_number(row, "live"), limit = snapshot_number(row, "limit");

    begin_cell(page, "Live", true);
    fputs("<span>", page);
    write_number(page, live);
    if (limit <= 0)
        fputs("</span>", page);
    if (limit > 0) {
        fputs(" <span class=\"of\">of ", page);
        write_number(page, limit);
        fprintf(page,
                "</span></span><meter min=\"0\" max=\"%" PRId64 "\" high=\"%.1f\" value=\"%" PRId64
                "\"></meter>",
                limit, 0.9 * (double)limit, live > limit ? limit : live);
    }
    fputs("</td>", page);
}

static void write_service(FILE *page, const json_t *row, const struct history *history)
{
    char fast[WORDS_SIZE], slow[WORDS_SIZE];
    const char *reason = snapshot_text(row, "reason");

    fputs("<tr><th scope=\"row\">", page);
    table_text(page, row, "service");
    fputs("</th>", page);
    begin_cell(page, "State", false);
    fputs("<span>", page);
    table_state(page, snapshot_text(row, "state"));
    if (*reason && strcmp(reason, snapshot_text(row, "state")) != 0) {
        fputs(" <small>", page);
        words_escape(page, reason, NAME_MAX_SHOWN);
        fputs("</small>", page);
    }
    fputs("</span></td>", page);
    write_listeners(page, row);
    write_live(page, row);
    write_number_cell(page, "Admitted", row, "admitted");
    write_number_cell(page, "Refused", row, "refused");
    write_number_cell(page, "Launches failed", row, "failed");
    begin_cell(page, "Launch, half / 99 %", true);
    if (snapshot_number(row, "launches") > 0)
        fprintf(page, "%s / %s", words_microseconds(snapshot_number(row, "launch_us_p50"), fast),
                words_microseconds(snapshot_number(row, "launch_us_p99"), slow));
    else
        fputs("&ndash;", page);
    fputs("</td>", page);
    begin_cell(page, "5 minutes", false);
    chart_write_small(page, history, history_find(history, snapshot_text(row, "service")));
    fputs("</td></tr>\n", page);
}

void table_services(FILE *page, const struct snapshot *snapshot, const struct history *history)
{
    const json_t *row;
    size_t i;

    fputs("<h2>Services</h2>\n<div class=\"wide\"><table><thead><tr><th>Service</th><th>State</th>"
          "<th>Listeners</th><th class=\"n\">Live</th><th class=\"n\">Admitted</th>"
          "<th class=\"n\">Refused</th><th class=\"n\">Launches failed</th>"
          "<th class=\"n\">Launch, half / 99&nbsp;%</th><th>5 minutes</th></tr></thead>\n<tbody>\n",
          page);
    json_array_foreach(snapshot->services, i, row) write_service(page, row, history);
    fputs("</tbody></table></div>\n", page);
    if (snapshot->services_cut)
        fputs("<p class=\"note\">There are more services than this page shows.</p>\n", page);
}

/* ---- Refusals ------------------------------------------------------------------------------- */

static int64_t highest_count(const json_t *reasons)
{
    const json_t *row, *value;
    const char *name;
    int64_t most = 1;
    size_t i;

    json_array_foreach(reasons, i, row)
    {
        json_object_foreach((json_t *)(uintptr_t)json_object_get(row, "refused"), name, value)
        {
            if (json_integer_value(value) > most)
                most = json_integer_value(value);
        }
    }
    return most;
}

static void write_counts(FILE *page, const json_t *row, const char *key, const char *word,
                         int64_t most)
{
    const char *name;
    const json_t *value;

    json_object_foreach((json_t *)(uintptr_t)json_object_get(row, key), name, value)
    {
        fputs("<tr><th scope=\"row\">", page);
        table_text(page, row, "service");
        fprintf(page, "</th><td data-label=\"What\">%s</td><td data-label=\"Reason\"><code>", word);
        words_escape(page, name, NAME_MAX_SHOWN);
        fputs("</code></td>", page);
        begin_cell(page, "Times", true);
        write_number(page, json_integer_value(value));
        fputs("</td><td class=\"share\" data-label=\"\">", page);
        if (most > 0)
            fprintf(page,
                    "<svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                    "<rect class=\"bar-refused\" width=\"%.1f\" height=\"6\"/></svg>",
                    100.0 * (double)json_integer_value(value) / (double)most);
        fputs("</td></tr>\n", page);
    }
}

void table_reasons(FILE *page, const struct snapshot *snapshot, const struct history *history)
{
    int64_t most = highest_count(snapshot->reasons);
    const json_t *row;
    size_t i;

    (void)history;
    fputs("<h2>Refused and held, by reason</h2>\n", page);
    if (json_array_size(snapshot->reasons) == 0) {
        fputs("<p class=\"note\">Nobody was refused, and nothing is held.</p>\n", page);
        return;
    }
    fputs("<div class=\"wide\"><table class=\"narrow\"><thead><tr><th>Service</th><th>What</th>"
          "<th>Reason</th><th class=\"n\">Times</th><th></th></tr></thead>\n<tbody>\n",
          page);
    json_array_foreach(snapshot->reasons, i, row)
    {
        write_counts(page, row, "refused", "refused", most);
        write_counts(page, row, "held", "held", 0);
    }
    fputs("</tbody></table></div>\n", page);
    if (json_array_size(snapshot->reasons) >= SNAPSHOT_TOLD_MAX)
        fprintf(page, "<p class=\"note\">At most %d services are told of here.</p>\n",
                SNAPSHOT_TOLD_MAX);
}

/* ---- Instances ------------------------------------------------------------------------------ */

static void write_bytes_cell(FILE *page, const char *label, const json_t *row, const char *key)
{
    char text[WORDS_SIZE];

    begin_cell(page, label, true);
    fputs(json_object_get(row, key) ? words_bytes(snapshot_number(row, key), text) : "&ndash;",
          page);
    fputs("</td>", page);
}

static void write_time_cell(FILE *page, const char *label, const json_t *row, const char *key)
{
    char text[WORDS_SIZE];

    begin_cell(page, label, true);
    fputs(json_object_get(row, key) ? words_duration(snapshot_number(row, key), text) : "&ndash;",
          page);
    fputs("</td>", page);
}

static void write_instance(FILE *page, const json_t *row)
{
    fprintf(page, "<tr><th scope=\"row\">%" PRId64 "</th>", snapshot_number(row, "instance"));
    write_text_cell(page, "Service", row, "service");
    begin_cell(page, "State", false);
    table_state(page, snapshot_text(row, "state"));
    fputs("</td>", page);
    write_text_cell(page, "Peer", row, "peer");
    write_text_cell(page, "Listener", row, "listener");
    begin_cell(page, "Process", true);
    if (snapshot_number(row, "pid") > 0)
        fprintf(page, "%" PRId64 "</td>", snapshot_number(row, "pid"));
    else
        fputs("&ndash;</td>", page); /* not launched yet */
    write_time_cell(page, "Age", row, "age_ms");
    write_time_cell(page, "Processor", row, "cpu_ms");
    write_bytes_cell(page, "Memory", row, "memory");
    write_bytes_cell(page, "In", row, "bytes_in");
    write_bytes_cell(page, "Out", row, "bytes_out");
    fputs("</tr>\n", page);
}

void table_instances(FILE *page, const struct snapshot *snapshot, const struct history *history)
{
    const json_t *row;
    size_t i;

    (void)history;
    fputs("<h2>Instances</h2>\n", page);
    if (json_array_size(snapshot->instances) == 0) {
        fputs("<p class=\"note\">None is live.</p>\n", page);
        return;
    }
    fputs("<div class=\"wide\"><table><thead><tr><th>Instance</th><th>Service</th><th>State</th>"
          "<th>Peer</th><th>Listener</th><th class=\"n\">Process</th><th class=\"n\">Age</th>"
          "<th class=\"n\">Processor</th><th class=\"n\">Memory</th><th class=\"n\">In</th>"
          "<th class=\"n\">Out</th></tr></thead>\n<tbody>\n",
          page);
    json_array_foreach(snapshot->instances, i, row) write_instance(page, row);
    fputs("</tbody></table></div>\n", page);
    if (snapshot->instances_cut)
        fprintf(page, "<p class=\"note\">The %d oldest are shown.</p>\n", SNAPSHOT_INSTANCES_MAX);
}
