/* See history.h. */
#include "history.h"

#include <stdlib.h>
#include <string.h>

enum { STEP_MS = HISTORY_STEP_S * 1000 };

static const char *const kind_names[HISTORY_KINDS] = {
    [HISTORY_ADMITTED] = "admitted",
    [HISTORY_REFUSED] = "refused",
};

static int64_t number_of(const json_t *object, const char *key, int64_t most)
{
    json_int_t number = json_integer_value(json_object_get(object, key));

    return number < 0 ? 0 : number > most ? most : number;
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

/* Pages are asked for one after the other: a step may have passed since the one before. */
static void advance(struct history *history, int64_t step)
{
    int64_t passed = step - history->step;
    int steps = passed > HISTORY_STEPS ? HISTORY_STEPS : (int)passed;

    if (passed <= 0)
        return;
    shift(&history->total, steps);
    for (size_t i = 0; i < history->service_count; i++)
        shift(&history->services[i].counts, steps);
    history->step = step;
}

/* ---- A page --------------------------------------------------------------------------------- */

/* The counts of a service, made when there are none yet; NULL: no room. */
static struct history_counts *add_service(struct history *history, const char *name)
{
    struct history_service *services;
    char *copy;

    if (history->service_count >= HISTORY_SERVICES_MAX)
        return NULL;
    services = realloc(history->services, (history->service_count + 1) * sizeof *services);
    if (!services)
        return NULL;
    history->services = services;
    copy = strdup(name);
    if (!copy)
        return NULL;
    services[history->service_count] = (struct history_service){.name = copy};
    return &services[history->service_count++].counts;
}

/* Adds ROW, whose arrays end with the step that is AGO steps back. */
static void add_row(struct history *history, const json_t *row, int64_t ago)
{
    const char *name = json_string_value(json_object_get(row, "service"));
    struct history_counts *counts = name ? add_service(history, name) : NULL;

    for (int kind = 0; name && kind < HISTORY_KINDS; kind++) {
        const json_t *array = json_object_get(row, kind_names[kind]);
        size_t count = json_array_size(array);

        for (size_t i = 0; i < count && i + (size_t)ago < HISTORY_STEPS; i++) {
            int to = HISTORY_STEPS - 1 - (int)ago - (int)i;
            double value = (double)json_integer_value(json_array_get(array, count - 1 - i));

            if (value <= 0)
                continue;
            history->total.counts[kind][to] += value;
            if (counts)
                counts->counts[kind][to] += value;
        }
    }
}

static void read_page(struct history *history, const json_t *page, int64_t now)
{
    int64_t step = number_of(page, "step", INT64_MAX / 2);
    int64_t elapsed = number_of(page, "elapsed_ms", STEP_MS), ago;
    int64_t known = number_of(page, "known_ms", HISTORY_STEPS * STEP_MS);
    const json_t *row;
    size_t i;

    if (json_integer_value(json_object_get(page, "step_ms")) != STEP_MS)
        return;
    advance(history, step);
    ago = history->step - step > HISTORY_STEPS ? HISTORY_STEPS : history->step - step;
    if (ago == 0) {
        history->begun_ms = now - elapsed;
        history->known_steps = (int)number_of(page, "known_steps", HISTORY_STEPS);
        history->known_ms = known > elapsed ? known - elapsed : 0;
    }
    json_array_foreach(json_object_get(page, "services"), i, row) add_row(history, row, ago);
}

static int compare(const void *a, const void *b)
{
    const struct history_service *left = a, *right = b;

    return strcmp(left->name, right->name);
}

void history_read(struct history *history, const json_t *pages, int64_t now)
{
    const json_t *page;
    size_t i;

    *history = (struct history){.step = -1, .begun_ms = now};
    json_array_foreach(pages, i, page) read_page(history, page, now);
    if (history->service_count > 0)
        qsort(history->services, history->service_count, sizeof *history->services, compare);
}

void history_free(struct history *history)
{
    for (size_t i = 0; i < history->service_count; i++)
        free(history->services[i].name);
    free(history->services);
    *history = (struct history){.step = -1};
}

/* ---- What it tells -------------------------------------------------------------------------- */

const struct history_counts *history_find(const struct history *history, const char *service)
{
    size_t low = 0, high = history->service_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(history->services[middle].name, service);

        if (order == 0)
            return &history->services[middle].counts;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

double history_rate(const struct history *history, enum history_kind kind, int steps)
{
    int64_t covered = (int64_t)steps * STEP_MS;
    double sum = 0;

    if (steps > history->known_steps - 1)
        steps = history->known_steps - 1;
    for (int i = 0; i < steps; i++)
        sum += history->total.counts[kind][HISTORY_STEPS - 2 - i];
    if (covered > history->known_ms)
        covered = history->known_ms;
    return steps > 0 && covered > 0 ? sum * 1000 / (double)covered : -1;
}
