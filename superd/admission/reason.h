/*
 * reason: the stable words for why a connection was refused or held. They stand in the log, in
 * counters, in superctl and in superd.log(5); a word, once released, keeps its meaning.
 */
#ifndef SUPERD_ADMISSION_REASON_H
#define SUPERD_ADMISSION_REASON_H

enum reason {
    REASON_NONE,
    /* the source's own fault, or its rule: refuse */
    REASON_DENIED,       /* a rule of `access` */
    REASON_CLOSED_HOURS, /* outside `hours` */
    REASON_TRAPPED,      /* the source touched a trap */
    REASON_SOURCE_LIMIT, /* limits.per_source */
    REASON_SOURCE_RATE,  /* limits.per_source_rate */
    REASON_FAIR_SHARE,   /* the service is full and this source holds more than half of it */
    REASON_SOURCE_TABLE, /* the source table is full of sources with live instances */
    /* the service's or the daemon's: hold (or refuse with when_full = "refuse") */
    REASON_SERVICE_LIMIT, /* limits.instances */
    REASON_SERVICE_RATE,  /* limits.rate */
    REASON_DAEMON_LIMIT,  /* superd.limits.instances, or the descriptor budget */
    REASON_LOAD,          /* superd.limits.load or .pressure */
    REASON_DYNAMIC_USERS, /* all uids of superd.isolation.users are in use */
    REASON_LAUNCHERS,     /* the launchers have all the orders they can take */
    REASON_THROTTLED,     /* launches of the service fail */
    REASON_PAUSED,        /* by the operator */
    REASON_DRAINING,      /* the service or the daemon drains */
    REASON_MAX
};

extern const char *const reason_names[REASON_MAX];

#endif
