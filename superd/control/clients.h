/*
 * clients: the control socket: a listening UNIX socket and those who are connected to it, who say
 * lines and are answered lines. What a line means is the caller's (control.c).
 *
 * What must hold: nobody who connects here costs the daemon more than a bounded share of its memory,
 * descriptors and time. There are at most CLIENTS_MAX; a line has at most CLIENT_LINE_MAX bytes; nothing
 * is read beyond a whole line, and no line is taken from a client while an answer to it is on its way, so
 * an input holds one line and what came with it, and an output buffer one answer and what somebody
 * streams into it up to CLIENT_OUTPUT_LOW; who says nothing for `idle_ms`, or takes nothing for
 * `stall_ms`, is dropped; and all of them take at most a tenth of the loop's time, after a burst of
 * CLIENTS_BURST_MS: lines and new clients wait until then. Time that is scarce is dealt out line by line,
 * in turn: who asks without end waits for everybody else after each of his lines.
 */
#ifndef SUPERD_CONTROL_CLIENTS_H
#define SUPERD_CONTROL_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#define CLIENTS_MAX       32
#define CLIENT_LINE_MAX   65536
#define CLIENT_OUTPUT_LOW (256 * 1024)
#define CLIENTS_BURST_MS  50

enum right {
    RIGHT_NONE,
    RIGHT_READ, /* members of the configured group */
    RIGHT_ALL,  /* root and the daemon's user */
};

struct client;
struct clients;

struct clients_settings {
    uv_loop_t *loop;
    uint64_t idle_ms, stall_ms;
    void *data; /* given to each of: */
    /* A line without its newline, NUL-terminated; LENGTH may count NULs inside. */
    void (*on_line)(void *data, struct client *client, char *line, size_t length);
    /* A line is longer than CLIENT_LINE_MAX: answer it; the client is dropped then. */
    void (*on_overlong)(void *data, struct client *client);
    /* Somebody who may not even ask, or finds no room: answer; the client is dropped then. */
    void (*on_refused)(void *data, struct client *client, bool no_room);
    /* A streaming client has room for more than CLIENT_OUTPUT_LOW bytes again. */
    void (*on_room)(void *data, struct client *client);
    void (*on_close)(void *data, struct client *client);
};

/* Returns 0 or -errno. */
int clients_create(const struct clients_settings *settings, struct clients **clients_r);

/* Listen at PATH instead of where it was (NULL: nowhere), for root, ourselves, and members of GROUP
 * ((gid_t)-1: nobody). What is connected stays. The folder of PATH is made where it is missing; a path
 * left over from a process that has died is removed. Returns 0 or -errno; on failure the socket
 * stays where it was, for the new group and nobody of the old one. */
int clients_listen(struct clients *clients, const char *path, gid_t group);

/* The socket that is listened on, and with what: -1 and untouched when there is none. For the daemon's
 * next program, which goes on with it (FD is taken over in any case). */
int clients_socket(const struct clients *clients, const char **path_r, gid_t *group_r);
void clients_go_on(struct clients *clients, int fd, const char *path, gid_t group);

/* One who was connected to the last program; FD is taken over in any case. NULL: it had to go. */
struct client *clients_adopt(struct clients *clients, int fd);

/* Close everything; memory is freed by the loop a little later. */
void clients_destroy(struct clients *clients);

size_t clients_count(const struct clients *clients);

/* Call VISIT for each; VISIT may drop the one it is given. */
void clients_visit(struct clients *clients, void (*visit)(void *data, struct client *client),
                   void *data);

/* ---- One client ----------------------------------------------------------------------------- */

enum right client_right(const struct client *client);
uid_t client_uid(const struct client *client);
pid_t client_pid(const struct client *client);
void **client_data(struct client *client); /* the caller's; NULL at first */

/* Send what it takes now. Returns its descriptor when nothing is half said or half taken, else -1. */
int client_quiet(struct client *client);

/* Append TEXT to what it is to be sent. */
void client_send(struct client *client, const char *text, size_t length);

/* Bytes that it has not taken yet. */
size_t client_unsent(const struct client *client);

/* An answer will come later: take no line until then (true), or it has been sent (false). */
void client_wait(struct client *client, bool waiting);

/* From now on it is sent things without asking: its lines are thrown away, and silence is no fault. */
void client_stream(struct client *client);

/* Close when all is sent. */
void client_finish(struct client *client);

#endif
