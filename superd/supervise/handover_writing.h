/*
 * handover_writing: what the parts of writing a handover share (handover_write.c,
 * handover_write_services.c). For these alone.
 */
#ifndef SUPERD_SUPERVISE_HANDOVER_WRITING_H
#define SUPERD_SUPERVISE_HANDOVER_WRITING_H

#include <jansson.h>
#include <stdbool.h>
#include <uthash.h>

#include "net/address.h"
#include "supervise/service.h"
#include "supervise/supervisor.h"

/* The place of what is pointed to in one of the arrays. */
struct place {
    const void *pointer;
    size_t number;
    UT_hash_handle hh;
};

struct writing {
    const struct supervisor *supervisor;
    struct place *places;
    json_t *descriptors, *configs;
    size_t listeners; /* so far */
    json_t *array;    /* that a visitor appends to */
    bool failed;
};

/* Append VALUE (taken over; NULL: there was no memory) to ARRAY. */
void writing_append(struct writing *w, json_t *array, json_t *value);

/* FD as a number, which is to survive the exec. */
json_t *writing_descriptor(struct writing *w, int fd);

json_t *writing_hex(const void *bytes, size_t length);

/* A text that somebody else wrote, such as a path, need not be UTF-8. NULL for NULL. */
json_t *writing_text(const char *text);

json_t *writing_order(const struct standing_order *order);

/* ---- The parts, in this order --------------------------------------------------------------- */

json_t *write_services(struct writing *w); /* before what refers to listeners */
json_t *write_sources(struct writing *w);
json_t *write_instances(struct writing *w);
json_t *write_stderr(struct writing *w);

#endif
