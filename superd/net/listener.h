/*
 * listener: opening the socket of one configured listener, and what can be asked of it afterwards.
 *
 * It opens exactly the address that the configuration says, or fails: it never falls back to
 * another one. It does not watch, accept or decide.
 */
#ifndef SUPERD_NET_LISTENER_H
#define SUPERD_NET_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "net/address.h"

#define LISTENER_ERROR_SIZE 256

/* Open, set options, bind and listen. CONFIG must not be a "fd:" one. PORT replaces a port of 0 in
 * its address where it is not 0 (the second half of a `*` pair). REUSE_PORT sets SO_REUSEPORT
 * although the configuration does not, to take an address over from a socket of ours that has it.
 * Returns the descriptor (close-on-exec, non-blocking) or -errno with a sentence in ERROR. A UNIX
 * path that is left over from a process that has died (nobody answers there) is removed first. */
int listener_open(const struct listener_config *config, uint16_t port, bool reuse_port,
                  char error[LISTENER_ERROR_SIZE]);

/* Set on FD what can be changed on an open listener (backlog, buffers, mode, ...): after a reload.
 * Returns 0 or -errno with a sentence in ERROR. */
int listener_apply(int fd, const struct listener_config *config, char error[LISTENER_ERROR_SIZE]);

/* Check that an inherited FD is what CONFIG wants: a bound socket, of a type that can be served.
 * Returns its type or -errno with a sentence in ERROR. */
int listener_adopt(int fd, const struct listener_config *config, char error[LISTENER_ERROR_SIZE]);

/* The address that FD is bound to; length 0 when it cannot be told. */
void listener_bound(int fd, struct address *address_r);

/* How many connections wait in the backlog of a TCP listener; -1 where the kernel does not tell. */
int listener_backlog(int fd);

/* Sockets handed over as sd_listen_fds(3) has it (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES). Call
 * once at start, before descriptors are opened; the variables are removed and the descriptors made
 * close-on-exec. */
void inherited_take(void);

/* The next inherited descriptor called NAME that nobody took, or -1. It stays ours: one is given
 * out once until inherited_return(). A descriptor without a name is called "unknown"
 * (sd_listen_fds_with_names). */
int inherited_find(const char *name);
void inherited_return(int fd);

/* Those of number 0, 1, ... in the order that they came; false: there are no more. And one that the
 * daemon's last program had. */
bool inherited_at(size_t number, int *fd_r, const char **name_r, bool *given_r);
void inherited_add(int fd, const char *name, bool given);

#endif
