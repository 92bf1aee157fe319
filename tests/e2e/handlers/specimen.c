/*
 * specimen: see specimen.h. Here: the modes of a handler that is given a connection.
 *
 *     report             what this process is
 *     cat                give back what comes, until the end
 *     count              read to the end, then say how many bytes came
 *     write N            N bytes
 *     say TEXT           TEXT, as a line
 *     exit N             end with status N
 *     signal N           end by signal N
 *     wait               say "waiting", then wait for the client's end
 *     sleep              say "sleeping", then sleep for ever
 *     stubborn           the same, and ignore SIGTERM
 *     deaf               say "deaf", read nothing, end when the connection is reset
 *     orphan             leave a process of its own session behind, say its number, end
 *     orphan-wait        the same, but sleep for ever
 *     killpg             say "killing", then kill the own process group
 *     stderr TEXT...     one line a text, with printf's escapes
 *     stderr-long N      one line of 4N bytes, then the line "after"
 *     stderr-flood N     N lines to standard error, then "done" to the client
 *     stderr-close       close standard error, then go on as cat
 */
#include "specimen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void specimen_write(int fd, const void *bytes, unsigned long length)
{
    const char *at = bytes;

    while (length) {
        ssize_t n = write(fd, at, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        at += n;
        length -= (unsigned long)n;
    }
}

static void say(const char *text)
{
    specimen_write(STDOUT_FILENO, text, strlen(text));
}

_Noreturn void specimen_sleep(void)
{
    for (;;)
        pause();
}

static int mode_cat(int argc, char **argv)
{
    char bytes[65536];
    ssize_t n;

    (void)argc;
    (void)argv;
    while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        specimen_write(STDOUT_FILENO, bytes, (size_t)n);
    return n < 0;
}

static int mode_count(int argc, char **argv)
{
    unsigned long long total = 0;
    char bytes[65536], text[32];
    ssize_t n;

    (void)argc;
    (void)argv;
    while ((n = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        total += (unsigned long long)n;
    snprintf(text, sizeof text, "%llu\n", total);
    say(text);
    return n < 0;
}

static int mode_write(int argc, char **argv)
{
    unsigned long left = argc > 0 ? strtoul(argv[0], NULL, 10) : 0;
    static char bytes[65536];

    memset(bytes, 'x', sizeof bytes);
    while (left) {
        unsigned long part = left < sizeof bytes ? left : sizeof bytes;

        specimen_write(STDOUT_FILENO, bytes, part);
        left -= part;
    }
    return 0;
}

static int mode_say(int argc, char **argv)
{
    if (argc > 0)
        say(argv[0]);
    say("\n");
    return 0;
}

static int mode_exit(int argc, char **argv)
{
    return argc > 0 ? atoi(argv[0]) : 0;
}

static int mode_signal(int argc, char **argv)
{
    int number = argc > 0 ? atoi(argv[0]) : SIGABRT;

    signal(number, SIG_DFL);
    raise(number);
    return 99;
}

static int mode_wait(int argc, char **argv)
{
    char byte;

    (void)argc;
    (void)argv;
    say("waiting\n");
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    return 0;
}

static int mode_sleep(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    say("sleeping\n");
    specimen_sleep();
}

static int mode_stubborn(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    signal(SIGTERM, SIG_IGN);
    say("sleeping\n");
    specimen_sleep();
}

static int mode_deaf(int argc, char **argv)
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = 0};

    (void)argc;
    (void)argv;
    say("deaf\n");
    poll(&wait, 1, -1);
    return 0;
}

/* Twice forked, in a session of its own, without the connection: only its environment tells. */
static void leave_orphan(void)
{
    int pair[2];
    pid_t pid;
    char text[32];
    ssize_t n;

    if (pipe(pair) != 0)
        exit(1);
    pid = fork();
    if (pid == 0) {
        setsid();
        if (fork() != 0)
            _exit(0);
        n = snprintf(text, sizeof text, "%d\n", (int)getpid());
        specimen_write(pair[1], text, (size_t)n);
        for (int fd = 0; fd < 16; fd++)
            close(fd);
        specimen_sleep();
    }
    close(pair[1]);
    n = read(pair[0], text, sizeof text);
    if (n > 0)
        specimen_write(STDOUT_FILENO, text, (size_t)n);
    close(pair[0]);
}

static int mode_orphan(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    leave_orphan();
    return 0;
}

static int mode_orphan_wait(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    leave_orphan();
    specimen_sleep();
}

static int mode_killpg(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    say("killing\n");
    kill(0, SIGTERM);
    specimen_sleep();
}

/* One text with \n, \r, \xHH and \\ as printf(1) has them; no newline of its own. */
static void write_escaped(int fd, const char *text)
{
    for (; *text; text++) {
        char byte = *text;

        if (byte == '\\' && text[1] == 'x' && text[2] && text[3]) {
            const char digits[] = {text[2], text[3], '\0'};

            byte = (char)strtoul(digits, NULL, 16);
            text += 3;
        } else if (byte == '\\' && text[1]) {
            text++;
            byte = *text == 'n' ? '\n' : *text == 'r' ? '\r' : *text;
        }
        specimen_write(fd, &byte, 1);
    }
}

static int mode_stderr(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        write_escaped(STDERR_FILENO, argv[i]);
        if (i + 1 < argc)
            specimen_write(STDERR_FILENO, "\n", 1);
    }
    return 0;
}

/* One line of N times "long". */
static int mode_stderr_long(int argc, char **argv)
{
    unsigned long n = argc > 0 ? strtoul(argv[0], NULL, 10) : 0;

    while (n--)
        specimen_write(STDERR_FILENO, "long", 4);
    specimen_write(STDERR_FILENO, "\nafter\n", 7);
    return 0;
}

static int mode_stderr_flood(int argc, char **argv)
{
    unsigned long n = argc > 0 ? strtoul(argv[0], NULL, 10) : 0;
    char line[128];

    for (unsigned long i = 0; i < n; i++) {
        int length = snprintf(line, sizeof line, "line %lu of a handler that complains a lot\n", i);

        specimen_write(STDERR_FILENO, line, (size_t)length);
    }
    say("done\n");
    return 0;
}

static int mode_stderr_close(int argc, char **argv)
{
    close(STDERR_FILENO);
    return mode_cat(argc, argv);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        specimen_mode *mode;
    } modes[] = {
        {"cat", mode_cat},
        {"count", mode_count},
        {"write", mode_write},
        {"say", mode_say},
        {"exit", mode_exit},
        {"signal", mode_signal},
        {"wait", mode_wait},
        {"sleep", mode_sleep},
        {"stubborn", mode_stubborn},
        {"deaf", mode_deaf},
        {"orphan", mode_orphan},
        {"orphan-wait", mode_orphan_wait},
        {"killpg", mode_killpg},
        {"stderr", mode_stderr},
        {"stderr-long", mode_stderr_long},
        {"stderr-flood", mode_stderr_flood},
        {"stderr-close", mode_stderr_close},
    };
    const char *name = argc > 1 ? argv[1] : "report";
    specimen_mode *mode = specimen_listener_mode(name);

    if (strcmp(name, "report") == 0)
        return specimen_report(argc, argv);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(name, modes[i].name) == 0)
            mode = modes[i].mode;
    }
    if (!mode) {
        fprintf(stderr, "specimen: no mode is called %s\n", name);
        return 64;
    }
    return mode(argc - 2, argv + 2);
}
