/* The frame of a small service: its options, whether it got a connection or a datagram socket, and
 * its exit status.  See superd-handler(7) for the contract. */
#ifndef SERVICES_COMMON_SERVICE_H
#define SERVICES_COMMON_SERVICE_H

#include "datagram.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    SERVICE_OK = 0,
    SERVICE_FAILED = 1, /* the system did not do its part */
    SERVICE_USAGE = 2,  /* bad options, or a socket of the wrong kind */
};

struct service {
    const char *name;  /* for messages */
    const char *usage; /* what -h prints */
    bool takes_f;      /* has an option -f VALUE */
    /* Serve the connection at descriptors 0 and 1.  0 or a negative errno value. */
    int (*stream)(void *context);
    /* See struct datagram_service; NULL takes and drops. */
    ssize_t (*answer)(void *context, const uint8_t *request, size_t length, uint8_t *answer);
};

struct service_options {
    int idle_ms;   /* -i SECONDS */
    const char *f; /* -f VALUE, NULL when not given */
};

/* Read the command line; does not return after -h or a mistake. */
void service_options(const struct service *service, int argc, char **argv,
                     struct service_options *options_r);

/* Print USAGE and exit: to standard output with 0 where it was asked for, else to standard error.
 */
_Noreturn void service_usage(const char *usage, bool asked);

/* TEXT as a decimal number from 0 to MAX; false when it is none. */
bool service_number(const char *text, unsigned max, unsigned *number_r);

/* What every handler does first: a peer that left must show as EPIPE, not end us by a signal. */
void service_prepare(void);

/* Whether descriptor 0 can be a connection; when it cannot, says so in NAME's name. */
bool service_has_connection(const char *name);

/* Serve what descriptor 0 is.  Returns the exit status. */
int service_run(const struct service *service, const struct service_options *options,
                void *context);

/* The exit status for RESULT, 0 or a negative errno value, with a line to standard error where
 * there is something to tell: a peer that has left is not worth one. */
int service_status(const char *name, int result);

#endif
