/*
 * supervisor: the daemon's state, and how its parts are wired.
 *
 * One thread, one loop; nothing here blocks or sleeps. The parts, each in its file:
 *   service     a service at run time: its listeners, whether they are watched, what it counts
 *   listeners   the set of open sockets; matching it with a configuration
 *   accept      from a readable listener to a decision
 *   instance    the table of instances and their states
 *   reaper      SIGCHLD: outcomes
 *   deadlines   time limits
 *   tree        ending a process and all that it started
 *   reload      the next generation
 *   upgrade     the next program in this process
 *   handover    what that one gets
 *   operate     what an operator asks for: pause, resume, drain
 *   metrics     counters and histograms
 *   history     what was admitted and refused in the last minutes
 *   stop        draining and the end
 *   notify      telling a process supervisor
 *   events      log lines that have a shape to keep (superd.log(5))
 */
#ifndef SUPERD_SUPERVISE_SUPERVISOR_H
#define SUPERD_SUPERVISE_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <uv.h>

#include "admission/admission.h"
#include "config/load.h"
#include "supervise/access_files.h"
#include "supervise/dynamic_users.h"
#include "supervise/generation.h"
#include "supervise/stderr_reader.h"

struct group;
struct instance;
struct reload_result;
struct service;
struct refusals;
struct handover;
struct json_t;
struct tree_end;
struct unclaimed;
struct upgrade;
struct upgrade_result;
struct watch;

enum supervisor_state {
    STATE_STARTING,
    STATE_RUNNING,
    STATE_DRAINING,    /* nothing is accepted; instances may finish until the grace is over */
    STATE_TERMINATING, /* instances have been told to end, and are killed when their grace is over
                        */
    STATE_STOPPED,     /* the loop may end */
};

/* What an operator has asked of the daemon, a service or a listener (operate.h). */
struct standing_order {
    bool paused, draining;
    uint64_t
        deadline_ms; /* draining: when instances are terminated, monotonic; UINT64_MAX: never */
};

/* What a part above supervise/ (the control socket) wants to be told. Each may be NULL. */
struct supervisor_hooks {
    void *data;
    void (*begun)(void *data); /* the first generation is in force, `ready` has not been said */
    void (*reloaded)(void *data, const struct reload_result *result); /* or it failed: see there */
    void (*drained)(void *data); /* something that drains has no instance any more */
    void (*stopped)(void *data); /* close what the loop has of yours */
    void (*upgraded)(void *data, const struct upgrade_result *result); /* or it failed */
    /* Yours for the next program: handover.h, "control". Not FINAL: only to be checked. */
    struct json_t *(*save)(void *data, bool final);
};

/* Descriptors kept for logs, reloads, the control socket: never given to connections. */
#define DESCRIPTOR_RESERVE 64

struct supervisor {
    uv_loop_t loop;
    enum supervisor_state state;
    const char *config_path;
    const char
        *binary; /* the program that this process runs, where an upgrade looks for the next */
    const char *pid_file; /* the one there is, whatever a reload says; NULL: none */
    const struct config_surroundings *surroundings;
    struct rlimit descriptors; /* as superd was started, for handlers */
    size_t descriptor_limit;   /* as it is now, for superd */
    size_t descriptors_fixed;  /* open that belong to no instance: listeners and the like */

    struct generation *generation; /* the current one */
    struct generation *retiring;   /* replaced, with orders on their way; NULL mostly */
    struct admission *admission;
    struct service *services;  /* by name; also those removed that still have instances */
    struct service *held_head; /* services held for a reason of the daemon's, oldest first */
    struct stderr_readers *stderr_readers;
    struct refusals *refusals;

    struct instance *by_id, *by_pid;
    uint64_t last_instance; /* id of the youngest */
    size_t instance_count;
    struct tree_end *tree_ends; /* instances whose processes are being ended */
    uv_timer_t tree_timer;
    struct group *groups; /* control groups to be removed */
    uv_timer_t groups_timer;
    uint64_t groups_ms;
    bool removing_groups; /* a thread is at it */
    struct dynamic_users dynamic_users;
    struct instance *hinted; /* by the reaper */
    uv_timer_t sweep_timer;
    uint64_t sweep_ms;           /* to wait for the next one, as the last took its time */
    struct unclaimed *unclaimed; /* ends of children whose reports have not been read yet */
    size_t ends_lost;            /* of children whose end could not be kept, for lack of memory */

    int activity_fd; /* net/activity.h; -1: this kernel has no sock_diag */
    int signal_fd;
    uv_poll_t signals;
    uv_prepare_t turn_end; /* before the loop sleeps: flush the log, let held services try */
    uv_idle_t more_turns;  /* active while held services remain to be tried */
    uv_timer_t log_timer;  /* lines are to be written, at the latest */
    bool log_due;          /* ... and now they are */
    uv_timer_t stop_timer;
    uv_timer_t overload_timer;
    struct access_contents access_contents; /* of the current generation's `file:` rules */
    struct watch *access_watches;
    uv_timer_t access_timer;
    bool rereading;          /* those files are being read */
    bool reloading;          /* a reload's file reading is under way */
    bool reload_again;       /* asked for while one was under way */
    struct upgrade *upgrade; /* under way; NULL mostly */
    int exit_code;
    unsigned stops; /* signals to stop so far */

    size_t held_tries;      /* of the list of those held, since there was room */
    uint64_t accept_errors; /* for the log's sake: said once until one succeeds */

    struct supervisor_hooks hooks;
    struct standing_order order; /* of the operator, for the daemon as a whole */
    uv_timer_t drain_timer;
    uint64_t reloads;    /* begun so far */
    uint64_t upgrades;   /* programs that this process had before */
    uint64_t started_ms; /* monotonic */
    int64_t started_wall_us;
    uint64_t turns; /* of the loop */
};

struct supervisor_settings {
    const char *config_path;
    const struct config_surroundings *surroundings;
    struct rlimit descriptors;
    const char *binary;
    struct handover *handover;     /* NULL: this is a start and no upgrade; otherwise: */
    struct diagnostics *complaint; /* of the configuration, which is NULL if it cannot be used */
    int ready_fd;                  /* written to and closed when ready; -1: none */
    struct supervisor_hooks hooks;
};

/* Exit codes of superd, documented in superd(8). */
enum exit_code {
    EXIT_OK = 0,
    EXIT_CONFIG = 1,     /* wrong usage or configuration */
    EXIT_REFUSED = 3,    /* --explain: it would not be admitted */
    EXIT_SYSTEM = 71,    /* the system refused something (EX_OSERR) */
    EXIT_STRAGGLERS = 75 /* stopped, but had to leave processes that could not be killed */
};

/* Begin with CONFIG (taken over in any case): open listeners, start launchers. Returns an exit
 * code; on failure it has been said on the log and nothing is left open. SUPERVISOR is all zero. */
int supervisor_start(struct supervisor *supervisor, struct config *config,
                     const struct supervisor_settings *settings);

/* Run until stopped; returns an exit code. */
int supervisor_run(struct supervisor *supervisor);

/* How many more instances the descriptors allow now. */
size_t supervisor_descriptors_left(const struct supervisor *supervisor);

/* Is NAME's reason one of the daemon as a whole, so that any instance's end may lift it? */
bool supervisor_reason_is_daemons(enum reason reason);

/* Something of the daemon's became free: held services try again before the loop sleeps. */
void supervisor_room(struct supervisor *supervisor);

#endif
