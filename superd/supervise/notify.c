/*
 * notify: see notify.h.
 */
#include "supervise/notify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "net/address.h"

static struct address destination; /* length 0: nobody asked */
static char *written;              /* it, as it was given */

void notify_begin(void)
{
    const char *path = getenv("NOTIFY_SOCKET");

    if (path && !address_parse_unix(path, &destination))
        destination.length = 0;
    if (destination.length)
        written = strdup(path);
    unsetenv("NOTIFY_SOCKET");
}

const char *notify_path(void)
{
    return written;
}

void notify_send(const char *state)
{
    int fd;

    if (!destination.length)
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, &destination.sa, destination.length);
    fd_close(&fd);
}

void notify_reloading(void)
{
    char state[64];

    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_now_ns() / 1000);
    notify_send(state);
}

void notify_ready_fd(int fd)
{
    if (fd < 0)
        return;
    /* Whoever gave it may have gone; then there is nobody to tell. */
    if (write(fd, "\n", 1) < 0)
        fd_set_cloexec(fd, true);
    fd_close(&fd);
}
