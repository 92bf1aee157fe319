/*
 * superctl: the operator's command. Here: options, and giving the rest to a command.
 */
#include "superctl/superctl.h"

#include <getopt.h>
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "config/suggest.h"
#include "superctl/connection.h"

#define DEFAULT_CONFIG SYSCONFDIR "/superd/superd.conf"
#define DEFAULT_SOCKET RUNSTATEDIR "/superd/control.sock"

static const struct {
    const char *name, *arguments, *help;
    superctl_command *run;
} commands[] = {
    {"status", "[--sort COLUMN]", "the daemon and its services", command_status},
    {"list", "", "services and what they run", command_list},
    {"show", "SERVICE", "all about one service", command_show},
    {"instances", "[SERVICE] [--source PREFIX]", "who is connected, and what it costs",
     command_instances},
    {"sources", "[SERVICE] [--source PREFIX] [--rates]", "who connects how often, and was refused",
     command_sources},
    {"history", "[SERVICE]", "how much was admitted and refused in the last minutes",
     command_history},
    {"isolation", "[SERVICE]", "what handlers can do to the host, with a score", command_isolation},
    {"explain", "SERVICE ADDRESS|uid:N|user:NAME", "would it be admitted now, and why",
     command_explain},
    {"log", "[-f] [-n LINES] [SERVICE]", "recent events, then live ones", command_log},
    {"top", "[-d SECONDS]", "services and instances, live", command_top},
    {"kill", "ID | --source PREFIX | --service SERVICE  [--now]", "end instances", command_kill},
    {"pause", "[SERVICE] [--listener ADDRESS]", "stop watching listeners", command_pause},
    {"resume", "[SERVICE] [--listener ADDRESS]", "end pausing or draining", command_resume},
    {"drain", "[SERVICE] [--listener ADDRESS] [--deadline TIME] [--wait]",
     "accept nothing new, let instances finish", command_drain},
    {"reload", "", "read the configuration again", command_reload},
    {"upgrade", "[--binary FILE]", "go on with another superd, losing nobody", command_upgrade},
    {"stop", "[--no-wait]", "drain and end the daemon", command_stop},
    {"check", "", "let the daemon check its configuration files", command_check},
    {"dump", "", "the configuration in force, defaults included", command_dump},
    {"metrics", "", "all counters, as text for Prometheus", command_metrics},
    {"try", "SERVICE [--as ADDRESS]", "run a handler on this terminal", command_try},
    {"new", "NAME [--lang LANGUAGE] [-d DIRECTORY] [-l ADDRESS]", "write a service to begin with",
     command_new},
    {"wait-ready", "[--timeout TIME]", "wait until superd serves", command_wait_ready},
};

#define COMMANDS (sizeof commands / sizeof *commands)

/* ---- Saying --------------------------------------------------------------------------------- */

int fail(int code, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("superctl: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

int usage_error(const char *command, const char *format, ...)
{
    va_list args;

    fprintf(stderr, "superctl: %s: ", command);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, command) == 0)
            fprintf(stderr, "usage: superctl %s %s\n", command, commands[i].arguments);
    }
    return CODE_USAGE;
}

int print_json(json_t *result, int code)
{
    if (result) {
        json_dumpf(result, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        putchar('\n');
    }
    json_decref(result);
    return code;
}

static void usage(FILE *file)
{
    fputs("usage: superctl [-s SOCKET] [-c FILE] [-j] COMMAND [ARGUMENT...]\n"
          "\n"
          "  -s, --socket PATH   control socket (default: SUPERD_CONTROL, what the configuration\n"
          "                      says, or " DEFAULT_SOCKET ")\n"
          "  -c, --config FILE   configuration (default " DEFAULT_CONFIG ")\n"
          "  -j, --json          answers as JSON\n"
          "  -V, --version       print the version\n"
          "  -h, --help          print this\n"
          "\n",
          file);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(file, "  %-10s  %s\n", commands[i].name, commands[i].help);
    fputs("\nManual: superctl(8), superd-control(7).\n", file);
}

/* ---- Where the socket is -------------------------------------------------------------------- */

/* What the configuration at PATH says, as far as it can be read; NULL: nothing. Lives for ever. */
static const char *configured_socket(const char *path)
{
    config_t config;
    const char *found = NULL;

    config_init(&config);
    if (access(path, R_OK) == 0 && config_read_file(&config, path) == CONFIG_TRUE &&
        config_lookup_string(&config, "superd.control", &found) == CONFIG_TRUE)
        found = strdup(found);
    config_destroy(&config);
    return found;
}

static void find_socket(struct superctl *ctl, bool config_given)
{
    const char *environment = getenv("SUPERD_CONTROL");

    if (ctl->socket)
        return;
    if (!config_given && environment && *environment)
        ctl->socket = environment;
    else
        ctl->socket = configured_socket(ctl->config);
    if (!ctl->socket)
        ctl->socket = DEFAULT_SOCKET;
}

/* ---- Main ----------------------------------------------------------------------------------- */

static int run(struct superctl *ctl, int argc, char **argv)
{
    struct suggestion suggestion;

    suggestion_init(&suggestion, argv[0]);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, argv[0]) == 0) {
            optind = 0; /* getopt begins anew */
            return commands[i].run(ctl, argc, argv);
        }
        suggestion_consider(&suggestion, commands[i].name);
    }
    return fail(CODE_USAGE, "there is no command \"%s\"%s", argv[0], suggestion_text(&suggestion));
}

int main(int argc, char **argv)
{
    static const struct option words[] = {
        {"socket", required_argument, NULL, 's'}, {"config", required_argument, NULL, 'c'},
        {"json", no_argument, NULL, 'j'},         {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {0}};
    const char *no_color = getenv("NO_COLOR");
    struct superctl ctl = {.config = DEFAULT_CONFIG,
                           .colour = isatty(STDOUT_FILENO) && !(no_color && *no_color)};
    bool config_given = false;
    int option, code;

    while ((option = getopt_long(argc, argv, "+s:c:jVh", words, NULL)) != -1) {
        switch (option) {
        case 's':
            ctl.socket = optarg;
            break;
        case 'c':
            ctl.config = optarg;
            config_given = true;
            break;
        case 'j':
            ctl.json = true;
            break;
        case 'V':
            puts("superctl " PACKAGE_VERSION);
            return CODE_OK;
        case 'h':
            usage(stdout);
            return CODE_OK;
        default:
            fputs("superctl: see superctl --help\n", stderr);
            return CODE_USAGE;
        }
    }
    if (optind == argc) {
        usage(stderr);
        return CODE_USAGE;
    }
    find_socket(&ctl, config_given);
    code = run(&ctl, argc - optind, argv + optind);
    connection_close(ctl.connection);
    if (fflush(stdout) != 0 && code == CODE_OK)
        code = fail(CODE_SYSTEM, "cannot write");
    return code;
}
