/* See file.h. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "listing.h"
#include "range.h"
#include "target.h"
#include "type.h"
#include "validator.h"

static const char index_name[] = "index.html";

int file_open_beneath(int root, const char *path)
{
    /* O_NONBLOCK: a FIFO must not hold us up before we know that it is one. */
    struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    enum { TRIES = 8 };
    long fd = -1;
    /* EAGAIN: something was renamed during a look-up that went through "..", in a symbolic link. */
    for (int i = 0; i < TRIES; i++) {
        fd = syscall(SYS_openat2, root, *path == '\0' ? "." : path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return fd >= 0 ? (int)fd : -errno;
}

static int status_of_error(int err)
{
    switch (err) {
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ELOOP:
    case -EXDEV: /* leads out of the directory: whether there is something is nobody's business */
    case -ENXIO: /* a socket, or a device that is not there */
    case -ENODEV:
        return 404;
    case -EACCES:
    case -EPERM:
        return 403;
    default:
        return 500;
    }
}

static void refuse(struct exchange *exchange, int err)
{
    int status = status_of_error(err);
    if (status == 500)
        fprintf(stderr, "page: cannot open a file: %s\n", strerror(-err));
    reply_status(exchange, status, "");
}

static void send_file(struct exchange *exchange, int fd, struct head *head, struct range range)
{
    bool with_content = exchange->request->method != REQUEST_HEAD && range.length > 0;
    head_add(head, "Content-Length: %" PRIu64 "\r\n", range.length);
    exchange->length = with_content ? range.length : 0;
    if (!head_send(head, exchange, with_content) || !with_content)
        return;
    exchange->error = connection_send_file(exchange->connection, fd, (off_t)range.first,
                                           range.length);
    if (exchange->error != 0)
        exchange->keep_alive = false;
}

/* What of the file is asked for. */
static enum range_kind choose_range(const struct exchange *exchange,
                                    const struct validator *validator, uint64_t size,
                                    struct range *range_r)
{
    const struct span *text = request_only_field(exchange->request, "range");
    *range_r = (struct range){.first = 0, .length = size};
    if (exchange->request->method != REQUEST_GET || text == NULL ||
        !validator_allows_range(validator, exchange->request))
        return RANGE_WHOLE;
    return range_parse(text->at, text->length, size, range_r);
}

static void answer_file(struct exchange *exchange, int fd, const struct stat *st, const char *name)
{
    struct validator validator;
    struct range range;
    struct head head;
    uint64_t size = (uint64_t)st->st_size;
    validator_init(&validator, st, exchange->now);
    enum validator_verdict verdict = validator_evaluate(&validator, exchange->request);
    if (verdict == VALIDATOR_FAILED) {
        reply_status(exchange, 412, "");
        return;
    }
    enum range_kind kind = RANGE_WHOLE;
    if (verdict == VALIDATOR_PROCEED)
        kind = choose_range(exchange, &validator, size, &range);
    if (kind == RANGE_UNSATISFIABLE) {
        char field[64];
        snprintf(field, sizeof field, "Content-Range: bytes */%" PRIu64 "\r\n", size);
        reply_status(exchange, 416, field);
        return;
    }
    head_begin(&head, exchange,
               verdict == VALIDATOR_NOT_MODIFIED ? 304
               : kind == RANGE_PART              ? 206
                                                 : 200);
    head_add(&head, "ETag: %s\r\nLast-Modified: %s\r\nAccept-Ranges: bytes\r\n", validator.tag,
             validator.modified_text);
    if (verdict == VALIDATOR_NOT_MODIFIED) {
        (void)head_send(&head, exchange, false);
        return;
    }
    head_add(&head, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n", type_of_name(name));
    if (kind == RANGE_PART)
        head_add(&head, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", range.first,
                 range.first + range.length - 1, size);
    send_file(exchange, fd, &head, range);
}

/* A query is repeated only if it is plain text: it goes into our header. */
static bool is_plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] < '!' || text[i] > '~')
            return false;
    return true;
}

/* The path begins with one slash and no more, so that it cannot name another host. */
static void redirect_to_slash(struct exchange *exchange, const struct target *target)
{
    char encoded[3 * TARGET_PATH_MAX];
    char field[REPLY_HEAD_MAX - 1024];
    const char *query = target->query;
    if (query != NULL && (target->query_length > 1024 || !is_plain(query, target->query_length)))
        query = NULL;
    (void)target_encode(target->path, encoded, sizeof encoded);
    snprintf(field, sizeof field, "Location: /%s/%s%.*s\r\n", encoded, query != NULL ? "?" : "",
             query != NULL ? (int)target->query_length : 0, query != NULL ? query : "");
    reply_status(exchange, 301, field);
}

/* The index of the directory, if it has one that can be read.  -ENOENT where there is none. */
static int open_index(const struct exchange *exchange, const struct target *target,
                      struct stat *st_r)
{
    char path[TARGET_PATH_MAX + sizeof index_name + 1];
    snprintf(path, sizeof path, "%s%s%s", target->path, target->length > 0 ? "/" : "", index_name);
    int fd = file_open_beneath(exchange->options->root, path);
    if (fd >= 0 && (fstat(fd, st_r) != 0 || !S_ISREG(st_r->st_mode))) {
        close(fd);
        return -ENOENT;
    }
    return fd;
}

/* Takes possession of `directory`. */
static void answer_directory(struct exchange *exchange, int directory, const struct target *target)
{
    struct stat st;
    int index = open_index(exchange, target, &st);
    if (index >= 0) {
        answer_file(exchange, index, &st, index_name);
        close(index);
    } else if (status_of_error(index) != 404) {
        refuse(exchange, index); /* there is one: a listing in its place would be a surprise */
    } else if (exchange->options->listing) {
        listing_answer(exchange, directory, target);
        return;
    } else {
        reply_status(exchange, 403, "");
    }
    close(directory);
}

void file_answer(struct exchange *exchange)
{
    struct target target;
    struct stat st;
    const struct span *text = &exchange->request->target;
    enum target_verdict verdict = target_parse(text->at, text->length, exchange->options->dot_files,
                                               &target);
    if (verdict != TARGET_OK) {
        reply_status(exchange, verdict == TARGET_MALFORMED ? 400 : 404, "");
        return;
    }
    int fd = file_open_beneath(exchange->options->root, target.path);
    if (fd < 0) {
        refuse(exchange, fd);
        return;
    }
    if (fstat(fd, &st) != 0) {
        refuse(exchange, -errno);
    } else if (S_ISDIR(st.st_mode) && target.slash) {
        answer_directory(exchange, fd, &target);
        return;
    } else if (S_ISDIR(st.st_mode)) {
        redirect_to_slash(exchange, &target);
    } else if (S_ISREG(st.st_mode) && !target.slash) {
        answer_file(exchange, fd, &st, target.path);
    } else {
        reply_status(exchange, S_ISREG(st.st_mode) ? 404 : 403, "");
    }
    close(fd);
}
