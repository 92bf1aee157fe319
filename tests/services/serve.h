/*
 * serve: what the tests of handlers need: serve some on ports, run one on a socket pair, run a
 * client, talk with deadlines, clean up.
 *
 * Handlers are served by a small accept, fork, exec loop here or, when SUPERD names a superd binary,
 * by that, on the same sockets (handed over as a service manager would).
 */
#ifndef TESTS_SERVE_H
#define TESTS_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SERVE_ARGUMENTS_MAX = 20, SERVE_SERVICES_MAX = 4 };

struct serve_service {
    const char *name;
    int listener; /* from serve_listen() */
    const char *argv[SERVE_ARGUMENTS_MAX];
};

/* A new directory; removed, with what is in it, by serve_remove_directory(). */
void serve_make_directory(char path[64]);
void serve_remove_directory(const char *path);

/* The path of a program of this build, such as "bank/bank-ledger"; static storage a few deep. */
const char *serve_program(const char *name);

/* Listen at an IPv4 address; *PORT 0 is replaced by the one that was free. */
int serve_listen(const char *address, uint16_t *port);

/* Serve until killed; standard error goes to DIRECTORY/log. */
void serve_run(const char *directory, const struct serve_service services[], size_t count)
    __attribute__((noreturn));

/* The same in a process of its own, which dies with the caller. Takes the listeners. */
pid_t serve_start(const char *directory, const struct serve_service services[], size_t count);

/* End what serve_start() began, and all its instances. */
void serve_stop(pid_t pid);

/* Run one handler with a socket pair as 0 and 1 and DIRECTORY/log as 2. Returns our end. */
int serve_spawn(const char *directory, const char *const argv[], pid_t *pid_r);

/* Wait for a process; its exit status, 128 + the signal, or -1 after the time, when it is killed. */
int serve_wait(pid_t pid, int timeout_ms);

/* Run a command to its end; its standard output into OUTPUT (NUL-terminated, cut to SIZE). */
int serve_command(const char *directory, const char *const argv[], char *output, size_t size,
                  int timeout_ms);

/* Connect to an IPv4 address. */
int serve_connect(const char *address, uint16_t port);

/* Send all of TEXT; false when the other side is gone. */
bool serve_send(int fd, const void *data, size_t size);

/* Read until the end of the stream, or until TEXT has arrived (NULL: the end). Returns the number
 * of bytes, OUTPUT is NUL-terminated; -1 after the time, or if the end comes before TEXT. */
ssize_t serve_read(int fd, const char *text, char *output, size_t size, int timeout_ms);

/* Does DIRECTORY/log speak of a sanitizer's find? Prints the log then. */
bool serve_log_is_clean(const char *directory);

#endif
