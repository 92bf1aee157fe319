#include "launch/fixture.h"

#include <stdio.h>
#include <stdlib.h>

struct service_config *fixture_service(struct config *config, size_t index)
{
    return (struct service_config *)&config->services[index];
}

static void fill_service(struct arena *arena, struct service_config *service, size_t index,
                         const char *program, const char *const *arguments)
{
    *service = (struct service_config){
        .name = arena_printf(arena, "s%zu", index),
        .program = program,
        .arguments = arguments,
        .directory = "/",
        .umask = 022,
        .environment = arena_array(arena, 1, sizeof(char *)),
        .identity = {.name = "tester", .home = "/home/tester", .shell = "/bin/sh"},
        .stderr_mode = STDERR_LOG,
        .limits = {.instances = 16,
                   .per_source = 16,
                   .source_prefix_v4 = 32,
                   .source_prefix_v6 = 64},
        .time = {.grace = 1000}};
}

struct config *fixture_config(size_t count, const char *program, const char *const *arguments)
{
    struct arena *arena = arena_create();
    struct config *config = arena ? arena_alloc(arena, sizeof *config) : NULL;
    struct service_config *services = arena ? arena_array(arena, count, sizeof *services) : NULL;

    if (!config || !services)
        abort();
    for (size_t i = 0; i < count; i++)
        fill_service(arena, &services[i], i, program, arguments);
    config->arena = arena;
    config->services = services;
    config->service_count = count;
    return config;
}
