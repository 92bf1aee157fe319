/*
 * draft: a service on its way from text to struct service_config, and what the loader's parts
 * share.
 *
 * A draft starts as the schema's defaults, then takes the settings of `defaults`, and a copy of
 * that takes the settings of the service: that is the order of precedence. What needs a second look
 * (users, programs, addresses) waits in it as it was written, with its place.
 */
#ifndef SUPERD_CONFIG_DRAFT_H
#define SUPERD_CONFIG_DRAFT_H

#include <libconfig.h>

#include "config/load.h"
#include "config/map.h"
#include "config/schema.h"

/* A text and where it stands. */
struct text_item {
    const char *text;
    struct position position;
};

/* A list that replaces the one before it as a whole. */
struct texts {
    const struct text_item *items;
    size_t count;
};

/* An environment variable; those of a service stand in front of those of `defaults`. */
struct variable {
    const char *name, *value;
    const struct variable *next;
};

/* Where a setting was written last. */
struct origin {
    struct position position; /* no file: nowhere, it is the schema's default */
    bool own;                 /* in the service itself, not in `defaults` */
};

/* What `isolation` and `isolate` say, as written; NULL: nothing, so the level decides. */
struct isolation_draft {
    const char *level, *root, *private_tmp, *network, *pid_namespace, *cgroup, *hostname;
    struct texts read_only, read_write, hide, devices, system_calls, capabilities;
    struct {
        struct texts resources, per_instance;
    } io_max;
};

struct service_draft {
    struct service_config config; /* first: a row whose place is in here is final when it is read */
    const config_setting_t *listen;
    struct texts exec, groups, pass_environment, allow, deny, hours;
    const char *argv0, *user, *group;
    const struct variable *environment;
    struct isolation_draft isolation;
    bool disabled;
    struct origin origins[SCHEMA_ROWS];
};

struct listen_draft {
    struct listen_options options;
    const char *address, *owner, *group;
    struct origin origins[SCHEMA_ROWS];
};

/* What the parts of the loader work with. Lives during one config_load(). */
struct loader {
    const struct config_surroundings *surroundings;
    struct diagnostics *list;
    struct config *config;
    struct arena *arena;               /* the configuration's */
    const char *file;                  /* that is being read */
    const char *service;               /* whose entry is being read, NULL: none */
    bool out_of_memory;                /* all that was loaded is worthless */
    struct map services;               /* name -> struct service_entry (load.c) */
    struct map sockets;                /* what is taken -> struct claim (conflict.c) */
    struct map users;                  /* user and group -> struct identity */
    struct map programs;               /* name -> path */
    struct map ports;                  /* protocol and name -> struct servent's port */
    struct listener_config *listeners; /* of the service being read; malloc'ed, for all in turn */
    size_t listener_count, listener_capacity;
};

/* Say an error of the current service at a place. */
void loader_error(struct loader *loader, struct position position, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As arena_array() and arena_strdup() in the configuration's arena, noting a lack of memory. */
void *loader_array(struct loader *loader, size_t count, size_t size);
char *loader_strdup(struct loader *loader, const char *text);

/* MEMORY, with a note when it is NULL because there was no memory. */
void *loader_check(struct loader *loader, void *memory);

/* The place of a setting of the file that is being read. */
struct position loader_position(const struct loader *loader, const config_setting_t *setting);

/* Where the setting NAME of the draft was written; where nowhere, the place of the service. */
struct position draft_position(const struct service_draft *draft, const char *name);

/* Was it written in the service itself? */
bool draft_own(const struct service_draft *draft, const char *name);

#endif
