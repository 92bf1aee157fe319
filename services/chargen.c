/* chargen: characters without end (RFC 864): lines of 72 of the 95 printing characters, each line
 * beginning one further than the one before.
 *
 * On a connection until the peer closes it; what the peer sends is dropped, but read, so that it is
 * never stuck in sending.  On a datagram socket each datagram gets one.  The RFC asks for "a random
 * number (between 0 and 512)" of characters; we take the length of the request, at most 512,
 * because an answer larger than its request makes a host that can be asked in somebody else's name
 * a weapon against that somebody. */
#include <config.h>

#include "common/io.h"
#include "common/service.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    FIRST = ' ',
    PRINTING = 95,
    WIDTH = 72,
    LINE = WIDTH + 2, /* with CR and LF */
    CYCLE = PRINTING * LINE,
    ANSWER_MAX = 512,
};

/* All the lines there are, after which they come again. */
static void fill_cycle(char cycle[CYCLE])
{
    for (int line = 0; line < PRINTING; line++) {
        char *at = cycle + line * LINE;
        for (int i = 0; i < WIDTH; i++)
            at[i] = (char)(FIRST + (line + i) % PRINTING);
        memcpy(at + WIDTH, "\r\n", 2);
    }
}

/* Send what the socket takes, and drop what came.  0 or a negative errno value; *watch_r loses
 * POLLIN when the peer has ended its output, which is no reason to end ours. */
static int turn(const char *cycle, size_t *offset, short *watch)
{
    char dropped[4096];
    struct pollfd p = {.fd = STDOUT_FILENO, .events = *watch};

    if (poll(&p, 1, -1) < 0)
        return errno == EINTR ? 0 : -errno;
    if ((p.revents & POLLIN) != 0) {
        ssize_t n = recv(STDOUT_FILENO, dropped, sizeof dropped, MSG_DONTWAIT);
        if (n == 0)
            *watch &= (short)~POLLIN;
        else if (n < 0 && errno != EINTR && errno != EAGAIN)
            return -errno;
    }
    if ((p.revents & (POLLOUT | POLLERR | POLLHUP)) != 0) {
        ssize_t n = send(STDOUT_FILENO, cycle + *offset, CYCLE - *offset, MSG_DONTWAIT);
        if (n >= 0)
            *offset = (*offset + (size_t)n) % CYCLE;
        else if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
    return 0;
}

static int chargen_stream(void *context)
{
    const char *cycle = context;
    size_t offset = 0;
    short watch = POLLIN | POLLOUT;
    int error = 0;

    /* A pipe or a terminal: nothing to read that could hold up the other side. */
    while (error == 0 && !io_is_socket(STDOUT_FILENO))
        error = io_write_all(STDOUT_FILENO, cycle, CYCLE);
    while (error == 0)
        error = turn(cycle, &offset, &watch);
    return error;
}

static ssize_t chargen_answer(void *context, const uint8_t *request, size_t length, uint8_t *answer)
{
    (void)request;
    if (length > ANSWER_MAX)
        length = ANSWER_MAX;
    memcpy(answer, context, length);
    return (ssize_t)length;
}

int main(int argc, char **argv)
{
    static const struct service chargen = {
        .name = "chargen",
        .usage = "usage: chargen [-h] [-i SECONDS]\n"
                 "Send characters until the connection is closed (RFC 864).\n"
                 "  -i SECONDS  on a datagram socket: exit after so long without a datagram (5)\n",
        .stream = chargen_stream,
        .answer = chargen_answer,
    };
    static char cycle[CYCLE];
    struct service_options options;

    service_options(&chargen, argc, argv, &options);
    fill_cycle(cycle);
    return service_run(&chargen, &options, cycle);
}
