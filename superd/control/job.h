/*
 * job: a piece of work for an answer that is done in the loop's thread pool, because it may block or
 * take long. Its client may leave meanwhile; the job is finished all the same, and its answer dropped.
 */
#ifndef SUPERD_CONTROL_JOB_H
#define SUPERD_CONTROL_JOB_H

#include <uv.h>

#include "control/state.h"

struct job {
    uv_work_t work;
    struct control *control;
    struct client *client;         /* NULL: it has left */
    struct generation *generation; /* a reference, while it works; NULL: it needs none */
    void *data;
    void (*run)(
        struct job *job); /* in a thread: of the daemon's state it may see the generation alone */
    /* In the loop: the result, or NULL with ERROR filled. Not called when the client has left. */
    json_t *(*result)(struct job *job, struct protocol_error *error);
    void (*free_data)(void *data);
};

/* Start it for REQUEST of CLIENT, which is postponed. DATA is taken over in any case. False: ERROR is
 * filled. */
bool job_start(struct control *control, struct client *client, const struct request *request,
               const struct job *template, struct protocol_error *error);

#endif
