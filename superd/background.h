/*
 * background: what a daemon is to the system around it: its process, its terminal, its pid file, and
 * the file that its program is in.
 */
#ifndef SUPERD_BACKGROUND_H
#define SUPERD_BACKGROUND_H

#include <stdbool.h>

struct handover;

/* Fork; the parent waits until the child is ready (or has failed, which it says on our stderr) and
 * exits with that. Returns, in the child, the descriptor to say "ready" on, or -1. */
int background_detach(void);

/* Standard input is nobody's; the others too, once the daemon has said that it is ready. */
void background_leave_terminal(bool log_to_stderr);

/* The file of this program has PATH (NULL: it wants none); that of the one before is in HANDOVER
 * (NULL: there was none). */
void background_pid_file(const char *path, const struct handover *handover);

/* Where this program was found, which may hold another one later: so a link is not followed. */
const char *background_binary(void);

#endif
