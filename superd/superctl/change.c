/*
 * change: kill, pause, resume, drain, reload, upgrade, stop: what changes the daemon.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "superctl/connection.h"
#include "superctl/report.h"
#include "superctl/table.h"

/* Longer than any reading of files should take; users may come from a directory on the network. */
#define RELOAD_TIMEOUT_MS 120000
/* The new program's check may take half a minute. */
#define UPGRADE_TIMEOUT_MS 60000

struct target {
    const char *service, *listener, *source, *deadline, *binary;
    bool now, wait, no_wait;
    const char *word; /* that is no option; NULL: none */
};

static int read_target(struct superctl *ctl, int argc, char **argv, const char *letters,
                       struct target *target)
{
    static const struct option options[] = {
        {"binary", required_argument, NULL, 'b'},  {"deadline", required_argument, NULL, 'd'},
        {"json", no_argument, NULL, 'j'},          {"listener", required_argument, NULL, 'l'},
        {"no-wait", no_argument, NULL, 'n'},       {"now", no_argument, NULL, 'N'},
        {"service", required_argument, NULL, 'e'}, {"source", required_argument, NULL, 'S'},
        {"wait", no_argument, NULL, 'w'},          {0}};
    int option;

    *target = (struct target){0};
    while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (option == '?' || !strchr(letters, option))
            return usage_error(argv[0], "that option is not known here");
        switch (option) {
        case 'b':
            target->binary = optarg;
            break;
        case 'd':
            target->deadline = optarg;
            break;
        case 'j':
            ctl->json = true;
            break;
        case 'l':
            target->listener = optarg;
            break;
        case 'n':
            target->no_wait = true;
            break;
        case 'N':
            target->now = true;
            break;
        case 'e':
            target->service = optarg;
            break;
        case 'S':
            target->source = optarg;
            break;
        default:
            target->wait = true;
            break;
        }
    }
    if (argc - optind > 1)
        return usage_error(argv[0], "unexpected argument \"%s\"", argv[optind + 1]);
    target->word = optind < argc ? argv[optind] : NULL;
    return CODE_OK;
}

/* ---- kill ----------------------------------------------------------------------------------- */

int command_kill(struct superctl *ctl, int argc, char **argv)
{
    struct target target;
    json_t *request, *result;
    uint64_t id = 0, count;
    int code = read_target(ctl, argc, argv, "jNe:S:", &target);

    if (code != CODE_OK)
        return code;
    if (target.word && !units_parse_number(target.word, INT64_MAX, &id))
        return usage_error(argv[0], "\"%s\" is not the number of an instance", target.word);
    if (!target.word == (!target.service && !target.source))
        return usage_error(argv[0], "the number of an instance, or --source or --service");
    request = request_of("kill");
    if (target.word)
        json_object_set_new(request, "instance", json_integer((json_int_t)id));
    request_text(request, "service", target.service);
    request_text(request, "source", target.source);
    if (target.now)
        json_object_set_new(request, "now", json_true());
    result = ask(ctl, request, ASK_TIMEOUT_MS, &code);
    if (!result)
        return code;
    count = number_of(result, "instances");
    code = count ? CODE_OK : CODE_NO;
    if (ctl->json)
        return print_json(result, code);
    printf("%llu %s\n", (unsigned long long)count,
           count == 1 ? "instance is being ended" : "instances are being ended");
    json_decref(result);
    return code;
}

/* ---- pause, resume, drain ------------------------------------------------------------------- */

static const char *target_words(const json_t *result, char text[CELL_SIZE])
{
    const char *service = text_of(result, "service"), *listener = text_of(result, "listener");

    if (listener)
        snprintf(text, CELL_SIZE, "%s of %s", listener, service ? service : "?");
    else
        snprintf(text, CELL_SIZE, "%s", service ? service : "all services");
    return text;
}

static int change(struct superctl *ctl, int argc, char **argv, const char *letters,
                  const char *done)
{
    struct target target;
    json_t *request, *result;
    char text[CELL_SIZE];
    uint64_t live;
    int code = read_target(ctl, argc, argv, letters, &target);

    if (code != CODE_OK)
        return code;
    request = request_of(argv[0]);
    request_text(request, "service", target.word);
    request_text(request, "listener", target.listener);
    request_text(request, "deadline", target.deadline);
    if (target.wait)
        json_object_set_new(request, "wait", json_true());
    result = ask(ctl, request, target.wait ? ASK_FOREVER : ASK_TIMEOUT_MS, &code);
    if (!result || ctl->json)
        return print_json(result, code);
    live = number_of(result, "live");
    if (!live && strcmp(done, "drains") == 0)
        done = "drained";
    printf("%s: %s, %llu %s\n", target_words(result, text), done, (unsigned long long)live,
           live == 1 ? "instance lives" : "instances live");
    json_decref(result);
    return code;
}

int command_pause(struct superctl *ctl, int argc, char **argv)
{
    return change(ctl, argc, argv, "jl:", "paused");
}

int command_resume(struct superctl *ctl, int argc, char **argv)
{
    return change(ctl, argc, argv, "jl:", "resumed");
}

int command_drain(struct superctl *ctl, int argc, char **argv)
{
    return change(ctl, argc, argv, "jl:d:w", "drains");
}

/* ---- reload --------------------------------------------------------------------------------- */

int command_reload(struct superctl *ctl, int argc, char **argv)
{
    struct target target;
    json_t *result;
    int code = read_target(ctl, argc, argv, "j", &target);
    bool done;

    if (code != CODE_OK)
        return code;
    if (target.word)
        return usage_error(argv[0], "it takes no argument: all files are read");
    result = ask(ctl, request_of("reload"), RELOAD_TIMEOUT_MS, &code);
    if (!result)
        return code;
    done = json_is_true(json_object_get(result, "reloaded"));
    code = done ? CODE_OK : CODE_USAGE;
    if (ctl->json)
        return print_json(result, code);
    report_diagnostics(json_object_get(result, "diagnostics"));
    if (done) {
        printf("generation %llu\n", (unsigned long long)number_of(result, "generation"));
        report_changes(json_object_get(result, "changes"));
    } else {
        fail(code, "nothing was changed: generation %llu goes on",
             (unsigned long long)number_of(result, "generation"));
    }
    json_decref(result);
    return code;
}

/* ---- upgrade -------------------------------------------------------------------------------- */

static void report_errors(const json_t *errors)
{
    const json_t *error;
    size_t i;

    json_array_foreach(errors, i, error)
    {
        fprintf(stderr, "%s\n", json_string_value(error));
    }
}

/* The daemon's working directory is another. A link is left as it is: it may lead elsewhere next time. */
static bool whole_path(const char *written, char path[PATH_MAX])
{
    char folder[PATH_MAX];

    if (written[0] == '/')
        return snprintf(path, PATH_MAX, "%s", written) < PATH_MAX;
    return getcwd(folder, sizeof folder) &&
           snprintf(path, PATH_MAX, "%s/%s", folder, written) < PATH_MAX;
}

int command_upgrade(struct superctl *ctl, int argc, char **argv)
{
    char path[PATH_MAX];
    struct target target;
    json_t *request, *result;
    int code = read_target(ctl, argc, argv, "jb:", &target);
    bool done;

    if (code != CODE_OK)
        return code;
    if (target.word)
        return usage_error(argv[0], "it takes no argument but --binary");
    if (target.binary && !whole_path(target.binary, path))
        return fail(CODE_USAGE, "%s: the path is too long", target.binary);
    request = request_of("upgrade");
    request_text(request, "binary", target.binary ? path : NULL);
    result = ask(ctl, request, UPGRADE_TIMEOUT_MS, &code);
    if (!result)
        return code;
    done = json_is_true(json_object_get(result, "upgraded"));
    code = done ? CODE_OK : CODE_USAGE;
    if (ctl->json)
        return print_json(result, code);
    report_errors(json_object_get(result, "errors"));
    if (!done)
        fail(code, "nothing was changed: superd %s goes on", text_of(result, "version"));
    else
        printf("superd %s, generation %llu, %llu instances, clients waited %llu ms%s\n",
               text_of(result, "version"), (unsigned long long)number_of(result, "generation"),
               (unsigned long long)number_of(result, "instances"),
               (unsigned long long)number_of(result, "paused_ms"),
               json_is_true(json_object_get(result, "config_kept"))
                   ? "\nthe configuration is the one before: the files have errors"
                   : "");
    json_decref(result);
    return code;
}

/* ---- stop ----------------------------------------------------------------------------------- */

int command_stop(struct superctl *ctl, int argc, char **argv)
{
    struct target target;
    json_t *result, *more;
    int error, code = read_target(ctl, argc, argv, "jn", &target);

    if (code != CODE_OK)
        return code;
    if (target.word)
        return usage_error(argv[0], "it takes no argument; to stop one service, drain it");
    result = ask(ctl, request_of("stop"), ASK_TIMEOUT_MS, &code);
    if (!result || ctl->json)
        code = print_json(result, code);
    else {
        printf("superd drains %llu instances\n", (unsigned long long)number_of(result, "live"));
        fflush(stdout);
        json_decref(result);
    }
    if (code != CODE_OK || target.no_wait)
        return code;
    /* The socket closes when it ends. */
    more = connection_receive(ctl->connection, ASK_FOREVER, &error);
    json_decref(more);
    return error == -ECONNRESET ? CODE_OK : fail(CODE_SYSTEM, "%s", strerror(-error));
}
