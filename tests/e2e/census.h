/*
 * census: counts what processes have, as /proc shows it. It changes nothing.
 */
#ifndef TESTS_E2E_CENSUS_H
#define TESTS_E2E_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Open descriptors of PID, or -1. */
int census_descriptors(pid_t pid);

/* What these descriptors are, one a line, into TEXT. Returns TEXT. */
char *census_describe(pid_t pid, char *text, size_t size);

/* Children of PID (zombies too), at most ROOM of them into PIDS. */
size_t census_children(pid_t pid, pid_t *pids, size_t room);

/* The process's name, "?" when it has gone. Returns TEXT. */
char *census_name(pid_t pid, char *text, size_t size);

/* A number of /proc/PID/status ("Threads", "VmRSS"), or -1. */
long census_status(pid_t pid, const char *key);

/* A number of /proc/PID/smaps_rollup in KiB ("Rss", "Pss", "Private_Dirty"), or -1. */
long census_memory(pid_t pid, const char *key);

/* Is there such a process, and is it no zombie? */
bool census_alive(pid_t pid);

/* What it does, as ps(1) has it: 'S' for it sleeps, 'T' for it is stopped; NUL: there is none. */
char census_state(pid_t pid);

/* Processes whose environment has NAME=VALUE, at most ROOM of them into PIDS. */
size_t census_with_variable(const char *name, const char *value, pid_t *pids, size_t room);

#endif
