/*
 * files: an inetd-style handler that stores and hands out files of one directory: puts, gets, lists
 * and deletes as PROTOCOL.md says, on descriptors 0 and 1.
 *
 * What must hold: what a client sends goes into the store only through store.c, every wait has an
 * end, memory is bounded, and the handler can be killed at any point.
 */
#include "common/io.h"
#include "files/protocol.h"
#include "files/store.h"
#include "wire/connect.h"
#include "wire/field.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { SYNTAX_ERRORS_MAX = 16, BLOCK = 1 << 16 };

struct session {
    struct wire wire;
    struct store store;
    struct patience patience;
    bool broken; /* the stream cannot go on */
};

static const char usage[] =
    "usage: files [--quota SIZE] [--max-files N] [--max-size SIZE] [--read-only]\n"
    "             [--busy TIME] [--idle TIME] [--line TIME] DIRECTORY\n"
    "SIZE is like 64K or 10M, TIME like 3s or 500ms. See superd-files(8).\n";

static bool parse_options(int argc, char *argv[], struct session *session)
{
    enum { QUOTA = 1, MAX_FILES, MAX_SIZE, READ_ONLY, BUSY };
    static const struct option table[] = {
        {"quota", required_argument, NULL, QUOTA},
        {"max-files", required_argument, NULL, MAX_FILES},
        {"max-size", required_argument, NULL, MAX_SIZE},
        {"read-only", no_argument, NULL, READ_ONLY},
        {"busy", required_argument, NULL, BUSY},
        {"idle", required_argument, NULL, PATIENCE_IDLE},
        {"line", required_argument, NULL, PATIENCE_LINE},
        {NULL, 0, NULL, 0},
    };
    struct store *store = &session->store;
    bool good = true;
    int option;

    while (good && (option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        switch (option) {
        case QUOTA:
            good = field_size(optarg, &store->quota);
            break;
        case MAX_FILES:
            good = field_number(optarg, 1, 1000000, &store->files_max);
            break;
        case MAX_SIZE:
            good = field_size(optarg, &store->file_max);
            break;
        case READ_ONLY:
            store->read_only = true;
            break;
        case BUSY:
            good = field_duration(optarg, &store->lock_ms);
            break;
        default:
            good = patience_option(&session->patience, option, optarg);
        }
    }
    return good && optind == argc - 1;
}

static void answer_error(struct session *session, enum files_word word)
{
    session->wire.deadline = io_clock_ms() + session->patience.line_ms;
    (void)wire_print(&session->wire, "ERR %s\n", files_word_text(word));
}

/* Take the body of a put. An error of the disk is kept until the body has passed, so that the
 * stream stays in step. */
static enum files_word take_body(struct session *session, struct store_put *put)
{
    static char block[BLOCK];
    enum files_word word = FILES_DONE;
    int64_t left = put->left;

    session->wire.deadline = io_clock_ms() + files_body_ms(left);
    while (left > 0) {
        size_t got;
        enum wire_status status = wire_read_some(&session->wire, block,
                                                 left < BLOCK ? (size_t)left : (size_t)BLOCK, &got);

        if (status != WIRE_OK) {
            session->broken = true;
            return status == WIRE_TIMEOUT ? FILES_IDLE : FILES_CHECKSUM;
        }
        left -= (int64_t)got;
        if (word == FILES_DONE)
            word = store_put_add(put, block, got);
    }
    return word;
}

static void answer_put(struct session *session, const struct files_request *request)
{
    struct store_put put;
    enum files_word word = store_put_begin(&session->store, request, &put);

    if (word != FILES_DONE) {
        answer_error(session, word);
        return;
    }
    session->wire.deadline = io_clock_ms() + session->patience.line_ms;
    (void)wire_print(&session->wire, "GO\n");
    word = take_body(session, &put);
    if (word == FILES_DONE)
        word = store_put_end(&session->store, request, &put);
    else
        store_put_cancel(&session->store, &put);
    session->wire.deadline = io_clock_ms() + session->patience.line_ms;
    if (word == FILES_DONE)
        (void)wire_print(&session->wire, "OK %lld %s\n", (long long)request->size, request->digest);
    else
        answer_error(session, word);
}

static void answer_get(struct session *session, const struct files_request *request)
{
    static char block[BLOCK];
    struct store_file file;
    int fd;
    enum files_word word = store_get(&session->store, request->name, &fd, &file);

    if (word != FILES_DONE) {
        answer_error(session, word);
        return;
    }
    session->wire.deadline = io_clock_ms() + files_body_ms(file.size);
    session->broken = wire_print(&session->wire, "OK %lld %s\n", (long long)file.size,
                                 file.digest) != WIRE_OK;
    for (int64_t left = file.size; left > 0 && !session->broken;) {
        ssize_t got = read(fd, block, left < BLOCK ? (size_t)left : (size_t)BLOCK);

        if (got <= 0)
            fprintf(stderr, "files: %s cannot be read to its end\n", request->name);
        session->broken = got <= 0 || wire_write(&session->wire, block, (size_t)got) != WIRE_OK;
        left -= got;
    }
    close(fd);
}

static void tell_file(void *context, const struct store_file *file)
{
    struct session *session = context;

    session->wire.deadline = io_clock_ms() + session->patience.line_ms;
    if (!session->broken)
        session->broken = wire_print(&session->wire, "FILE %lld %s %lld %s\n",
                                     (long long)file->size, file->digest, (long long)file->time,
                                     file->name) != WIRE_OK;
}

static void answer_request(struct session *session, const struct files_request *request)
{
    struct store_usage total;
    enum files_word word;

    switch (request->verb) {
    case FILES_PUT:
        answer_put(session, request);
        return;
    case FILES_GET:
        answer_get(session, request);
        return;
    case FILES_LIST:
        word = store_list(&session->store, tell_file, session, &total);
        break;
    default:
        word = store_delete(&session->store, request->name);
    }
    session->wire.deadline = io_clock_ms() + session->patience.line_ms;
    if (word != FILES_DONE)
        answer_error(session, word);
    else if (request->verb == FILES_LIST)
        (void)wire_print(&session->wire, "OK %lld %lld %lld\n", (long long)total.files,
                         (long long)total.bytes, (long long)session->store.quota);
    else
        (void)wire_print(&session->wire, "OK\n");
}

/* The next line, or false when there is none to come. */
static bool next_line(struct session *session, char line[WIRE_LINE_MAX], size_t *length_r)
{
    enum wire_status status = wire_next_line(&session->wire, &session->patience, line, length_r);

    if (status == WIRE_TIMEOUT)
        answer_error(session, FILES_IDLE);
    if (status == WIRE_TOO_LONG)
        answer_error(session, FILES_TOO_LONG);
    return status == WIRE_OK;
}

static void run_session(struct session *session)
{
    char line[WIRE_LINE_MAX];
    size_t length;
    int errors = 0;

    wire_begin(&session->wire, STDIN_FILENO, STDOUT_FILENO);
    wire_no_delay(STDOUT_FILENO);
    (void)wire_print(&session->wire, "FILES %d\n", FILES_VERSION);
    while (!session->broken && errors < SYNTAX_ERRORS_MAX && next_line(session, line, &length)) {
        struct files_request request;

        if (files_request_parse(line, length, &request)) {
            answer_request(session, &request);
        } else {
            answer_error(session, FILES_SYNTAX);
            errors++;
        }
    }
    session->wire.deadline = io_clock_ms() + session->patience.line_ms;
    if (wire_flush(&session->wire) == WIRE_OK)
        io_linger(STDOUT_FILENO); /* where we hang up first, what we said last must still arrive */
}

int main(int argc, char *argv[])
{
    static struct session session = {
        .store = {.quota = INT64_C(1) << 30,
                  .files_max = 10000,
                  .file_max = INT64_C(1) << 50,
                  .lock_ms = 5000},
        .patience = {PATIENCE_IDLE_MS, PATIENCE_LINE_MS},
    };
    int status;

    if (!parse_options(argc, argv, &session)) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    status = store_open(&session.store, argv[optind]);
    if (status != 0) {
        fprintf(stderr, "files: %s: %s\n", argv[optind], strerror(-status));
        return EX_CONFIG;
    }
    run_session(&session);
    store_close(&session.store);
    return EXIT_SUCCESS;
}
