/*
 * history: the command history: how much services have admitted and refused lately.
 */
#include <stdio.h>

#include "superctl/connection.h"
#include "superctl/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const unsigned windows_ms[] = {5 * 1000, 60 * 1000, 5 * 60 * 1000};

/* Per second over the last MS: the steps that reach into that time, with the one that is going on. */
static double rate_of(const json_t *result, const json_t *counts, uint64_t ms)
{
    uint64_t step_ms = number_of(result, "step_ms"), known_ms = number_of(result, "known_ms");
    uint64_t covered_ms = number_of(result, "elapsed_ms");
    size_t i = json_array_size(counts);
    double sum = i ? (double)json_integer_value(json_array_get(counts, --i)) : 0;

    for (; i > 0 && step_ms && covered_ms < ms; covered_ms += step_ms)
        sum += (double)json_integer_value(json_array_get(counts, --i));
    if (covered_ms > known_ms)
        covered_ms = known_ms; /* superd is younger */
    return sum * 1000 / (double)(covered_ms > 1000 ? covered_ms : 1000);
}

static void add_rates(struct table *table, const json_t *result, const json_t *counts)
{
    char text[CELL_SIZE];

    for (size_t i = 0; i < COUNT(windows_ms); i++) {
        double rate = rate_of(result, counts, windows_ms[i]);

        snprintf(text, sizeof text, "%.*f", rate > 0 && rate < 10 ? 2 : 0, rate);
        table_text(table, text);
    }
}

int command_history(struct superctl *ctl, int argc, char **argv)
{
    static const struct column columns[] = {
        {"SERVICE", false}, {"ADMITTED/S 5s", true}, {"1m", true},
        {"5m", true},       {"REFUSED/S 5s", true},  {"1m", true},
        {"5m", true}};
    json_t *request, *result, *row;
    struct table table;
    size_t i;
    int first, code = read_plain(ctl, argc, argv, 0, 1, &first);

    if (code != CODE_OK)
        return code;
    request = request_of("history");
    request_text(request, "service", argv[first]);
    result = ask_all(ctl, request, "services", &code);
    if (!result || ctl->json)
        return print_json(result, code);
    table_init(&table, columns, COUNT(columns));
    json_array_foreach(json_object_get(result, "services"), i, row)
    {
        table_text(&table, text_of(row, "service"));
        add_rates(&table, result, json_object_get(row, "admitted"));
        add_rates(&table, result, json_object_get(row, "refused"));
    }
    table_print(&table, ctl->colour);
    table_clear(&table);
    json_decref(result);
    return code;
}
