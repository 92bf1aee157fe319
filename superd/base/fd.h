/*
 * fd: descriptors. Close-on-exec at birth is the caller's duty (SOCK_CLOEXEC, O_CLOEXEC,
 * pipe2); these are the few operations that every owner of a descriptor needs.
 */
#ifndef SUPERD_BASE_FD_H
#define SUPERD_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>

/* Close *FD unless it is -1, and make it -1. errno is kept. */
void fd_close(int *fd);

/* Set or clear O_NONBLOCK, which belongs to the open file, so to every descriptor of it. Returns 0
 * or -errno. */
int fd_set_nonblocking(int fd, bool nonblocking);

/* Set or clear close-on-exec of this descriptor. Returns 0 or -errno. */
int fd_set_cloexec(int fd, bool cloexec);

/* Duplicate FD to a number >= LOWEST, close-on-exec. Returns the new descriptor or -errno. */
int fd_dup_above(int fd, int lowest);

/* Open the standard descriptors 0, 1 and 2 on /dev/null where they are closed, so that no socket of
 * ours is ever born as one of them. Returns 0 or -errno. */
int fd_open_standard(void);

/* Write TEXT to the file PATH, which is there, in one piece, as files of the kernel want it. A PATH
 * that is not absolute is taken from the directory AT. Returns 0 or -errno. */
int fd_write_file(int at, const char *path, const char *text);

/* Raise the soft RLIMIT_NOFILE to the hard one, and return what it is now. */
size_t fd_limit_raise(void);

#endif
