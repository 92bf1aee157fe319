/*
 * top_sample: see top.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "superctl/connection.h"
#include "superctl/top.h"

/* 80 columns, one blank between. */
const struct top_column top_columns[TOP_VIEWS][TOP_COLUMNS] = {
    [TOP_SERVICES] = {{"SERVICE", 16, TOP_TEXT},
                      {"STATE", 9, TOP_TEXT},
                      {"LIVE", 6, TOP_COUNT},
                      {"LIMIT", 6, TOP_COUNT},
                      {"CONN/S", 6, TOP_RATE},
                      {"REFUSE/S", 8, TOP_RATE},
                      {"LAUNCH", 7, TOP_US},
                      {"REFUSED", 8, TOP_COUNT},
                      {"FAILED", 6, TOP_COUNT}},
    [TOP_INSTANCES] = {{"INSTANCE", 8, TOP_COUNT},
                       {"SERVICE", 10, TOP_TEXT},
                       {"PID", 7, TOP_COUNT},
                       {"PEER", 21, TOP_TEXT},
                       {"AGE", 6, TOP_MS},
                       {"CPU%", 5, TOP_PERCENT},
                       {"MEM", 5, TOP_BYTES},
                       {"IN/S", 5, TOP_BYTE_RATE},
                       {"OUT/S", 5, TOP_BYTE_RATE}},
};

/* ---- From answers to rows ------------------------------------------------------------------- */

/* How much NAME grew a second; below 0 when it is not known. */
static double growth(const json_t *row, const json_t *before, const char *name, double seconds)
{
    const json_t *now = json_object_get(row, name), *then = json_object_get(before, name);
    double grown;

    if (!now || !then || seconds <= 0)
        return -1;
    grown = (double)(json_integer_value(now) - json_integer_value(then));
    return grown > 0 ? grown / seconds : 0;
}

/* Of the launches since BEFORE; of all where there were none. */
static double mean_launch(const json_t *row, const json_t *before)
{
    double count = (double)number_of(row, "launches"),
           sum = (double)number_of(row, "launch_us_sum");
    double new_count = count - (double)number_of(before, "launches");

    if (before && new_count > 0)
        return (sum - (double)number_of(before, "launch_us_sum")) / new_count;
    return count > 0 ? sum / count : -1;
}

static void set_text(struct top_row *row, int column, const char *text)
{
    snprintf(row->texts[column], sizeof row->texts[column], "%s", text ? text : "-");
    for (char *c = row->texts[column]; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    }
}

static void fill_service(struct top_row *row, const json_t *now, const json_t *before,
                         double seconds)
{
    const double numbers[] = {[2] = (double)number_of(now, "live"),
                              [3] = (double)number_of(now, "limit"),
                              [4] = growth(now, before, "admitted", seconds),
                              [5] = growth(now, before, "refused", seconds),
                              [6] = mean_launch(now, before),
                              [7] = (double)number_of(now, "refused"),
                              [8] = (double)number_of(now, "failed")};

    memcpy(row->numbers, numbers, sizeof numbers);
    set_text(row, 0, text_of(now, "service"));
    set_text(row, 1, text_of(now, "state"));
}

static void fill_instance(struct top_row *row, const json_t *now, const json_t *before,
                          double seconds)
{
    double cpu = growth(now, before, "cpu_ms", seconds);
    const double numbers[] = {
        [0] = (double)number_of(now, "instance"),
        [2] = (double)number_of(now, "pid"),
        [4] = (double)number_of(now, "age_ms"),
        [5] = cpu >= 0 ? cpu / 10 : -1,
        [6] = json_object_get(now, "memory") ? (double)number_of(now, "memory") : -1,
        [7] = growth(now, before, "bytes_in", seconds),
        [8] = growth(now, before, "bytes_out", seconds)};

    memcpy(row->numbers, numbers, sizeof numbers);
    set_text(row, 1, text_of(now, "service"));
    set_text(row, 3, text_of(now, "peer"));
}

static const char *key_of(enum top_view view, const json_t *row, char key[32])
{
    if (view == TOP_SERVICES)
        return text_of(row, "service");
    snprintf(key, 32, "%llu", (unsigned long long)number_of(row, "instance"));
    return key;
}

static bool make_rows(struct top_sample *sample, enum top_view view, const json_t *answers,
                      const struct top_sample *before)
{
    double seconds = before->at_ms ? (double)(sample->at_ms - before->at_ms) / 1000 : 0;
    char key[32];
    json_t *row;
    size_t i;

    sample->rows = json_object();
    sample->list = calloc(json_array_size(answers) + 1, sizeof *sample->list);
    if (!sample->list)
        return false;
    json_array_foreach(answers, i, row)
    {
        const char *name = key_of(view, row, key);
        const json_t *old = before->rows ? json_object_get(before->rows, name) : NULL;

        json_object_set(sample->rows, name, row);
        if (view == TOP_SERVICES)
            fill_service(&sample->list[sample->count++], row, old, seconds);
        else
            fill_instance(&sample->list[sample->count++], row, old, seconds);
    }
    return true;
}

/* ask() says errors on standard error, which would be on the screen: ask() again when it is left. */
static json_t *ask_quietly(struct superctl *ctl, const char *command, const char *rows)
{
    json_t *result = NULL, *all = json_array();
    const char *next = NULL;
    int error = 0;

    if (!ctl->connection)
        ctl->connection = connection_open(ctl->socket);
    do {
        json_t *request = request_of(command), *answer = NULL;

        request_text(request, "after", next);
        json_decref(result);
        result = NULL;
        if (ctl->connection && connection_send(ctl->connection, request) == 0)
            answer = connection_receive(ctl->connection, 5000, &error);
        else if (!ctl->connection)
            json_decref(request);
        if (json_is_true(json_object_get(answer, "ok")))
            result = json_incref(json_object_get(answer, "result"));
        json_decref(answer);
        json_array_extend(all, json_object_get(result, rows));
        next = text_of(result, "next");
    } while (next);
    if (result)
        json_object_set(result, rows, all);
    json_decref(all);
    return result;
}

bool top_look(struct superctl *ctl, enum top_view view, const struct top_sample *before,
              struct top_sample *sample)
{
    json_t *status = ask_quietly(ctl, "status", "services"), *instances = NULL;
    bool done = status;

    *sample = (struct top_sample){.at_ms = clock_now_ms()};
    if (done && view == TOP_INSTANCES) {
        instances = ask_quietly(ctl, "instances", "instances");
        done = instances;
    }
    done = done && make_rows(sample, view,
                             view == TOP_SERVICES ? json_object_get(status, "services")
                                                  : json_object_get(instances, "instances"),
                             before);
    if (done) {
        sample->daemon = json_incref(json_object_get(status, "daemon"));
    } else {
        top_forget(sample);
        connection_close(ctl->connection);
        ctl->connection = NULL;
    }
    json_decref(status);
    json_decref(instances);
    return done;
}

void top_forget(struct top_sample *sample)
{
    json_decref(sample->daemon);
    json_decref(sample->rows);
    free(sample->list);
    *sample = (struct top_sample){0};
}

/* ---- Order ---------------------------------------------------------------------------------- */

static struct {
    int column;
    bool text, reverse;
} order;

static int compare(const void *a, const void *b)
{
    const struct top_row *x = a, *y = b;
    int result = 0;

    if (order.text)
        result = strcmp(x->texts[order.column], y->texts[order.column]);
    else if (x->numbers[order.column] != y->numbers[order.column])
        result = x->numbers[order.column] < y->numbers[order.column] ? 1 : -1;
    if (result == 0) /* so that rows do not jump about */
        return strcmp(x->texts[0], y->texts[0])
                   ? strcmp(x->texts[0], y->texts[0])
                   : (x->numbers[0] > y->numbers[0]) - (x->numbers[0] < y->numbers[0]);
    return order.reverse ? -result : result;
}

void top_sort(struct top_sample *sample, enum top_view view, int column, bool reverse)
{
    order.column = column;
    order.text = top_columns[view][column].format == TOP_TEXT;
    order.reverse = reverse;
    if (sample->count > 1)
        qsort(sample->list, sample->count, sizeof *sample->list, compare);
}

/* ---- Cells ---------------------------------------------------------------------------------- */

char *top_cell(const struct top_row *row, enum top_view view, int column, char text[64])
{
    enum top_format format = top_columns[view][column].format;
    double number = row->numbers[column];

    if (format == TOP_TEXT)
        snprintf(text, 64, "%s", row->texts[column]);
    else if (number < 0)
        snprintf(text, 64, "-");
    else if (format == TOP_BYTES || format == TOP_BYTE_RATE)
        format_bytes((uint64_t)number, text);
    else if (format == TOP_MS)
        format_duration((uint64_t)number, text);
    else if (format == TOP_US)
        format_microseconds((uint64_t)number, text);
    else if (format == TOP_COUNT || number >= 100)
        snprintf(text, 64, "%.0f", number);
    else
        snprintf(text, 64, "%.1f", number);
    return text;
}
