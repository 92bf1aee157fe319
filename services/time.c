/* time: the time for machines (RFC 868), four bytes and the end, on a connection or a datagram
 * socket.  What the peer sends is not looked at. */
#include <config.h>

#include "common/io.h"
#include "common/rfc868.h"
#include "common/service.h"

#include <time.h>
#include <unistd.h>

static int time_stream(void *context)
{
    uint8_t wire[4];

    (void)context;
    rfc868_encode(time(NULL), wire);
    int error = io_write_all(STDOUT_FILENO, wire, sizeof wire);
    if (error == 0)
        io_linger(STDOUT_FILENO);
    return error;
}

static ssize_t time_answer(void *context, const uint8_t *request, size_t length, uint8_t *answer)
{
    (void)context;
    (void)request;
    (void)length;
    rfc868_encode(time(NULL), answer);
    return 4;
}

int main(int argc, char **argv)
{
    static const struct service service = {
        .name = "time",
        .usage = "usage: time [-h] [-i SECONDS]\n"
                 "Tell the seconds since 1900, 32 bits, most significant byte first (RFC 868).\n"
                 "  -i SECONDS  on a datagram socket: exit after so long without a datagram (5)\n",
        .stream = time_stream,
        .answer = time_answer,
    };
    struct service_options options;

    service_options(&service, argc, argv, &options);
    return service_run(&service, &options, NULL);
}
