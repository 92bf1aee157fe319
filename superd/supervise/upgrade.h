/*
 * upgrade: putting another program, mostly a newer superd, in the place of this one: same process, same
 * sockets, same instances.
 *
 *   (none) --upgrade_begin--> CHECKING --it can--> QUIET --nothing is under way--> exec
 *                                | it cannot         | not within UPGRADE_QUIET_MS    | fails
 *                                v                   v                                v
 *                              failed: the old one goes on as if nothing had been
 *
 * CHECKING: the new program reads a handover (handover.h) of this very daemon and its configuration, in a
 * process of its own (upgrade_check.h), while we serve: so what it reads is the state of that moment, and
 * not of the one in which it takes over, but made by the same code. QUIET: no orders are given out, clients wait in the
 * backlog; as soon as all orders are answered and nothing else is half done, a handover is written and
 * the new program exec'ed, which goes on in upgrade_take_over(). This lasts milliseconds.
 *
 * What must hold: up to the exec nothing has been changed that is not put back when it fails. After it
 * the new program has what it has read once already, in its check; only a system that has run out of
 * memory or processes may still stop it, and it says so as loudly as it can.
 */
#ifndef SUPERD_SUPERVISE_UPGRADE_H
#define SUPERD_SUPERVISE_UPGRADE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define UPGRADE_QUIET_MS 5000

struct config;
struct diagnostics;
struct handover;
struct supervisor;
struct upgrade;

/* How it ended; of an upgrade that was done the new program tells. */
struct upgrade_result {
    bool done;
    const json_t *errors;    /* texts; when it failed */
    const char *from;        /* version; when done */
    bool config_kept;        /* the files could not be used: the configuration is the one before */
    const json_t *complaint; /* why, texts */
    uint64_t paused_ms;      /* so long clients waited in the backlog */
};

/* Ask for it, with BINARY or (NULL) the path that this program was started from. False: *ERROR_R says
 * why it cannot be. supervisor->hooks.upgraded is told how it ends. */
bool upgrade_begin(struct supervisor *supervisor, const char *binary, const char **error_r);

/* Something has happened that it may wait for. To be called before the loop sleeps. */
void upgrade_look(struct supervisor *supervisor);

/* A child that is neither instance nor launcher has ended. True: it was of an upgrade. */
bool upgrade_reaped(struct supervisor *supervisor, pid_t pid, int status);

/* In the new program, with a loop and nothing else: go on where the old one was, with CONFIG (taken
 * over; NULL: it could not be read, LIST has the errors). Returns an exit code. */
int upgrade_take_over(struct supervisor *supervisor, struct config *config,
                      struct diagnostics *list, struct handover *handover);

#endif
