/*
 * socket: the clock and the sockets of the load generator; see load.h.
 */
#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

uint64_t load_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int load_socket(const struct load_plan *plan, uint64_t ticket)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (plan->sources == 0) {
        return fd;
    }
    /* Let connect() choose the port: ports are then unique by connection, not by source address. */
    int on = 1;
    struct sockaddr_in source = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(plan->first_source + (in_addr_t)(ticket % plan->sources)),
    };
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&source, sizeof(source)) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}
