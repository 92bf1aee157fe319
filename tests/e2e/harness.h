/*
 * harness: a superd of one's own: started with a configuration in a fresh directory, watched through
 * its log, stopped, and looked after for what it left.
 *
 * Configuration text is written with ' for " (libconfig has no other use for it), and with:
 *     @DIR@       the fresh directory
 *     @SPECIMEN@  a copy of the program specimen in it (handlers/specimen.c)
 *     @HANDLERS@  the directory of superd's own handlers
 * As root, services run as root unless `defaults` or the service says otherwise.
 */
#ifndef TESTS_E2E_HARNESS_H
#define TESTS_E2E_HARNESS_H

#include <limits.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "census.h"
#include "client.h"
#include "events.h"
#include "runner.h"

struct setup {
    const char *superd;              /* settings of the group `superd` besides log and control */
    const char *log;                 /* of its group `log`, besides target, format and level */
    const char *defaults;            /* of the group `defaults` */
    const char *services;            /* of the group `services` */
    const char *top;                 /* further text of the file */
    const char *raw;                 /* the whole file, instead of all that */
    const char *const *arguments;    /* of superd, besides --config; NULL at the end */
    const char *const *environment;  /* "NAME=value", besides ours; NULL at the end */
    void (*before_exec)(void *data); /* called in the child that becomes superd */
    void *data;
    bool log_on_stderr;
    bool own_pid_namespace; /* superd is pid 1 of one, with its own /proc */
};

struct daemon {
    pid_t pid;
    char directory[64];
    char config[96];
    char log[96];
    struct events events;
    char *known[64]; /* files of the directory that may stay */
    size_t known_count;
    int baseline; /* descriptors when nobody is connected, without those of listeners */
    int status;   /* of waitpid(2), once it has ended */
    bool ended;
    struct daemon *next;
};

/* ---- Start ---------------------------------------------------------------------------------- */

/* Make the directory, write the configuration, start. */
struct daemon *daemon_launch(const struct setup *setup);

/* The same, then wait for `ready` and remember what it has. */
struct daemon *daemon_start(const struct setup *setup);

/* The same with nothing but the text of the group `services`. */
struct daemon *daemon_serve(const char *services);

/* Only the directory and the configuration, so that more can be added; daemon_run() is the rest of
 * daemon_start() (SETUP may be NULL). */
struct daemon *daemon_prepare(const struct setup *setup);
void daemon_run(struct daemon *daemon, const struct setup *setup);

/* ---- Files ---------------------------------------------------------------------------------- */

/* Write NAME in its directory, with ' and @WORDS@ replaced. */
void daemon_write(struct daemon *daemon, const char *name, const char *text);

/* NAME in its directory may be there at the end: a handler or the case makes it. */
void daemon_expect_file(struct daemon *daemon, const char *name);

/* Write its configuration again. */
void daemon_configure(struct daemon *daemon, const struct setup *setup);

/* The path of NAME in its directory; lives as long as the process. */
char *daemon_path(const struct daemon *daemon, const char *name);

/* The whole content of a file in its directory; "" when there is none. */
char *daemon_read(const struct daemon *daemon, const char *name);

/* ---- While it runs -------------------------------------------------------------------------- */

void daemon_signal(const struct daemon *daemon, int number);

/* Reload with SETUP (NULL: the files as they are) and wait for the result. */
void daemon_reload(struct daemon *daemon, const struct setup *setup);
void daemon_reload_fails(struct daemon *daemon, const struct setup *setup);

/* The address of the NUMBERth listener of SERVICE that is open now, as its `listen` event says. */
const char *daemon_address(struct daemon *daemon, const char *service, size_t number);

/* Connect to its first listener. */
int daemon_dial(struct daemon *daemon, const char *service);

/* Connect, say TEXT, half-close, and want exactly ANSWER up to the end. */
void daemon_talk(struct daemon *daemon, const char *service, const char *text, const char *answer);

/* What SERVICE says to a client that says nothing, up to the end. */
char *daemon_ask(struct daemon *daemon, const char *service);

/* Its launchers, at most ROOM of them. */
size_t daemon_launchers(const struct daemon *daemon, pid_t *pids, size_t room);

/* The children that they have made ready for the next connections, at most ROOM of them. */
size_t daemon_ready_children(const struct daemon *daemon, pid_t *pids, size_t room);

/* Stop them, and end the children that they have made ready: so nobody takes an order. Returns how many. */
size_t daemon_stop_launchers(const struct daemon *daemon, pid_t *pids, size_t room);

/* Has it launchers, and no other child but those that they have made ready, one each at most? */
bool daemon_has_only_launchers(const struct daemon *daemon);

/* Wait until nobody is served: no child but launchers, and the descriptors of the beginning. */
void daemon_expect_quiet(struct daemon *daemon);

/* What it has now, with nobody connected, is what it is to come back to (more or fewer listeners
 * apart). daemon_start() has done this; for cases that launch it otherwise. */
void daemon_rebase(struct daemon *daemon);

/* ---- The end -------------------------------------------------------------------------------- */

/* Wait for its end; returns the exit code, or 128 and the signal. */
int daemon_wait(struct daemon *daemon);

/* From now on the daemon is process PID, a child of ours by inheritance: it went to the background. */
void daemon_adopt(struct daemon *daemon, pid_t pid);

/* Want quiet, stop it with SIGTERM, want exit code 0, then daemon_expect_gone(). */
void daemon_stop(struct daemon *daemon);

/* It has ended, and left no process and no socket, nor any file that was not there before. Removes
 * its directory and frees it. */
void daemon_expect_gone(struct daemon *daemon);

/* ---- What there is -------------------------------------------------------------------------- */

const char *harness_superd(void);   /* the program under test */
const char *harness_specimen(void); /* the handler of handlers/specimen.c */
const char *harness_build(void);    /* the top of the build tree */
bool harness_is_root(void);

/* An address of the loopback network that no other test is likely to use, for cases that cannot leave
 * the port to the kernel. Returns TEXT. */
char *harness_loopback(char text[32]);

/* Leave the case unless we are root; unless superd can be pid 1 of a namespace. */
void harness_needs_root(void);
void harness_needs_pid_namespaces(void);

/* The name that `hours` has for the day of the week that it is in DAYS days, in UTC. */
const char *harness_day_in(int days);

#endif
