/*
 * origin: clients that choose where they come from, as many as a case wants. On the loopback
 * network every address of 127.0.0.0/8 is ours to come from.
 */
#ifndef TESTS_E2E_ORIGIN_H
#define TESTS_E2E_ORIGIN_H

#include <stddef.h>
#include <sys/types.h>

/* Address NUMBER of many: 127.1.x.y. Lives until the next call. */
const char *origin_source(unsigned number);

/* A stream socket for TO that is bound to FROM. */
int origin_socket(const char *to, const char *from);

/* Connect a stream to TO (as client_address() has it) from address FROM, of the same family. */
int origin_dial(const char *to, const char *from);

/* The same, but an error is an answer: -errno. */
int origin_try(const char *to, const char *from);

/* The same for a UNIX socket, as another user; only for root. */
int origin_dial_as(const char *to, uid_t uid);

/* Connect from FROM, and be refused without a word. */
void origin_expect_refused(const char *to, const char *from);

/* A datagram socket of FROM that talks to TO. */
int origin_datagrams(const char *to, const char *from);

/* The specimen in mode "wait" has greeted. */
void origin_expect_greeting(int fd);

/* Connect from FROM and be greeted. */
int origin_enter(const char *to, const char *from);

/* The same, but -1 when it is refused. */
int origin_ask(const char *to, const char *from);

/* Enter an own network namespace with ADDRESSES ("2001:db8::1/64"; NULL at the end) on its loopback
 * device. Leaves the case when that cannot be had. */
void origin_own_network(const char *const *addresses);

#endif
