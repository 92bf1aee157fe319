/*
 * job: see job.h.
 */
#include "control/job.h"

#include <stdlib.h>

#include "supervise/generation.h"

static void on_run(uv_work_t *work)
{
    struct job *job = work->data;

    job->run(job);
}

static void free_job(struct job *job)
{
    if (job->generation)
        generation_release(job->generation);
    job->free_data(job->data);
    free(job);
}

static void on_done(uv_work_t *work, int status)
{
    struct job *job = work->data;
    struct client *client = job->client;
    struct protocol_error error = {.error = ""};
    json_t *result;

    if (client) {
        control_session(client)->job = NULL;
        result = status == 0 ? job->result(job, &error) : NULL;
        if (error.error[0])
            control_fail(client, &error);
        else
            control_finish(client, result);
    }
    free_job(job);
}

bool job_start(struct control *control, struct client *client, const struct request *request,
               const struct job *template, struct protocol_error *error)
{
    struct job *job = malloc(sizeof *job);

    if (!job) {
        template->free_data(template->data);
        return protocol_fail(error, "out of memory");
    }
    *job = *template;
    job->control = control;
    job->client = client;
    job->work.data = job;
    if (job->generation)
        generation_hold(job->generation);
    if (uv_queue_work(&control->supervisor->loop, &job->work, on_run, on_done) < 0) {
        free_job(job);
        return protocol_fail(error, "no thread can be had");
    }
    control_session(client)->job = job;
    control_postpone(client, request);
    return true;
}
