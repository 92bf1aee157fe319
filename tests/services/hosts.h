/*
 * hosts: several hosts on this one: network namespaces, each with one wire to a switch, which can be
 * cut. Everything ends with the process that began it; nothing is left on the machine.
 */
#ifndef TESTS_HOSTS_H
#define TESTS_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct host {
    char address[16]; /* 10.99.0.NUMBER */
    char wire[16];    /* the switch's end */
    pid_t pid;
    int space; /* its network namespace */
};

/* Make this process the switch. NULL, or why it cannot be (a reason to skip). */
const char *hosts_begin(void);

/* Add a host and run RUN in a process there, which dies with us. */
void hosts_add(struct host *host, int number, void (*run)(const struct host *host));

/* Pull the wire out, or put it in. */
void hosts_connect(const struct host *host, bool connected);

/* Be on that host for a while; hosts_leave() is back at the switch. */
void hosts_enter(const struct host *host);
void hosts_leave(void);

/* The processes on a host that run one of the programs (paths), up to MOST. */
size_t hosts_find(const struct host *host, const char *const programs[], pid_t pids[], size_t most);

#endif
