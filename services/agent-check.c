/*
 * agent-check: tells HAProxy how a service of superd does, in its agent-check protocol (HAProxy's
 * Configuration Manual, "agent-check"): one line on the connection, and the end.
 *
 *     agent-check [-w] [-s socket] service
 *
 * What HAProxy says (agent-send) is not read; the answer is the same for everybody.  After a word
 * such as "drain" HAProxy keeps to it until it hears "ready", so that goes with every "up".
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "status/ask.h"

enum {
    EXIT_USAGE = 2,
    PATIENCE_MS = 2000, /* HAProxy waits for an agent as long as "timeout check", or the interval */
    LINGER_MS = 1000,
    LINE_SIZE = 256, /* with room for the newline */
};

static const char usage_text[] =
    "usage: agent-check [-w] [-s socket] service\n"
    "  -w  say a weight, too: how much of the service's limit of instances is free\n"
    "  -s  superd's control socket ($SUPERD_CONTROL, or " RUNSTATEDIR "/superd/control.sock)\n";

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(word, *words) == 0)
            return true;
    }
    return false;
}

static const char *word_of(const json_t *object, const char *key)
{
    const char *word = json_string_value(json_object_get(object, key));

    return word ? word : "";
}

/* What is left of the limit, in percent.  Never 0: for HAProxy that is "drain", and where all are full
 * a client waits better in a queue of superd's than it is turned away. */
static int weight_of(const json_t *service)
{
    json_int_t live = json_integer_value(json_object_get(service, "live"));
    json_int_t limit = json_integer_value(json_object_get(service, "limit"));

    if (limit <= 0 || live < 0)
        return 100;
    return live >= limit ? 1 : (int)((limit - live) * 99 / limit) + 1;
}

/* The line, without its end, for a service as `show` tells it and the daemon as `status` does. */
static void decide(const json_t *service, const json_t *daemon, bool weight, char line[LINE_SIZE])
{
    static const char *const leaving[] = {"paused", "draining", "removed", NULL};
    static const char *const stopping[] = {"paused", "draining", "stopping", "terminating", NULL};
    const char *state = word_of(service, "state");

    if (is_one_of(word_of(daemon, "state"), stopping) || is_one_of(state, leaving))
        snprintf(line, LINE_SIZE, "drain");
    else if (strcmp(state, "throttled") == 0)
        snprintf(line, LINE_SIZE, "down #launches fail");
    else if (weight)
        snprintf(line, LINE_SIZE, "up ready %d%%", weight_of(service));
    else
        snprintf(line, LINE_SIZE, "up ready");
}

/* Without superd's word nobody knows: "fail".  A description may be any text up to the line's end. */
static void find_out(const char *path, const char *name, bool weight, char line[LINE_SIZE])
{
    struct ask ask;
    json_t *service = NULL, *status = NULL;

    if (ask_open(&ask, path, PATIENCE_MS)) {
        service = ask_superd(&ask, json_pack("{s:s, s:s}", "command", "show", "service", name));
        if (service)
            status = ask_superd(&ask, json_pack("{s:s, s:i}", "command", "status", "limit", 1));
    }
    if (service && status) {
        decide(service, json_object_get(status, "daemon"), weight, line);
    } else {
        fprintf(stderr, "agent-check: %s: %s\n", name, ask.why);
        snprintf(line, LINE_SIZE, "fail #%.200s", ask.why);
        for (char *c = line; *c; c++) {
            if (*c < ' ' || *c > '~')
                *c = '?';
        }
    }
    json_decref(service);
    json_decref(status);
    ask_close(&ask);
}

/* A close with unread input sends a reset, which may overtake the line: end our side and let the
 * client close, within bounds. */
static void finish(void)
{
    const struct timeval patience = {.tv_sec = LINGER_MS / 1000};
    char unread[1024];

    if (shutdown(STDOUT_FILENO, SHUT_WR) != 0 ||
        setsockopt(STDIN_FILENO, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
        return;
    for (int i = 0; i < 64 && recv(STDIN_FILENO, unread, sizeof unread, 0) > 0; i++)
        ;
}

static bool say(const char *line)
{
    size_t length = strlen(line);

    while (length > 0) {
        ssize_t count = write(STDOUT_FILENO, line, length);

        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0) {
            line += count;
            length -= (size_t)count;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    char line[LINE_SIZE];
    bool weight = false, usable = true;
    int letter;

    while ((letter = getopt(argc, argv, "s:w")) != -1) {
        if (letter == 's')
            path = optarg;
        else if (letter == 'w')
            weight = true;
        else
            usable = false;
    }
    if (!usable || optind + 1 != argc) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    signal(SIGPIPE, SIG_IGN); /* a client that left must not show as a signal in the log */
    find_out(ask_path(path), argv[optind], weight, line);
    strcat(line, "\n");
    if (say(line))
        finish();
    return EXIT_SUCCESS;
}
