/*
 * files-client: put, get, list and delete files of a store. Checks what it gets, replaces a local
 * file only by a whole and right one, and waits no longer than told. Exit statuses are in
 * superd-files(8).
 */
#include "common/io.h"
#include "files/protocol.h"
#include "wire/connect.h"
#include "wire/field.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 16 };

struct client {
    const char *address;
    int64_t timeout_ms;
    int fd;
    struct wire wire;
};

/* An answer, taken apart. */
struct answer {
    char line[WIRE_LINE_MAX];
    char *fields[FILES_FIELDS_MAX];
    size_t count;
};

static char block[BLOCK];

static const char usage[] =
    "usage: files-client [-s HOST:PORT] [-t TIME] put FILE [NAME]\n"
    "       files-client [-s HOST:PORT] [-t TIME] get NAME [FILE]\n"
    "       files-client [-s HOST:PORT] [-t TIME] list\n"
    "       files-client [-s HOST:PORT] [-t TIME] delete NAME\n"
    "FILE may be - for standard output; the store may be in FILES_STORE; TIME is like 20s.\n";

static int fail_wire(const struct client *client, enum wire_status status)
{
    fprintf(stderr, "files-client: %s: %s\n", client->address, wire_status_text(status));
    return EX_UNAVAILABLE;
}

static int fail_file(const char *what, const char *name, int status)
{
    fprintf(stderr, "files-client: cannot %s %s: %s\n", what, name, strerror(errno));
    return status;
}

static int fail_sense(const struct client *client)
{
    fprintf(stderr, "files-client: %s: the answer makes no sense\n", client->address);
    return EX_PROTOCOL;
}

/* Read one line of an answer; ERR is reported and gives the exit status. */
static int read_answer(struct client *client, struct answer *answer_r)
{
    size_t length;
    enum wire_status status = wire_read_line(&client->wire, answer_r->line, &length);

    if (status != WIRE_OK)
        return fail_wire(client, status);
    answer_r->count = field_split(answer_r->line, length, answer_r->fields, FILES_FIELDS_MAX);
    if (answer_r->count == 0)
        return fail_sense(client);
    if (strcmp(answer_r->fields[0], "ERR") == 0) {
        fprintf(stderr, "files-client: refused: %s\n",
                answer_r->count > 1 ? answer_r->fields[1] : "for no reason");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static bool answer_is(const struct answer *answer, const char *word, size_t arguments)
{
    return strcmp(answer->fields[0], word) == 0 && answer->count == 1 + arguments;
}

static int connect_store(struct client *client)
{
    struct wire_address address;
    char line[WIRE_LINE_MAX];
    size_t length;
    enum wire_status status;

    if (!client->address || !wire_address_parse(client->address, &address)) {
        fputs("files-client: say which store with -s HOST:PORT or in FILES_STORE\n", stderr);
        return EX_USAGE;
    }
    client->fd = wire_connect(&address, io_clock_ms() + client->timeout_ms);
    if (client->fd < 0) {
        fprintf(stderr, "files-client: %s: %s\n", client->address,
                client->fd == -ENOENT ? "no such host" : strerror(-client->fd));
        return EX_UNAVAILABLE;
    }
    wire_begin(&client->wire, client->fd, client->fd);
    client->wire.deadline = io_clock_ms() + client->timeout_ms;
    status = wire_read_line(&client->wire, line, &length);
    if (status != WIRE_OK)
        return fail_wire(client, status);
    if (files_greeting_parse(line, length))
        return EXIT_SUCCESS;
    fprintf(stderr, "files-client: %s speaks no version of this protocol that I do\n",
            client->address);
    return EX_PROTOCOL;
}

/* -- put ------------------------------------------------------------------------------------------- */

static int sum_file(int fd, const char *path, int64_t *size_r, char digest_r[DIGEST_TEXT])
{
    struct digest digest;
    struct stat info;
    ssize_t got;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        fprintf(stderr, "files-client: %s is no regular file\n", path);
        return EX_NOINPUT;
    }
    digest_begin(&digest);
    *size_r = 0;
    while ((got = read(fd, block, sizeof block)) > 0) {
        digest_add(&digest, block, (size_t)got);
        *size_r += got;
    }
    if (got < 0 || lseek(fd, 0, SEEK_SET) != 0)
        return fail_file("read", path, EX_NOINPUT);
    digest_end(&digest, digest_r);
    return EXIT_SUCCESS;
}

static int send_body(struct client *client, int fd, const char *path, int64_t size)
{
    client->wire.deadline = io_clock_ms() + client->timeout_ms + files_body_ms(size);
    while (size > 0) {
        ssize_t got = read(fd, block, size < BLOCK ? (size_t)size : (size_t)BLOCK);
        enum wire_status status;

        if (got <= 0) {
            fprintf(stderr, "files-client: %s changed while it was read\n", path);
            return EX_NOINPUT;
        }
        status = wire_write(&client->wire, block, (size_t)got);
        if (status != WIRE_OK)
            return fail_wire(client, status);
        size -= got;
    }
    return EXIT_SUCCESS;
}

static int run_put(struct client *client, char *arguments[], int count)
{
    const char *slash = strrchr(arguments[0], '/');
    const char *name = count > 1 ? arguments[1] : slash ? slash + 1 : arguments[0];
    struct answer answer;
    char digest[DIGEST_TEXT];
    int64_t size;
    int fd, status;

    if (!files_name_valid(name)) {
        fprintf(stderr, "files-client: '%s' cannot be a name in a store; give another one\n", name);
        return EX_USAGE;
    }
    fd = open(arguments[0], O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_file("open", arguments[0], EX_NOINPUT);
    status = sum_file(fd, arguments[0], &size, digest);
    if (status == EXIT_SUCCESS)
        status = connect_store(client);
    if (status == EXIT_SUCCESS) {
        (void)wire_print(&client->wire, "PUT %s %lld %s\n", name, (long long)size, digest);
        status = read_answer(client, &answer);
    }
    if (status == EXIT_SUCCESS && !answer_is(&answer, "GO", 0))
        status = fail_sense(client);
    if (status == EXIT_SUCCESS)
        status = send_body(client, fd, arguments[0], size);
    if (status == EXIT_SUCCESS) {
        client->wire.deadline = io_clock_ms() + client->timeout_ms;
        status = read_answer(client, &answer);
    }
    close(fd);
    if (status == EXIT_SUCCESS &&
        (!answer_is(&answer, "OK", 2) || strcmp(answer.fields[2], digest) != 0))
        status = fail_sense(client);
    return status;
}

/* -- get ------------------------------------------------------------------------------------------- */

static int take_body(struct client *client, int fd, const char *path, int64_t size,
                     const char *expected)
{
    char found[DIGEST_TEXT];
    struct digest digest;

    digest_begin(&digest);
    client->wire.deadline = io_clock_ms() + client->timeout_ms + files_body_ms(size);
    while (size > 0) {
        size_t got;
        enum wire_status status = wire_read_some(&client->wire, block,
                                                 size < BLOCK ? (size_t)size : (size_t)BLOCK, &got);

        if (status != WIRE_OK)
            return fail_wire(client, status);
        digest_add(&digest, block, got);
        size -= (int64_t)got;
        for (size_t at = 0; at < got;) {
            ssize_t written = write(fd, block + at, got - at);

            if (written < 0)
                return fail_file("write", path, EX_IOERR);
            at += (size_t)written;
        }
    }
    if (strcmp(digest_end(&digest, found), expected) == 0)
        return EXIT_SUCCESS;
    fprintf(stderr, "files-client: the file is damaged: its checksum is not that of its put\n");
    return EX_DATAERR;
}

/* Write to a temporary file beside PATH, which takes its place only when all is right. */
static int take_file(struct client *client, const char *path, int64_t size, const char *digest)
{
    char temporary[4096];
    mode_t mask = umask(0);
    int fd, status;

    umask(mask);
    if (snprintf(temporary, sizeof temporary, "%s.part-XXXXXX", path) >= (int)sizeof temporary) {
        errno = ENAMETOOLONG;
        return fail_file("create", path, EX_CANTCREAT);
    }
    fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return fail_file("create", temporary, EX_CANTCREAT);
    status = take_body(client, fd, temporary, size, digest);
    if (status == EXIT_SUCCESS && (fchmod(fd, 0666 & ~mask) != 0 || fsync(fd) != 0))
        status = fail_file("write", temporary, EX_IOERR);
    close(fd);
    if (status == EXIT_SUCCESS && rename(temporary, path) != 0)
        status = fail_file("rename to", path, EX_CANTCREAT);
    if (status != EXIT_SUCCESS)
        unlink(temporary);
    return status;
}

static int run_get(struct client *client, char *arguments[], int count)
{
    const char *path = count > 1 ? arguments[1] : arguments[0];
    struct answer answer;
    char digest[DIGEST_TEXT];
    int64_t size;
    int status;

    if (!files_name_valid(arguments[0])) {
        fprintf(stderr, "files-client: '%s' cannot be a name in a store\n", arguments[0]);
        return EX_USAGE;
    }
    if ((status = connect_store(client)) != EXIT_SUCCESS)
        return status;
    (void)wire_print(&client->wire, "GET %s\n", arguments[0]);
    if ((status = read_answer(client, &answer)) != EXIT_SUCCESS)
        return status;
    if (!answer_is(&answer, "OK", 2) ||
        !files_stamp_parse(answer.fields[1], answer.fields[2], &size, digest))
        return fail_sense(client);
    if (strcmp(path, "-") == 0)
        return take_body(client, STDOUT_FILENO, "standard output", size, digest);
    return take_file(client, path, size, digest);
}

/* -- list, delete ---------------------------------------------------------------------------------- */

static int run_list(struct client *client, char *arguments[], int count)
{
    struct answer answer;
    int status = connect_store(client);

    (void)arguments;
    (void)count;
    if (status != EXIT_SUCCESS)
        return status;
    (void)wire_print(&client->wire, "LIST\n");
    while ((status = read_answer(client, &answer)) == EXIT_SUCCESS) {
        char digest[DIGEST_TEXT], when[32];
        int64_t size, seconds;
        time_t time;
        struct tm local;

        if (answer_is(&answer, "OK", 3)) {
            printf("%s files, %s of %s bytes\n", answer.fields[1], answer.fields[2],
                   answer.fields[3]);
            return EXIT_SUCCESS;
        }
        if (!answer_is(&answer, "FILE", 4) ||
            !files_stamp_parse(answer.fields[1], answer.fields[2], &size, digest) ||
            !field_number(answer.fields[3], 0, INT64_C(1) << 40, &seconds) ||
            !files_name_valid(answer.fields[4]))
            return fail_sense(client);
        time = (time_t)seconds;
        localtime_r(&time, &local);
        strftime(when, sizeof when, "%F %T", &local);
        printf("%14lld  %s  %.12s  %s\n", (long long)size, when, digest, answer.fields[4]);
    }
    return status;
}

static int run_delete(struct client *client, char *arguments[], int count)
{
    struct answer answer;
    int status;

    (void)count;
    if (!files_name_valid(arguments[0])) {
        fprintf(stderr, "files-client: '%s' cannot be a name in a store\n", arguments[0]);
        return EX_USAGE;
    }
    if ((status = connect_store(client)) != EXIT_SUCCESS)
        return status;
    (void)wire_print(&client->wire, "DELETE %s\n", arguments[0]);
    status = read_answer(client, &answer);
    return status == EXIT_SUCCESS && !answer_is(&answer, "OK", 0) ? fail_sense(client) : status;
}

static const struct {
    const char *name;
    int least;
    int most;
    int (*run)(struct client *client, char *arguments[], int count);
} commands[] = {
    {"put", 1, 2, run_put},
    {"get", 1, 2, run_get},
    {"list", 0, 0, run_list},
    {"delete", 1, 1, run_delete},
};

static int run_command(struct client *client, int argc, char *argv[])
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, argv[0]) == 0 && argc - 1 >= commands[i].least &&
            argc - 1 <= commands[i].most)
            return commands[i].run(client, argv + 1, argc - 1);
    fputs(usage, stderr);
    return EX_USAGE;
}

int main(int argc, char *argv[])
{
    static const struct option table[] = {
        {"store", required_argument, NULL, 's'},
        {"timeout", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    static struct client client = {.timeout_ms = 20000, .fd = -1};
    bool good = true;
    int option, status;

    client.address = getenv("FILES_STORE");
    while (good && (option = getopt_long(argc, argv, "s:t:", table, NULL)) != -1) {
        if (option == 's')
            client.address = optarg;
        else
            good = option == 't' && field_duration(optarg, &client.timeout_ms);
    }
    if (!good || optind == argc) {
        fputs(usage, stderr);
        return EX_USAGE;
    }
    status = run_command(&client, argc - optind, argv + optind);
    if (fflush(stdout) != 0 && status == EXIT_SUCCESS)
        status = EX_IOERR;
    if (client.fd >= 0)
        close(client.fd);
    return status;
}
