/*
 * load: one thread's worth of connections against one address, and the account of how each ended.
 *
 * A thread owns its connections, its epoll instance and its account; threads share nothing but the
 * tickets (which connection is next, of how many). Times are CLOCK_MONOTONIC nanoseconds.
 *
 * It knows nothing of superd: it talks to whatever listens.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "samples.h"

enum load_mode {
    LOAD_CLOSED, /* each client begins its next connection when its last one has ended */
    LOAD_OPEN,   /* connections begin at a given rate, whatever becomes of those before */
    LOAD_BURST,  /* all at once */
    LOAD_FLOOD,  /* closed or open, and being refused is what is counted */
    LOAD_HOLD,   /* open them, keep them, count those that live */
    LOAD_BULK,   /* one connection, many bytes */
    LOAD_MODE_MAX
};

extern const char *const load_mode_names[LOAD_MODE_MAX];

enum load_outcome {
    OUTCOME_OK,      /* end of file, and as many bytes as were expected (or any number) */
    OUTCOME_REFUSED, /* ECONNREFUSED */
    OUTCOME_RESET,   /* ECONNRESET or EPIPE */
    OUTCOME_TIMEOUT,
    OUTCOME_SHORT, /* end of file, too few bytes */
    OUTCOME_OTHER, /* another errno; the first one is kept */
    OUTCOME_MAX
};

extern const char *const load_outcome_names[OUTCOME_MAX];

/* What to do; the same for all threads, unchanged while they run. */
struct load_plan {
    enum load_mode mode;
    struct sockaddr_in target;
    unsigned threads;
    unsigned clients; /* connections in flight at once, over all threads; in `hold`: being opened */
    uint64_t count;   /* connections altogether; UINT64_MAX: until the time is up */
    uint64_t time_ns; /* begin no more after so long; 0: until the count is reached */
    uint64_t warm_ns; /* what ends within so long is not counted */
    uint64_t limit_ns;   /* one connection may take so long */
    double rate;         /* per second, over all threads; 0: closed loop */
    const char *request; /* sent after connecting; NULL: nothing */
    size_t request_length;
    bool half_close;  /* shut down our direction after the request */
    uint64_t expect;  /* bytes, at least, for OUTCOME_OK; in `hold`: before it counts as held */
    uint32_t sources; /* number of source addresses; 0: the kernel chooses */
    in_addr_t first_source; /* in host order */
};

/* How connections ended. */
struct load_account {
    uint64_t outcomes[OUTCOME_MAX];
    uint64_t in_window; /* ended (in flood mode: were refused; else: ok) before the time was up */
    uint64_t empty;     /* of the short ones: no byte at all, what a plain refusal looks like */
    uint64_t bytes;
    int other_errno;         /* the first of OUTCOME_OTHER */
    uint64_t begun, last_ns; /* connections begun; when the last one ended */
    uint64_t held, lost;     /* hold: were up at once; ended before they should */
    struct samples connect, first, end;
};

/* Shared by the threads of a run. */
struct load_shared {
    atomic_uint_fast64_t ticket; /* next connection's number */
    uint64_t start_ns;           /* the same for all threads */
    volatile sig_atomic_t *stop; /* end early and tell what is there */
    int release_fd;              /* hold: readable (or at its end) when it is enough */
    void (*on_held)(const struct load_account *account); /* hold: all are open now */
};

uint64_t load_now(void);

/* Run one thread's share (NUMBER of plan->threads), which is a matter of the plan's bounds. Fills
 * ACCOUNT (initialised here; the caller frees it with load_account_free()). Returns 0 or -errno
 * when it could not even begin. */
int load_run(const struct load_plan *plan, struct load_shared *shared, unsigned number,
             struct load_account *account);

/* A socket as the plan has it, from source number TICKET; non-blocking. Returns it or -errno. */
int load_socket(const struct load_plan *plan, uint64_t ticket);

/* Which outcome the errno value ERROR of a connection is. */
enum load_outcome load_outcome_of(int error);

/* Returns false when there is no memory. */
bool load_account_merge(struct load_account *into, const struct load_account *from);
void load_account_free(struct load_account *account);

#endif
