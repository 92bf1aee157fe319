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
};

/* Begin with COUNT clients of ADDRESS. */
void crowd_begin(struct crowd *crowd, const char *address, size_t count);

/* Wait until they have been served so many times more. */
void crowd_wait(struct crowd *crowd, unsigned long more);

/* End it; the case fails when a client was not served, and the number of those served is returned. */
unsigned long crowd_end(struct crowd *crowd);

#endif
