/*
 * The connected descriptors: reading, writing and sending files with a limit on the time each may
 * take, and a close that lets the last answer arrive.
 *
 * Knows nothing of HTTP.  All times are milliseconds of the monotonic clock.
 */
#ifndef PAGE_CONNECTION_H
#define PAGE_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct connection {
    int in;             /* where requests come from; not owned */
    int out;            /* where answers go; usually the same socket; not owned */
    bool out_is_socket; /* send() with flags works on it */
    int64_t stall_ms;   /* give up when the peer takes nothing for this long */
    uint64_t sent;      /* bytes handed to the kernel since the start */
};

/* Now, on the clock that all deadlines here are on. */
int64_t connection_now(void);

/*
 * Takes the descriptors as a superserver hands them over.  Sockets are made non-blocking (they are
 * this process's alone); pipes and terminals, which others may share, are left as they are.
 */
void connection_init(struct connection *connection, int in, int out, int64_t stall_ms);

/* Reads what is there, at most `size` bytes, waiting until `deadline`.  Returns the count, 0 at the
 * end of input, -ETIMEDOUT, or another negative errno value. */
ssize_t connection_read(struct connection *connection, void *to, size_t size, int64_t deadline);

/* Writes all of it.  `more` says that something follows at once, so that the kernel may fill its
 * packets.  Returns 0, -ETIMEDOUT when the peer stalled, or another negative errno value. */
int connection_write(struct connection *connection, const void *from, size_t size, bool more);

/* Sends `length` bytes of the file from `offset` without copying them through this process (where
 * the file system cannot, by copying).  Returns 0, -ENODATA when the file became shorter meanwhile,
 * or as connection_write(). */
int connection_send_file(struct connection *connection, int file, off_t offset, uint64_t length);

/*
 * Ends our side and swallows what the peer still sends, within bounds, until it closes: a close
 * with unread input makes the kernel send a reset, and that may destroy the answer on its way (RFC
 * 9112 section 9.6).
 */
void connection_linger(struct connection *connection);

#endif
