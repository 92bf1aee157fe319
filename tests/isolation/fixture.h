/*
 * fixture: a superd whose services are the program hostile, as root or as an ordinary user.
 */
#ifndef TESTS_ISOLATION_FIXTURE_H
#define TESTS_ISOLATION_FIXTURE_H

#include "harness.h"

/* Users that nobody else on a host has: killing all that is theirs harms nobody. */
#define ATTACKER     "user = '64201'; group = '64201';"
#define OTHER        "user = '64202'; group = '64202';"
#define ATTACKER_UID 64201
#define OTHER_UID    64202
#define SUPERD_UID   64203 /* of an ordinary user's superd */

/* A service called NAME that attempts what its client says. */
#define HOSTILE(name, settings)                                                                 \
    name ": { listen = '127.0.0.1:0'; exec = ['@DIR@/hostile', 'ask']; limits: { per_source = " \
         "1000; instances = 1000; }; " settings " };\n"
/* Who has services of their own kind alone has no shared launchers: the harness wants to see some. */
#define FIRST "first: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"
#define CAT   "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; " OTHER " };\n"

/* Skip where hostile handlers cannot be made safe users of. */
void isolation_needs_root(void);

/* Start a superd that runs as root; SUPERD are settings of its own, besides a range of dynamic
 * users and a short life of idle launchers. */
struct daemon *isolation_start(const char *superd, const char *services);

/* The same by a superd whose process goes through BEFORE_EXEC first. */
struct daemon *isolation_start_by(void (*before_exec)(void *data), const char *services);

/* Skip where an ordinary user's superd cannot have namespaces, so no `strict`. */
void isolation_needs_user_namespaces(void);

/* Start one that runs as the ordinary user SUPERD_UID, or as us if we are one. */
struct daemon *isolation_start_as_user(const char *services);

/* What the service answers to an attempt: one line. */
char *attempt(struct daemon *daemon, const char *service, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

/* The answer begins with EXPECTED. */
void expect_attempt(struct daemon *daemon, const char *service, const char *what,
                    const char *expected);

/* The number of "count N". */
long attempt_count(struct daemon *daemon, const char *service, const char *what);

/* Begin an attempt that goes on; returns its connection once it says that it is ready. */
int begin_attempt(struct daemon *daemon, const char *service, const char *what);

/* The pid on the host of the instance that has our connection FD. */
pid_t pid_of(struct daemon *daemon, int fd);

/* Processes of UID that are no zombies. */
size_t count_of_user(uid_t uid);
void expect_none_of_user(uid_t uid);

/* Kill them, until there are none. */
void kill_user(uid_t uid);

/* Wait until only shared launchers are left, then as daemon_stop(). */
void isolation_stop(struct daemon *daemon);

int isolation_main(int argc, char **argv, const struct e2e_case *cases, size_t count);

#endif
