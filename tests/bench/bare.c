/*
 * bare: the least that can be done for a connection, as the bound that everything is compared with.
 *
 * `spawn` is accept, vfork, exec and reap in a loop, in one process or in several that share one
 * listening socket: no configuration, no limits, no log, no environment, no change of user. `close`
 * and `reset` are the same for refusals: accept and close. `mute` accepts and says nothing, `deaf`
 * is bound but does not listen: they give the load generator's tests each kind of failure.
 *
 * It serves 127.0.0.1 only and ends when it is told (SIGTERM) or its parent is gone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum bare_mode { BARE_SPAWN, BARE_CLOSE, BARE_RESET, BARE_MUTE, BARE_DEAF, BARE_MODE_MAX };

static const char *const bare_mode_names[BARE_MODE_MAX] = {
    [BARE_SPAWN] = "spawn", [BARE_CLOSE] = "close", [BARE_RESET] = "reset",
    [BARE_MUTE] = "mute",   [BARE_DEAF] = "deaf",
};

struct bare {
    enum bare_mode mode;
    unsigned processes;
    unsigned held; /* descriptors that each process holds besides */
    bool full_fork;
    uint16_t port;
    int backlog;
    char **handler;
};

static _Noreturn void bare_die(const char *what)
{
    fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
    exit(EX_OSERR);
}

static int bare_listen(struct bare *bare)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(bare->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        (bare->mode != BARE_DEAF && listen(fd, bare->backlog) < 0) ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
        bare_die("listen");
    }
    bare->port = ntohs(address.sin_port);
    return fd;
}

/* Hold so many descriptors as a daemon does that keeps one for each connection. */
static void bare_hold(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0) {
            bare_die("hold descriptors");
        }
    }
}

static void bare_reap(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

/* In the child; with vfork this is still the parent's memory, so nothing but system calls. */
static _Noreturn void bare_exec(const struct bare *bare, int connection)
{
    dup2(connection, STDIN_FILENO);
    dup2(connection, STDOUT_FILENO);
    execve(bare->handler[0], bare->handler, environ);
    _exit(EX_UNAVAILABLE);
}

static void bare_spawn(const struct bare *bare, int connection)
{
    pid_t child = bare->full_fork ? fork() : vfork();
    if (child == 0) {
        bare_exec(bare, connection);
    }
    if (child < 0) {
        fprintf(stderr, "bare: fork: %s\n", strerror(errno));
    }
    close(connection);
    bare_reap();
}

static void bare_refuse(const struct bare *bare, int connection)
{
    if (bare->mode == BARE_RESET) {
        struct linger linger = {.l_onoff = 1};
        setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    close(connection);
}

static _Noreturn void bare_serve(const struct bare *bare, int listener)
{
    bare_hold(bare->held);
    if (bare->mode == BARE_DEAF) {
        for (;;) {
            pause();
        }
    }
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0) {
            if (errno == EINTR || errno == ECONNABORTED) {
                continue;
            }
            bare_die("accept");
        }
        if (bare->mode == BARE_SPAWN) {
            bare_spawn(bare, connection);
        } else if (bare->mode != BARE_MUTE) {
            bare_refuse(bare, connection);
        }
    }
}

static unsigned bare_number(const char *text, unsigned most)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value > most) {
        fprintf(stderr, "bare: not a number up to %u: %s\n", most, text);
        exit(EX_USAGE);
    }
    return (unsigned)value;
}

static _Noreturn void bare_usage(void)
{
    fputs("usage: bare [-m spawn|close|reset|mute|deaf] [-w PROCESSES] [-k DESCRIPTORS] [-f] [-b "
          "BACKLOG]\n"
          "            PORT [HANDLER [ARGUMENT ...]]\n"
          "  -f  fork instead of vfork;  PORT 0: any; the port is printed\n",
          stderr);
    exit(EX_USAGE);
}

static enum bare_mode bare_parse_mode(const char *text)
{
    for (size_t i = 0; i < BARE_MODE_MAX; i++) {
        if (strcmp(text, bare_mode_names[i]) == 0) {
            return (enum bare_mode)i;
        }
    }
    bare_usage();
}

static struct bare bare_parse(int argc, char **argv)
{
    struct bare bare = {.processes = 1, .backlog = SOMAXCONN};
    for (int option; (option = getopt(argc, argv, "+m:w:k:fb:")) != -1;) {
        switch (option) {
        case 'm':
            bare.mode = bare_parse_mode(optarg);
            break;
        case 'w':
            bare.processes = bare_number(optarg, 256);
            break;
        case 'k':
            bare.held = bare_number(optarg, 1000000);
            break;
        case 'f':
            bare.full_fork = true;
            break;
        case 'b':
            bare.backlog = (int)bare_number(optarg, 65535);
            break;
        default:
            bare_usage();
        }
    }
    if (optind >= argc || (bare.mode == BARE_SPAWN) != (optind + 1 < argc)) {
        bare_usage();
    }
    bare.port = (uint16_t)bare_number(argv[optind], 65535);
    bare.handler = argv + optind + 1;
    return bare;
}

int main(int argc, char **argv)
{
    struct bare bare = bare_parse(argc, argv);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    int listener = bare_listen(&bare);
    pid_t first = getpid();
    for (unsigned i = 1; i < bare.processes; i++) {
        pid_t child = fork();
        if (child < 0) {
            bare_die("fork");
        }
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            if (getppid() != first) {
                return EX_OK;
            }
            bare_serve(&bare, listener);
        }
    }
    printf("%u\n", bare.port);
    fflush(stdout);
    bare_serve(&bare, listener);
}
