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

/* Write our number to PATH (NULL: to none); the file of the program before is named in HANDOVER (NULL:
 * there was none) and goes, unless it is the same. Returns the path of the file that is there now, for
 * background_remove_pid_file(); NULL: none. That it cannot be written is logged. */
char *background_pid_file(const char *path, const struct handover *handover);

/* Remove it and free PATH. NULL is allowed. */
void background_remove_pid_file(char *path);

/* Where this program was found, which may hold another one later: so a link is not followed. */
const char *background_binary(void);

#endif
