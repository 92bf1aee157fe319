/*
 * answer_isolation: what the handlers of the services can do to the host, as their settings are in
 * force (launch/isolation/exposure.h); and what a control group has used.
 */
#include "control/state.h"
#include "launch/isolation/cgroup.h"
#include "launch/isolation/cgroup_usage.h"
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

static void add_amount(json_t *object, const char *name, uint64_t amount)
{
    if (amount != CGROUP_UNKNOWN)
        json_object_set_new(object, name, json_integer((json_int_t)amount));
}

json_t *group_json(const struct service *service)
{
    struct cgroup_usage usage;
    char path[PATH_MAX];
    json_t *object;

    if (!service->config || service->config->isolation.cgroup == SHARING_OFF ||
        !cgroup_service_path(service->name, path, sizeof path))
        return NULL;
    cgroup_usage(path, &usage); /* files in the kernel's memory: nothing to wait for */
    object = json_object();
    add_amount(object, "cpu_us", usage.cpu_us);
    add_amount(object, "memory", usage.memory);
    add_amount(object, "memory_peak", usage.memory_peak);
    add_amount(object, "processes", usage.processes);
    if (json_object_size(object))
        return object;
    json_decref(object);
    return NULL;
}

json_t *answer_isolation(struct control *control, struct client *client,
                         const struct request *request, struct protocol_error *error)
{
    const struct service *service;

    (void)client;
    if (!protocol_text(request, "service"))
        return services_page(control, request, PAGE_ROWS, row);
    service = find_service(control, request, error);
    if (!service)
        return NULL;
    if (!service->config || !service->config->program) {
        protocol_fail(error, "\"%.64s\" has no handler", service->name);
        return NULL;
    }
    return details(service->config);
}
