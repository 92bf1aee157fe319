/*
 * answer_history: history: what services have admitted and refused in each step of the last minutes.
 */
#include "control/state.h"

/* Each row has 2 * HISTORY_STEPS numbers, and the loop waits while they are written. */
#define HISTORY_ROWS 64

static uint64_t now_of(const struct supervisor *supervisor)
{
    return uv_now(&supervisor->loop);
}

static json_t *numbers(const uint32_t counts[HISTORY_STEPS])
{
    json_t *array = json_array();

    for (int i = 0; i < HISTORY_STEPS; i++)
        json_array_append_new(array, json_integer((json_int_t)counts[i]));
    return array;
}

/* NULL: it has admitted and refused nobody. */
static json_t *history_row(const struct service *service)
{
    struct history_counts counts;

    if (!history_export(service->history, now_of(service->supervisor), &counts))
        return NULL;
    return json_pack("{s:s, s:o, s:o}", "service", service->name, "admitted",
                     numbers(counts.counts[HISTORY_ADMITTED]), "refused",
                     numbers(counts.counts[HISTORY_REFUSED]));
}

static json_t *one_service(const struct service *service)
{
    json_t *row = history_row(service), *rows = json_array();

    if (row)
        json_array_append_new(rows, row);
    return json_pack("{s:o}", "services", rows);
}

/* How long histories go back: no further than their steps, and than superd itself. */
static uint64_t known_ms(const struct supervisor *supervisor)
{
    uint64_t now = now_of(supervisor), since = supervisor->started_ms;
    uint64_t most = (HISTORY_STEPS - 1) * HISTORY_STEP_MS + now % HISTORY_STEP_MS;
    uint64_t known = now > since ? now - since : 0;

    return known < most ? known : most;
}

json_t *answer_history(struct control *control, struct client *client,
                       const struct request *request, struct protocol_error *error)
{
    const struct supervisor *supervisor = control->supervisor;
    uint64_t now = now_of(supervisor);
    const struct service *service;
    json_t *result, *times;

    (void)client;
    if (protocol_text(request, "service")) {
        service = find_service(control, request, error);
        result = service ? one_service(service) : NULL;
    } else {
        result = services_page(control, request, HISTORY_ROWS, history_row);
    }
    if (!result)
        return NULL;
    times = json_pack("{s:i, s:i, s:I, s:i, s:I, s:I}", "step_ms", HISTORY_STEP_MS, "steps",
                      HISTORY_STEPS, "step", (json_int_t)(now / HISTORY_STEP_MS), "known_steps",
                      history_known_steps(supervisor->started_ms, now), "known_ms",
                      (json_int_t)known_ms(supervisor), "elapsed_ms",
                      (json_int_t)(now % HISTORY_STEP_MS));
    if (!times || json_object_update(result, times) < 0) {
        json_decref(result);
        result = NULL;
    }
    json_decref(times);
    return result;
}
