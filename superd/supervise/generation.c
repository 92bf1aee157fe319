/*
 * generation: see generation.h.
 */
#include "supervise/generation.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int generation_begin(struct config *config, uint64_t number,
                     const struct launch_pool_settings *callbacks, struct generation **generation_r)
{
    struct generation *generation = calloc(1, sizeof *generation);
    struct launch_pool_settings settings = *callbacks;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int r;

    if (!generation)
        return -ENOMEM;
    generation->number = number;
    generation->plans = plans_make(config);
    if (!generation->plans) {
        free(generation);
        return -ENOMEM;
    }
    settings.plans = generation->plans;
    settings.plan_count = config->service_count;
    settings.launchers = config->daemon.launchers;
    if (settings.launchers == 0)
        settings.launchers = processors > 0 ? (unsigned)processors : 1;
    r = launch_pool_create(&settings, &generation->pool);
    if (r < 0) {
        free(generation);
        return r;
    }
    generation->config = config;
    generation->references = 1;
    *generation_r = generation;
    return 0;
}

void generation_hold(struct generation *generation)
{
    generation->references++;
}

void generation_release(struct generation *generation)
{
    if (--generation->references)
        return;
    generation_stop_launchers(generation);
    config_free(generation->config);
    free(generation);
}

void generation_stop_launchers(struct generation *generation)
{
    if (generation->pool)
        launch_pool_destroy(generation->pool);
    generation->pool = NULL;
}

void generation_pool_empty(struct generation *generation)
{
    generation_stop_launchers(generation);
    generation_release(generation);
}

void generation_retire(struct generation *generation)
{
    generation_hold(generation); /* until the pool is empty */
    launch_pool_retire(generation->pool);
    generation_release(generation);
}
