/*
 * store: the directory behind a service of files. Each file of the store is one file on the disk: a
 * header of fixed length (what it is, its size, its SHA-256) and the data; so data, size and checksum
 * are replaced together by one rename, on any file system.
 *
 *   NAME        a file of the store (names never begin with a dot)
 *   .put-XXXX   a put under way, of full size from the start, locked (flock) by its process
 *   .lock       held (flock) while puts are admitted and finished, and for deletes; never while
 *               waiting for a client
 *
 * What must hold: the sizes of all NAMEs and .puts never pass the quota. There is no counter that
 * could go wrong in a crash: under the lock the directory itself is added up. A .put whose lock is
 * free is of a process that died, and is removed then.
 *
 * Depends on protocol; knows nothing of sockets.
 */
#ifndef FILES_STORE_H
#define FILES_STORE_H

#include "files/protocol.h"

#include <stdbool.h>
#include <stdint.h>

struct store {
    int directory;
    int lock;          /* -1 when read-only */
    int64_t quota;     /* bytes of all files */
    int64_t files_max; /* their number */
    int64_t file_max;  /* bytes of one */
    int64_t lock_ms;   /* how long to wait for the lock */
    bool read_only;
};

struct store_usage {
    int64_t files;
    int64_t bytes;
};

/* A put under way. */
struct store_put {
    int fd;
    char temporary[32];
    int64_t left; /* bytes that are to come */
    struct digest digest;
};

/* What store_get() and store_list() tell. */
struct store_file {
    char name[FILES_NAME_MAX + 1];
    int64_t size;
    int64_t time;
    char digest[DIGEST_TEXT];
};

/* Open DIRECTORY, with the other fields set. Returns 0 or -errno. */
int store_open(struct store *store, const char *directory);
void store_close(struct store *store);

/* Admit a put and keep room for it. */
enum files_word store_put_begin(struct store *store, const struct files_request *request,
                                struct store_put *put_r);
/* Add bytes. After an error go on to store_put_cancel(). */
enum files_word store_put_add(struct store_put *put, const void *data, size_t size);
/* Put the file behind its name, durably, if it is whole and right. Ends the put in any case. */
enum files_word store_put_end(struct store *store, const struct files_request *request,
                              struct store_put *put);
void store_put_cancel(struct store *store, struct store_put *put);

/* Open a file, standing at its data. The caller closes *FD_R. */
enum files_word store_get(struct store *store, const char *name, int *fd_r,
                          struct store_file *file_r);

enum files_word store_delete(struct store *store, const char *name);

/* Tell of each file, and what all use. */
enum files_word store_list(struct store *store, void (*tell)(void *, const struct store_file *),
                           void *context, struct store_usage *usage_r);

#endif
