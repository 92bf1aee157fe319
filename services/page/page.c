/*
 * page: static files over HTTP/1.1 from a directory, as a handler of an inetd-style superserver.
 *
 *     page [options] directory
 *
 * Descriptors 0 and 1 are the connection (a socket of any family, or anything that can be read and
 * written), 2 is the log.  One process serves one connection and ends with it: when the client
 * leaves, is silent for too long, or has had its share of requests.  It needs no superserver in
 * particular, and this folder uses nothing of superd's.
 *
 * The parts: connection (descriptors and time), request (llhttp; its header says why that parser),
 * target, range, date, validator, type (what the words of HTTP mean; no I/O), file and listing (the
 * directory), reply (answers), http (requests and answers in turn).
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "http.h"

enum {
    EXIT_USAGE = 2,
    NUMBER_MAX = 86400, /* for every option that takes one */
};

static const char usage_text[] =
    "usage: page [-alv] [-k seconds] [-n requests] [-t seconds] [-w seconds] directory\n"
    "  -a  serve names that begin with a dot, too\n"
    "  -l  list directories that have no index.html\n"
    "  -v  write one line to standard error for each request\n"
    "  -k  wait so long for another request (15)\n"
    "  -n  answer so many requests on one connection (100)\n"
    "  -t  let a request take so long to arrive (20)\n"
    "  -w  give up when the client takes nothing for so long (30)\n";

static bool parse_number(const char *text, int64_t *number_r)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < 1 || number > NUMBER_MAX)
        return false;
    *number_r = (int64_t)number;
    return true;
}

/* False when the letter takes a number and this is none. */
static bool take_option(struct options *options, int letter, const char *argument)
{
    int64_t number = 0;
    if (argument != NULL && !parse_number(argument, &number)) {
        fprintf(stderr, "page: -%c takes a number from 1 to %d, not \"%s\"\n", letter, NUMBER_MAX,
                argument);
        return false;
    }
    switch (letter) {
    case 'a':
        options->dot_files = true;
        return true;
    case 'l':
        options->listing = true;
        return true;
    case 'v':
        options->log = true;
        return true;
    case 'k':
        options->idle_ms = number * 1000;
        return true;
    case 'n':
        options->max_requests = (unsigned)number;
        return true;
    case 't':
        options->request_ms = number * 1000;
        return true;
    case 'w':
        options->stall_ms = number * 1000;
        return true;
    default:
        return false;
    }
}

/* Bytes that could forge or break a line of the log are written as \xHH. */
static void write_quoted(FILE *line, const struct span *text, size_t most)
{
    size_t length = text->length < most ? text->length : most;
    fputc('"', line);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text->at[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            fprintf(line, "\\x%02x", c);
        else
            fputc(c, line);
    }
    fputs(length < text->length ? "...\"" : "\"", line);
}

/* Where superservers say who the client is: superd and tcpserver, superd, xinetd. */
static const char *const peer_names[] = {"TCPREMOTEIP", "REMOTE_ADDR", "REMOTE_HOST"};

/* PEER "REQUEST LINE" STATUS CONTENT-BYTES MILLISECONDS, and why it did not get through.  One write
 * for a line, so that lines of several processes do not mix. */
static void log_exchange(const struct exchange *exchange, int64_t began)
{
    char text[4096];
    const char *peer = NULL;
    for (size_t i = 0; peer == NULL && i < sizeof peer_names / sizeof *peer_names; i++)
        peer = getenv(peer_names[i]);
    FILE *line = fmemopen(text, sizeof text, "w");
    if (line == NULL)
        return;
    fprintf(line, "%s ", peer != NULL ? peer : "-");
    write_quoted(line, &exchange->request->line, 800);
    fprintf(line, " %d %" PRIu64 " %" PRId64 "ms", exchange->status, exchange->length,
            connection_now() - began);
    if (exchange->error != 0)
        fprintf(line, " broken: %s", strerror(-exchange->error));
    fputc('\n', line);
    long length = ftell(line);
    fclose(line);
    if (length > 0)
        (void)!write(STDERR_FILENO, text, (size_t)length);
}

static void answer(void *data, struct exchange *exchange, int refusal)
{
    const struct options *options = data;
    int64_t began = connection_now();
    exchange->options = options;
    if (refusal != 0)
        reply_status(exchange, refusal, "");
    else if (exchange->request->method == REQUEST_OTHER)
        reply_status(exchange, 405, "Allow: GET, HEAD\r\n");
    else
        file_answer(exchange);
    if (options->log)
        log_exchange(exchange, began);
}

int main(int argc, char **argv)
{
    struct options options = {
        .root = -1,
        .max_requests = 100,
        .idle_ms = 15000,
        .request_ms = 20000,
        .stall_ms = 30000,
    };
    int letter;
    bool usable = true;
    while (usable && (letter = getopt(argc, argv, "alvk:n:t:w:")) != -1)
        usable = take_option(&options, letter, strchr("alv?", letter) == NULL ? optarg : NULL);
    if (!usable || optind + 1 != argc) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    options.root = open(argv[optind], O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (options.root < 0) {
        fprintf(stderr, "page: %s: %s\n", argv[optind], strerror(errno));
        return EXIT_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN); /* sendfile() has no MSG_NOSIGNAL */
    struct connection connection;
    connection_init(&connection, STDIN_FILENO, STDOUT_FILENO, options.stall_ms);
    const struct http_settings settings = {
        .server = "superd-page",
        .max_requests = options.max_requests,
        .idle_ms = options.idle_ms,
        .request_ms = options.request_ms,
        .data = &options,
        .answer = answer,
    };
    http_serve(&settings, &connection);
    return EXIT_SUCCESS;
}
