/*
 * answer_isolation: what the handlers of the services can do to the host, as their settings are in
 * force (launch/isolation/exposure.h).
 */
#include "control/state.h"
#include "launch/isolation/exposure.h"
#include "supervise/generation.h"

static json_t *summary(const struct service_config *config, const struct exposure *exposure)
{
    return json_pack("{s:s, s:s, s:f, s:s}", "service", config->name, "level",
                     isolation_level_names[config->isolation.level], "exposure",
                     exposure->tenths / 10.0, "word", exposure->word);
}

/* Traps start nothing, and of a removed service there are no settings any more. */
static json_t *row(const struct service *service)
{
    struct exposure exposure;

    if (!service->config || !service->config->program)
        return NULL;
    exposure_look(service->config, &exposure);
    return summary(service->config, &exposure);
}

static json_t *details(const struct service_config *config)
{
    struct exposure exposure;
    json_t *walls = json_array(), *result;

    exposure_look(config, &exposure);
    for (size_t i = 0; i < EXPOSURE_WALLS; i++) {
        const struct exposure_wall *wall = &exposure.walls[i];

        json_array_append_new(walls, json_pack("{s:s, s:s, s:f, s:s}", "wall", wall->name, "state",
                                               exposure_marks[wall->missing], "counts",
                                               wall->counts, "meaning", wall->meaning));
    }
    result = summary(config, &exposure);
    if (!result) {
        json_decref(walls);
        return NULL;
    }
    json_object_set_new(result, "program", protocol_string(config->program));
    json_object_set_new(result, "walls", walls);
    return result;
}

json_t *answer_isolation(struct control *control, struct client *client,
                         const struct request *request, struct protocol_error *error)
{
    const struct service *service;

    (void)client;
    if (!protocol_text(request, "service"))
        return service_page(control, request, row);
    service = find_service(control, request, error);
    if (!service)
        return NULL;
    if (!service->config || !service->config->program) {
        protocol_fail(error, "\"%.64s\" has no handler", service->name);
        return NULL;
    }
    return details(service->config);
}
