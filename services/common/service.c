#include <config.h>

#include "io.h"
#include "service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IDLE_DEFAULT_SECONDS = 5, IDLE_MAX_SECONDS = 86400 };

_Noreturn void service_usage(const char *usage, bool asked)
{
    fputs(usage, asked ? stdout : stderr);
    exit(asked ? SERVICE_OK : SERVICE_USAGE);
}

bool service_number(const char *text, unsigned max, unsigned *number_r)
{
    char *end;

    /* strtoul takes blanks and signs, which are no digits. */
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || value > max)
        return false;
    *number_r = (unsigned)value;
    return true;
}

void service_options(const struct service *service, int argc, char **argv,
                     struct service_options *options_r)
{
    struct service_options options = {.idle_ms = IDLE_DEFAULT_SECONDS * 1000};
    unsigned seconds;
    int option;

    while ((option = getopt(argc, argv, service->takes_f ? "+hi:f:" : "+hi:")) != -1) {
        switch (option) {
        case 'h':
            service_usage(service->usage, true);
        case 'i':
            if (!service_number(optarg, IDLE_MAX_SECONDS, &seconds)) {
                fprintf(stderr, "%s: -i wants seconds from 0 to %d, not \"%s\"\n", service->name,
                        IDLE_MAX_SECONDS, optarg);
                exit(SERVICE_USAGE);
            }
            options.idle_ms = (int)seconds * 1000;
            break;
        case 'f':
            options.f = optarg;
            break;
        default:
            service_usage(service->usage, false);
        }
    }
    if (optind < argc)
        service_usage(service->usage, false);
    *options_r = options;
}

void service_prepare(void)
{
    signal(SIGPIPE, SIG_IGN);
}

int service_status(const char *name, int result)
{
    if (result >= 0 || io_peer_left(-result))
        return SERVICE_OK;
    fprintf(stderr, "%s: %s\n", name, strerror(-result));
    return SERVICE_FAILED;
}

bool service_has_connection(const char *name)
{
    enum io_kind kind = io_kind(STDIN_FILENO);

    if (kind == IO_STREAM)
        return true;
    fprintf(stderr, "%s: descriptor 0 is a %s socket, not a connection; see mode in the service\n",
            name, kind == IO_LISTENING ? "listening" : "datagram");
    return false;
}

int service_run(const struct service *service, const struct service_options *options, void *context)
{
    struct datagram_service datagrams = {service->answer, context};

    service_prepare();
    if (io_kind(STDIN_FILENO) == IO_DATAGRAM)
        return service_status(service->name,
                              datagram_serve(STDIN_FILENO, options->idle_ms, &datagrams));
    if (!service_has_connection(service->name))
        return SERVICE_USAGE;
    return service_status(service->name, service->stream(context));
}
