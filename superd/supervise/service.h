/*
 * service: one service at run time, and its listeners.
 *
 * A service lives from the reload that brings its name to the one that takes it away, or to the end
 * of its last instance, whichever is later; its counters survive reloads. What must hold:
 * service_review() alone starts and stops watching listeners. It derives from state whether they
 * may be watched, may be called at any time, and must be called after everything that may change
 * the answer.
 */
#ifndef SUPERD_SUPERVISE_SERVICE_H
#define SUPERD_SUPERVISE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>
#include <uv.h>

#include "admission/admission.h"
#include "supervise/history.h"
#include "supervise/instance.h"
#include "supervise/policy.h"
#include "supervise/metrics.h"
#include "supervise/supervisor.h"
#include "supervise/throttle.h"

struct leaving;
struct looping;

/* An open socket of a service. */
struct listener {
    struct service *service;              /* NULL while it is on its way between two generations */
    const struct listener_config *config; /* of the current generation */
    char *key;                            /* config->key, which outlives the configuration here */
    int fd;                               /* -1: an IPv6 half that this host cannot have */
    bool inherited;                       /* given back rather than closed */
    struct address bound;                 /* where it really is: port 0 has become one */
    uv_poll_t poll;
    bool poll_open;
    bool watched;
    unsigned batch;               /* connections to take in a turn */
    bool closed;                  /* its rules cannot be put in force: nobody gets it */
    struct looping *looping;      /* owned; listener mode (looping.h) */
    struct leaving *leaving;      /* it goes in a moment (leaving.h); NULL: it stays */
    struct instance *instance;    /* listener mode: who has the socket now */
    uint32_t live;                /* instances that came through it */
    struct standing_order order;  /* of the operator */
    struct listener *prev, *next; /* of the service */
};

/* An accepted connection that waits for room: at most one a service. */
struct parked {
    int fd; /* -1: none */
    struct peer peer;
    pid_t peer_pid;
    struct source *source;     /* already admitted (the launchers had no room), else NULL */
    struct listener *listener; /* that it came through; NULL: closed since */
    bool admitted;
};

struct service {
    struct supervisor *supervisor;
    struct generation *generation; /* the last that has it; a reference: its policy is there */
    const struct service_config *config; /* in it; NULL: removed, lives on for its instances */
    uint32_t index;                      /* in it */
    struct admission_service *admission;
    struct policy policy; /* owned */
    struct listener *listeners;
    struct throttle throttle;
    struct parked parked;
    struct standing_order order; /* of the operator */
    enum reason held;            /* why listeners are not watched; REASON_NONE: they are */
    bool hold_said;              /* the log has this hold */
    uint64_t hold_said_ms;       /* when it had one last; 0: never */
    uint64_t holds_unsaid;       /* since then */
    bool in_held_list;
    struct service *held_prev, *held_next;
    uv_timer_t retry;           /* when time alone may lift the hold */
    struct instance *instances; /* all of them */
    uint32_t instance_count;
    uint64_t launched, failed; /* launches */
    uid_t dynamic_uid;         /* user = "dynamic": the one it got; (uid_t)-1: none so far */
    struct service_metrics metrics;
    struct history *history; /* owned; NULL: nobody has connected */
    UT_hash_handle hh;
    char name[];
};

/* Make a service without listeners; NULL when there is no memory. It is in supervisor->services. */
struct service *service_create(struct supervisor *supervisor, const char *name);

/* A service as the next generation wants it, made before anything is committed. */
struct service_change {
    struct service *service;
    bool fresh;           /* made for it */
    struct policy policy; /* owned */
};

/* Find or make the service of CONFIG and compile its rules. False: no memory, and nothing has changed. */
bool service_prepare(struct supervisor *supervisor, const struct service_config *config,
                     const struct access_contents *contents, struct service_change *change_r);
/* Nothing comes of it. */
void service_abandon(struct service_change *change);
/* It is, from now on, what CONFIG (number INDEX of GENERATION) says. Cannot fail. */
void service_commit(struct service_change *change, struct generation *generation,
                    const struct service_config *config, uint32_t index);

/* The files of its access rules have been read again (supervisor->access_contents). False: no memory,
 * and the rules stay as they were. */
bool service_renew_access(struct service *service);

/* No configuration has it any more. Its listeners are gone already; it goes with its last instance.
 */
void service_remove(struct service *service);

/* See above. */
void service_review(struct service *service);

/* Why would service_review() not watch now; REASON_NONE: it would. *RETRY_MS is when to ask again
 * by time alone, 0: not. */
enum reason service_hold_reason(struct service *service, uint64_t *retry_ms);

/* An instance has ended, or did not come to life: what it held is free. Call after it has left the
 * tables. */
void service_instance_gone(struct service *service);

/* The instance that had LISTENER's socket has ended. When it left the socket as readable as it
 * found it, soon and several times in a row, that is a loop, and the service is throttled. */
void service_listener_returned(struct service *service, struct listener *listener,
                               const struct instance *instance);

/* Launch results, for the throttle. The caller has the service reviewed. */
void service_launch_failed(struct service *service);
void service_launch_succeeded(struct service *service);

/* The service of that name; NULL: none. */
struct service *service_find(struct supervisor *supervisor, const char *name);

/* What PEER's connections to SERVICE are counted under. */
struct prefix service_source(const struct service *service, const struct peer *peer);

/* Admission has counted one: so does the history. */
void service_count(struct service *service, enum history_kind kind);

/* The moment that decisions of this turn of the loop are made at. */
struct moment service_moment(const struct supervisor *supervisor);

#endif
