/*
 * store: see store.h. Names are flat and checked by the parser; here they are opened beneath the
 * directory with O_NOFOLLOW, so that not even a link that somebody put there leads out.
 */
#include "common/io.h"
#include "files/store.h"

#include "wire/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

/* "files/1 SHA SIZE\n" with zeros before the size, so that it is of fixed length: the data's size
 * follows from st_size. */
enum { HEADER_SIZE = 8 + DIGEST_TEXT + 18 + 1 };

static const char put_prefix[] = ".put-";

/* Say on stderr what the client is told in one word. */
static enum files_word disk_error(const char *what, const char *name)
{
    fprintf(stderr, "files: %s %s: %s\n", what, name, strerror(errno));
    return FILES_DISK;
}

int store_open(struct store *store, const char *directory)
{
    int error;

    store->lock = -1;
    store->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0)
        return -errno;
    if (store->read_only)
        return 0;
    store->lock = openat(store->directory, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                         0600);
    if (store->lock >= 0)
        return 0;
    error = errno;
    close(store->directory);
    return -error;
}

void store_close(struct store *store)
{
    if (store->lock >= 0)
        close(store->lock);
    close(store->directory);
}

static void ignore_signal(int number)
{
    (void)number;
}

/* flock() has a fair queue but no deadline, so an alarm interrupts it; it repeats, in case the first
 * one rings before the wait has begun. */
static enum files_word lock_store(struct store *store)
{
    const struct sigaction wake = {.sa_handler = ignore_signal}; /* no SA_RESTART */
    const struct itimerval off = {0};
    struct itimerval alarm = {.it_interval.tv_usec = 50000};
    int64_t deadline = io_clock_ms() + store->lock_ms;
    int status, error;

    if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
        return FILES_DONE;
    alarm.it_value.tv_sec = store->lock_ms / 1000;
    alarm.it_value.tv_usec = store->lock_ms % 1000 * 1000;
    sigaction(SIGALRM, &wake, NULL);
    setitimer(ITIMER_REAL, &alarm, NULL);
    do {
        status = flock(store->lock, LOCK_EX);
    } while (status != 0 && errno == EINTR && io_clock_ms() < deadline);
    error = errno;
    setitimer(ITIMER_REAL, &off, NULL);
    if (status == 0)
        return FILES_DONE;
    errno = error;
    return errno == EINTR ? FILES_BUSY : disk_error("flock", ".lock");
}

static void unlock_store(struct store *store)
{
    flock(store->lock, LOCK_UN);
}

/* Remove what a process that died has left. Its lock is free; ours are not, and all .puts are made
 * and locked under the store's lock, which we hold. */
static bool clear_if_dead(struct store *store, const char *temporary)
{
    int fd = openat(store->directory, temporary, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    bool dead = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;

    if (dead)
        unlinkat(store->directory, temporary, 0);
    if (fd >= 0)
        close(fd);
    return dead;
}

/* A second stream over the directory, from its start. */
static DIR *read_directory(struct store *store)
{
    int fd = openat(store->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;

    if (!stream && fd >= 0)
        close(fd);
    return stream;
}

/* Under the lock: add up what is stored and what is being put. */
static enum files_word add_up(struct store *store, struct store_usage *usage_r)
{
    DIR *stream = read_directory(store);
    struct store_usage usage = {0};
    struct dirent *entry;
    int error;

    if (!stream)
        return disk_error("read", "the directory");
    while ((errno = 0, entry = readdir(stream))) {
        bool put = strncmp(entry->d_name, put_prefix, sizeof put_prefix - 1) == 0;
        struct stat info;

        if ((!put && entry->d_name[0] == '.') || (put && clear_if_dead(store, entry->d_name)) ||
            fstatat(store->directory, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(info.st_mode))
            continue;
        usage.files++;
        usage.bytes += info.st_size > HEADER_SIZE ? info.st_size - HEADER_SIZE : 0;
    }
    error = errno;
    closedir(stream);
    errno = error;
    if (error != 0)
        return disk_error("read", "the directory");
    *usage_r = usage;
    return FILES_DONE;
}

/* Make and lock the file that a put goes to, at its full size, so that others count it. */
static enum files_word make_temporary(struct store *store, int64_t size, struct store_put *put)
{
    uint64_t random;
    int64_t whole = HEADER_SIZE + size;

    if (getrandom(&random, sizeof random, 0) != sizeof random)
        return disk_error("getrandom", "");
    snprintf(put->temporary, sizeof put->temporary, "%s%016" PRIx64, put_prefix, random);
    put->fd = openat(store->directory, put->temporary,
                     O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (put->fd < 0)
        return disk_error("create", put->temporary);
    /* Where the file system can, keep the blocks too, not only the quota's bytes. */
    if (flock(put->fd, LOCK_EX | LOCK_NB) == 0 &&
        (fallocate(put->fd, 0, 0, whole) == 0 ||
         (errno == EOPNOTSUPP && ftruncate(put->fd, whole) == 0)) &&
        lseek(put->fd, HEADER_SIZE, SEEK_SET) == HEADER_SIZE)
        return FILES_DONE;
    disk_error("keep room in", put->temporary);
    store_put_cancel(store, put);
    return FILES_DISK;
}

enum files_word store_put_begin(struct store *store, const struct files_request *request,
                                struct store_put *put_r)
{
    struct store_usage usage = {0};
    enum files_word word;

    put_r->fd = -1;
    put_r->left = request->size;
    digest_begin(&put_r->digest);
    if (store->read_only)
        return FILES_READ_ONLY;
    if (request->size > store->file_max)
        return FILES_SIZE;
    if ((word = lock_store(store)) != FILES_DONE)
        return word;
    word = add_up(store, &usage);
    if (word == FILES_DONE && request->size > store->quota - usage.bytes)
        word = FILES_QUOTA;
    else if (word == FILES_DONE && usage.files >= store->files_max)
        word = FILES_COUNT;
    if (word == FILES_DONE)
        word = make_temporary(store, request->size, put_r);
    unlock_store(store);
    return word;
}

static enum files_word write_all(int fd, const char *data, size_t size, const char *name)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);

        if (written < 0 && errno != EINTR)
            return disk_error("write", name);
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return FILES_DONE;
}

enum files_word store_put_add(struct store_put *put, const void *data, size_t size)
{
    digest_add(&put->digest, data, size);
    put->left -= (int64_t)size;
    return write_all(put->fd, data, size, put->temporary);
}

/* Move a complete file to its name. Under the lock, so that no one adding up sees both or neither. */
static enum files_word commit(struct store *store, const char *name, struct store_put *put)
{
    enum files_word word = lock_store(store);

    if (word != FILES_DONE)
        return word;
    if (renameat(store->directory, put->temporary, store->directory, name) != 0)
        word = disk_error("rename to", name);
    unlock_store(store);
    if (word == FILES_DONE)
        put->temporary[0] = '\0'; /* no more ours to remove */
    if (word == FILES_DONE && fsync(store->directory) != 0)
        word = disk_error("fsync", "the directory");
    return word;
}

enum files_word store_put_end(struct store *store, const struct files_request *request,
                              struct store_put *put)
{
    char header[HEADER_SIZE + 1], digest[DIGEST_TEXT];
    enum files_word word = FILES_DONE;

    if (put->left != 0 || strcmp(digest_end(&put->digest, digest), request->digest) != 0)
        word = FILES_CHECKSUM;
    snprintf(header, sizeof header, "files/1 %s %018" PRId64 "\n", request->digest, request->size);
    if (word == FILES_DONE && lseek(put->fd, 0, SEEK_SET) != 0)
        word = disk_error("seek", put->temporary);
    if (word == FILES_DONE)
        word = write_all(put->fd, header, HEADER_SIZE, put->temporary);
    if (word == FILES_DONE && fsync(put->fd) != 0)
        word = disk_error("fsync", put->temporary);
    if (word == FILES_DONE)
        word = commit(store, request->name, put);
    store_put_cancel(store, put);
    return word;
}

void store_put_cancel(struct store *store, struct store_put *put)
{
    if (put->fd < 0)
        return;
    if (put->temporary[0])
        unlinkat(store->directory, put->temporary, 0);
    close(put->fd);
    put->fd = -1;
}

/* Read the header of an open file. */
static bool read_header(int fd, struct store_file *file_r)
{
    char header[HEADER_SIZE + 1];
    struct stat info;
    char *digest = header + 8, *size = header + 8 + DIGEST_TEXT;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
        read(fd, header, HEADER_SIZE) != HEADER_SIZE || memcmp(header, "files/1 ", 8) != 0 ||
        digest[DIGEST_TEXT - 1] != ' ' || header[HEADER_SIZE - 1] != '\n')
        return false;
    digest[DIGEST_TEXT - 1] = header[HEADER_SIZE - 1] = '\0';
    while (*size == '0' && size[1] != '\0')
        size++;
    file_r->time = info.st_mtime;
    return files_stamp_parse(size, digest, &file_r->size, file_r->digest) &&
           file_r->size == info.st_size - HEADER_SIZE;
}

enum files_word store_get(struct store *store, const char *name, int *fd_r,
                          struct store_file *file_r)
{
    int fd = openat(store->directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT)
        return FILES_NO_FILE;
    if (fd < 0)
        return errno == ELOOP ? FILES_DAMAGED : disk_error("open", name);
    if (!read_header(fd, file_r)) {
        fprintf(stderr, "files: %s was not put here\n", name);
        close(fd);
        return FILES_DAMAGED;
    }
    snprintf(file_r->name, sizeof file_r->name, "%s", name);
    *fd_r = fd;
    return FILES_DONE;
}

enum files_word store_delete(struct store *store, const char *name)
{
    enum files_word word;

    if (store->read_only)
        return FILES_READ_ONLY;
    if ((word = lock_store(store)) != FILES_DONE)
        return word;
    if (unlinkat(store->directory, name, 0) != 0)
        word = errno == ENOENT ? FILES_NO_FILE : disk_error("delete", name);
    unlock_store(store);
    if (word == FILES_DONE && fsync(store->directory) != 0)
        word = disk_error("fsync", "the directory");
    return word;
}

enum files_word store_list(struct store *store, void (*tell)(void *, const struct store_file *),
                           void *context, struct store_usage *usage_r)
{
    DIR *stream = read_directory(store);
    struct dirent *entry;

    memset(usage_r, 0, sizeof *usage_r);
    if (!stream)
        return disk_error("read", "the directory");
    while ((entry = readdir(stream))) {
        struct store_file file;
        int fd;

        /* One that is replaced or deleted at this moment is told of as it is found, or not. */
        if (!files_name_valid(entry->d_name) ||
            store_get(store, entry->d_name, &fd, &file) != FILES_DONE)
            continue;
        close(fd);
        usage_r->files++;
        usage_r->bytes += file.size;
        tell(context, &file);
    }
    closedir(stream);
    return FILES_DONE;
}
