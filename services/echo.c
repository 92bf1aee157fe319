/* echo: send back what comes (RFC 862), on a connection or a datagram socket.
 * Everything that came before the peer's end is echoed, then the connection is closed. */
#include <config.h>

#include "common/io.h"
#include "common/service.h"

#include <string.h>
#include <unistd.h>

static int echo_stream(void *context)
{
    static char buffer[65536];

    (void)context;
    for (;;) {
        ssize_t n = io_read(STDIN_FILENO, buffer, sizeof buffer);
        if (n <= 0)
            return (int)n;
        int error = io_write_all(STDOUT_FILENO, buffer, (size_t)n);
        if (error < 0)
            return error;
    }
}

static ssize_t echo_answer(void *context, const uint8_t *request, size_t length, uint8_t *answer)
{
    (void)context;
    memcpy(answer, request, length);
    return (ssize_t)length;
}

int main(int argc, char **argv)
{
    static const struct service echo = {
        .name = "echo",
        .usage = "usage: echo [-h] [-i SECONDS]\n"
                 "Send back what comes (RFC 862).\n"
                 "  -i SECONDS  on a datagram socket: exit after so long without a datagram (5)\n",
        .stream = echo_stream,
        .answer = echo_answer,
    };
    struct service_options options;

    service_options(&echo, argc, argv, &options);
    return service_run(&echo, &options, NULL);
}
