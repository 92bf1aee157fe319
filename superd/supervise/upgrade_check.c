/*
 * upgrade_check: see upgrade_check.h.
 */
#include "supervise/upgrade_check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

struct upgrade_check {
    struct upgrade_check_settings settings;
    pid_t pid;
    int output; /* the read end of its pipe */
    uv_poll_t poll;
    uv_timer_t timer;
    int handles; /* of the two, open */
    bool late;
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

static void on_late(uv_timer_t *timer)
{
    struct upgrade_check *check = timer->data;

    check->late = true;
    kill(check->pid, SIGKILL);
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
    good = exited && !check->late && has_words(check);
    end = check->text + check->length;
    if (check->late)
        sprintf(end, "it was not ready within %d s\n", UPGRADE_CHECK_MS / 1000);
    else if (exited && !good)
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

/* ---- The beginning -------------------------------------------------------------------------- */

/* Its descriptors: nothing to read, the pipe twice, the handover. */
static int set_files(posix_spawn_file_actions_t *files, int output, int state)
{
    int r = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);

    if (r == 0)
        r = posix_spawn_file_actions_adddup2(files, output, 1);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(files, output, 2);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(files, state, UPGRADE_CHECK_FD);
    return r;
}

static int set_signals(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSID);
}

/* Start it with OUTPUT to write to. Returns 0 or -errno. */
static int start(struct upgrade_check *check, int output)
{
    const struct upgrade_check_settings *settings = &check->settings;
    char number[16];
    char *arguments[] = {(char *)settings->binary,   (char *)"-c", (char *)settings->config_path,
                         (char *)"--handover-check", number,       NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int r;

    snprintf(number, sizeof number, "%d", UPGRADE_CHECK_FD);
    r = posix_spawn_file_actions_init(&files);
    if (r != 0)
        return -r;
    r = posix_spawnattr_init(&attributes);
    if (r == 0) {
        r = set_files(&files, output, settings->state);
        if (r == 0)
            r = set_signals(&attributes);
        if (r == 0)
            r = posix_spawn(&check->pid, settings->binary, &files, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return -r;
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
