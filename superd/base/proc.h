/*
 * proc: what the kernel tells of a process in its directory of /proc (proc(5)).
 *
 * A pid may pass to another process at any time, unless it is of a child that has not been reaped: what
 * holds of the process when it has been read, the caller knows.
 */
#ifndef SUPERD_BASE_PROC_H
#define SUPERD_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* In each of these PID 0 is our own process. */

/* Open its file NAME for reading, close-on-exec. Returns the descriptor or -1. */
int proc_open(pid_t pid, const char *name);

/* The beginning of its file NAME, what one read of SIZE - 1 bytes gives, with a NUL behind it. False when
 * there is none, and TEXT is "" then. */
bool proc_read(pid_t pid, const char *name, char *text, size_t size);

/* From its file `stat`; ticks are those of sysconf(_SC_CLK_TCK). */
struct proc_stat {
    char state; /* 'R', 'S', …; 'Z' and 'X' are dead */
    pid_t parent, group, session;
    uint64_t user_ticks, system_ticks;
    uint64_t started_ticks; /* since the system was */
    uint64_t resident_pages;
};

/* False when there is no such process. */
bool proc_stat(pid_t pid, struct proc_stat *stat_r);

/* The number behind NAME in its file `status`. False when it is not there. */
bool proc_status(pid_t pid, const char *name, uint64_t *value_r);

#endif
