/* daytime: the date and time for people (RFC 867), one line and the end, on a connection or a
 * datagram socket.  What the peer sends is not looked at. */
#include <config.h>

#include "common/io.h"
#include "common/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The first of the two forms that the RFC proposes. */
static const char daytime_default[] = "%A, %B %e, %Y %H:%M:%S-%Z";

enum { LINE_MAX_LENGTH = 512 };

/* The line with its CR and LF.  Its length, or a negative errno value. */
static ssize_t daytime_line(const char *format, char line[LINE_MAX_LENGTH])
{
    time_t now = time(NULL);
    struct tm parts;

    if (localtime_r(&now, &parts) == NULL)
        return -EOVERFLOW;
        /* The format is the administrator's, from the command line; strftime takes any safely. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    size_t length = strftime(line, LINE_MAX_LENGTH - 2, format, &parts);
#pragma GCC diagnostic pop
    if (length == 0)
        return -EMSGSIZE;
    memcpy(line + length, "\r\n", 2);
    return (ssize_t)length + 2;
}

static int daytime_stream(void *context)
{
    char line[LINE_MAX_LENGTH];
    ssize_t length = daytime_line(context, line);

    if (length < 0)
        return (int)length;
    int error = io_write_all(STDOUT_FILENO, line, (size_t)length);
    if (error == 0)
        io_linger(STDOUT_FILENO);
    return error;
}

static ssize_t daytime_answer(void *context, const uint8_t *request, size_t length, uint8_t *answer)
{
    char line[LINE_MAX_LENGTH];

    (void)request;
    (void)length;
    ssize_t n = daytime_line(context, line);
    if (n > 0)
        memcpy(answer, line, (size_t)n);
    return n;
}

int main(int argc, char **argv)
{
    static const struct service daytime = {
        .name = "daytime",
        .usage = "usage: daytime [-h] [-i SECONDS] [-f FORMAT]\n"
                 "Tell the date and time (RFC 867).\n"
                 "  -f FORMAT   as strftime(3) has it (%A, %B %e, %Y %H:%M:%S-%Z)\n"
                 "  -i SECONDS  on a datagram socket: exit after so long without a datagram (5)\n",
        .takes_f = true,
        .stream = daytime_stream,
        .answer = daytime_answer,
    };
    struct service_options options;
    char line[LINE_MAX_LENGTH];
    char format[LINE_MAX_LENGTH];

    service_options(&daytime, argc, argv, &options);
    /* A copy, for the context is not const and must not be somebody's string. */
    int n = snprintf(format, sizeof format, "%s", options.f != NULL ? options.f : daytime_default);
    if (n < 0 || (size_t)n >= sizeof format || daytime_line(format, line) < 0) {
        fprintf(stderr, "daytime: -f gives an empty line or one over %d characters\n",
                LINE_MAX_LENGTH - 2);
        return SERVICE_USAGE;
    }
    return service_run(&daytime, &options, format);
}
