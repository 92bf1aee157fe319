/*
 * rebel: a handler that will not end. It says "ready" when it has become what its first argument
 * names, and every process of it keeps the connection, so that the client sees its end when the last
 * of them has gone. For safety each of them gives up by itself after LIFETIME seconds.
 *
 *     stubborn      ignore SIGTERM
 *     stopped       the same, and stop (SIGSTOP), again after each SIGCONT
 *     orphan        leave an orphan (forked twice) in a session of its own, stubborn as well
 *     deserter      have a stubborn child in a session of its own, and end at SIGTERM
 *     family        forty stubborn processes, three children each, of different sessions
 *     chain         a child that forks and ends, its child as well, and so on
 *     chain-setsid  the same, each in a session of its own
 *     leave         say the number of an orphan that is left behind with the connection, end
 *
 * It includes nothing of superd, like any handler.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LIFETIME    25
#define CHILDREN    3
#define GENERATIONS 3
#define LINK_WAIT_US \
    200 /* between two forks of a chain: a faster one would starve a small machine */

static void say(const char *text)
{
    if (write(STDOUT_FILENO, text, strlen(text)) < 0)
        _exit(1);
}

static _Noreturn void sleep_on(void)
{
    for (;;)
        pause();
}

static _Noreturn void stay(void)
{
    signal(SIGTERM, SIG_IGN);
    alarm(LIFETIME);
    sleep_on();
}

static _Noreturn void stay_stopped(void)
{
    signal(SIGTERM, SIG_IGN);
    alarm(LIFETIME);
    for (;;)
        raise(SIGSTOP);
}

/* Forked twice; returns its number when it lives in its own session. */
static pid_t leave_orphan(void)
{
    int pair[2];
    pid_t pid = 0;

    if (pipe(pair) != 0)
        _exit(1);
    if (fork() == 0) {
        setsid();
        pid = fork();
        if (pid != 0) {
            if (write(pair[1], &pid, sizeof pid) != sizeof pid)
                _exit(1);
            _exit(0);
        }
        close(pair[0]);
        close(pair[1]);
        stay();
    }
    if (read(pair[0], &pid, sizeof pid) != sizeof pid)
        _exit(1);
    close(pair[0]);
    close(pair[1]);
    return pid;
}

static void desert(void)
{
    int pair[2];
    char byte;

    if (pipe(pair) != 0)
        _exit(1);
    if (fork() == 0) {
        signal(SIGTERM, SIG_IGN);
        setsid();
        close(pair[0]);
        close(pair[1]);
        stay();
    }
    close(pair[1]);
    if (read(pair[0], &byte, 1) != 0) /* the end: it has left */
        _exit(1);
    close(pair[0]);
}

/* All of them are there when the pipe's last writing end is closed. */
static void found_family(int generation, int written)
{
    for (int i = 0; i < CHILDREN && generation < GENERATIONS; i++) {
        if (fork() != 0)
            continue;
        if (i % 2)
            setsid();
        found_family(generation + 1, written);
        close(written);
        stay();
    }
}

static _Noreturn void go_on(time_t until, int in_new_session)
{
    const struct timespec wait = {.tv_nsec = LINK_WAIT_US * 1000};

    while (time(NULL) < until) {
        if (fork() != 0)
            _exit(0);
        if (in_new_session)
            setsid();
        nanosleep(&wait, NULL);
    }
    _exit(0);
}

static void begin_chain(int in_new_session)
{
    time_t until = time(NULL) + LIFETIME;

    signal(SIGTERM, SIG_IGN);
    if (fork() == 0)
        go_on(until, in_new_session);
    signal(SIGTERM, SIG_DFL);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    char text[32];
    int pair[2];
    char byte;

    if (strcmp(mode, "leave") == 0) {
        snprintf(text, sizeof text, "%d\n", (int)leave_orphan());
        say(text);
        return 0;
    }
    if (strcmp(mode, "orphan") == 0) {
        leave_orphan();
    } else if (strcmp(mode, "deserter") == 0) {
        desert();
        say("ready\n");
        sleep_on();
    } else if (strcmp(mode, "family") == 0 && pipe(pair) == 0) {
        found_family(0, pair[1]);
        close(pair[1]);
        if (read(pair[0], &byte, 1) != 0)
            return 1;
    } else if (strncmp(mode, "chain", 5) == 0) {
        begin_chain(strcmp(mode, "chain-setsid") == 0);
        say("ready\n");
        sleep_on();
    }
    say("ready\n");
    if (strcmp(mode, "stopped") == 0)
        stay_stopped();
    stay();
}
