/*
 * isolation_report: see isolation_report.h.
 */
#include "isolation_report.h"

#include <stdio.h>

#include "config/config.h"
#include "launch/isolation/exposure.h"
#include "supervise/supervisor.h"

static void print_service(const struct service_config *service)
{
    static const char *const marks[] = {"+", "~", "-"};
    struct exposure exposure;

    exposure_look(service, &exposure);
    printf("%s: isolation = \"%s\", handler %s\n\n", service->name,
           isolation_level_names[service->isolation.level], service->program);
    printf("    %-15s %6s  %s\n", "WALL", "COUNTS", "WHAT IT MEANS");
    for (size_t i = 0; i < EXPOSURE_WALLS; i++) {
        const struct exposure_wall *wall = &exposure.walls[i];

        printf("  %s %-15s %6.1f  %s\n", marks[wall->missing], wall->name, wall->counts,
               wall->meaning);
    }
    printf("\n  exposure %u.%u of 10.0: %s\n", exposure.tenths / 10, exposure.tenths % 10,
           exposure.word);
}

int isolation_report(const struct config *config, const char *name)
{
    const struct service_config *service;

    if (name) {
        service = config_find(config, name);
        if (!service || !service->program) {
            fprintf(stderr, "superd: there is no service \"%s\" with a handler\n", name);
            return EXIT_CONFIG;
        }
        print_service(service);
        return EXIT_OK;
    }
    printf("%-32s %-8s %8s\n", "SERVICE", "LEVEL", "EXPOSURE");
    for (size_t i = 0; i < config->service_count; i++) {
        struct exposure exposure;

        service = &config->services[i];
        if (!service->program)
            continue; /* a trap */
        exposure_look(service, &exposure);
        printf("%-32s %-8s %4u.%u %s\n", service->name,
               isolation_level_names[service->isolation.level], exposure.tenths / 10,
               exposure.tenths % 10, exposure.word);
    }
    return EXIT_OK;
}
