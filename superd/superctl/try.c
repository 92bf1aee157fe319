/*
 * try: run the handler of a service on this terminal, exactly as the daemon would.
 *
 * A launcher of the daemon's own code (launch/pool.h) is forked and given one order. In place of a
 * client's connection the handler gets one end of a connection of the same kind over loopback; the other
 * end is relayed to standard input and output, so that what works on sockets alone (half-closing,
 * options) works here, too. What the daemon does besides launching is not done: admission, time limits.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/fd.h"
#include "config/load.h"
#include "launch/isolation/cgroup.h"
#include "launch/isolation/refuse.h"
#include "net/listener.h"
#include "superctl/superctl.h"
#include "superctl/table.h"
#include "supervise/launchers.h"

#define PIECE 65536

struct attempt {
    const struct service_config *service;
    uv_loop_t loop;
    struct launchers *launchers;
    struct order order;
    int given;  /* what the handler gets */
    int ours;   /* our end */
    int errors; /* read end of its standard error; -1: it has none of its own */
    int errors_given;
    bool datagrams;
    struct launch_report report;
    bool reported;
    bool colour; /* of what is said on our standard error */
};

/* ---- A connection --------------------------------------------------------------------------- */

static int sockets_failed(const char *what)
{
    return fail(CODE_SYSTEM, "cannot make a connection: %s: %s", what, strerror(errno));
}

/* A bound socket like the first listener of the service: on loopback, or with an abstract name. */
static int open_like(const struct listener_config *listener, struct address *address)
{
    int family = listener->address.length ? listener->address.sa.sa_family : AF_INET;
    int fd = socket(family, listener->type | SOCK_CLOEXEC, 0);

    memset(address, 0, sizeof *address);
    if (family == AF_UNIX) {
        address->un.sun_family = AF_UNIX;
        address->length = sizeof(sa_family_t); /* the kernel chooses a name: unix(7), autobind */
    } else {
        address_parse_ip(family == AF_INET ? "127.0.0.1" : "::1", 0, address);
    }
    if (fd < 0 || bind(fd, &address->sa, address->length) != 0 ||
        (listener->type != SOCK_DGRAM && listen(fd, 1) != 0)) {
        fd_close(&fd);
        return -1;
    }
    listener_bound(fd, address);
    return fd;
}

static int make_sockets(struct attempt *a)
{
    const struct listener_config *listener = &a->service->listeners[0];
    struct address address, own;
    int fd;

    a->datagrams = listener->type == SOCK_DGRAM;
    fd = open_like(listener, &address);
    if (fd < 0)
        return sockets_failed("listen");
    a->ours = socket(address.sa.sa_family, listener->type | SOCK_CLOEXEC, 0);
    if (a->datagrams && address.sa.sa_family == AF_UNIX && a->ours >= 0) {
        own = (struct address){.un.sun_family = AF_UNIX, .length = sizeof(sa_family_t)};
        bind(a->ours, &own.sa, own.length); /* or it could not be answered */
    }
    if (a->ours < 0 || connect(a->ours, &address.sa, address.length) != 0)
        return sockets_failed("connect");
    a->given = a->service->mode == MODE_LISTENER ? fd : accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (a->given < 0)
        return sockets_failed("accept");
    if (a->given != fd)
        close(fd);
    return CODE_OK;
}

/* Who the handler is told that its client is. */
static int set_peer(struct attempt *a, const char *as)
{
    struct order *order = &a->order;

    *order = (struct order){.instance = 1, .peer_uid = (uid_t)-1, .peer_gid = (gid_t)-1};
    if (a->service->mode == MODE_LISTENER)
        return as ? fail(CODE_USAGE,
                         "%s is in listener mode: it asks its socket who its clients are",
                         a->service->name)
                  : CODE_OK;
    order->connections = 1;
    listener_bound(a->ours, &order->peer);
    if (order->peer.sa.sa_family == AF_UNIX) {
        order->peer_uid = getuid();
        order->peer_gid = getgid();
        order->peer_pid = getpid();
    } else if (as && !address_parse_ip(as, address_port(&order->peer), &order->peer)) {
        return fail(CODE_USAGE, "\"%s\" is not a numeric address", as);
    }
    return CODE_OK;
}

/* ---- Launching ------------------------------------------------------------------------------ */

static void on_report(void *data, const struct launch_report *report)
{
    struct attempt *a = data;

    a->report = *report;
    a->reported = true;
    uv_stop(&a->loop);
}

static void on_nothing(void *data)
{
    (void)data;
}

static void on_replaced(void *data, pid_t old, pid_t new, int error)
{
    (void)data;
    (void)old;
    (void)new;
    (void)error;
}

static int open_errors(struct attempt *a)
{
    int pair[2];

    a->errors = a->errors_given = -1;
    if (a->service->stderr_mode != STDERR_LOG)
        return CODE_OK;
    if (pipe2(pair, O_CLOEXEC) != 0)
        return fail(CODE_SYSTEM, "pipe: %s", strerror(errno));
    a->errors = pair[0];
    a->errors_given = pair[1];
    a->order.has_stderr = true;
    return CODE_OK;
}

static int launch(struct attempt *a, const struct config *config, const struct plan *plans)
{
    struct launch_pool_settings settings = {.loop = &a->loop,
                                            .data = a,
                                            .on_report = on_report,
                                            .on_room = on_nothing,
                                            .on_empty = on_nothing,
                                            .on_replaced = on_replaced};
    int r;

    a->order.service = (uint32_t)(a->service - config->services);
    getrlimit(RLIMIT_NOFILE, &settings.descriptors);
    uv_loop_init(&a->loop);
    r = launchers_create(config, plans, &settings, &a->launchers);
    if (r == 0)
        r = launchers_send(a->launchers, &a->order, a->given, a->errors_given);
    if (r < 0)
        return fail(CODE_SYSTEM, "cannot launch: %s", strerror(-r));
    fd_close(&a->given);
    fd_close(&a->errors_given);
    while (!a->reported)
        uv_run(&a->loop, UV_RUN_DEFAULT);
    launchers_destroy(a->launchers);
    uv_run(&a->loop, UV_RUN_DEFAULT);
    uv_loop_close(&a->loop);
    if (a->report.step == STEP_NONE)
        return CODE_OK;
    return fail(CODE_SYSTEM, "%s cannot be launched: %s: %s (program %s, user %s)",
                a->service->name, launch_step_names[a->report.step], strerror(a->report.error),
                a->service->program, a->service->identity.name);
}

/* ---- Relaying ------------------------------------------------------------------------------- */

/* All of BYTES to one of our own descriptors. */
static bool write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);

        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            bytes += n;
            length -= (size_t)n;
        }
    }
    return true;
}

static void relay_errors(struct attempt *a, bool *line_begins)
{
    char piece[4096];
    ssize_t n = read(a->errors, piece, sizeof piece);

    if (n <= 0) {
        fd_close(&a->errors);
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (*line_begins)
            fprintf(stderr, "%s%s stderr:%s ", a->colour ? COLOUR_DIM : "", a->service->name,
                    a->colour ? COLOUR_END : "");
        fputc(piece[i], stderr);
        *line_begins = piece[i] == '\n';
    }
    fflush(stderr);
}

static void relay_input(struct attempt *a, bool *input_open)
{
    static char piece[PIECE];
    ssize_t n = read(STDIN_FILENO, piece, sizeof piece);

    if (n > 0 && write_all(a->ours, piece, (size_t)n))
        return;
    *input_open = false;
    if (!a->datagrams)
        shutdown(a->ours, SHUT_WR);
}

/* False when nothing more comes. */
static bool relay_output(struct attempt *a)
{
    static char piece[PIECE];
    ssize_t n = recv(a->ours, piece, sizeof piece, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNREFUSED))
        return true;
    if (n == 0 && a->datagrams)
        return true;
    return n > 0 && write_all(STDOUT_FILENO, piece, (size_t)n);
}

/* Until the handler has ended, and what it wrote has been shown. A handler that reads nothing makes us
 * wait in write_all(), as it would make a client wait. */
static void relay(struct attempt *a)
{
    int ended = (int)syscall(SYS_pidfd_open, a->report.pid, 0);
    bool input_open = true, output_open = true, alive = true, line_begins = true;

    while (alive || (output_open && !a->datagrams)) {
        struct pollfd polled[] = {{.fd = a->errors, .events = POLLIN},
                                  {.fd = output_open ? a->ours : -1, .events = POLLIN},
                                  {.fd = input_open && alive ? STDIN_FILENO : -1, .events = POLLIN},
                                  {.fd = alive ? ended : -1, .events = POLLIN}};

        if (poll(polled, 4, -1) < 0)
            continue;
        if (polled[0].revents)
            relay_errors(a, &line_begins);
        if (polled[1].revents)
            output_open = relay_output(a);
        if (polled[2].revents)
            relay_input(a, &input_open);
        if (polled[3].revents)
            alive = false;
    }
    /* What is left in the pipes; others may hold their ends for ever. */
    while (a->errors >= 0 && poll(&(struct pollfd){.fd = a->errors, .events = POLLIN}, 1, 0) == 1)
        relay_errors(a, &line_begins);
    while (a->datagrams && poll(&(struct pollfd){.fd = a->ours, .events = POLLIN}, 1, 0) == 1 &&
           relay_output(a))
        continue;
    close(ended);
}

static int say_end(const struct attempt *a, uint64_t begun_ms)
{
    char lived[AMOUNT_SIZE], how[64];
    struct rusage usage;
    int status = 0, code;

    while (wait4(a->report.pid, &status, 0, &usage) < 0 && errno == EINTR)
        continue;
    code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "signal %s", sigabbrev_np(WTERMSIG(status)));
    else
        snprintf(how, sizeof how, "exit %d", code);
    fprintf(stderr, "%ssuperctl: %s ended: %s, after %s%s\n", a->colour ? COLOUR_DIM : "",
            a->service->name, how, format_duration(clock_now_ms() - begun_ms, lived),
            a->colour ? COLOUR_END : "");
    return code;
}

/* ---- The command ---------------------------------------------------------------------------- */

static struct config *load(const struct superctl *ctl)
{
    const char *handlers = getenv("SUPERD_HANDLER_PATH");
    const struct config_surroundings surroundings = {.root = geteuid() == 0,
                                                     .uid = geteuid(),
                                                     .handler_path = handlers ? handlers
                                                                              : HANDLERDIR,
                                                     .path = getenv("PATH")};
    struct diagnostics list;
    struct config *config;
    char text[2048];

    diagnostics_init(&list);
    config = config_load(ctl->config, &surroundings, &list);
    if (config)
        isolation_refuse(config, &list);
    diagnostics_sort(&list);
    for (size_t i = 0; i < list.count; i++) {
        if (list.items[i].severity != SEVERITY_ERROR)
            continue;
        diagnostic_format(&list.items[i], text, sizeof text);
        fprintf(stderr, "%s\n", text);
    }
    diagnostics_clear(&list);
    return config;
}

static int attempt(struct superctl *ctl, const struct config *config, const char *name,
                   const char *as)
{
    struct attempt a = {.service = config_find(config, name), .given = -1, .ours = -1};
    const char *no_color = getenv("NO_COLOR");
    const struct plan *plans = plans_make(config);
    uint64_t begun = clock_now_ms();
    int code;

    if (!plans)
        return fail(CODE_SYSTEM, "out of memory");
    if (!a.service)
        return fail(CODE_USAGE, "no valid service is called \"%s\" in %s", name, ctl->config);
    if (!a.service->program)
        return fail(CODE_USAGE, "%s is a trap: it has no handler", name);
    if (a.service->identity.dynamic != DYNAMIC_NO)
        return fail(CODE_USAGE, "%s has a dynamic user, which only superd can give it", name);
    a.colour = isatty(STDERR_FILENO) && !(no_color && *no_color);
    signal(SIGPIPE, SIG_IGN); /* launchers put it back */
    code = make_sockets(&a);
    if (code == CODE_OK)
        code = set_peer(&a, as);
    if (code == CODE_OK)
        code = open_errors(&a);
    if (code == CODE_OK && a.service->banner)
        write_all(STDOUT_FILENO, a.service->banner, strlen(a.service->banner));
    if (code == CODE_OK)
        code = launch(&a, config, plans);
    if (code == CODE_OK) {
        relay(&a);
        code = say_end(&a, begun);
    }
    cgroup_end();
    fd_close(&a.ours);
    return code;
}

int command_try(struct superctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"as", required_argument, NULL, 'a'}, {0}};
    const char *as = NULL;
    struct config *config;
    int option, code;

    while ((option = getopt_long(argc, argv, "a:", options, NULL)) != -1) {
        if (option != 'a')
            return usage_error(argv[0], "that option is not known here");
        as = optarg;
    }
    if (argc - optind != 1)
        return usage_error(argv[0], "which SERVICE?");
    config = load(ctl);
    if (!config)
        return CODE_USAGE;
    code = attempt(ctl, config, argv[optind], as);
    config_free(config);
    return code;
}
