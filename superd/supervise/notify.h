/*
 * notify: telling whoever started superd that it is ready: sd_notify(3) on NOTIFY_SOCKET, and a
 * newline on a descriptor of one's choice (--ready-fd, as s6 and others have it). No library is
 * needed to write a datagram.
 */
#ifndef SUPERD_SUPERVISE_NOTIFY_H
#define SUPERD_SUPERVISE_NOTIFY_H

/* Take NOTIFY_SOCKET out of the environment; call once. Without it the rest does nothing. */
void notify_begin(void);

/* What NOTIFY_SOCKET was, for the daemon's next program; NULL: nothing. */
const char *notify_path(void);

/* Send STATE ("READY=1", several lines allowed). Never blocks; a lost datagram is lost. */
void notify_send(const char *state);

/* "RELOADING=1" with the time that systemd asks for (MONOTONIC_USEC). */
void notify_reloading(void);

/* Write a newline to FD and close it. -1: nothing. */
void notify_ready_fd(int fd);

#endif
