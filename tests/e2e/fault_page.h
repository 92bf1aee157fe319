/*
 * fault_page: what a case and the preloaded library (fault.c) share: which calls of superd are to fail,
 * and how many have. The page is a file that both map; its path is in E2E_FAULT_PAGE.
 */
#ifndef TESTS_E2E_FAULT_PAGE_H
#define TESTS_E2E_FAULT_PAGE_H

#include <stdatomic.h>

enum fault_call {
    FAULT_ACCEPT4,
    FAULT_CLONE, /* in launchers; all others in the supervisor */
    FAULT_EPOLL_CTL,
    FAULT_FORK,
    FAULT_MEMORY, /* malloc, calloc, realloc */
    FAULT_PIPE2,
    FAULT_SENDMSG,
    FAULT_SOCKET,
    FAULT_SOCKETPAIR,
    FAULT_MAX
};

struct fault {
    atomic_int skip;   /* so many calls succeed first */
    atomic_int count;  /* then so many fail */
    atomic_int error;  /* with this errno */
    atomic_int calls;  /* made since the case last looked */
    atomic_int failed; /* and how many of them were made to fail */
};

struct fault_page {
    struct fault faults[FAULT_MAX];
};

#endif
