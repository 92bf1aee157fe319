/*
 * order: what supervisor and launchers say to each other. The protocol is written here alone.
 *
 * Supervisor and launchers share one SOCK_SEQPACKET socket pair per generation: the supervisor
 * holds one end, all launchers of the generation the other, and whichever is free takes the next
 * order. An order is one `struct order` with descriptors as SCM_RIGHTS: the connection (or the
 * listening socket), then, with `has_stderr`, the write end of the stderr pipe. Each order is
 * answered by exactly one `struct launch_report`, unless the launcher dies with it (pool.c finds
 * that out).
 *
 * Reports stand in memory that both sides share, where the supervisor looks whenever something wakes
 * it, and mostly that is the end of the instance: so a report wakes nobody, in the very moment in which
 * the handler begins. Only while `wake` is set a byte on the socket follows each report.
 *
 * Both sides are the same program image (a launcher is a fork), so the structures go as they are.
 */
#ifndef SUPERD_LAUNCH_ORDER_H
#define SUPERD_LAUNCH_ORDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/address.h"

struct order {
    uint64_t instance; /* id, never used twice while the daemon lives; never 0 */
    uint32_t service;  /* index into the generation's plans */
    uint32_t
        connections;     /* of this source to this service, this one included; 0 in listener mode */
    struct address peer; /* length 0 in listener mode */
    struct address local; /* of the connection; length 0: ask it */
    uid_t peer_uid;       /* of a UNIX peer, else (uid_t)-1 */
    gid_t peer_gid;
    pid_t peer_pid;
    uid_t run_uid; /* of a dynamic user; else (uid_t)-1 */
    bool has_stderr;
};

/* The steps of a launch, in their order; the first that fails ends it and is reported. */
enum launch_step {
    STEP_NONE,        /* all went well: the handler has been exec'ed */
    STEP_RECEIVE,     /* the launcher could not take the order's descriptors */
    STEP_ENVIRONMENT, /* the environment does not fit */
    STEP_CLONE,       /* no process to be had */
    STEP_SESSION,
    STEP_DESCRIPTORS,
    STEP_NICE,
    STEP_RLIMITS,
    STEP_GROUPS,
    STEP_GID,
    STEP_UID,
    STEP_DIRECTORY,
    STEP_EXEC,
    STEP_USER_NAMESPACE, /* from here on: isolation, once for all instances of a service */
    STEP_NAMESPACES,
    STEP_ROOT,
    STEP_CGROUP,
    STEP_PRIVILEGES,
    STEP_LANDLOCK,
    STEP_SYSTEM_CALLS,
    STEP_PRIVATE_MOUNTS, /* for each instance again */
    STEP_LAUNCHER,       /* the launcher died with the order */
    STEP_STUCK,          /* it was not carried out in time */
    STEP_MAX
};

extern const char *const launch_step_names[STEP_MAX];

struct launch_report {
    uint64_t instance;
    pid_t pid;             /* of the child, also when a later step failed; 0: none was made */
    enum launch_step step; /* that failed, or STEP_NONE */
    int error;             /* errno of that step */
    uint64_t at_ns;        /* when the launcher was done, monotonic; 0: it died */
};

/* Orders that may be on their way at once; more would only wait in the socket's buffer. */
#define LAUNCH_ORDERS_MAX 64

/* What a launcher has in hand, so that its death loses nothing silently, and what it has to tell.
 * `pid` is written by the kernel before the child runs (CLONE_PARENT_SETTID). */
struct launch_slot {
    _Atomic uint64_t instance; /* 0: idle */
    pid_t pid;                 /* of that instance's child; 0: not made yet */
    pid_t ready;               /* of the child that waits for the next order itself; 0: none */
    _Atomic uint32_t written;  /* reports so far; number N stands at N % LAUNCH_ORDERS_MAX */
    struct launch_report reports[LAUNCH_ORDERS_MAX]; /* there is room: one for each order */
};

/* What supervisor and launchers of a pool share. */
struct launch_board {
    _Atomic bool wake; /* the supervisor waits for reports */
    struct launch_slot slots[];
};

#endif
