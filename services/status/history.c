/* See history.h. */
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    STEP_MS = HISTORY_STEP_S * 1000,
    SERVICES_MAX = 2048,
};

static const char *const counter_names[HISTORY_KINDS] = {
    [HISTORY_ADMITTED] = "admitted",
    [HISTORY_REFUSED] = "refused",
};

void history_init(struct history *history, int64_t now)
{
    *history = (struct history){.step = now / STEP_MS, .known_from = INT64_MAX};
}

void history_free(struct history *history)
{
    for (size_t i = 0; i < history->service_count; i++)
        free(history->services[i].name);
    free(history->services);
    *history = (struct history){.step = 0};
}

/* ---- Services ------------------------------------------------------------------------------- */

const struct history_counts *history_find(const struct history *history, const char *service)
{
    for (size_t i = 0; i < history->service_count; i++) {
        if (strcmp(history->services[i].name, service) == 0)
            return &history->services[i].counts;
    }
    return NULL;
}

/* The counts of a service, made when there are none yet; NULL: no room. */
static struct history_counts *counts_of(struct history *history, const char *service)
{
    struct history_service *services;
    char *name;

    for (size_t i = 0; i < history->service_count; i++) {
        if (strcmp(history->services[i].name, service) == 0)
            return &history->services[i].counts;
    }
    if (history->service_count >= SERVICES_MAX)
        return NULL;
    services = realloc(history->services, (history->service_count + 1) * sizeof *services);
    if (!services)
        return NULL;
    history->services = services;
    name = strdup(service);
    if (!name)
        return NULL;
    services[history->service_count] = (struct history_service){.name = name};
    return &services[history->service_count++].counts;
}

/* ---- Time ----------------------------------------------------------------------------------- */

static void shift(struct history_counts *counts, int steps)
{
    for (int kind = 0; kind < HISTORY_KINDS; kind++) {
        double *row = counts->counts[kind];

        memmove(row, row + steps, (size_t)(HISTORY_STEPS - steps) * sizeof *row);
        for (int i = HISTORY_STEPS - steps; i < HISTORY_STEPS; i++)
            row[i] = 0;
    }
}

void history_advance(struct history *history, int64_t now)
{
    int64_t passed = now / STEP_MS - history->step;
    int steps = passed > HISTORY_STEPS ? HISTORY_STEPS : (int)passed;

    if (passed <= 0)
        return; /* or somebody has set the clock back */
    shift(&history->total, steps);
    for (size_t i = 0; i < history->service_count; i++)
        shift(&history->services[i].counts, steps);
    history->step += passed;
}

/* Where in the counts a time is; -1: before them. */
static int index_of(const struct history *history, int64_t ms)
{
    int64_t index = HISTORY_STEPS - 1 - (history->step - ms / STEP_MS);

    return index < 0 ? -1 : index >= HISTORY_STEPS ? HISTORY_STEPS - 1 : (int)index;
}

bool history_parse_time(const char *text, int64_t *ms_r)
{
    struct tm tm = {.tm_isdst = 0};
    int millis, end = 0;

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3d%*3dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &millis, &end) != 7 ||
        end == 0 || text[end] != '\0' || tm.tm_year < 1970)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ms_r = (int64_t)timegm(&tm) * 1000 + millis;
    return true;
}

int history_known_steps(const struct history *history)
{
    int64_t first = history->known_from / STEP_MS + (history->known_from % STEP_MS != 0);

    if (history->known_from == INT64_MAX || first > history->step)
        return 0;
    first = history->step - first + 1;
    return first > HISTORY_STEPS ? HISTORY_STEPS : (int)first;
}

double history_rate(const struct history *history, enum history_kind kind, int steps)
{
    int known = history_known_steps(history) - 1;
    double sum = 0;

    if (steps > known)
        steps = known;
    for (int i = 0; i < steps; i++)
        sum += history->total.counts[kind][HISTORY_STEPS - 2 - i];
    return steps > 0 ? sum / (steps * HISTORY_STEP_S) : -1;
}

/* ---- The log -------------------------------------------------------------------------------- */

static void add(struct history *history, const char *service, enum history_kind kind, int64_t ms,
                double count)
{
    struct history_counts *counts = counts_of(history, service);
    int i = index_of(history, ms);

    if (i < 0)
        return;
    history->total.counts[kind][i] += count;
    if (counts)
        counts->counts[kind][i] += count;
}

/* A refusal, or the sum of those of an interval, which are taken as spread evenly over it. */
static void add_refusals(struct history *history, const char *service, const json_t *event,
                         int64_t ms)
{
    json_int_t count = json_integer_value(json_object_get(event, "count"));
    int64_t interval = json_integer_value(json_object_get(event, "interval_ms"));
    int steps = 1;

    if (count <= 0)
        count = 1;
    if (interval > 0)
        steps += interval > HISTORY_STEPS * STEP_MS ? HISTORY_STEPS : (int)(interval / STEP_MS);
    for (int i = 0; i < steps; i++)
        add(history, service, HISTORY_REFUSED, ms - (int64_t)i * STEP_MS, (double)count / steps);
}

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));

    return text ? text : "";
}

void history_read_events(struct history *history, const json_t *events, int64_t now)
{
    bool told = false; /* does the log take what happens at all? */
    int64_t oldest = INT64_MAX, ms;
    const json_t *event;
    size_t i;

    history_advance(history, now);
    json_array_foreach(events, i, event)
    {
        const char *name = text_of(event, "event"), *service = text_of(event, "service");

        if (!history_parse_time(text_of(event, "time"), &ms))
            continue;
        if (ms < oldest)
            oldest = ms;
        told = told || strcmp(text_of(event, "level"), "info") == 0;
        if (strcmp(name, "admit") == 0)
            add(history, service, HISTORY_ADMITTED, ms, 1);
        else if (strcmp(name, "refuse") == 0)
            add_refusals(history, service, event, ms);
    }
    if (told)
        history->known_from = oldest;
}

/* ---- Counters ------------------------------------------------------------------------------- */

/* Counters that fell are those of another daemon: begin anew. */
static void grow(struct history *history, struct history_counts *counts, enum history_kind kind,
                 double value)
{
    double growth = counts->seen && value > counts->last[kind] ? value - counts->last[kind] : 0;

    counts->last[kind] = value;
    counts->counts[kind][HISTORY_STEPS - 1] += growth;
    history->total.counts[kind][HISTORY_STEPS - 1] += growth;
}

void history_read_counters(struct history *history, const json_t *services, int64_t now)
{
    const json_t *row;
    size_t i;

    history_advance(history, now);
    json_array_foreach(services, i, row)
    {
        struct history_counts *counts = counts_of(history, text_of(row, "service"));

        for (int kind = 0; counts && kind < HISTORY_KINDS; kind++)
            grow(history, counts, (enum history_kind)kind,
                 json_number_value(json_object_get(row, counter_names[kind])));
        if (counts)
            counts->seen = true;
    }
    if (history->known_from == INT64_MAX)
        history->known_from = now;
}
