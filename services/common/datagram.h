/* The answering side of a datagram service, as a handler in `listener` mode has it: the bound
 * socket is handed to us, a datagram waits in it, and the superserver watches it again when we
 * exit. */
#ifndef SERVICES_COMMON_DATAGRAM_H
#define SERVICES_COMMON_DATAGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { DATAGRAM_MAX = 65536 };

/* Make the answer to a REQUEST of LENGTH bytes into ANSWER, which has room for DATAGRAM_MAX.
 * Returns its length, which may be 0, or -1 for no answer at all. */
struct datagram_service {
    ssize_t (*answer)(void *context, const uint8_t *request, size_t length, uint8_t *answer);
    void *context;
};

/* Answer what arrives on FD until nothing has for IDLE_MS milliseconds; each answer goes to the
 * sender, from the address that it had written to.  An answer that cannot be sent is dropped, as
 * datagrams are.  Not answered: datagrams to a broadcast or multicast address, senders without an
 * address, and ports where the answer would start a loop (datagram_port_loops()).
 * Returns 0 when idle, or a negative errno value when the socket is of no use. */
int datagram_serve(int fd, int idle_ms, const struct datagram_service *service);

/* Whether a service at LOCAL_PORT must not answer a sender at PORT: there may be a service that
 * answers our answer, for ever.  A forged sender address is enough to start that. */
bool datagram_port_loops(uint16_t port, uint16_t local_port);

#endif
