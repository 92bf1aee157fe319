/*
 * look: status, list, show: what services there are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "superctl/connection.h"
#include "superctl/table.h"
#include "superctl/words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- status --------------------------------------------------------------------------------- */

static void print_daemon(const struct superctl *ctl, const json_t *daemon)
{
    const char *state = text_of(daemon, "state");
    char uptime[AMOUNT_SIZE];

    printf("superd %s, pid %llu, %s%s%s, generation %llu, up %s\n", text_of(daemon, "version"),
           (unsigned long long)number_of(daemon, "pid"), ctl->colour ? colour_of(state) : "", state,
           ctl->colour && *colour_of(state) ? COLOUR_END : "",
           (unsigned long long)number_of(daemon, "generation"),
           format_duration(number_of(daemon, "uptime_ms"), uptime));
    printf("%llu instances of %llu services, %llu sources, room for %llu more",
           (unsigned long long)number_of(daemon, "instances"),
           (unsigned long long)number_of(daemon, "services"),
           (unsigned long long)number_of(daemon, "sources"),
           (unsigned long long)number_of(daemon, "descriptors_left"));
    if (number_of(daemon, "services_failed"))
        printf(", %llu left out as wrong (superctl check)",
               (unsigned long long)number_of(daemon, "services_failed"));
    puts("\n");
}

/* "127.0.0.1:7000 +2" */
static const char *listen_words(const json_t *row, char text[CELL_SIZE])
{
    const json_t *listeners = json_object_get(row, "listeners");
    const json_t *first = json_array_get(listeners, 0);
    uint64_t count = number_of(row, "listener_count");

    snprintf(text, CELL_SIZE, "%s", first ? json_string_value(first) : "-");
    if (count > 1)
        snprintf(text + strlen(text), CELL_SIZE - strlen(text), " +%llu",
                 (unsigned long long)(count - 1));
    return text;
}

/* "held (service-limit)" */
static const char *state_words(const json_t *row, char text[CELL_SIZE])
{
    const char *state = text_of(row, "state"), *reason = text_of(row, "reason");

    snprintf(text, CELL_SIZE, "%s", state ? state : "?");
    if (state && reason && strcmp(state, reason) != 0)
        snprintf(text + strlen(text), CELL_SIZE - strlen(text), " (%s)", reason);
    return text;
}

static const char *sort_key;

static int compare_rows(const void *a, const void *b)
{
    const json_t *left = *(const json_t *const *)a, *right = *(const json_t *const *)b;
    uint64_t x = number_of(left, sort_key), y = number_of(right, sort_key);

    if (x != y)
        return x < y ? 1 : -1;
    return strcmp(text_of(left, "service"), text_of(right, "service"));
}

/* Largest first by the number KEY; without it the order is the daemon's, by name. */
static void sort_rows(json_t *rows, const char *key)
{
    size_t count = json_array_size(rows);
    json_t **list = key && count ? malloc(count * sizeof *list) : NULL;

    if (!list)
        return;
    for (size_t i = 0; i < count; i++)
        list[i] = json_incref(json_array_get(rows, i));
    sort_key = key;
    qsort(list, count, sizeof *list, compare_rows);
    for (size_t i = 0; i < count; i++)
        json_array_set_new(rows, i, list[i]);
    free(list);
}

int command_status(struct superctl *ctl, int argc, char **argv)
{
    static const struct column columns[] = {
        {"SERVICE", false}, {"STATE", false},  {"LISTEN", false}, {"LIVE", true},  {"LIMIT", true},
        {"ADMITTED", true}, {"REFUSED", true}, {"FAILED", true},  {"LAUNCH", true}};
    static const char *const keys[] = {"live", "limit", "admitted", "refused", "failed"};
    struct words words;
    json_t *result, *rows, *row;
    struct table table;
    bool known;
    size_t i;
    int code = words_read(ctl, argc, argv, "jo:", &words);

    if (code != CODE_OK)
        return code;
    if (words.service)
        return usage_error(argv[0], "it takes no SERVICE: see superctl show");
    known = !words.sort || strcmp(words.sort, "service") == 0;
    for (i = 0; i < COUNT(keys); i++)
        known |= words.sort && strcmp(words.sort, keys[i]) == 0;
    if (!known)
        return usage_error(argv[0],
                           "--sort takes service, live, limit, admitted, refused or failed");
    result = ask_all(ctl, request_of("status"), "services", &code);
    rows = json_object_get(result, "services");
    if (words.sort && strcmp(words.sort, "service") != 0)
        sort_rows(rows, words.sort);
    if (!result || ctl->json)
        return print_json(result, code);
    print_daemon(ctl, json_object_get(result, "daemon"));
    table_init(&table, columns, COUNT(columns));
    json_array_foreach(rows, i, row)
    {
        char text[CELL_SIZE], amount[AMOUNT_SIZE];

        table_text(&table, text_of(row, "service"));
        table_text(&table, state_words(row, text));
        table_text(&table, listen_words(row, text));
        table_number(&table, number_of(row, "live"));
        table_number(&table, number_of(row, "limit"));
        table_number(&table, number_of(row, "admitted"));
        table_number(&table, number_of(row, "refused"));
        table_number(&table, number_of(row, "failed"));
        table_text(&table, number_of(row, "launches")
                               ? format_microseconds(number_of(row, "launch_us_p50"), amount)
                               : NULL);
    }
    table_print(&table, ctl->colour);
    table_clear(&table);
    json_decref(result);
    return code;
}

/* ---- list ----------------------------------------------------------------------------------- */

int command_list(struct superctl *ctl, int argc, char **argv)
{
    static const struct column columns[] = {{"SERVICE", false},
                                            {"MODE", false},
                                            {"USER", false},
                                            {"PROGRAM", false},
                                            {"LISTEN", false}};
    struct words words;
    json_t *result, *row;
    struct table table;
    size_t i;
    int code = words_read(ctl, argc, argv, "j", &words);

    if (code != CODE_OK)
        return code;
    result = ask_all(ctl, request_of("list"), "services", &code);
    if (!result || ctl->json)
        return print_json(result, code);
    table_init(&table, columns, COUNT(columns));
    json_array_foreach(json_object_get(result, "services"), i, row)
    {
        char text[CELL_SIZE];

        table_text(&table, text_of(row, "service"));
        table_text(&table, text_of(row, "mode"));
        table_text(&table, text_of(row, "user"));
        table_text(&table, text_of(row, "program"));
        table_text(&table, listen_words(row, text));
    }
    table_print(&table, ctl->colour);
    table_clear(&table);
    json_decref(result);
    return code;
}

/* ---- show ----------------------------------------------------------------------------------- */

static void print_counts(const char *title, const json_t *object)
{
    const char *name, *separator = "";
    json_t *value;

    if (!json_object_size(object))
        return;
    printf("  %-12s", title);
    json_object_foreach((json_t *)object, name, value)
    {
        printf("%s%lld %s", separator, (long long)json_integer_value(value), name);
        separator = ", ";
    }
    putchar('\n');
}

static void print_listeners(const struct superctl *ctl, const json_t *listeners)
{
    static const struct column columns[] = {{"LISTENER", false},
                                            {"ADDRESS", false},
                                            {"STATE", false},
                                            {"LIVE", true},
                                            {"WAITING", true}};
    struct table table;
    json_t *row;
    size_t i;

    table_init(&table, columns, COUNT(columns));
    json_array_foreach(listeners, i, row)
    {
        table_text(&table, text_of(row, "listener"));
        table_text(&table, text_of(row, "address"));
        table_text(&table, text_of(row, "state"));
        table_number(&table, number_of(row, "live"));
        if (json_object_get(row, "waiting"))
            table_number(&table, number_of(row, "waiting"));
        else
            table_text(&table, NULL);
    }
    putchar('\n');
    table_print(&table, ctl->colour);
    table_clear(&table);
}

/* Of the control group: processor time at least. */
static void print_group(const json_t *group)
{
    char a[AMOUNT_SIZE], b[AMOUNT_SIZE];

    if (!group)
        return;
    printf("  group       %s of processor time",
           format_microseconds(number_of(group, "cpu_us"), a));
    if (json_object_get(group, "memory"))
        printf(", %s of memory", format_bytes(number_of(group, "memory"), a));
    if (json_object_get(group, "memory_peak"))
        printf(" (%s at most)", format_bytes(number_of(group, "memory_peak"), b));
    if (json_object_get(group, "processes"))
        printf(", %llu processes", (unsigned long long)number_of(group, "processes"));
    putchar('\n');
}

static void print_service(const struct superctl *ctl, const json_t *result)
{
    const json_t *launch = json_object_get(result, "launch_us");
    const json_t *duration = json_object_get(result, "duration_ms");
    char state[CELL_SIZE], a[AMOUNT_SIZE], b[AMOUNT_SIZE];
    const char *name;
    json_t *value;

    printf("%s: %s\n", text_of(result, "service"), state_words(result, state));
    printf("  instances   %llu live of %llu; %llu admitted, %llu refused, %llu launches failed\n",
           (unsigned long long)number_of(result, "live"),
           (unsigned long long)number_of(result, "limit"),
           (unsigned long long)number_of(result, "admitted"),
           (unsigned long long)number_of(result, "refused"),
           (unsigned long long)number_of(result, "failed"));
    print_counts("refused", json_object_get(result, "refused_by_reason"));
    print_counts("held", json_object_get(result, "held_by_reason"));
    print_counts("ended", json_object_get(result, "outcomes"));
    if (number_of(launch, "count"))
        printf("  launch      half within %s, 99 of 100 within %s\n",
               format_microseconds(number_of(launch, "p50"), a),
               format_microseconds(number_of(launch, "p99"), b));
    if (number_of(duration, "count"))
        printf("  duration    half within %s, 99 of 100 within %s\n",
               format_duration(number_of(duration, "p50"), a),
               format_duration(number_of(duration, "p99"), b));
    print_group(json_object_get(result, "group"));
    print_listeners(ctl, json_object_get(result, "listeners"));
    putchar('\n');
    json_object_foreach(json_object_get(result, "settings"), name, value)
    {
        printf("  %s = %s\n", name, json_string_value(value));
    }
}

int command_show(struct superctl *ctl, int argc, char **argv)
{
    struct words words;
    json_t *request, *result;
    int code = words_read(ctl, argc, argv, "j", &words);

    if (code != CODE_OK)
        return code;
    if (!words.service)
        return usage_error(argv[0], "which SERVICE?");
    request = request_of("show");
    request_text(request, "service", words.service);
    result = ask(ctl, request, ASK_TIMEOUT_MS, &code);
    if (!result || ctl->json)
        return print_json(result, code);
    print_service(ctl, result);
    json_decref(result);
    return code;
}
