/*
 * superd: an inetd-style superserver.
 *
 * Here: options, and the order of start-up. What the daemon does is in supervise/.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "background.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/units.h"
#include "config.h"
#include "config/load.h"
#include "config/schema.h"
#include "control/control.h"
#include "explain.h"
#include "isolation_report.h"
#include "launch/isolation/refuse.h"
#include "net/listener.h"
#include "supervise/generation.h"
#include "supervise/handover.h"
#include "supervise/notify.h"
#include "supervise/supervisor.h"
#include "supervise/upgrade_check.h"

#define DEFAULT_CONFIG SYSCONFDIR "/superd/superd.conf"

enum action {
    ACTION_RUN,
    ACTION_CHECK,
    ACTION_DUMP,
    ACTION_SCHEMA,
    ACTION_EXPLAIN,
    ACTION_ISOLATION,
    ACTION_HANDOVER_CHECK
};

struct options {
    const char *config;
    enum action action;
    bool daemon;
    int ready_fd;
    int handover_fd; /* to be checked */
    const char *binary;
    char *const *words; /* of --explain */
    int word_count;
};

static const char usage_text[] =
    "usage: superd [-c FILE] [--daemon] [--ready-fd N]\n"
    "       superd [-c FILE] --check | --dump\n"
    "       superd [-c FILE] --explain SERVICE ADDRESS [TIME]\n"
    "       superd [-c FILE] --isolation-report [SERVICE]\n"
    "\n"
    "Listen on the ports of the configured services and launch a handler for each connection.\n"
    "\n"
    "  -c, --config FILE   the configuration (default " DEFAULT_CONFIG ")\n"
    "  -t, --check         check the configuration, say every error, open no port\n"
    "      --dump          print the effective configuration, defaults included\n"
    "      --schema        print every setting with its type, default and meaning\n"
    "      --explain       say whether ADDRESS would be admitted to SERVICE, and why\n"
    "      --isolation-report\n"
    "                      say what handlers can do to the host, and what they cannot\n"
    "      --daemon        go to the background when ready\n"
    "      --handover-check N\n"
    "                      say whether this superd can take over from the one that wrote to\n"
    "                      descriptor N\n"
    "      --ready-fd N    write a newline to descriptor N when ready, and close it\n"
    "  -V, --version       print the version\n"
    "  -h, --help          print this\n"
    "\n"
    "Manual: superd(8), superd.conf(5), superd-handler(7), superd.log(5).\n";

enum {
    OPTION_DAEMON = 256,
    OPTION_DUMP,
    OPTION_EXPLAIN,
    OPTION_HANDOVER_CHECK,
    OPTION_ISOLATION,
    OPTION_READY_FD,
    OPTION_SCHEMA
};

static int usage_error(const char *word, const char *why)
{
    fprintf(stderr, "superd: %s: %s\nsuperd: see superd --help\n", word, why);
    return EXIT_CONFIG;
}

static const char not_a_descriptor[] = "not the number of an open descriptor above 2";

static bool take_descriptor(const char *text, int *fd_r)
{
    uint64_t number;

    if (!units_parse_number(text, INT32_MAX, &number) || number < 3 ||
        fd_set_cloexec((int)number, true) < 0)
        return false;
    *fd_r = (int)number;
    return true;
}

/* What is left of the command line. Returns -1 to go on, or an exit code. */
static int check_words(const struct options *options)
{
    int most = 0;

    if (options->action == ACTION_EXPLAIN) {
        if (options->word_count != 2 && options->word_count != 3)
            return usage_error("--explain", "takes SERVICE ADDRESS [TIME]");
        most = 3;
    } else if (options->action == ACTION_ISOLATION) {
        most = 1;
    }
    return options->word_count > most ? usage_error(options->words[0], "unexpected argument") : -1;
}

/* Returns -1 to go on, or an exit code. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option words[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 't'},
        {"dump", no_argument, NULL, OPTION_DUMP},
        {"isolation-report", no_argument, NULL, OPTION_ISOLATION},
        {"explain", no_argument, NULL, OPTION_EXPLAIN},
        {"handover-check", required_argument, NULL, OPTION_HANDOVER_CHECK},
        {"schema", no_argument, NULL, OPTION_SCHEMA},
        {"daemon", no_argument, NULL, OPTION_DAEMON},
        {"ready-fd", required_argument, NULL, OPTION_READY_FD},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {0}};
    int option;

    while ((option = getopt_long(argc, argv, "c:tVh", words, NULL)) != -1) {
        switch (option) {
        case 'c':
            options->config = optarg;
            break;
        case 't':
            options->action = ACTION_CHECK;
            break;
        case OPTION_DUMP:
            options->action = ACTION_DUMP;
            break;
        case OPTION_ISOLATION:
            options->action = ACTION_ISOLATION;
            break;
        case OPTION_EXPLAIN:
            options->action = ACTION_EXPLAIN;
            break;
        case OPTION_SCHEMA:
            options->action = ACTION_SCHEMA;
            break;
        case OPTION_DAEMON:
            options->daemon = true;
            break;
        case OPTION_HANDOVER_CHECK:
            options->action = ACTION_HANDOVER_CHECK;
            if (!take_descriptor(optarg, &options->handover_fd))
                return usage_error("--handover-check", not_a_descriptor);
            break;
        case OPTION_READY_FD:
            if (!take_descriptor(optarg, &options->ready_fd))
                return usage_error("--ready-fd", not_a_descriptor);
            break;
        case 'V':
            puts(PACKAGE_STRING);
            return EXIT_OK;
        case 'h':
            fputs(usage_text, stdout);
            return EXIT_OK;
        default:
            fputs("superd: see superd --help\n", stderr);
            return EXIT_CONFIG;
        }
    }
    options->words = argv + optind;
    options->word_count = argc - optind;
    return check_words(options);
}

/* ---- Configuration -------------------------------------------------------------------------- */

static void print_diagnostics(const struct diagnostics *list)
{
    char text[2048];

    for (size_t i = 0; i < list->count; i++) {
        diagnostic_format(&list->items[i], text, sizeof text);
        fprintf(stderr, "%s\n", text);
    }
    if (list->count < list->errors + list->warnings)
        fprintf(stderr, "superd: and %zu more\n", list->errors + list->warnings - list->count);
    if (list->out_of_memory)
        fputs("superd: out of memory\n", stderr);
}

static int check(const struct config *config, const struct diagnostics *list, const char *path)
{
    if (diagnostics_failed(list) || !config) {
        fprintf(stderr, "superd: %s: %zu errors, %zu warnings\n", path, list->errors,
                list->warnings);
        return EXIT_CONFIG;
    }
    printf("%s: %zu services, no errors, %zu warnings\n", path, config->service_count,
           list->warnings);
    return EXIT_OK;
}

static int dump(const struct config *config)
{
    int r = config_dump(config, stdout);

    if (r == 0 && fflush(stdout) != 0)
        r = -errno;
    if (r == 0)
        return EXIT_OK;
    fprintf(stderr, "superd: cannot write: %s\n", strerror(-r));
    return EXIT_SYSTEM;
}

/* ---- Running -------------------------------------------------------------------------------- */

static int run(struct config *config, const struct options *options,
               struct supervisor_settings *settings)
{
    static struct supervisor supervisor;
    struct control *control = control_create(&supervisor, settings);
    int detached = -1, code;
    char *pid_file;

    if (options->daemon && !settings->handover) {
        detached = background_detach();
        if (detached < 0) {
            fprintf(stderr, "superd: cannot go to the background: %s\n", strerror(errno));
            return EXIT_SYSTEM;
        }
    }
    code = supervisor_start(&supervisor, config, settings);
    if (code != EXIT_OK) {
        background_pid_file(NULL, settings->handover); /* that of the program before goes, too */
        control_free(control);
        log_close(1000);
        return code;
    }
    config = supervisor.generation->config;
    pid_file = background_pid_file(config->daemon.pid_file, settings->handover);
    supervisor.pid_file = pid_file;
    if (detached >= 0) {
        background_leave_terminal(strcmp(config->daemon.log.target, "stderr") == 0);
        notify_ready_fd(detached);
    }
    if (settings->handover)
        handover_clear(settings->handover);
    code = supervisor_run(&supervisor);
    control_free(control);
    background_remove_pid_file(pid_file);
    log_close(1000);
    return code;
}

/* ---- Start ---------------------------------------------------------------------------------- */

static const struct config_surroundings *look_around(void)
{
    static struct config_surroundings surroundings;
    const char *handlers = getenv("SUPERD_HANDLER_PATH");

    surroundings = (struct config_surroundings){.root = geteuid() == 0,
                                                .uid = geteuid(),
                                                .handler_path = handlers ? handlers : HANDLERDIR,
                                                .path = getenv("PATH"),
                                                .accounts = "/etc",
                                                .process = "/proc/self"};
    return &surroundings;
}

static struct config *load(const struct options *options, struct diagnostics *list)
{
    struct config *config = config_load(options->config, look_around(), list);

    if (config)
        isolation_refuse(config, list);
    diagnostics_sort(list);
    return config;
}

static struct supervisor_settings settings_of(const struct options *options)
{
    struct supervisor_settings settings = {.config_path = options->config,
                                           .surroundings = look_around(),
                                           .binary = options->binary,
                                           .ready_fd = options->ready_fd};

    getrlimit(RLIMIT_NOFILE, &settings.descriptors);
    return settings;
}

/* Could this program take over from a daemon whose handover is in this descriptor? */
static int check_handover(int fd, const struct config *config, const struct diagnostics *list)
{
    struct handover handover;
    bool can = config && !diagnostics_failed(list);

    if (handover_parse(fd, &handover))
        handover_clear(&handover);
    else
        can = false;
    if (handover.error[0])
        fprintf(stderr, "superd: %s\n", handover.error);
    fflush(stderr);
    if (can)
        puts(UPGRADE_CHECK_WORDS);
    return can ? EXIT_OK : EXIT_CONFIG;
}

static int start(const struct options *options)
{
    struct supervisor_settings settings = settings_of(options);
    struct diagnostics list;
    struct config *config;
    int code;

    diagnostics_init(&list);
    config = load(options, &list);
    /* Whoever checks a hand-over reads but the end of what is said. */
    if ((options->action != ACTION_DUMP && options->action != ACTION_HANDOVER_CHECK) ||
        diagnostics_failed(&list))
        print_diagnostics(&list);
    if (options->action == ACTION_HANDOVER_CHECK) {
        code = check_handover(options->handover_fd, config, &list);
    } else if (options->action == ACTION_CHECK || !config) {
        code = check(config, &list, options->config);
    } else if (options->action == ACTION_DUMP) {
        code = diagnostics_failed(&list) ? EXIT_CONFIG : dump(config);
    } else if (options->action == ACTION_ISOLATION) {
        code = isolation_report(config, options->word_count ? options->words[0] : NULL);
    } else if (options->action == ACTION_EXPLAIN) {
        code = explain(config, options->words[0], options->words[1],
                       options->word_count == 3 ? options->words[2] : NULL);
    } else if (config->daemon.strict && diagnostics_failed(&list)) {
        fprintf(stderr, "superd: not started: %zu errors and superd.strict is set\n", list.errors);
        code = EXIT_CONFIG;
    } else {
        diagnostics_clear(&list);
        return run(config, options, &settings);
    }
    diagnostics_clear(&list);
    config_free(config);
    return code;
}

/* ---- Going on in another program's place ---------------------------------------------------- */

/* The descriptor with the handover of the program that this process had before; -1: it had none. */
static int given_handover(void)
{
    const char *text = getenv(HANDOVER_ENVIRONMENT);
    int fd = -1;

    if (text && !take_descriptor(text, &fd))
        fd = -1;
    unsetenv(HANDOVER_ENVIRONMENT);
    return fd;
}

static int take_over(const struct options *options, int fd)
{
    struct supervisor_settings settings = settings_of(options);
    struct diagnostics list;
    struct handover handover;
    struct config *config;
    bool parsed = handover_parse(fd, &handover);
    int code;

    if (parsed)
        handover_keep(handover.state, false);
    diagnostics_init(&list);
    config = load(options, &list);
    if (config)
        log_open(&config->daemon.log); /* whatever is said from here on must be heard */
    if (!parsed) {
        log_event(LEVEL_ERROR, "upgrade-failed", log_text("state", "the old program is gone"),
                  log_text("error", handover.error));
        log_close(1000);
        return EXIT_SYSTEM;
    }
    if (config && diagnostics_failed(&list)) {
        config_free(config);
        config = NULL;
    }
    settings.descriptors = handover_limit(&handover);
    settings.handover = &handover;
    settings.complaint = &list;
    code = run(config, options, &settings);
    diagnostics_clear(&list);
    return code;
}

int main(int argc, char **argv)
{
    struct options options = {.config = DEFAULT_CONFIG, .ready_fd = -1};
    int code, handover;

    /* Before anything is opened: inherited sockets begin at 3, and 0 to 2 must be somebody. */
    inherited_take();
    fd_open_standard();
    handover = given_handover();
    options.binary = background_binary();
    code = parse_options(argc, argv, &options);
    if (code >= 0)
        return code;
    if (options.action == ACTION_SCHEMA) {
        schema_print(stdout);
        return EXIT_OK;
    }
    setenv("UV_THREADPOOL_SIZE", "1", 1); /* one reader of configurations is enough */
    notify_begin();
    umask(022);
    return handover >= 0 ? take_over(&options, handover) : start(&options);
}
