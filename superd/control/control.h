/*
 * control: the daemon's side of the control socket: who asks, what, and what is answered
 * (superd-control(7)).
 *
 * It uses supervise/ through its headers and is told of events by supervisor_hooks; nothing in
 * supervise/ knows of it. All that may block or take long (files of a configuration, /proc, the kernel's
 * socket tables) is done in a thread; the loop's part of an answer is bounded by paging.
 */
#ifndef SUPERD_CONTROL_CONTROL_H
#define SUPERD_CONTROL_CONTROL_H

#include "supervise/supervisor.h"

struct control;

/* Make it for SUPERVISOR, which is not started yet, and put its hooks into SETTINGS. The socket is
 * opened when the supervisor begins. That it cannot be opened is logged and no reason not to serve.
 * NULL: no memory. */
struct control *control_create(struct supervisor *supervisor, struct supervisor_settings *settings);

/* After the supervisor has ended. NULL is allowed. */
void control_free(struct control *control);

#endif
