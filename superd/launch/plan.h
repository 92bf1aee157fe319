/*
 * plan: all of a launch that can be computed ahead, one per service of a generation.
 *
 * The child between clone and exec shares its launcher's memory, so it allocates nothing and looks
 * nothing up: it walks through a plan. Plans are made by the supervisor when a generation begins
 * and reach the launchers by fork.
 */
#ifndef SUPERD_LAUNCH_PLAN_H
#define SUPERD_LAUNCH_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "config/config.h"

struct plan_rlimit {
    int resource;
    struct rlimit limit;
};

/* Where the launchers live that a service is launched by. */
enum launch_home {
    HOME_PLAIN, /* shared by all services without isolation */
    HOME_BASIC, /* shared by those that have nothing but `basic` */
    HOME_OWN,   /* a service's own: they have entered its namespaces */
};

struct plan {
    const struct service_config *service;
    const char *const *environment; /* what is the same for every instance */
    size_t environment_count;       /* without the NULL at the end */
    const struct plan_rlimit *rlimits;
    size_t rlimit_count;
    bool change_directory; /* it is not "/", where launchers are */
    bool change_umask;     /* it is not LAUNCH_UMASK */
    bool change_user;      /* it is not who launchers are */

    enum launch_home home;
    bool in_group; /* HOME_BASIC: its instances are born in a group of the service's */
    uint64_t launcher_capabilities; /* that launchers need for the steps of the child */
    int clone_flags;                /* namespaces that each instance has for itself */
    const char *tmp_options;        /* mount each instance a /tmp with these; NULL: no */
    unsigned long tmp_flags;
    bool slots;             /* the /tmp is that of a slot (isolation/slots.h), where one is free */
    bool own_proc;          /* mount each instance a /proc */
    bool keep_capabilities; /* set the handler's own: isolation.capabilities, or it is root */
};

/* What launchers run with, so that the common case needs no step. */
#define LAUNCH_UMASK 022

/* Plans of all services of CONFIG, in their order; memory from the configuration's arena. NULL when
 * there is no memory. */
const struct plan *plans_make(const struct config *config);

#endif
