/*
 * wire: the two ends of a line protocol with deadlines. Used by the handlers and clients of
 * services/bank and services/files, on a connected socket of any blocking mode and, so that a
 * handler can be tried by hand, on a terminal or a pipe.
 *
 * What must hold: no call waits past `deadline`, memory is bounded by struct wire, and a line that
 * was cut off by the end of the stream is never handed out (half an amount is another amount).
 * Depends on nothing but libc.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/patience.h"

enum {
    WIRE_LINE_MAX = 512, /* bytes of a line with its line feed; both protocols say so */
    WIRE_BUFFER = 4096,
};

enum wire_status {
    WIRE_OK,
    WIRE_END,      /* the peer ended the stream, or reset it */
    WIRE_TIMEOUT,  /* the deadline passed */
    WIRE_TOO_LONG, /* a line without end: nothing sensible can follow */
    WIRE_FAILED,   /* the system said no; errno tells */
    WIRE_STATUS_MAX,
};

struct wire {
    int in;           /* read from; the caller's */
    int out;          /* written to; the caller's, often the same */
    int64_t deadline; /* io_clock_ms() time at which every wait below gives up; set by the caller */
    size_t begin;     /* what is read and not yet handed out is buffer[begin..end) */
    size_t end;
    size_t unsent; /* what is waiting in `output` */
    char buffer[WIRE_BUFFER];
    char output[WIRE_BUFFER];
};

/* Begin on two connected descriptors, which stay the caller's. The deadline is set to now. */
void wire_begin(struct wire *wire, int in, int out);

/* Send what is waiting, then wait until there is something to read. WIRE_END at the end. */
enum wire_status wire_wait(struct wire *wire);

/* Read one line into LINE, without its line feed or CR LF, with a closing NUL that *LENGTH_R does
 * not count; a NUL inside is kept, so compare the length. Sends what is waiting first. */
enum wire_status wire_read_line(struct wire *wire, char line[WIRE_LINE_MAX], size_t *length_r);

/* A handler's wait for the next request: what is queued must be taken within line_ms, the request
 * begin within idle_ms, and its line then end within line_ms, however its bytes come. */
enum wire_status wire_next_line(struct wire *wire, const struct patience *patience,
                                char line[WIRE_LINE_MAX], size_t *length_r);

/* Read between 1 and SIZE bytes of a body. */
enum wire_status wire_read_some(struct wire *wire, void *data, size_t size, size_t *got_r);

/* Queue bytes, or formatted text shorter than WIRE_LINE_MAX, sending when the buffer is full. */
enum wire_status wire_write(struct wire *wire, const void *data, size_t size);
enum wire_status wire_print(struct wire *wire, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Send all that is queued. */
enum wire_status wire_flush(struct wire *wire);

/* One word for a message. */
const char *wire_status_text(enum wire_status status);

#endif
