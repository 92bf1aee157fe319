/*
 * crowd: clients that connect again and again, from processes of their own, while a case does
 * something to the daemon. Each says a line to a service that gives it back, and waits for the end.
 */
#ifndef TESTS_E2E_CROWD_H
#define TESTS_E2E_CROWD_H

#include <stddef.h>
#include <sys/types.h>

#define CROWD_MAX 32

struct crowd {
    pid_t pids[CROWD_MAX];
    size_t count;
    struct crowd_counts *counts; /* shared with them */
    unsigned long slowest_us;    /* once it has ended: the longest from connecting to the end */
};

/* Begin with COUNT clients of ADDRESS, who end by themselves after SECONDS (CASE_SECONDS). */
void crowd_begin(struct crowd *crowd, const char *address, size_t count);
void crowd_begin_for(struct crowd *crowd, const char *address, size_t count, unsigned seconds);

/* Wait until they have been served so many times more. */
void crowd_wait(struct crowd *crowd, unsigned long more);

/* End it; the case fails when a client was not served, and the number of those served is returned. */
unsigned long crowd_end(struct crowd *crowd);

/* The same where some are expected not to be: their number is in *FAILED_R, and what became of the
 * first in WHY. */
unsigned long crowd_end_with(struct crowd *crowd, unsigned long *failed_r, char why[128]);

#endif
