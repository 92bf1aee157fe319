/*
 * listening: the modes of specimen for a handler that is given the listening or datagram socket
 * itself, as inetd's "wait" has it. See specimen.h.
 *
 *     accept N [TEXT [MS]] take N connections one after the other, say TEXT (or give back one line),
 *                          wait for MS milliseconds, then end
 *     accept-idle MS       take connections until none has come for MS milliseconds
 *     accept-never         end at once
 *     accept-sleep         take nothing, sleep for ever
 *     sd-listen            check LISTEN_PID and LISTEN_FDS, take one connection from descriptor 3
 *     listener-report      take one connection, say to it what the process is
 *     datagram N           give back N datagrams, then end
 *     datagram-idle MS     give back datagrams until none has come for MS milliseconds
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "specimen.h"

static void serve(int fd, const char *text)
{
    char line[4096];
    ssize_t n;

    if (text) {
        specimen_write(fd, text, strlen(text));
        specimen_write(fd, "\n", 1);
    } else if ((n = read(fd, line, sizeof line)) > 0) {
        specimen_write(fd, line, (size_t)n);
    }
    close(fd);
}

static int mode_accept(int argc, char **argv)
{
    int count = argc > 0 ? atoi(argv[0]) : 1;

    for (int i = 0; i < count; i++) {
        int fd = accept(STDIN_FILENO, NULL, NULL);

        if (fd < 0)
            return 1;
        serve(fd, argc > 1 ? argv[1] : NULL);
    }
    if (argc > 2)
        poll(NULL, 0, atoi(argv[2]));
    return 0;
}

static bool readable_within(int ms)
{
    struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&wait, 1, ms) == 1;
}

static int mode_accept_idle(int argc, char **argv)
{
    while (readable_within(argc > 0 ? atoi(argv[0]) : 0)) {
        int fd = accept(STDIN_FILENO, NULL, NULL);

        if (fd < 0)
            return 1;
        serve(fd, NULL);
    }
    return 0;
}

static int mode_accept_never(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static int mode_accept_sleep(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    specimen_sleep();
}

/* As sd_listen_fds(3) does it. */
static int mode_sd_listen(int argc, char **argv)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    char text[256];
    int fd;

    (void)argc;
    (void)argv;
    fd = accept(3, NULL, NULL);
    if (fd < 0)
        return 1;
    snprintf(text, sizeof text, "%s fds=%s names=%s",
             pid && strtol(pid, NULL, 10) == getpid() ? "mine" : "not mine", fds ? fds : "none",
             names ? names : "none");
    serve(fd, text);
    return 0;
}

static int mode_listener_report(int argc, char **argv)
{
    int fd = accept(STDIN_FILENO, NULL, NULL);

    if (fd < 0)
        return 1;
    return specimen_report_to(fd, argc, argv);
}

static int give_back(int flags)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    char packet[65536];
    ssize_t n = recvfrom(STDIN_FILENO, packet, sizeof packet, flags, (struct sockaddr *)&peer,
                         &size);

    if (n < 0 || sendto(STDIN_FILENO, packet, (size_t)n, 0, (struct sockaddr *)&peer, size) != n)
        return 1;
    return 0;
}

static int mode_datagram(int argc, char **argv)
{
    int count = argc > 0 ? atoi(argv[0]) : 1, r = 0;

    for (int i = 0; i < count && r == 0; i++)
        r = give_back(0);
    return r;
}

static int mode_datagram_idle(int argc, char **argv)
{
    int r = 0;

    while (r == 0 && readable_within(argc > 0 ? atoi(argv[0]) : 0))
        r = give_back(0);
    return r;
}

specimen_mode *specimen_listener_mode(const char *name)
{
    static const struct {
        const char *name;
        specimen_mode *mode;
    } modes[] = {
        {"accept", mode_accept},
        {"accept-idle", mode_accept_idle},
        {"accept-never", mode_accept_never},
        {"accept-sleep", mode_accept_sleep},
        {"sd-listen", mode_sd_listen},
        {"listener-report", mode_listener_report},
        {"datagram", mode_datagram},
        {"datagram-idle", mode_datagram_idle},
    };

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(name, modes[i].name) == 0)
            return modes[i].mode;
    }
    return NULL;
}
