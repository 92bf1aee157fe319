/*
 * generation: see generation.h.
 */
#include "supervise/generation.h"

#include <errno.h>
#include <stdlib.h>

int generation_begin(struct config *config, uint64_t number,
                     const struct launch_pool_settings *callbacks, struct generation **generation_r)
{
    struct generation *generation = calloc(1, sizeof *generation);
    int r;

    if (!generation)
        return -ENOMEM;
    generation->number = number;
    generation->plans = plans_make(config);
    if (!generation->plans) {
        free(generation);
        return -ENOMEM;
    }
    r = launchers_create(config, generation->plans, callbacks, &generation->launchers);
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
    if (generation->launchers)
        launchers_destroy(generation->launchers);
    generation->launchers = NULL;
}

void generation_pool_empty(struct generation *generation)
{
    generation_stop_launchers(generation);
    generation_release(generation);
}

void generation_retire(struct generation *generation)
{
    generation_hold(generation); /* until the pool is empty */
    launchers_retire(generation->launchers);
    generation_release(generation);
}
