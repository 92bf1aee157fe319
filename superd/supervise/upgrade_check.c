/*
 * upgrade_check: see upgrade_check.h.
 */
#include "supervise/upgrade_check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

#define CANNOT_RUN 127 /* its status, as of a shell's */

struct upgrade_check {
    struct upgrade_check_settings settings;
    pid_t pid;
    int output; /* the read end of its pipe */
    uv_poll_t poll;
    uv_timer_t timer;
    int handles; /* of the two, open */
    size_t length;
    char text[UPGRADE_CHECK_OUTPUT + 64]; /* room for our own last line */
};

/* ---- The end -------------------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct upgrade_check *check = handle->data;

    if (--check->handles == 0)
        free(check);
}

static void close_check(struct upgrade_check *check)
{
    uv_poll_stop(&check->poll);
    fd_close(&check->output);
    uv_close((uv_handle_t *)&check->poll, on_closed);
    uv_close((uv_handle_t *)&check->timer, on_closed);
}

void upgrade_check_cancel(struct upgrade_check *check)
{
    kill(check->pid, SIGKILL); /* the reaper takes it as a child that nobody knows */
    close_check(check);
}

/* ---- What it says --------------------------------------------------------------------------- */

/* Read what is there, in this turn at most so much of it; what is too much is thrown away. */
static void take_output(struct upgrade_check *check)
{
    char piece[4096];
    ssize_t n = -1;

    for (size_t taken = 0; taken < UPGRADE_CHECK_OUTPUT; taken += sizeof piece) {
        size_t room = UPGRADE_CHECK_OUTPUT - check->length;

        n = read(check->output, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        memcpy(check->text + check->length, piece, (size_t)n < room ? (size_t)n : room);
        check->length += (size_t)n < room ? (size_t)n : room;
    }
    if (n == 0)
        uv_poll_stop(&check->poll);
}

static void on_output(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    take_output(poll->data);
}

/* Is the last line what a program that understood the question says? */
static bool has_words(const struct upgrade_check *check)
{
    static const char words[] = UPGRADE_CHECK_WORDS "\n";
    size_t length = sizeof words - 1;

    return check->length >= length &&
           memcmp(check->text + check->length - length, words, length) == 0 &&
           (check->length == length || check->text[check->length - length - 1] == '\n');
}

bool upgrade_check_reaped(struct upgrade_check *check, pid_t pid, int status)
{
    const struct upgrade_check_settings *settings = &check->settings;
    bool exited = WIFEXITED(status) && WEXITSTATUS(status) == 0, good;
    char *end;

    if (pid != check->pid)
        return false;
    take_output(check);
    good = exited && has_words(check);
    end = check->text + check->length;
    if (exited && !good)
        sprintf(end, "it knows nothing of taking over\n");
    else if (WIFSIGNALED(status))
        sprintf(end, "its check was ended by signal %d\n", WTERMSIG(status));
    else if (!exited && check->length == 0)
        sprintf(end, "its check ended with status %d\n", WEXITSTATUS(status));
    else
        *end = '\0';
    settings->on_end(settings->data, good, check->text);
    close_check(check);
    return true;
}

/* Its end is not waited for: who hangs where no signal reaches him (a file of a dead server) has none. */
static void on_late(uv_timer_t *timer)
{
    struct upgrade_check *check = timer->data;
    const struct upgrade_check_settings *settings = &check->settings;

    take_output(check);
    sprintf(check->text + check->length, "it was not ready within %d s\n", UPGRADE_CHECK_MS / 1000);
    settings->on_end(settings->data, false, check->text);
    upgrade_check_cancel(check);
}

/* ---- The beginning -------------------------------------------------------------------------- */

/* In the child. Its descriptors: nothing to read, the pipe twice, the handover, and nothing else: whatever
 * the exec waits for, no connection waits with it. */
static bool set_files(int output, int state)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    return null >= 0 && dup2(null, 0) == 0 && dup2(output, 1) == 1 && dup2(output, 2) == 2 &&
           (state == UPGRADE_CHECK_FD ? fd_set_cloexec(state, false) == 0
                                      : dup2(state, UPGRADE_CHECK_FD) == UPGRADE_CHECK_FD) &&
           close_range(UPGRADE_CHECK_FD + 1, ~0U, 0) == 0;
}

static void set_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child. */
static _Noreturn void run(const struct upgrade_check_settings *settings, int output)
{
    char number[16];
    char *arguments[] = {(char *)settings->binary,   (char *)"-c", (char *)settings->config_path,
                         (char *)"--handover-check", number,       NULL};

    snprintf(number, sizeof number, "%d", UPGRADE_CHECK_FD);
    setsid();
    set_signals();
    if (set_files(output, settings->state))
        execv(settings->binary, arguments);
    dprintf(2, "%s: %s\n", settings->binary, strerror(errno));
    _exit(CANNOT_RUN);
}

/* Start it with OUTPUT to write to. Returns 0 or -errno. Not by posix_spawn(), nor any other way in which
 * we would sleep until the program is found: its file may be on a server that does not answer. */
static int start(struct upgrade_check *check, int output)
{
    check->pid = fork();
    if (check->pid == 0)
        run(&check->settings, output);
    return check->pid < 0 ? -errno : 0;
}

int upgrade_check_start(const struct upgrade_check_settings *settings,
                        struct upgrade_check **check_r)
{
    struct upgrade_check *check = calloc(1, sizeof *check);
    int pair[2], r;

    if (!check)
        return -ENOMEM;
    check->settings = *settings;
    if (pipe2(pair, O_CLOEXEC) != 0) {
        r = -errno;
        free(check);
        return r;
    }
    check->output = pair[0];
    r = uv_poll_init(settings->loop, &check->poll, pair[0]);
    if (r == 0) {
        uv_timer_init(settings->loop, &check->timer);
        check->poll.data = check->timer.data = check;
        check->handles = 2;
        r = start(check, pair[1]);
        if (r < 0) {
            close_check(check);
            check = NULL;
        }
    } else {
        fd_close(&pair[0]);
        free(check);
        check = NULL;
    }
    fd_close(&pair[1]);
    if (r < 0)
        return r;
    uv_poll_start(&check->poll, UV_READABLE, on_output);
    uv_timer_start(&check->timer, on_late, UPGRADE_CHECK_MS, 0);
    *check_r = check;
    return 0;
}
