/*
 * new: a service of one's own: a handler that works, in a language of one's choice, and its service
 * file, made from the templates in etc/templates.
 *
 * What must hold: a file that is there is never touched, and either all files are written or none.
 * What is put into the service file is a correct text of libconfig whatever the directory is called.
 * It needs no daemon and reads no configuration.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/suggest.h"
#include "superctl/superctl.h"
#include "superctl/template.h"

#define NAME_LONGEST 63 /* superd.conf(5) */

struct language {
    const char *name;
    const char *template;
    const char *suffix; /* of the source, where there is something to build */
    const char *build;  /* what builds it, before the names of the program and of the source */
};

static const struct language languages[] = {
    {"sh", "handler.sh"},
    {"python", "handler.py"},
    {"perl", "handler.pl"},
    {"awk", "handler.awk"},
    {"c", "handler.c", ".c", "cc -O2 -Wall -o"},
    {"node", "handler.js"},
    {"ruby", "handler.rb"},
    {"lua", "handler.lua"},
    {"tcl", "handler.tcl"},
    {"go", "handler.go", ".go", "go build -o"},
    {"rust", "handler.rs", ".rs", "rustc -O -o"},
};

#define LANGUAGES (sizeof languages / sizeof *languages)

struct creation {
    const char *name;
    const struct language *language;
    const char *directory; /* as it was given; NULL: here */
    const char *listen;
    const char *templates;
    char absolute[PATH_MAX];                                     /* the directory */
    char program[PATH_MAX], source[PATH_MAX], service[PATH_MAX]; /* as people are told */
};

/* ---- What was asked for --------------------------------------------------------------------- */

static const struct language *find_language(const char *word)
{
    struct suggestion suggestion;

    suggestion_init(&suggestion, word);
    for (size_t i = 0; i < LANGUAGES; i++) {
        if (strcmp(languages[i].name, word) == 0)
            return &languages[i];
        suggestion_consider(&suggestion, languages[i].name);
    }
    fail(CODE_USAGE, "there is no template for \"%s\"%s", word, suggestion_text(&suggestion));
    fputs("superctl: there are:", stderr);
    for (size_t i = 0; i < LANGUAGES; i++)
        fprintf(stderr, " %s", languages[i].name);
    fputc('\n', stderr);
    return NULL;
}

static bool name_is_right(const char *name)
{
    size_t length = strlen(name);

    if (length > NAME_LONGEST || !isalpha((unsigned char)name[0]))
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
            return false;
    }
    return true;
}

/* An address of a TCP listener, as far as it can be told without reading a configuration. */
static bool listen_is_right(const char *listen)
{
    static const char *const others[] = {"unix:", "seqpacket:", "udp:", "fd:"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strncmp(listen, others[i], strlen(others[i])) == 0)
            return false;
    }
    for (const char *c = listen; *c; c++) {
        if (!isalnum((unsigned char)*c) && !strchr(".:*%[]_-", *c))
            return false;
    }
    return *listen != '\0';
}

/* Returns CODE_OK to go on. */
static int parse(struct creation *new, int argc, char **argv)
{
    static const struct option options[] = {{"lang", required_argument, NULL, 'L'},
                                            {"directory", required_argument, NULL, 'd'},
                                            {"listen", required_argument, NULL, 'l'},
                                            {"templates", required_argument, NULL, 't'},
                                            {0}};
    int option;

    while ((option = getopt_long(argc, argv, "d:l:", options, NULL)) != -1) {
        switch (option) {
        case 'L':
            new->language = find_language(optarg);
            if (!new->language)
                return CODE_USAGE;
            break;
        case 'd':
            new->directory = optarg;
            break;
        case 'l':
            new->listen = optarg;
            break;
        case 't':
            new->templates = optarg;
            break;
        default:
            return usage_error(argv[0], "that option is not known here, or lacks its value");
        }
    }
    if (argc - optind != 1)
        return usage_error(argv[0], "what NAME?");
    new->name = argv[optind];
    if (!name_is_right(new->name))
        return fail(CODE_USAGE,
                    "\"%s\" is no name for a service: 1 to 63 letters, digits, - and _, "
                    "a letter first",
                    new->name);
    if (!listen_is_right(new->listen))
        return fail(CODE_USAGE, "\"%s\" is no address for TCP, as \"127.0.0.1:7000\" is",
                    new->listen);
    return CODE_OK;
}

/* ---- Where it goes -------------------------------------------------------------------------- */

static bool join(char path_r[PATH_MAX], const struct creation *new, const char *suffix)
{
    const char *directory = new->directory ? new->directory : "";
    size_t length = strlen(directory);
    const char *slash = length > 0 && directory[length - 1] != '/' ? "/" : "";
    int n = snprintf(path_r, PATH_MAX, "%s%s%s%s", directory, slash, new->name, suffix);

    return n > 0 && n < PATH_MAX;
}

static int find_paths(struct creation *new)
{
    const char *suffix = new->language->suffix ? new->language->suffix : "";
    const char *directory = new->directory ? new->directory : ".";
    struct stat status;

    if (!realpath(directory, new->absolute))
        return fail(CODE_USAGE, "%s: %s", directory, strerror(errno));
    if (!join(new->program, new, "") || !join(new->source, new, suffix) ||
        !join(new->service, new, ".conf"))
        return fail(CODE_USAGE, "%s: %s", directory, strerror(ENAMETOOLONG));
    for (int i = 0; i < 3; i++) {
        const char *path = i == 0 ? new->program : i == 1 ? new->source : new->service;

        if (lstat(path, &status) == 0)
            return fail(CODE_REFUSED, "%s is there already; nothing was written", path);
    }
    return CODE_OK;
}

/* Whom the handler runs as: whoever asks, and nobody rather than root. */
static void find_user(char *user_r, size_t size)
{
    struct passwd *user = geteuid() == 0 ? NULL : getpwuid(geteuid());

    if (geteuid() == 0)
        snprintf(user_r, size, "nobody");
    else if (user)
        snprintf(user_r, size, "%s", user->pw_name);
    else
        snprintf(user_r, size, "%lu", (unsigned long)geteuid());
}

/* ---- Telling -------------------------------------------------------------------------------- */

/* Print a word so that a shell reads it as it is. */
static void print_word(const char *before, const char *word)
{
    bool plain = *word != '\0' && *word != '-';

    for (const char *c = word; *c; c++)
        plain = plain && (isalnum((unsigned char)*c) || strchr("/._-+,:@%", *c));
    fputs(before, stdout);
    if (plain) {
        fputs(word, stdout);
        return;
    }
    fputs(*word == '-' ? "./'" : "'", stdout);
    for (const char *c = word; *c; c++) {
        if (*c == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*c);
    }
    putchar('\'');
}

/* nobody has to reach the program: say which directory is closed to him, if one is. */
static void warn_unreachable(const struct creation *new)
{
    char path[PATH_MAX + 1];
    struct stat status;

    snprintf(path, sizeof path, "%s/", new->absolute);
    for (char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        char saved = slash[1];

        slash[1] = '\0';
        if (stat(path, &status) == 0 && !(status.st_mode & S_IXOTH)) {
            printf("\nBut \"nobody\" cannot enter %s: take another directory (-d), or another user "
                   "in %s.\n",
                   path, new->service);
            return;
        }
        slash[1] = saved;
    }
}

static void tell(const struct creation *new)
{
    printf("Written: ");
    print_word("", new->source);
    print_word(" (the handler) and ", new->service);
    puts(" (its service).");
    if (new->language->suffix) {
        printf("\nBuild it, now and after each change:\n    %s", new->language->build);
        print_word(" ", new->program);
        print_word(" ", new->source);
        putchar('\n');
    }
    print_word("\nTry it on this terminal; Ctrl-D ends it:\n    superctl -c ", new->service);
    printf(" try %s\n", new->name);
    print_word("Check its service:\n    superd --check -c ", new->service);
    puts("");
    if (geteuid() == 0) {
        print_word("Put it live:\n    install -m 644 ", new->service);
        puts(" " SYSCONFDIR "/superd/services.d/ && superctl reload");
        warn_unreachable(new);
        return;
    }
    print_word("Put it live, until Ctrl-C:\n    superd -c ", new->service);
    print_word("\n\nFor good, root does:\n    install -m 644 ", new->service);
    puts(" " SYSCONFDIR "/superd/services.d/ && superctl reload");
}

/* ---- The command ---------------------------------------------------------------------------- */

static int write_files(const struct creation *new)
{
    char user[256], program[PATH_MAX + NAME_LONGEST + 2];
    struct template_value values[] = {{"NAME", new->name},
                                      {"LISTEN", new->listen},
                                      {"PROGRAM", program},
                                      {"USER", user},
                                      {NULL, NULL}};
    mode_t mode = new->language->suffix ? 0666 : 0777;
    int code;

    find_user(user, sizeof user);
    snprintf(program, sizeof program, "%s/%s", strcmp(new->absolute, "/") == 0 ? "" : new->absolute,
             new->name);
    code = template_write(new->templates, new->language->template, values, new->source, mode);
    if (code != CODE_OK)
        return code;
    code = template_write(new->templates, "service.conf", values, new->service, 0666);
    if (code != CODE_OK)
        unlink(new->source);
    return code;
}

int command_new(struct superctl *ctl, int argc, char **argv)
{
    const char *templates = getenv("SUPERD_TEMPLATES");
    struct creation new = {.language = &languages[0],
                           .listen = "127.0.0.1:7000",
                           .templates = templates && *templates ? templates : TEMPLATEDIR};
    int code;

    (void)ctl;
    code = parse(&new, argc, argv);
    if (code == CODE_OK)
        code = find_paths(&new);
    if (code == CODE_OK)
        code = write_files(&new);
    if (code == CODE_OK)
        tell(&new);
    return code;
}
