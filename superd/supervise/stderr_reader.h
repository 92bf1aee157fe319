/*
 * stderr_reader: the pipes that are the standard errors of handlers; what comes through them becomes log
 * lines (stderr_lines).
 *
 * What must hold: nothing a handler writes blocks, floods or breaks the log. Beyond so many bytes a second
 * its pipe is read more slowly, so that a flooding handler waits, not superd; and at most STDERR_LINGERING
 * pipes of instances that have ended are kept open for what they left running.
 */
#ifndef SUPERD_SUPERVISE_STDERR_READER_H
#define SUPERD_SUPERVISE_STDERR_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define STDERR_BYTES_PER_SECOND (256 * 1024)
#define STDERR_LINGERING        256

struct stderr_readers; /* all of the daemon's, one epoll instance */
struct stderr_reader;  /* one pipe */

/* ON_END is called when a pipe has ended before its instance was reaped: that is mostly the moment. */
int stderr_readers_create(uv_loop_t *loop, void (*on_end)(void *data, uint64_t instance),
                          void *data, struct stderr_readers **readers_r);
/* Close all pipes; memory is freed by the loop a little later. */
void stderr_readers_destroy(struct stderr_readers *readers);

/* How many pipes are not watched yet, as their instances have only just begun? Their ends are not told of
 * by ON_END. */
size_t stderr_readers_young(const struct stderr_readers *readers);

/* Look whether pipes that are not watched yet have ended, and tell ON_END of those that have. */
void stderr_readers_look(struct stderr_readers *readers);

/* Make a pipe for INSTANCE of SERVICE (a name, copied). The reader keeps the read end; *WRITE_END_R
 * is the caller's. Returns the reader, or NULL with errno set. */
struct stderr_reader *stderr_reader_open(struct stderr_readers *readers, const char *service,
                                         uint64_t instance, int *write_end_r);

/* Its instance has ended: log what is still in the pipe, then close, or linger while somebody else
 * holds the other end. The caller forgets the reader. */
void stderr_reader_finish(struct stderr_reader *reader);

/* Close without reading: it never came to a launch. */
void stderr_reader_drop(struct stderr_reader *reader);

/* What is known of a pipe, for the daemon's next program, and going on with one. */
struct stderr_record {
    uint64_t instance;
    const char *service;
    int fd;           /* -1: it has ended before its instance */
    bool finished;    /* its instance has ended */
    const char *line; /* an unfinished line */
    size_t line_length;
    bool skipping; /* the rest of a line that was cut */
    uint64_t dropped;
};
void stderr_readers_visit(const struct stderr_readers *readers,
                          void (*visit)(void *data, const struct stderr_record *record),
                          void *data);
/* FD is taken over in any case. NULL: no memory. */
struct stderr_reader *stderr_reader_go_on(struct stderr_readers *readers,
                                          const struct stderr_record *record);

/* Pipes open now, lingering ones included: they count in the descriptor budget. */
size_t stderr_readers_count(const struct stderr_readers *readers);

#endif
