/*
 * report: see report.h; and the commands whose answers are text: check, dump, explain, log, metrics,
 * wait-ready.
 */
#include "superctl/report.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "superctl/connection.h"
#include "superctl/table.h"

#define CHECK_TIMEOUT_MS 120000
#define READY_TIMEOUT_MS 30000
#define READY_RETRY_MS   50
#define GROUPS_MAX       256

int read_plain(struct superctl *ctl, int argc, char **argv, int least, int most, int *first_r)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
    int option;

    while ((option = getopt_long(argc, argv, "j", options, NULL)) != -1) {
        if (option != 'j')
            return usage_error(argv[0], "that option is not known here");
        ctl->json = true;
    }
    if (argc - optind > most)
        return usage_error(argv[0], "unexpected argument \"%s\"", argv[optind + most]);
    if (argc - optind < least)
        return usage_error(argv[0], "an argument is missing");
    if (first_r)
        *first_r = optind;
    return CODE_OK;
}

/* ---- check ---------------------------------------------------------------------------------- */

void report_diagnostics(const json_t *diagnostics)
{
    json_t *item;
    size_t i;

    json_array_foreach(diagnostics, i, item)
    {
        const char *file = text_of(item, "file");

        if (file)
            fprintf(stderr, "%s:%llu: ", file, (unsigned long long)number_of(item, "line"));
        fprintf(stderr, "%s: %s\n", text_of(item, "severity"), text_of(item, "message"));
    }
}

static void report_names(const char *title, const json_t *names)
{
    json_t *name;
    size_t i;

    if (!json_array_size(names))
        return;
    fputs(title, stdout);
    json_array_foreach(names, i, name)
    {
        printf(" %s", json_string_value(name));
    }
    putchar('\n');
}

static void report_changed(const json_t *changed)
{
    json_t *item, *name;
    size_t i, j;

    json_array_foreach(changed, i, item)
    {
        const char *service = text_of(item, "service");

        printf("changed: %s (", service ? service : "superd");
        json_array_foreach(json_object_get(item, "settings"), j, name)
        {
            printf("%s%s", j ? ", " : "", json_string_value(name));
        }
        puts(")");
    }
}

void report_changes(const json_t *changes)
{
    report_names("added:", json_object_get(changes, "added"));
    report_names("removed:", json_object_get(changes, "removed"));
    report_changed(json_object_get(changes, "changed"));
    printf("unchanged: %llu services\n", (unsigned long long)number_of(changes, "unchanged"));
}

int command_check(struct superctl *ctl, int argc, char **argv)
{
    int code = read_plain(ctl, argc, argv, 0, 0, NULL);
    json_t *result = code == CODE_OK ? ask(ctl, request_of("check"), CHECK_TIMEOUT_MS, &code)
                                     : NULL;
    bool valid = json_is_true(json_object_get(result, "valid"));

    if (!result)
        return code;
    code = valid ? CODE_OK : CODE_USAGE;
    if (ctl->json)
        return print_json(result, code);
    report_diagnostics(json_object_get(result, "diagnostics"));
    printf("%s: %llu services, %llu errors, %llu warnings\n", text_of(result, "config"),
           (unsigned long long)number_of(result, "services"),
           (unsigned long long)number_of(result, "errors"),
           (unsigned long long)number_of(result, "warnings"));
    if (valid) {
        puts("a reload would bring:");
        report_changes(json_object_get(result, "changes"));
    }
    json_decref(result);
    return code;
}

/* ---- dump, metrics -------------------------------------------------------------------------- */

static int print_pieces(struct superctl *ctl, const char *command)
{
    json_t *result = NULL;
    const char *next = NULL;
    int code;

    do {
        json_t *request = request_of(command);

        request_text(request, "after", next);
        json_decref(result);
        result = ask(ctl, request, ASK_TIMEOUT_MS, &code);
        if (result)
            fputs(text_of(result, "text"), stdout);
        next = text_of(result, "next");
    } while (next);
    json_decref(result);
    return code;
}

int command_dump(struct superctl *ctl, int argc, char **argv)
{
    int code = read_plain(ctl, argc, argv, 0, 0, NULL);

    return code == CODE_OK ? print_pieces(ctl, "dump") : code;
}

int command_metrics(struct superctl *ctl, int argc, char **argv)
{
    int code = read_plain(ctl, argc, argv, 0, 0, NULL);

    return code == CODE_OK ? print_pieces(ctl, "metrics") : code;
}

/* ---- explain -------------------------------------------------------------------------------- */

/* "uid:N" and "user:NAME" mean somebody at a UNIX socket, with the groups that he has. */
static bool set_user(json_t *request, const char *word)
{
    uint64_t uid = UINT64_MAX;
    struct passwd *user = NULL;
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;
    json_t *array;

    if (strncmp(word, "user:", 5) == 0)
        user = getpwnam(word + 5);
    else if (units_parse_number(word + 4, UINT32_MAX - 1, &uid))
        user = getpwuid((uid_t)uid);
    if (!user && uid == UINT64_MAX)
        return false;
    json_object_set_new(request, "uid",
                        json_integer(user ? (json_int_t)user->pw_uid : (json_int_t)uid));
    if (!user)
        return true;
    json_object_set_new(request, "gid", json_integer(user->pw_gid));
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        count = 0;
    array = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(array, json_integer(groups[i]));
    json_object_set_new(request, "groups", array);
    return true;
}

static void print_explained(const struct superctl *ctl, const json_t *result, const char *who)
{
    const char *decision = text_of(result, "decision"), *reason = text_of(result, "reason");
    const char *words = strcmp(decision, "admit") == 0  ? "would be admitted"
                        : strcmp(decision, "hold") == 0 ? "would have to wait"
                                                        : "would be refused";

    printf("%s: %s %s%s%s%s%s\n", text_of(result, "service"), who,
           ctl->colour ? colour_of(decision) : "", words,
           ctl->colour && *colour_of(decision) ? COLOUR_END : "", reason ? ": " : "",
           reason ? reason : "");
    if (text_of(result, "rule"))
        printf("  decided by \"%s\"\n", text_of(result, "rule"));
    if (text_of(result, "file"))
        printf("  written at %s:%llu\n", text_of(result, "file"),
               (unsigned long long)number_of(result, "line"));
    if (!json_is_true(json_object_get(result, "rules")))
        puts("  no access rules: everybody may connect");
    printf("  counted under %s; %llu of %llu instances live\n", text_of(result, "source"),
           (unsigned long long)number_of(result, "live"),
           (unsigned long long)number_of(result, "limit"));
}

int command_explain(struct superctl *ctl, int argc, char **argv)
{
    int first, code = read_plain(ctl, argc, argv, 2, 2, &first);
    const char *who;
    json_t *request, *result;

    if (code != CODE_OK)
        return code;
    who = argv[first + 1];
    request = request_of("explain");
    request_text(request, "service", argv[first]);
    if (strncmp(who, "uid:", 4) != 0 && strncmp(who, "user:", 5) != 0) {
        request_text(request, "address", who);
    } else if (!set_user(request, who)) {
        json_decref(request);
        return usage_error(argv[0], "there is no user \"%s\"", who);
    }
    result = ask(ctl, request, ASK_TIMEOUT_MS, &code);
    if (!result)
        return code;
    code = strcmp(text_of(result, "decision"), "admit") == 0 ? CODE_OK : CODE_NO;
    if (ctl->json)
        return print_json(result, code);
    print_explained(ctl, result, who);
    json_decref(result);
    return code;
}

/* ---- log ------------------------------------------------------------------------------------ */

/* In the shape of superd's own log: time, level, event, then key=value. */
static void print_event(const struct superctl *ctl, const json_t *event)
{
    const char *level = text_of(event, "level"), *name, *escape = "";
    json_t *value;

    if (ctl->colour && level && strcmp(level, "error") == 0)
        escape = COLOUR_RED;
    printf("%s%s %s %s%s", escape, text_of(event, "time"), level, text_of(event, "event"),
           *escape ? COLOUR_END : "");
    json_object_foreach((json_t *)event, name, value)
    {
        char *text;

        if (strcmp(name, "time") == 0 || strcmp(name, "level") == 0 || strcmp(name, "event") == 0)
            continue;
        text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        if (json_is_string(value) && !strpbrk(json_string_value(value), " \"\\=") &&
            strlen(json_string_value(value)) + 2 == strlen(text) && *json_string_value(value))
            printf(" %s=%s", name, json_string_value(value));
        else
            printf(" %s=%s", name, text);
        free(text);
    }
    putchar('\n');
}

static void show_event(const struct superctl *ctl, const json_t *event)
{
    if (ctl->json) {
        json_dumpf(event, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        print_event(ctl, event);
    }
}

static int follow(struct superctl *ctl)
{
    json_t *line;
    int error;

    while ((line = connection_receive(ctl->connection, ASK_FOREVER, &error))) {
        const json_t *event = json_object_get(line, "event");

        if (event)
            show_event(ctl, event);
        else if (number_of(line, "missed"))
            fail(CODE_OK, "%llu events were missed: they came faster than they were read",
                 (unsigned long long)number_of(line, "missed"));
        json_decref(line);
        if (fflush(stdout) != 0)
            return CODE_SYSTEM;
    }
    return fail(CODE_UNAVAILABLE, "superd has gone");
}

int command_log(struct superctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"follow", no_argument, NULL, 'f'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"lines", required_argument, NULL, 'n'},
                                            {0}};
    json_t *request = request_of("log"), *result, *event;
    bool following = false;
    uint64_t lines;
    size_t i;
    int option, code = CODE_OK;

    while (code == CODE_OK && (option = getopt_long(argc, argv, "fjn:", options, NULL)) != -1) {
        if (option == 'f') {
            following = true;
            json_object_set_new(request, "follow", json_true());
        } else if (option == 'j') {
            ctl->json = true;
        } else if (option == 'n' && units_parse_number(optarg, INT64_MAX, &lines)) {
            json_object_set_new(request, "lines", json_integer((json_int_t)lines));
        } else {
            code = usage_error(argv[0], option == 'n' ? "-n takes a number"
                                                      : "that option is not known here");
        }
    }
    if (code == CODE_OK && argc - optind > 1)
        code = usage_error(argv[0], "unexpected argument \"%s\"", argv[optind + 1]);
    if (code != CODE_OK) {
        json_decref(request);
        return code;
    }
    if (optind < argc)
        request_text(request, "service", argv[optind]);
    result = ask(ctl, request, ASK_TIMEOUT_MS, &code);
    json_array_foreach(json_object_get(result, "events"), i, event)
    {
        show_event(ctl, event);
    }
    json_decref(result);
    return result && following ? follow(ctl) : code;
}

/* ---- wait-ready ----------------------------------------------------------------------------- */

/* Somebody answers, or somebody is there who has not answered yet. */
static bool is_ready(struct superctl *ctl, int ms)
{
    json_t *answer;
    bool ready;
    int error;

    ctl->connection = connection_open(ctl->socket);
    if (!ctl->connection)
        return false;
    error = connection_send(ctl->connection, request_of("wait-ready"));
    answer = error ? NULL : connection_receive(ctl->connection, ms, &error);
    ready = json_is_true(json_object_get(answer, "ok"));
    json_decref(answer);
    if (!ready) {
        connection_close(ctl->connection);
        ctl->connection = NULL;
    }
    return ready;
}

int command_wait_ready(struct superctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"timeout", required_argument, NULL, 't'}, {0}};
    const struct timespec pause = {.tv_nsec = READY_RETRY_MS * 1000000L};
    uint64_t limit = READY_TIMEOUT_MS, begun = clock_now_ms();
    int option;

    while ((option = getopt_long(argc, argv, "t:", options, NULL)) != -1) {
        if (option != 't')
            return usage_error(argv[0], "that option is not known here");
        if (!units_parse_duration(optarg, &limit))
            return usage_error(argv[0], "--timeout takes a duration such as 30s");
    }
    if (optind < argc)
        return usage_error(argv[0], "unexpected argument \"%s\"", argv[optind]);
    for (;;) {
        uint64_t passed = clock_now_ms() - begun;

        if (is_ready(ctl, passed < limit ? (int)(limit - passed) : 1))
            return CODE_OK;
        if (passed >= limit)
            return fail(CODE_TIME, "%s: superd is not ready", ctl->socket);
        nanosleep(&pause, NULL);
    }
}
