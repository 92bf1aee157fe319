/*
 * connect: reach HOST:PORT before a deadline, name lookup included.
 */
#ifndef WIRE_CONNECT_H
#define WIRE_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

enum { WIRE_HOST_SIZE = 256, WIRE_PORT_SIZE = 32 };

struct wire_address {
    char host[WIRE_HOST_SIZE];
    char port[WIRE_PORT_SIZE]; /* a number or a name of services(5) */
};

/* Take "host:port", "192.0.2.1:7000" or "[2001:db8::1]:7000" apart. */
bool wire_address_parse(const char *text, struct wire_address *address_r);

/* Connect by TCP. Returns a close-on-exec, non-blocking descriptor or -errno: -ETIMEDOUT when the
 * deadline (of io_clock_ms) passed, -ENOENT when the name has no address, else the last attempt's. */
int wire_connect(const struct wire_address *address, int64_t deadline);

/* For a request and answer of few bytes each: send at once. Not a socket, not TCP: no effect. */
void wire_no_delay(int fd);

#endif
