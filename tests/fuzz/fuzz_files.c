/*
 * Fuzz target: the request and greeting parsers of services/files, and lines out of a stream as
 * services/wire cuts them. The first byte chooses.
 */
#include "files/protocol.h"

#include "common/io.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): this must hold in every build. */
static void demand(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz_files: broken: %s\n", what);
        abort();
    }
}

static void fuzz_request(char *line, size_t length)
{
    struct files_request request;

    if (!files_request_parse(line, length, &request))
        return;
    demand((request.verb == FILES_LIST) == (request.name[0] == '\0'), "a name");
    demand(!strchr(request.name, '/') && request.name[0] != '.' && request.name[0] != '-',
           "no way out of the directory");
    demand(request.size >= 0 && request.size <= FILES_SIZE_MAX, "size");
    demand(strlen(request.digest) == (request.verb == FILES_PUT ? DIGEST_TEXT - 1 : 0), "digest");
    demand(files_body_ms(request.size) > 0, "a time for the body");
}

/* Every line that is handed out stands in the stream, in order, and none without its end. */
static void fuzz_stream(const uint8_t *data, size_t size)
{
    struct wire wire;
    char line[WIRE_LINE_MAX];
    size_t length, at = 0;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        abort();
    demand(send(pair[0], data, size, MSG_DONTWAIT) == (ssize_t)size, "the socket takes it");
    close(pair[0]);
    wire_begin(&wire, pair[1], pair[1]);
    wire.deadline = io_clock_ms() + 10000;
    while (wire_read_line(&wire, line, &length) == WIRE_OK) {
        demand(length < WIRE_LINE_MAX && line[length] == '\0', "length");
        demand(at + length < size && memcmp(data + at, line, length) == 0, "the stream's bytes");
        at += length;
        at += data[at] == '\r';
        demand(at < size && data[at] == '\n', "a line has an end");
        at++;
    }
    demand(size - at >= WIRE_LINE_MAX || !memchr(data + at, '\n', size - at), "no line is lost");
    close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *line;

    if (size < 2 || size > 16384)
        return 0;
    if (data[0] % 3 == 2) {
        fuzz_stream(data + 1, size - 1);
        return 0;
    }
    line = malloc(size); /* exactly: one byte too far is found */
    if (!line)
        return 0;
    memcpy(line, data + 1, size - 1);
    line[size - 1] = '\0';
    if (data[0] % 3 == 0)
        fuzz_request(line, size - 1);
    else
        (void)files_greeting_parse(line, size - 1);
    free(line);
    return 0;
}
