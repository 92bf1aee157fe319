/*
 * handover_reading: what the parts of reading a handover share (handover_read.c, handover_services.c,
 * handover_instances.c). For these alone.
 *
 * Each read_...() checks its part of the object and, where there is a supervisor, makes it so. What it
 * checks it checks in the same order with and without.
 */
#ifndef SUPERD_SUPERVISE_HANDOVER_READING_H
#define SUPERD_SUPERVISE_HANDOVER_READING_H

#include "supervise/handover.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

struct born { /* a configuration that instances were born in, in part */
    struct service_config *config;
    struct generation *generation;
};

struct reading {
    struct supervisor *supervisor; /* NULL: only check */
    const json_t *state;
    char *error; /* 256 bytes; "" */
    struct generation **generations;
    size_t generation_count;
    struct born *configs;
    size_t config_count;
    struct service **services; /* of the array, NULL each while it is only checked; likewise: */
    size_t service_count;
    struct listener **listeners;
    size_t listener_count;
};

/* Say what is wrong, unless something is already. Returns false. */
bool reading_wrong(struct reading *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The array NAME; NULL: it is none, which is said. */
const json_t *reading_array(struct reading *r, const json_t *object, const char *name);

/* Bytes from their hexadecimal text, at most SIZE of them. */
bool reading_hex(const json_t *value, void *bytes, size_t size, size_t *length_r);

/* A text as text_json() wrote it, to be freed; NULL: it is none. */
char *reading_text(const json_t *value);

bool reading_address(const json_t *value, struct address *address_r);
bool reading_prefix(const json_t *value, struct prefix *prefix_r);

/* Counters by name; names that are not known are left out. */
void reading_by_name(const json_t *object, const char *const *names, size_t count,
                     uint64_t *values);

/* Is the descriptor NUMBER open? -1 is none, and right. */
bool reading_descriptor(struct reading *r, int number);

/* ---- The parts ------------------------------------------------------------------------------ */

bool read_configs(struct reading *r);
bool read_services(struct reading *r);
bool read_sources(struct reading *r);
bool read_instances(struct reading *r);
bool read_stderr(struct reading *r);

#endif
