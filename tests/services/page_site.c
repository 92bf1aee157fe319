/* See page_site.h. */
#include "page_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

void site_write(const struct site *site, const char *path, const void *content, size_t length)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", site->root, path);
    FILE *file = fopen(full, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(content, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void make_link(const struct site *site, const char *target, const char *path)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", site->root, path);
    assert_int_equal(symlink(target, full), 0);
}

static void make_directory(const struct site *site, const char *path)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", site->root, path);
    assert_int_equal(mkdir(full, 0755), 0);
}

static void fill_root(struct site *site)
{
    static const char *const texts[][2] = {
        {"index.html", "<!DOCTYPE html>\n<title>Front</title>\n<p>hello</p>\n"},
        {"text.txt", "0123456789"},
        {"empty.txt", ""},
        {"style.css", "p { color: green }\n"},
        {".hidden", "hidden\n"},
        {"sub/a.txt", "a\n"},
        {"sub/it's \"<odd>\" & 100%.txt", "odd\n"},
        {"sub/k\xc3\xa4se.txt", "cheese\n"},
        {"dots/.config/x.txt", "x\n"},
        {"../secret", "secret\n"},
    };
    make_directory(site, "sub");
    make_directory(site, "sub/deeper");
    make_directory(site, "dots");
    make_directory(site, "dots/.config");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        site_write(site, texts[i][0], texts[i][1], strlen(texts[i][1]));
    site_write(site, "big.bin", site->big, SITE_BIG);
    make_link(site, "big.bin", "inside");
    make_link(site, "../text.txt", "sub/inside-up");
    make_link(site, "../secret", "outside-up");
    make_link(site, "..", "outside-directory");
    make_link(site, "/etc/passwd", "outside-absolute");
    make_link(site, "/proc/self/environ", "outside-magic");
}

static void open_listener(struct site *site)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    site->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(site->listener >= 0);
    assert_int_equal(bind(site->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(site->listener, 64), 0);
    assert_int_equal(getsockname(site->listener, (struct sockaddr *)&address, &length), 0);
    site->port = ntohs(address.sin_port);
}

int site_setup(void **state)
{
    struct site *site = calloc(1, sizeof *site);
    assert_non_null(site);
    signal(SIGPIPE, SIG_IGN);
    snprintf(site->base, sizeof site->base, "/tmp/superd-page-XXXXXX");
    assert_non_null(mkdtemp(site->base));
    snprintf(site->root, sizeof site->root, "%s/root", site->base);
    assert_int_equal(mkdir(site->root, 0755), 0);
    site->big = malloc(SITE_BIG);
    assert_non_null(site->big);
    for (size_t done = 0; done < SITE_BIG;) {
        ssize_t count = getrandom(site->big + done, SITE_BIG - done, 0);
        assert_true(count > 0);
        done += (size_t)count;
    }
    fill_root(site);
    open_listener(site);
    *state = site;
    return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    return remove(path);
}

int site_teardown(void **state)
{
    struct site *site = *state;
    close(site->listener);
    int result = nftw(site->base, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(site->big);
    free(site);
    return result;
}

void site_arguments(const struct site *site, const char *const *options,
                    const char *argv[SITE_ARGUMENTS_MAX])
{
    size_t count = 0;
    argv[count++] = PAGE_PROGRAM;
    for (; *options != NULL; options++) {
        assert_true(count < SITE_ARGUMENTS_MAX - 2);
        argv[count++] = *options;
    }
    argv[count++] = site->root;
    argv[count] = NULL;
}

/* Starts the program on `fd`, which is closed here. */
static pid_t start(const struct site *site, const char *const *options, int fd, int log)
{
    const char *argv[SITE_ARGUMENTS_MAX];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    pid_t pid;
    site_arguments(site, options, argv);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
    char *const *arguments = (char *const *)(uintptr_t)argv;
    assert_int_equal(posix_spawn(&pid, PAGE_PROGRAM, &actions, &attributes, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(fd);
    return pid;
}

static struct session begin(const struct site *site, const char *const *options, int ours,
                            int theirs)
{
    struct timeval patience = {.tv_sec = SITE_PATIENCE_S};
    setsockopt(ours, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(ours, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    struct session session = {.fd = ours, .log = memfd_create("log", MFD_CLOEXEC)};
    assert_true(session.log >= 0);
    session.pid = start(site, options, theirs, session.log);
    return session;
}

struct session session_open(const struct site *site, ...)
{
    const char *options[SITE_ARGUMENTS_MAX] = {NULL};
    va_list list;
    size_t count = 0;
    va_start(list, site);
    while (count + 1 < SITE_ARGUMENTS_MAX && (options[count] = va_arg(list, const char *)) != NULL)
        count++;
    va_end(list);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(site->port)};
    int ours = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(ours >= 0);
    assert_int_equal(connect(ours, (struct sockaddr *)&address, sizeof address), 0);
    int theirs = accept4(site->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(theirs >= 0);
    return begin(site, options, ours, theirs);
}

struct session session_open_pair(const struct site *site)
{
    static const char *const options[] = {NULL};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    return begin(site, options, pair[0], pair[1]);
}

void session_send(const struct session *session, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t count = send(session->fd, at, length, MSG_NOSIGNAL);
        assert_true(count > 0);
        at += count;
        length -= (size_t)count;
    }
}

void session_say(const struct session *session, const char *text)
{
    session_send(session, text, strlen(text));
}

static void read_exactly(const struct session *session, char *to, size_t length)
{
    while (length > 0) {
        ssize_t count = recv(session->fd, to, length, 0);
        assert_true(count > 0);
        to += count;
        length -= (size_t)count;
    }
}

void session_read(const struct session *session, bool head_only, struct answer *answer)
{
    size_t used = 0;
    while (used < 4 || memcmp(answer->head + used - 4, "\r\n\r\n", 4) != 0) {
        assert_true(used + 1 < sizeof answer->head);
        read_exactly(session, answer->head + used++, 1);
    }
    answer->head[used] = '\0';
    assert_memory_equal(answer->head, "HTTP/1.1 ", 9);
    answer->status = atoi(answer->head + 9);
    const char *length = answer_field(answer, "Content-Length");
    if (answer->status == 304)
        assert_null(length);
    else
        assert_non_null(length);
    answer->length = head_only || length == NULL ? 0 : strtoul(length, NULL, 10);
    answer->body = malloc(answer->length + 1);
    assert_non_null(answer->body);
    read_exactly(session, answer->body, answer->length);
    answer->body[answer->length] = '\0';
}

size_t session_drain(const struct session *session, char *to, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t count = recv(session->fd, to + used, size - used, 0);
        assert_true(count >= 0 || errno == ECONNRESET);
        if (count <= 0)
            break;
        used += (size_t)count;
    }
    return used;
}

void session_await_end(struct session *session)
{
    int status;
    int handle = (int)syscall(SYS_pidfd_open, session->pid, 0);
    assert_true(handle >= 0);
    struct pollfd ended = {.fd = handle, .events = POLLIN};
    int count = poll(&ended, 1, SITE_PATIENCE_S * 1000);
    close(handle);
    if (count != 1)
        kill(session->pid, SIGKILL);
    assert_int_equal(waitpid(session->pid, &status, 0), session->pid);
    char log[4096];
    session_log(session, log, sizeof log);
    if (status != 0)
        print_error("status %#x, log: %s\n", (unsigned)status, log);
    assert_int_equal(status, 0);
    if (session->fd >= 0)
        close(session->fd);
    session->fd = -1;
    close(session->log);
}

void session_close(struct session *session)
{
    close(session->fd);
    session->fd = -1;
    session_await_end(session);
}

void session_log(const struct session *session, char *to, size_t size)
{
    ssize_t count = pread(session->log, to, size - 1, 0);
    assert_true(count >= 0);
    to[count] = '\0';
}

void site_ask(const struct site *site, const char *request, struct answer *answer)
{
    struct session session = session_open(site, NULL);
    session_say(&session, request);
    session_read(&session, strncmp(request, "HEAD ", 5) == 0, answer);
    session_close(&session);
}

void site_get(const struct site *site, const char *path, const char *fields, struct answer *answer)
{
    char request[4096];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: test\r\n%s\r\n", path, fields);
    site_ask(site, request, answer);
}

const char *answer_field(const struct answer *answer, const char *name)
{
    static char value[8192];
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    const char *at = strstr(answer->head, wanted);
    if (at == NULL)
        return NULL;
    at += strlen(wanted);
    assert_null(strstr(at, wanted)); /* a field is there once */
    size_t length = strcspn(at, "\r\n");
    assert_true(length < sizeof value);
    memcpy(value, at, length);
    value[length] = '\0';
    return value;
}

void answer_free(struct answer *answer)
{
    free(answer->body);
    answer->body = NULL;
}

pid_t site_serve(const struct site *site, const char *const *options)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    signal(SIGCHLD, SIG_IGN); /* the kernel reaps */
    for (;;) {
        int fd = accept4(site->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            (void)start(site, options, fd, STDERR_FILENO);
    }
}

void site_stop(pid_t pid)
{
    int status;
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

int site_run(const char *const *argv, bool quiet, char *to, size_t size)
{
    int out[2];
    pid_t pid;
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    if (quiet)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    char *const *arguments = (char *const *)(uintptr_t)argv;
    assert_int_equal(posix_spawnp(&pid, argv[0], &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    size_t used = 0;
    char sink[4096];
    for (;;) {
        bool room = used + 1 < size;
        ssize_t count = read(out[0], room ? to + used : sink, room ? size - 1 - used : sizeof sink);
        if (count <= 0)
            break;
        used += room ? (size_t)count : 0;
    }
    close(out[0]);
    if (size > 0)
        to[used] = '\0';
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool site_has_program(const char *name)
{
    char command[128];
    snprintf(command, sizeof command, "command -v %s >/dev/null 2>&1", name);
    return system(command) == 0;
}
