/*
 * The file store's handler and client: what its protocol promises, hostile clients, many at once,
 * killed ones.
 */
#include "files/digest.h"
#include "files/protocol.h"
#include "serve.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000, BIG = 3 << 20 };

static char directory[64];
static char store[80];
static char output[1 << 16];
static char big[BIG];

static int setup(void **state)
{
    (void)state;
    serve_make_directory(directory);
    snprintf(store, sizeof store, "%s/store", directory);
    return mkdir(store, 0700);
}

static int teardown(void **state)
{
    bool clean = serve_log_is_clean(directory);

    (void)state;
    serve_remove_directory(directory);
    return clean ? 0 : -1;
}

static const char *sum(const void *data, size_t size)
{
    static char text[DIGEST_TEXT];
    struct digest digest;

    digest_begin(&digest);
    digest_add(&digest, data, size);
    return digest_end(&digest, text);
}

/* A handler with up to two options; our end of its socket pair. */
static int spawn(const char *option, const char *value, pid_t *pid)
{
    const char *argv[8] = {serve_program("files/files")};
    int count = 1;

    if (option)
        argv[count++] = option;
    if (value)
        argv[count++] = value;
    argv[count] = store;
    return serve_spawn(directory, argv, pid);
}

static void finish(int fd, pid_t pid)
{
    close(fd);
    assert_int_equal(serve_wait(pid, PATIENCE_MS), 0);
}

static void expect(int fd, const char *text)
{
    if (serve_read(fd, text, output, sizeof output, PATIENCE_MS) < 0)
        fail_msg("expected '%s', got '%s'", text, output);
}

/* Send all of INPUT, end our side, take all that is said after the greeting. */
static const char *ask_size(const char *option, const char *value, const void *input, size_t size)
{
    pid_t pid;
    int fd = spawn(option, value, &pid);

    serve_send(fd, input, size);
    shutdown(fd, SHUT_WR);
    assert_true(serve_read(fd, NULL, output, sizeof output, PATIENCE_MS) >= 8);
    finish(fd, pid);
    assert_memory_equal(output, "FILES 1\n", 8);
    return output + 8;
}

static const char *ask(const char *input)
{
    return ask_size(NULL, NULL, input, strlen(input));
}

/* Put TEXT, all at once: the answers are then GO and OK, or an ERR and nonsense. */
static const char *put_text(const char *option, const char *value, const char *name,
                            const char *text)
{
    static char input[4096];
    int length = snprintf(input, sizeof input, "PUT %s %zu %s\n%s", name, strlen(text),
                          sum(text, strlen(text)), text);

    return ask_size(option, value, input, (size_t)length);
}

static size_t count_files(const char *prefix)
{
    DIR *stream = opendir(store);
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(stream);
    while ((entry = readdir(stream)))
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    closedir(stream);
    return count;
}

static void files__put_get_list_delete__as_promised(void **state)
{
    char expected[512];

    (void)state;
    snprintf(expected, sizeof expected, "GO\nOK 5 %s\n", sum("hello", 5));
    assert_string_equal(put_text(NULL, NULL, "a.txt", "hello"), expected);
    snprintf(expected, sizeof expected, "OK 5 %s\nhelloERR no-file\n", sum("hello", 5));
    assert_string_equal(ask("GET a.txt\r\nGET b.txt\n"), expected);
    snprintf(expected, sizeof expected, "GO\nOK 0 %s\n", sum("", 0));
    assert_string_equal(put_text(NULL, NULL, "empty", ""), expected);
    ask("LIST\n");
    snprintf(expected, sizeof expected, "FILE 5 %s ", sum("hello", 5));
    assert_non_null(strstr(output, expected));
    assert_non_null(strstr(output, " a.txt\n"));
    assert_non_null(strstr(output, "\nOK 2 5 1073741824\n"));
    assert_string_equal(ask("DELETE a.txt\nDELETE a.txt\nGET a.txt\n"),
                        "OK\nERR no-file\nERR no-file\n");
    assert_int_equal(count_files(".put-"), 0);
}

static void files__wrong_checksum__old_file_stays(void **state)
{
    char input[256], expected[256];

    (void)state;
    put_text(NULL, NULL, "a", "old");
    snprintf(input, sizeof input, "PUT a 3 %s\nnewGET a\n", sum("other", 5));
    snprintf(expected, sizeof expected, "GO\nERR checksum\nOK 3 %s\nold", sum("old", 3));
    assert_string_equal(ask(input), expected);
    assert_int_equal(count_files(".put-"), 0);
}

static void files__names__no_way_out(void **state)
{
    char long_name[FILES_NAME_MAX + 2];
    const char *const names[] = {
        "..",     ".",     "../x", "/etc/passwd", "a/b",  "a/../../x", ".lock",
        ".put-1", "-rf",   "",     "a\\b",        "a%2f", "a\tb",      "\xc3\xa4",
        "a b",    "a\x01", "*",    "~",           "a:b",  long_name,
    };

    (void)state;
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char input[512];

        snprintf(input, sizeof input, "GET %s\n", names[i]);
        assert_string_equal(ask(input), "ERR syntax\n");
        snprintf(input, sizeof input, "DELETE %s\n", names[i]);
        assert_string_equal(ask(input), "ERR syntax\n");
        assert_memory_equal(put_text(NULL, NULL, names[i], ""), "ERR syntax\n", 11);
    }
    assert_int_equal(count_files(""), 2 + 1); /* ., .. and .lock */
}

static void files__hostile_lines__bounded_and_answered(void **state)
{
    static const char *const lines[] = {
        "PUT a 1\n",
        "PUT a -1 x\n",
        "PUT a 01 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca4"
        "95991b7852b855\n",
        "GET\n",
        "GET a b\n",
        "PUT a 1125899906842625 "
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852"
        "b855\n",
        "LIST all\n",
        "list\n",
        "\n",
        "GET  a\n",
        " LIST\n",
        "PUT a 1 E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495"
        "991B7852B855\n",
    };
    const char *answers;
    int errors = 0;
    pid_t pid;
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_string_equal(ask(lines[i]), "ERR syntax\n");
    assert_string_equal(ask_size(NULL, NULL, "GET a\0b\n", 8), "ERR syntax\n");
    assert_string_equal(ask("DELETE a"), ""); /* cut off */
    memset(big, 'x', sizeof big);
    assert_string_equal(ask_size(NULL, NULL, big, 600), "ERR too-long\n");
    fd = spawn(NULL, NULL, &pid);
    serve_send(fd, big, sizeof big); /* it hangs up on the way */
    finish(fd, pid);
    memset(big, '\n', 1000);
    for (answers = ask_size(NULL, NULL, big, 1000); (answers = strstr(answers, "ERR")); answers++)
        errors++;
    assert_int_equal(errors, 16);
}

static void files__slow_or_silent_client__ended(void **state)
{
    pid_t silent, slow, deaf;
    int silent_fd = spawn("--idle", "300ms", &silent);
    int slow_fd = spawn("--line", "300ms", &slow);
    int deaf_fd;
    bool taken = true;

    (void)state;
    expect(silent_fd, "ERR idle\n");
    finish(silent_fd, silent);
    while (taken && waitpid(slow, NULL, WNOHANG) == 0) {
        taken = serve_send(slow_fd, "x", 1);
        usleep(20000);
    }
    expect(slow_fd, "ERR idle\n");
    close(slow_fd);
    /* One who asks and asks and never reads. */
    deaf_fd = spawn("--line", "300ms", &deaf);
    while (serve_send(deaf_fd, "LIST\n", 5))
        ;
    finish(deaf_fd, deaf);
}

static void files__client_gone_in_the_body__nothing_changed(void **state)
{
    char expected[256], input[256];

    (void)state;
    put_text(NULL, NULL, "a", "old");
    snprintf(input, sizeof input, "PUT a 1000 %s\nnew", sum("", 0));
    assert_string_equal(ask(input), "GO\nERR checksum\n");
    snprintf(expected, sizeof expected, "OK 3 %s\nold", sum("old", 3));
    assert_string_equal(ask("GET a\n"), expected);
    assert_int_equal(count_files(".put-"), 0);
}

static void files__killed_in_the_body__cleared_by_the_next_put(void **state)
{
    char expected[256], header[256];
    pid_t pid;
    int fd = spawn("--quota", "1000", &pid);

    (void)state;
    put_text(NULL, NULL, "a", "old");
    snprintf(header, sizeof header, "PUT a 900 %s\n", sum("", 0));
    serve_send(fd, header, strlen(header));
    expect(fd, "GO\n");
    serve_send(fd, "new", 3);
    assert_int_equal(count_files(".put-"), 1);
    assert_true(strncmp(put_text("--quota", "1000", "b",
                                 "This text is of one hundred bytes, which do not fit while the nin"
                                 "e hundred of the other are so kept."),
                        "ERR quota\n", 10) == 0);
    kill(pid, SIGKILL);
    serve_wait(pid, PATIENCE_MS);
    close(fd);
    snprintf(expected, sizeof expected, "OK 3 %s\nold", sum("old", 3));
    assert_string_equal(ask("GET a\n"), expected);
    assert_int_equal(count_files(".put-"), 1);
    assert_true(strncmp(put_text("--quota", "1000", "b",
                                 "This text is of one hundred bytes, which do not fit while the nin"
                                 "e hundred of the other are so kept."),
                        "GO\nOK 100 ", 10) == 0);
    assert_int_equal(count_files(".put-"), 0);
}

/* All ask before any sends its body, so the room must be counted at once. */
static void admit_many(const char *option, const char *value, const char *refusal)
{
    enum { WRITERS = 16, EACH = 100000, FIT = 10 };
    int fds[WRITERS], went = 0, refused = 0;
    bool go[WRITERS];
    pid_t pids[WRITERS];

    memset(big, 'b', EACH);
    for (int i = 0; i < WRITERS; i++) {
        char line[256];

        fds[i] = spawn(option, value, &pids[i]);
        snprintf(line, sizeof line, "PUT f%d %d %s\n", i, EACH, sum(big, EACH));
        serve_send(fds[i], line, strlen(line));
    }
    for (int i = 0; i < WRITERS; i++) {
        expect(fds[i], "FILES 1\n");
        if (!strchr(output + 8, '\n')) /* the answer has not come together with the greeting */
            expect(fds[i], "\n");
        go[i] = strstr(output, "GO\n") != NULL;
        went += go[i];
        refused += strstr(output, refusal) != NULL;
    }
    assert_int_equal(went, FIT);
    assert_int_equal(refused, WRITERS - FIT);
    for (int i = 0; i < WRITERS; i++) {
        if (go[i]) {
            assert_true(serve_send(fds[i], big, EACH));
            expect(fds[i], "OK 100000 ");
        }
        finish(fds[i], pids[i]);
    }
    assert_int_equal(count_files("f"), FIT);
}

static void files__many_writers__quota_holds(void **state)
{
    (void)state;
    admit_many("--quota", "1000000", "ERR quota\n");
}

static void files__many_writers__number_of_files_holds(void **state)
{
    (void)state;
    admit_many("--max-files", "10", "ERR count\n");
}

static void files__too_large_or_read_only_or_busy__refused(void **state)
{
    char path[128];
    int lock;

    (void)state;
    assert_true(strncmp(put_text("--max-size", "4", "a", "hello"), "ERR size\n", 9) == 0);
    assert_true(strncmp(put_text("--read-only", NULL, "a", "hello"), "ERR read-only\n", 14) == 0);
    assert_string_equal(ask_size("--read-only", NULL, "DELETE a\n", 9), "ERR read-only\n");
    snprintf(path, sizeof path, "%s/.lock", store);
    lock = open(path, O_RDWR | O_CLOEXEC);
    assert_true(lock >= 0);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    assert_string_equal(ask_size("--busy", "200ms", "DELETE a\n", 9), "ERR busy\n");
    close(lock);
    assert_string_equal(ask_size("--busy", "200ms", "DELETE a\n", 9), "ERR no-file\n");
}

/* Readers of one name while writers replace it: each gets one letter from end to end. */
static void files__replaced_while_read__whole_old_or_whole_new(void **state)
{
    enum { PROCESSES = 4, ROUNDS = 15, SIZE = 200000 };
    pid_t writers[PROCESSES], readers[PROCESSES];
    static char answer[SIZE + 512];

    (void)state;
    put_text(NULL, NULL, "name", "first");
    fflush(NULL);
    for (int i = 0; i < PROCESSES; i++) {
        writers[i] = fork();
        if (writers[i] == 0) {
            pid_t pid;
            int fd = spawn(NULL, NULL, &pid);

            memset(big, 'a' + i, SIZE);
            for (int round = 0; round < ROUNDS; round++) {
                char line[256];

                snprintf(line, sizeof line, "PUT name %d %s\n", SIZE, sum(big, SIZE));
                if (!serve_send(fd, line, strlen(line)) ||
                    serve_read(fd, "GO\n", answer, sizeof answer, PATIENCE_MS) < 0 ||
                    !serve_send(fd, big, SIZE) ||
                    serve_read(fd, "OK 200000 ", answer, sizeof answer, PATIENCE_MS) < 0)
                    _exit(1);
                /* The rest of that line: 64 digits and the end. */
                while (!strchr(answer + 10, '\n') &&
                       serve_read(fd, "\n", answer + 10, 100, PATIENCE_MS) > 0)
                    ;
            }
            _exit(0);
        }
        readers[i] = fork();
        if (readers[i] == 0) {
            for (int round = 0; round < ROUNDS; round++) {
                pid_t pid;
                int fd = spawn(NULL, NULL, &pid);
                const char *body;
                char stamp[128];

                serve_send(fd, "GET name\n", 9);
                shutdown(fd, SHUT_WR);
                serve_read(fd, NULL, answer, sizeof answer, PATIENCE_MS);
                close(fd);
                body = strchr(answer + 8, '\n');
                if (!body++)
                    _exit(2);
                snprintf(stamp, sizeof stamp, "OK %zu %s\n", strlen(body), sum(body, strlen(body)));
                if (strncmp(answer + 8, stamp, strlen(stamp)) != 0 ||
                    strspn(body, (char[]){body[0], 0}) != (body[0] == 'f' ? 1 : SIZE))
                    _exit(3);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(serve_wait(writers[i], PATIENCE_MS), 0);
        assert_int_equal(serve_wait(readers[i], PATIENCE_MS), 0);
    }
    assert_int_equal(count_files(".put-"), 0);
}

static void files__damaged_on_disk__said(void **state)
{
    char path[128], copy[128], link[128];
    int fd;

    (void)state;
    put_text(NULL, NULL, "a", "hello");
    snprintf(path, sizeof path, "%s/a", store);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, 20), 0);
    assert_string_equal(ask("GET a\n"), "ERR damaged\n");
    close(fd);
    snprintf(copy, sizeof copy, "%s/secret", directory);
    snprintf(link, sizeof link, "%s/link", store);
    assert_int_equal(symlink(copy, link), 0);
    assert_string_equal(ask("GET link\n"), "ERR damaged\n");
}

/* -- The client ------------------------------------------------------------------------------------- */

static int run_client(uint16_t port, const char *const words[])
{
    const char *argv[16] = {serve_program("files/files-client"), "-t", "5s", "-s"};
    char address[32];
    int count = 5;

    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    argv[4] = address;
    for (; *words; words++)
        argv[count++] = *words;
    return serve_command(directory, argv, output, sizeof output, PATIENCE_MS);
}

#define CLIENT(port, ...) run_client(port, (const char *const[]){__VA_ARGS__, NULL})

static pid_t serve_store(uint16_t *port)
{
    const struct serve_service service = {
        "files", serve_listen("127.0.0.1", port), {serve_program("files/files"), store}};

    return serve_start(directory, &service, 1);
}

static char *in_directory(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static bool same_file(const char *path, const void *data, size_t size)
{
    static char found[BIG + 1];
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(found, 1, sizeof found, file) : 0;

    if (file)
        fclose(file);
    return file && got == size && memcmp(found, data, size) == 0;
}

static void client__round_trip__same_bytes(void **state)
{
    char *here = in_directory("here"), *back = in_directory("back"), path[128];
    uint16_t port = 0;
    pid_t pid = serve_store(&port);
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(random() >> 8);
    write_file(here, big, sizeof big);
    assert_int_equal(CLIENT(port, "put", here), 0);
    assert_int_equal(CLIENT(port, "get", "here", back), 0);
    assert_true(same_file(back, big, sizeof big));
    assert_int_equal(CLIENT(port, "put", "/dev/null", "x"), EX_NOINPUT);
    assert_int_equal(CLIENT(port, "put", here, "../x"), EX_USAGE);
    assert_int_equal(CLIENT(port, "list"), 0);
    assert_non_null(strstr(output, "  here\n1 files, 3145728 of 1073741824 bytes\n"));
    assert_int_equal(CLIENT(port, "get", "nothing", back), 1);
    assert_true(same_file(back, big, sizeof big)); /* untouched */

    /* A byte changes on the disk: the client says so and keeps what it had. */
    snprintf(path, sizeof path, "%s/here", store);
    fd = open(path, O_RDWR | O_CLOEXEC);
    big[0] ^= 1;
    assert_int_equal(pwrite(fd, big, 1, 92), 1);
    big[0] ^= 1;
    close(fd);
    assert_int_equal(CLIENT(port, "get", "here", back), EX_DATAERR);
    assert_true(same_file(back, big, sizeof big));
    assert_int_equal(CLIENT(port, "delete", "here"), 0);
    assert_int_equal(CLIENT(port, "delete", "here"), 1);
    serve_stop(pid);
}

static void client__silent_store__no_longer_than_told(void **state)
{
    uint16_t port = 0;
    int fd = serve_listen("127.0.0.1", &port);
    char address[32];
    const char *argv[] = {
        serve_program("files/files-client"), "-s", address, "-t", "300ms", "list", NULL};

    (void)state;
    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    assert_int_equal(serve_command(directory, argv, output, sizeof output, 3000), EX_UNAVAILABLE);
    close(fd);
    assert_int_equal(serve_command(directory, argv, output, sizeof output, 3000), EX_UNAVAILABLE);
}

static void client__many_at_once__each_gets_its_own_back(void **state)
{
    enum { CLIENTS = 12, ROUNDS = 4, SIZE = 50000 };
    uint16_t port = 0;
    pid_t server = serve_store(&port), clients[CLIENTS];

    (void)state;
    fflush(NULL);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = fork();
        if (clients[i] != 0)
            continue;
        for (int round = 0; round < ROUNDS; round++) {
            char here[32], back[32];

            memset(big, i * ROUNDS + round, SIZE);
            snprintf(here, sizeof here, "here%d", i);
            snprintf(back, sizeof back, "back%d", i);
            write_file(in_directory(here), big, SIZE);
            if (CLIENT(port, "put", in_directory(here)) != 0 ||
                CLIENT(port, "get", here, in_directory(back)) != 0 ||
                !same_file(in_directory(back), big, SIZE))
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(serve_wait(clients[i], PATIENCE_MS), 0);
    assert_int_equal(CLIENT(port, "list"), 0);
    assert_non_null(strstr(output, "\n12 files, 600000 of "));
    serve_stop(server);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(files__put_get_list_delete__as_promised),
        STORE_TEST(files__wrong_checksum__old_file_stays),
        STORE_TEST(files__names__no_way_out),
        STORE_TEST(files__hostile_lines__bounded_and_answered),
        STORE_TEST(files__slow_or_silent_client__ended),
        STORE_TEST(files__client_gone_in_the_body__nothing_changed),
        STORE_TEST(files__killed_in_the_body__cleared_by_the_next_put),
        STORE_TEST(files__many_writers__quota_holds),
        STORE_TEST(files__many_writers__number_of_files_holds),
        STORE_TEST(files__too_large_or_read_only_or_busy__refused),
        STORE_TEST(files__replaced_while_read__whole_old_or_whole_new),
        STORE_TEST(files__damaged_on_disk__said),
        STORE_TEST(client__round_trip__same_bytes),
        STORE_TEST(client__silent_store__no_longer_than_told),
        STORE_TEST(client__many_at_once__each_gets_its_own_back),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
