/* discard: read and forget (RFC 863), on a connection or a datagram socket.  Never answers. */
#include <config.h>

#include "common/io.h"
#include "common/service.h"

#include <unistd.h>

static int discard_stream(void *context)
{
    static char buffer[65536];
    ssize_t n;

    (void)context;
    while ((n = io_read(STDIN_FILENO, buffer, sizeof buffer)) > 0)
        ;
    return (int)n;
}

int main(int argc, char **argv)
{
    static const struct service discard = {
        .name = "discard",
        .usage = "usage: discard [-h] [-i SECONDS]\n"
                 "Read and forget what comes (RFC 863).\n"
                 "  -i SECONDS  on a datagram socket: exit after so long without a datagram (5)\n",
        .stream = discard_stream,
    };
    struct service_options options;

    service_options(&discard, argc, argv, &options);
    return service_run(&discard, &options, NULL);
}
