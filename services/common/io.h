/* Reading and writing as a handler has to: whole, through interruptions, and quiet about a peer
 * that has left.  For stream sockets, and for the pipes and terminals of a person who tries a
 * handler in a shell.  Depends on libc alone. */
#ifndef SERVICES_COMMON_IO_H
#define SERVICES_COMMON_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum io_kind {
    IO_STREAM,    /* a connection, or anything that is no socket */
    IO_DATAGRAM,  /* a datagram socket */
    IO_LISTENING, /* a stream socket that is not connected but listens */
};

/* What FD is. */
enum io_kind io_kind(int fd);
bool io_is_socket(int fd);

/* Read up to LENGTH bytes, waiting for the first, also where the descriptor is non-blocking.
 * Returns their number, 0 at the end of input, or a negative errno value. */
ssize_t io_read(int fd, void *buffer, size_t length);

/* Write all LENGTH bytes.  Returns 0 or a negative errno value; how much went out before an error
 * is not told, for a stream is of no use after one. */
int io_write_all(int fd, const void *buffer, size_t length);

/* Read one line, up to a line feed or the end of input, for at most TIMEOUT_MS milliseconds in all,
 * so that bytes sent one by one buy no time.  What follows the line may have been read and is
 * dropped: for protocols of one request.  The line, without its CR and LF and not terminated, is in
 * BUFFER. Returns 0 with its length, or -EMSGSIZE when it does not end within CAPACITY bytes,
 * -ETIMEDOUT, -ENODATA when the input ended before its first byte, or another negative errno value.
 */
int io_read_line(int fd, char *buffer, size_t capacity, int timeout_ms, size_t *length_r);

/* Say the end of our output and drop what the peer still sends, until it closes, for two seconds at
 * most.  To be called before a handler exits that did not read its input to the end: closing a
 * socket with unread input resets the connection, and a reset may destroy the answer on its way. */
void io_linger(int fd);

/* Whether ERROR (positive) only says that the peer has left or the network has. */
bool io_peer_left(int error);

/* Milliseconds of a clock that nobody sets. */
int64_t io_clock_ms(void);

#endif
