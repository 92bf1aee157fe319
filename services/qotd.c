/* qotd: a quote, chosen at random each time (RFC 865), on a connection or a datagram socket.  What
 * the peer sends is not looked at. */
#include <config.h>

#include "common/io.h"
#include "common/quotes.h"
#include "common/service.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const char qotd_own[] =
    "Simplicity is prerequisite for reliability.\n    -- Edsger W. Dijkstra\n%\n"
    "The purpose of computing is insight, not numbers.\n    -- Richard W. Hamming\n%\n"
    "There are two ways of constructing a software design: one way is to make it so simple\n"
    "that there are obviously no deficiencies, and the other way is to make it so complicated\n"
    "that there are no obvious deficiencies.\n    -- C. A. R. Hoare\n%\n"
    "Controlling complexity is the essence of computer programming.\n"
    "    -- Brian W. Kernighan\n%\n"
    "The Analytical Engine has no pretensions whatever to originate anything. It can do\n"
    "whatever we know how to order it to perform.\n    -- Ada Lovelace\n%\n"
    "Be conservative in what you do, be liberal in what you accept from others.\n"
    "    -- Jon Postel, RFC 793\n";

/* One of the quotes; its length in *length_r. */
static const char *qotd_choose(const struct quotes *quotes, size_t *length_r)
{
    uint64_t random;

    /* Any number serves; the clock where the kernel has no better one yet. */
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint64_t)time(NULL);
    size_t i = (size_t)(random % quotes->count);
    *length_r = quotes->starts[i + 1] - quotes->starts[i];
    return quotes->text + quotes->starts[i];
}

static int qotd_stream(void *context)
{
    size_t length;
    const char *quote = qotd_choose(context, &length);
    int error = io_write_all(STDOUT_FILENO, quote, length);

    if (error == 0)
        io_linger(STDOUT_FILENO);
    return error;
}

static ssize_t qotd_answer(void *context, const uint8_t *request, size_t length, uint8_t *answer)
{
    const char *quote = qotd_choose(context, &length);

    (void)request;
    memcpy(answer, quote, length);
    return (ssize_t)length;
}

int main(int argc, char **argv)
{
    static const struct service qotd = {
        .name = "qotd",
        .usage = "usage: qotd [-h] [-i SECONDS] [-f FILE]\n"
                 "Send a quote (RFC 865).\n"
                 "  -f FILE     quotes of under 512 characters, with a line % between two\n"
                 "  -i SECONDS  on a datagram socket: exit after so long without a datagram (5)\n",
        .takes_f = true,
        .stream = qotd_stream,
        .answer = qotd_answer,
    };
    struct service_options options;
    struct quotes quotes;

    service_options(&qotd, argc, argv, &options);
    const char *from = options.f != NULL ? options.f : "the list of its own";
    int error = options.f != NULL ? quotes_read(options.f, &quotes)
                                  : quotes_parse(qotd_own, sizeof qotd_own - 1, &quotes);
    if (error < 0) {
        fprintf(stderr, "qotd: %s: %s\n", from, strerror(-error));
        return SERVICE_FAILED;
    }
    int status = SERVICE_FAILED;
    if (quotes.count > 0)
        status = service_run(&qotd, &options, &quotes);
    else
        fprintf(stderr, "qotd: %s: no quote of under 512 characters\n", from);
    quotes_release(&quotes);
    return status;
}
