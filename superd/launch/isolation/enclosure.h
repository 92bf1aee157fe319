/*
 * enclosure: what a launcher enters, and gives up, before its first order. Its children inherit it.
 *
 * A launcher stays root where superd is, with the few capabilities that its children's steps need
 * (changing ids; mounting, where each instance has mounts of its own): so a handler, whose uid is
 * another, can neither signal nor trace it. Where they are of one uid, because superd is no root,
 * the handler is kept off by its process namespace or by a landlock scope.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_ENCLOSURE_H
#define SUPERD_LAUNCH_ISOLATION_ENCLOSURE_H

#include <stdint.h>

#include "launch/isolation/slots.h"
#include "launch/launcher.h"
#include "launch/order.h"

struct enclosure {
    enum launch_step step; /* STEP_NONE: all is well; else no handler may be started here */
    int error;             /* errno of that step */
    int rules;             /* landlock rules for each child; -1: none */
    struct slots slots;    /* for instances with a /tmp each */
    int cgroup;            /* directory for instances' own groups; -1: they have none */
};

/* Enter PLACE; waits for its namespaces to be made. CHANNEL is namespaces.h's. Failure is in the result: orders are answered with
 * it. */
void enclosure_enter(struct enclosure *enclosure, const struct launch_place *place, int channel);

/* Make the control group of an instance. Returns what to write to, or -errno. */
int enclosure_instance(const struct enclosure *enclosure, const struct plan *plan,
                       uint64_t instance);

#endif
