/* config: the words of a configuration, finding a service, the end of it. See config.h. */
#include "config/config.h"

#include <stdlib.h>
#include <string.h>

const char *const service_mode_names[MODE_MAX] = {
    [MODE_CONNECTION] = "connection",
    [MODE_LISTENER] = "listener",
};

const char *const stderr_mode_names[STDERR_MAX] = {
    [STDERR_LOG] = "log",
    [STDERR_DISCARD] = "discard",
    [STDERR_CONNECTION] = "connection",
};

const char *const when_full_names[FULL_MAX] = {
    [FULL_HOLD] = "hold",
    [FULL_REFUSE] = "refuse",
};

const char *const isolation_level_names[ISOLATION_MAX] = {
    [ISOLATION_NONE] = "none",
    [ISOLATION_BASIC] = "basic",
    [ISOLATION_STRICT] = "strict",
};

const char *const io_rate_names[IO_RATE_MAX] = {
    [IO_RBPS] = "rbps",
    [IO_WBPS] = "wbps",
    [IO_RIOPS] = "riops",
    [IO_WIOPS] = "wiops",
};

const char *const sharing_names[SHARING_MAX] = {
    [SHARING_OFF] = "off",
    [SHARING_SERVICE] = "service",
    [SHARING_CONNECTION] = "connection",
};

const char *const network_names[NETWORK_MAX] = {
    [NETWORK_HOST] = "host",
    [NETWORK_NONE] = "none",
    [NETWORK_LOOPBACK] = "loopback",
};

const char *const call_action_names[CALL_ACTION_MAX] = {
    [CALL_ERRNO] = "errno",
    [CALL_KILL] = "kill",
};

const char *const missing_names[MISSING_MAX] = {
    [MISSING_REFUSE] = "refuse",
    [MISSING_WARN] = "warn",
};

static int compare_name(const void *name, const void *service)
{
    return strcmp(name, ((const struct service_config *)service)->name);
}

const struct service_config *config_find(const struct config *config, const char *name)
{
    if (config->service_count == 0)
        return NULL;
    return bsearch(name, config->services, config->service_count, sizeof *config->services,
                   compare_name);
}

struct position config_origin(const struct service_config *service, const char *name)
{
    for (size_t i = 0; i < service->origin_count; i++) {
        if (strcmp(service->origins[i].name, name) == 0)
            return service->origins[i].position;
    }
    return (struct position){0};
}

void config_free(struct config *config)
{
    if (config)
        arena_destroy(config->arena); /* it lies in there itself */
}
