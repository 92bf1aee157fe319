/*
 * instance: one running process of a handler, from its order to its reaping.
 *
 *                  order sent                report: pid            reaped
 *   (none) ------> LAUNCHING ------------> RUNNING -------------> (gone), outcome ok/exit/signal
 *                     |                       | instance_end(outcome)
 *                     | report: failed        v
 *                     v                   TERMINATING --grace--> KILLED --> (gone), that outcome
 *                  (gone), launch-failed
 *
 * In LAUNCHING there is no pid; it is in by_id alone. In RUNNING, TERMINATING and KILLED it has a
 * pid and is in by_pid too. An end asked for while LAUNCHING is carried out when the report comes.
 * The first outcome that is asked for is kept; reaping is the only way out of the table.
 */
#ifndef SUPERD_SUPERVISE_INSTANCE_H
#define SUPERD_SUPERVISE_INSTANCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <uthash.h>
#include <uv.h>

#include "admission/admission.h"
#include "config/config.h"
#include "launch/order.h"

struct deadlines;
struct generation;
struct listener;
struct service;
struct stderr_reader;
struct supervisor;

enum instance_state { INSTANCE_LAUNCHING, INSTANCE_RUNNING, INSTANCE_TERMINATING, INSTANCE_KILLED };

enum outcome {
    OUTCOME_NONE,   /* nothing asked: the exit status decides */
    OUTCOME_OK,     /* exit 0 */
    OUTCOME_EXIT,   /* exit N */
    OUTCOME_SIGNAL, /* a signal nobody here sent */
    OUTCOME_LAUNCH_FAILED,
    OUTCOME_DEADLINE,   /* time.total */
    OUTCOME_IDLE,       /* time.idle */
    OUTCOME_FIRST_BYTE, /* time.first_byte */
    OUTCOME_GONE,       /* time.gone */
    OUTCOME_TERMINATED, /* by the operator or a drain */
    OUTCOME_MAX
};

extern const char *const outcome_names[OUTCOME_MAX];

struct instance {
    uint64_t id;
    pid_t pid;         /* 0 while launching */
    uid_t dynamic_uid; /* of this instance alone; (uid_t)-1: none */
    enum instance_state state;
    enum outcome wanted; /* why it is being ended */
    bool kill_wanted;    /* at once, as soon as its report has come */
    struct service *service;
    struct generation *generation;       /* a reference */
    const struct service_config *config; /* the service's, in that generation */
    struct listener *listener; /* listener mode; NULL otherwise, or when that socket was closed */
    struct listener *via;      /* that it came through, in any mode; NULL when that was closed */
    struct source *source;     /* what admission wants back */
    struct address peer;
    struct address local; /* this side of an IP connection; length 0 otherwise */
    uid_t peer_uid;       /* of a UNIX peer */
    uint64_t begun_ns;    /* when it was admitted, monotonic */
    uint64_t running_ns;  /* when its handler had been exec'ed */
    struct stderr_reader *stderr_reader;
    struct deadlines *deadlines; /* NULL: it has no time limits */
    uv_timer_t timer;            /* deadlines, then grace; open when timer_open */
    bool timer_open;
    UT_hash_handle by_id, by_pid;
    struct instance *prev, *next; /* of the service */
    unsigned hints_left; /* looks that reaper_hint() earned it; > 0: in supervisor->hinted */
    struct instance *hint_prev, *hint_next;
};

/* What a launch needs: descriptors are closed in any case, the rest is copied. */
struct launch {
    int connection; /* closed, unless KEEP: the listening socket in listener mode */
    bool keep;
    const struct peer *peer; /* NULL in listener mode */
    pid_t peer_pid;
    struct source *source;
    struct listener *listener; /* listener mode */
    struct listener *via;      /* that it came through; NULL: closed since */
};

/* Make an instance of SERVICE and send its order. Returns it, or NULL: then -errno is in *ERROR_R,
 * nothing is left of it but what admission counted, which is released here too. With -EAGAIN (the
 * launchers have no room) the descriptor is not closed and admission's count stays: park it. */
struct instance *instance_launch(struct service *service, const struct launch *launch,
                                 int *error_r);

/* INSTANCE, made and filled in by the caller (all but the links of tables), runs since the daemon's last
 * program; what was being done to it goes on, with TIMER_MS left of its grace. False: no memory, and
 * the daemon cannot go on: its end could not be matched. */
bool instance_go_on(struct instance *instance, uint64_t timer_ms);

/* A report came. */
void instance_reported(struct supervisor *supervisor, const struct launch_report *report);

/* It has been reaped. INSTANCE is freed. */
void instance_ended(struct instance *instance, int status, const struct rusage *usage);

/* End it with this outcome: terminate now, kill when its grace is over. Again: nothing. */
void instance_end(struct instance *instance, enum outcome outcome);

/* Kill it and all it started, now. */
void instance_kill(struct instance *instance);

struct instance *instance_find(struct supervisor *supervisor, uint64_t id);
struct instance *instance_find_pid(struct supervisor *supervisor, pid_t pid);

/* Start (or stop) its one timer. */
void instance_timer(struct instance *instance, uv_timer_cb callback, uint64_t ms);

#endif
