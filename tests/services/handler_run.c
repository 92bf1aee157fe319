#include <config.h>

#include "handler_run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

/* Long enough for a loaded machine; only a failing test waits for so long. */
enum { PATIENCE_MS = 60000 };

static socklen_t make_address(const char *address, unsigned port, struct sockaddr_storage *to)
{
    struct sockaddr_in *in = (struct sockaddr_in *)to;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

    memset(to, 0, sizeof *to);
    if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        return sizeof *in;
    }
    assert_int_equal(inet_pton(AF_INET6, address, &in6->sin6_addr), 1);
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    return sizeof *in6;
}

int handler_bind(int type, const char *address, unsigned port)
{
    struct sockaddr_storage to;
    socklen_t length = make_address(address, port, &to);
    int fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&to, length) < 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

unsigned handler_port(int fd)
{
    struct sockaddr_storage at;
    socklen_t length = sizeof at;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    return at.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&at)->sin_port)
                                   : ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
}

int handler_connect(int type, const char *address, unsigned port)
{
    struct sockaddr_storage to;
    socklen_t length = make_address(address, port, &to);
    int fd = socket(to.ss_family, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, length), 0);
    return fd;
}

struct handler_pair handler_tcp_pair(void)
{
    struct handler_pair pair;
    int listener = handler_bind(SOCK_STREAM, "127.0.0.1", 0);

    assert_true(listener >= 0);
    assert_int_equal(listen(listener, 1), 0);
    pair.client = handler_connect(SOCK_STREAM, "127.0.0.1", handler_port(listener));
    pair.server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(pair.server >= 0);
    close(listener);
    return pair;
}

struct handler_pair handler_socketpair(void)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct handler_pair){.client = fds[0], .server = fds[1]};
}

struct handler_pair handler_udp_pair(const char *client_address, const char *server_address)
{
    struct handler_pair pair;

    pair.server = handler_bind(SOCK_DGRAM, server_address, 0);
    assert_true(pair.server >= 0);
    pair.client = handler_connect(SOCK_DGRAM, client_address, handler_port(pair.server));
    return pair;
}

struct handler_run handler_start(int in, int out, const char *const argv[],
                                 const char *const environment[])
{
    static const char *const nothing[] = {NULL};
    struct handler_run run;
    char path[4096];

    assert_true((size_t)snprintf(path, sizeof path, "%s/%s", HANDLERS, argv[0]) < sizeof path);
    run.error_fd = memfd_create("stderr", MFD_CLOEXEC);
    assert_true(run.error_fd >= 0);
    run.pid = fork();
    assert_true(run.pid >= 0);
    if (run.pid == 0) {
        /* Above the three first, so that no dup2 covers one that is still needed. */
        in = fcntl(in, F_DUPFD_CLOEXEC, 3);
        out = fcntl(out, F_DUPFD_CLOEXEC, 3);
        int error = fcntl(run.error_fd, F_DUPFD_CLOEXEC, 3);
        if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(error, 2) < 0)
            _exit(126);
        execve(path, (char **)argv, (char **)(environment != NULL ? environment : nothing));
        _exit(127);
    }
    close(in);
    if (out != in)
        close(out);
    return run;
}

struct handler_run handler_serve(int socket, const char *const argv[])
{
    return handler_start(socket, socket, argv, NULL);
}

int handler_end(struct handler_run *run, char *messages, size_t capacity)
{
    int status;
    int pidfd = (int)syscall(SYS_pidfd_open, run->pid, 0);
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    assert_true(pidfd >= 0);
    int n = poll(&p, 1, PATIENCE_MS);
    if (n != 1)
        kill(run->pid, SIGKILL);
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    close(pidfd);
    if (messages != NULL) {
        ssize_t got = pread(run->error_fd, messages, capacity - 1, 0);
        assert_true(got >= 0);
        messages[got] = '\0';
    }
    close(run->error_fd);
    if (n != 1)
        fail_msg("the handler does not end");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void handler_end_quietly(struct handler_run *run)
{
    char messages[4096];
    int status = handler_end(run, messages, sizeof messages);

    assert_string_equal(messages, "");
    assert_int_equal(status, 0);
}

bool handler_running(const struct handler_run *run)
{
    siginfo_t info = {0};

    assert_int_equal(waitid(P_PID, (id_t)run->pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    return info.si_pid == 0;
}

bool handler_readable(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, timeout_ms) == 1;
}

void handler_send(int fd, const void *data, size_t length)
{
    const char *next = data;

    while (length > 0) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
        ssize_t n = send(fd, next, length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            continue;
        assert_true(n > 0);
        next += n;
        length -= (size_t)n;
    }
}

size_t handler_read_all(int fd, char *buffer, size_t capacity)
{
    size_t length = 0;

    for (;;) {
        assert_true(length + 1 < capacity);
        if (!handler_readable(fd, PATIENCE_MS))
            fail_msg("no answer");
        ssize_t n = read(fd, buffer + length, capacity - 1 - length);
        if (n < 0)
            fail_msg("reading the answer: %s", strerror(errno));
        if (n == 0)
            break;
        length += (size_t)n;
    }
    buffer[length] = '\0';
    return length;
}

size_t handler_exchange(const char *const argv[], const char *const environment[],
                        const void *request, size_t length, char *answer, size_t capacity)
{
    struct handler_pair pair = handler_tcp_pair();
    struct handler_run run = handler_start(pair.server, pair.server, argv, environment);

    handler_send(pair.client, request, length);
    shutdown(pair.client, SHUT_WR);
    size_t got = handler_read_all(pair.client, answer, capacity);
    close(pair.client);
    handler_end_quietly(&run);
    return got;
}

void handler_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    close(fd);
}
