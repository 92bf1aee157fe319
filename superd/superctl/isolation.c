/*
 * isolation: what the handlers of services can do to the host, as a table with a score.
 */
#include <stdio.h>
#include <string.h>

#include "superctl/connection.h"
#include "superctl/superctl.h"
#include "superctl/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *amount(const json_t *object, const char *name, char text[AMOUNT_SIZE])
{
    snprintf(text, AMOUNT_SIZE, "%.1f", json_number_value(json_object_get(object, name)));
    return text;
}

static int print_all(struct superctl *ctl)
{
    static const struct column columns[] = {
        {"SERVICE", false}, {"LEVEL", false}, {"EXPOSURE", true}, {"", false}};
    struct table table;
    json_t *result, *row;
    size_t i;
    int code;

    result = ask_all(ctl, request_of("isolation"), "services", &code);
    if (!result || ctl->json)
        return print_json(result, code);
    table_init(&table, columns, COUNT(columns));
    json_array_foreach(json_object_get(result, "services"), i, row)
    {
        char text[AMOUNT_SIZE];

        table_text(&table, text_of(row, "service"));
        table_text(&table, text_of(row, "level"));
        table_text(&table, amount(row, "exposure", text));
        table_text(&table, text_of(row, "word"));
    }
    table_print(&table, ctl->colour);
    table_clear(&table);
    json_decref(result);
    return code;
}

static void print_walls(const struct superctl *ctl, const json_t *walls)
{
    static const struct column columns[] = {
        {"WALL", false}, {"STATE", false}, {"COUNTS", true}, {"WHAT IT MEANS", false}};
    struct table table;
    json_t *wall;
    size_t i;

    table_init(&table, columns, COUNT(columns));
    json_array_foreach(walls, i, wall)
    {
        char text[AMOUNT_SIZE];

        table_text(&table, text_of(wall, "wall"));
        table_text(&table, text_of(wall, "state"));
        table_text(&table, amount(wall, "counts", text));
        table_text(&table, text_of(wall, "meaning"));
    }
    table_print(&table, ctl->colour);
    table_clear(&table);
}

static int print_one(struct superctl *ctl, const char *service)
{
    json_t *request = request_of("isolation"), *result;
    char text[AMOUNT_SIZE];
    int code;

    request_text(request, "service", service);
    result = ask(ctl, request, ASK_TIMEOUT_MS, &code);
    if (!result || ctl->json)
        return print_json(result, code);
    printf("%s: isolation = \"%s\", handler %s\n\n", text_of(result, "service"),
           text_of(result, "level"), text_of(result, "program"));
    print_walls(ctl, json_object_get(result, "walls"));
    printf("\nexposure %s of 10.0: %s\n", amount(result, "exposure", text),
           text_of(result, "word"));
    json_decref(result);
    return code;
}

int command_isolation(struct superctl *ctl, int argc, char **argv)
{
    int first, code = read_plain(ctl, argc, argv, 0, 1, &first);

    if (code)
        return code;
    return first < argc ? print_one(ctl, argv[first]) : print_all(ctl);
}
