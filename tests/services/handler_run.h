/* Running a built handler the way a superserver does, and sockets to talk to it. */
#ifndef TESTS_SERVICES_HANDLER_RUN_H
#define TESTS_SERVICES_HANDLER_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A socket and what is at its other end. */
struct handler_pair {
    int client;
    int server;
};

/* A running handler; what it writes to standard error is kept. */
struct handler_run {
    pid_t pid;
    int error_fd;
};

/* Each fails the test when the system does not do its part. */
struct handler_pair handler_tcp_pair(void);
struct handler_pair handler_socketpair(void);
struct handler_pair handler_udp_pair(const char *client_address, const char *server_address);

/* A bound socket of TYPE at ADDRESS, a free port; -1 where the host has no such address. */
int handler_bind(int type, const char *address, unsigned port);
unsigned handler_port(int fd);
int handler_connect(int type, const char *address, unsigned port);

/* Start ARGV[0] out of the build's services with IN and OUT as its standard input and output and
 * NAME=VALUE strings as its only environment (NULL: none).  IN and OUT are closed here. */
struct handler_run handler_start(int in, int out, const char *const argv[],
                                 const char *const environment[]);
/* The same with one socket for both, and no environment. */
struct handler_run handler_serve(int socket, const char *const argv[]);

/* Wait for the handler's end.  Its exit status, or 1000 + the signal that ended it; what it wrote
 * to standard error, as a string, in MESSAGES where that is not NULL. */
int handler_end(struct handler_run *run, char *messages, size_t capacity);
/* Assert that it ended with 0 and said nothing. */
void handler_end_quietly(struct handler_run *run);
bool handler_running(const struct handler_run *run);

/* Whole reads and writes that fail the test instead of blocking for ever. */
void handler_send(int fd, const void *data, size_t length);
/* Read to the end of input.  The number of bytes, and a final NUL after them. */
size_t handler_read_all(int fd, char *buffer, size_t capacity);
/* Send REQUEST, end the output, read the answer to its end, and see the handler end quietly. */
size_t handler_exchange(const char *const argv[], const char *const environment[],
                        const void *request, size_t length, char *answer, size_t capacity);
/* Wait for input; false when there is none for that long. */
bool handler_readable(int fd, int timeout_ms);

/* Close FD so that the peer gets a reset. */
void handler_reset(int fd);

#endif
