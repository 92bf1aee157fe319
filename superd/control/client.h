/*
 * client: one client of the control socket and what clients.c has of all of them. Private to these two and
 * clients_socket.c; clients.h is what others use.
 */
#ifndef SUPERD_CONTROL_CLIENT_H
#define SUPERD_CONTROL_CLIENT_H

#include <uv.h>

#include "control/clients.h"

struct client {
    struct clients *clients;
    int fd;
    uv_poll_t poll;
    int events; /* watched for now */
    enum right right;
    uid_t uid;
    pid_t pid;
    void *data;
    char *input;
    size_t input_length, input_size;
    size_t searched; /* of the input, without a newline */
    char *output;
    size_t output_begin, output_end, output_size;
    uint64_t asked_ms; /* when it last said a line, or was answered */
    uint64_t taken_ms; /* when it last took something, or had nothing to take */
    bool waiting, streaming, finishing, closed;
    bool end_seen; /* it will say nothing more, and all that it said has been read */
    bool silenced; /* it will say nothing more; there may be something to read */
    struct client *prev, *next;
};

struct clients {
    struct clients_settings settings;
    int fd; /* -1: not listening */
    uv_poll_t *listener;
    char *path;
    dev_t device; /* of the path, as we made it */
    ino_t inode;
    gid_t group;
    struct client *list; /* in the order in which their turn comes */
    size_t count;
    uv_timer_t timer; /* looks for those whose time is over */
    uint64_t look_ms; /* when it does, the loop's time; UINT64_MAX: not */
    uv_timer_t pause; /* until time may be spent on answers again, or on accepting */
    uint64_t spent_until_ns;
    int handles; /* open, of the two timers */
};

/* Watch the loop for what its state wants; to be called after everything that may change that. */
void client_review(struct client *client);

/* Its turn: read what it says, take one line, send what it takes of the answer. Returns whether a line
 * was taken; the client may be dropped. */
bool client_turn(struct client *client);

/* Send what it takes now. False when it is gone. */
bool client_flush(struct client *client);

/* The end of it; the memory is freed by the loop a little later. */
void client_drop(struct client *client);

/* Take in those who wait at the socket, so many at most. */
void clients_accept(struct clients *clients, int most);

/* Have the loop watch the socket (there is one); close it and remove its path. */
void clients_watch_listener(struct clients *clients);
void clients_stop_listening(struct clients *clients);

/* May time be spent on answers now; so much has been. */
bool clients_may_spend(struct clients *clients);
void clients_spend(struct clients *clients, uint64_t ns);

/* The time at which CLIENT is to be dropped may be another now. */
void clients_note_end(struct client *client);

/* CLIENT has had its turn: everybody else's comes first. */
void clients_move_back(struct clients *clients, struct client *client);

#endif
