/*
 * slots: roots that instances with a user and a /tmp of their own are put into, made when they are
 * first needed and used again.
 *
 * A mount namespace for each connection costs more than its launch does. A slot is the service's root
 * once more, at a place below the service's own /tmp that root alone may enter, with a /tmp of its
 * own; an instance goes there by chroot(2), and lacks what it would take to leave; who is handed a descriptor of
 * another slot cannot walk up from there either, because the place may not be entered. A slot is used
 * again when no process has the uid of its last instance, and its /tmp is as new: what was written to
 * is mounted anew. Where all slots are busy an instance gets mounts of its own.
 *
 * Each launcher has its own, in a mount namespace of its own: they go when it does, and mounts of an
 * instance's own are copied from the service's, where there are few. It knows nothing of orders.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_SLOTS_H
#define SUPERD_LAUNCH_ISOLATION_SLOTS_H

#include <stdint.h>
#include <sys/types.h>

#include "launch/plan.h"

#define SLOTS_MAX 128

struct slot {
    uid_t uid; /* of its last instance */
    pid_t pid;
    int64_t used_ms;
    unsigned long long fresh_bytes, fresh_inodes; /* free when nobody has written to its /tmp */
    char path[48];
};

struct slots {
    const struct plan *plan; /* NULL: none are used */
    int mounts; /* the service's mount namespace, without slots: who gets none begins there */
    size_t count, next; /* made; to be looked at first */
    size_t most;
    struct slot slots[SLOTS_MAX];
};

/* Begin with none, for a launcher that stands in the service's root, with all its privileges; PLAN may
 * want none. CHANNEL is namespaces.h's. */
void slots_begin(struct slots *slots, const struct plan *plan, int channel);

/* A slot for an instance of UID; NULL: it must do without. The caller writes its pid there. */
struct slot *slots_take(struct slots *slots, uid_t uid);

/* Make the /tmp of a service's root the place of slots, which nobody but launchers may enter. Returns 0 or
 * -errno. */
int slots_prepare(void);

#endif
