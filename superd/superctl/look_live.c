/*
 * look_live: instances, sources: who is there.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "superctl/connection.h"
#include "superctl/table.h"
#include "superctl/words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- instances ------------------------------------------------------------------------------ */

static void add_amount(struct table *table, const json_t *row, const char *name,
                       char *(*format)(uint64_t amount, char text[AMOUNT_SIZE]))
{
    char text[AMOUNT_SIZE];

    table_text(table, json_object_get(row, name) ? format(number_of(row, name), text) : NULL);
}

int command_instances(struct superctl *ctl, int argc, char **argv)
{
    static const struct column columns[] = {
        {"INSTANCE", true}, {"SERVICE", false}, {"PID", true},    {"STATE", false}, {"PEER", false},
        {"AGE", true},      {"CPU", true},      {"MEMORY", true}, {"IN", true},     {"OUT", true}};
    struct words words;
    json_t *request, *result, *row;
    struct table table;
    size_t i;
    int code = words_read(ctl, argc, argv, "jS:", &words);

    if (code != CODE_OK)
        return code;
    request = request_of("instances");
    request_text(request, "service", words.service);
    request_text(request, "source", words.source);
    result = ask_all(ctl, request, "instances", &code);
    if (!result || ctl->json)
        return print_json(result, code);
    table_init(&table, columns, COUNT(columns));
    json_array_foreach(json_object_get(result, "instances"), i, row)
    {
        table_number(&table, number_of(row, "instance"));
        table_text(&table, text_of(row, "service"));
        table_number(&table, number_of(row, "pid"));
        table_text(&table, text_of(row, "state"));
        table_text(&table, text_of(row, "peer"));
        add_amount(&table, row, "age_ms", format_duration);
        add_amount(&table, row, "cpu_ms", format_duration);
        add_amount(&table, row, "memory", format_bytes);
        add_amount(&table, row, "bytes_in", format_bytes);
        add_amount(&table, row, "bytes_out", format_bytes);
    }
    table_print(&table, ctl->colour);
    table_clear(&table);
    json_decref(result);
    return code;
}

/* ---- sources -------------------------------------------------------------------------------- */

/* Add to each row of NEW how much it grew since OLD, which was asked for one second before. */
static void add_rates(json_t *new, const json_t *old)
{
    json_t *row, *before;
    size_t i, j;

    json_array_foreach(new, i, row)
    {
        uint64_t admitted = number_of(row, "admitted"), refused = number_of(row, "refused");

        json_array_foreach(old, j, before)
        {
            const char *service = text_of(row, "service"), *other = text_of(before, "service");

            if (strcmp(text_of(row, "source"), text_of(before, "source")) == 0 &&
                strcmp(service ? service : "", other ? other : "") == 0) {
                admitted -= number_of(before, "admitted");
                refused -= number_of(before, "refused");
                break;
            }
        }
        json_object_set_new(row, "admitted_per_second", json_integer((json_int_t)admitted));
        json_object_set_new(row, "refused_per_second", json_integer((json_int_t)refused));
    }
}

static json_t *ask_rates(struct superctl *ctl, const json_t *request, json_t *first, int *code)
{
    const struct timespec second = {.tv_sec = 1};
    json_t *result;

    nanosleep(&second, NULL);
    result = ask(ctl, json_deep_copy(request), ASK_TIMEOUT_MS, code);
    add_rates(json_object_get(result, "sources"), json_object_get(first, "sources"));
    json_decref(first);
    return result;
}

static void print_sources(const struct superctl *ctl, const json_t *result, bool rates)
{
    static const struct column columns[] = {
        {"SOURCE", false}, {"SERVICE", false}, {"LIVE", true},       {"ADMITTED", true},
        {"REFUSED", true}, {"SEEN", true},     {"ADMITTED/S", true}, {"REFUSED/S", true}};
    struct table table;
    json_t *row;
    size_t i;

    table_init(&table, columns, rates ? COUNT(columns) : COUNT(columns) - 2);
    json_array_foreach(json_object_get(result, "sources"), i, row)
    {
        const char *service = text_of(row, "service");

        table_text(&table, text_of(row, "source"));
        table_text(&table, json_object_get(row, "trapped_ms") ? "(trapped)" : service);
        table_number(&table, number_of(row, "live"));
        table_number(&table, number_of(row, "admitted"));
        table_number(&table, number_of(row, "refused"));
        add_amount(&table, row, "seen_ms", format_duration);
        if (rates) {
            table_number(&table, number_of(row, "admitted_per_second"));
            table_number(&table, number_of(row, "refused_per_second"));
        }
    }
    table_print(&table, ctl->colour);
    if (number_of(result, "total") > table.row_count)
        printf("(the busiest %zu of %llu)\n", table.row_count,
               (unsigned long long)number_of(result, "total"));
    table_clear(&table);
}

int command_sources(struct superctl *ctl, int argc, char **argv)
{
    struct words words;
    json_t *request, *result;
    int code = words_read(ctl, argc, argv, "jrS:", &words);

    if (code != CODE_OK)
        return code;
    request = request_of("sources");
    request_text(request, "service", words.service);
    request_text(request, "source", words.source);
    result = ask(ctl, json_deep_copy(request), ASK_TIMEOUT_MS, &code);
    if (result && words.rates)
        result = ask_rates(ctl, request, result, &code);
    json_decref(request);
    if (!result || ctl->json)
        return print_json(result, code);
    print_sources(ctl, result, words.rates);
    json_decref(result);
    return code;
}
