/*
 * process: see process.h.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

#define OUTPUT_ROOM (1 << 20)
#define FOLDERS     "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static _Noreturn void become(const char *const *arguments, int output)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    dup2(null, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    setpgid(0, 0);
    execvp(arguments[0], (char *const *)arguments);
    dprintf(STDERR_FILENO, "cannot exec %s: %s\n", arguments[0], strerror(errno));
    _exit(127);
}

/* Read FD to its end; false: that did not come in time. */
static bool collect(int fd, char *text)
{
    uint64_t end = e2e_now_ms() + (uint64_t)e2e_deadline_ms() * 2;
    size_t length = 0;

    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        uint64_t now = e2e_now_ms();
        char spare[4096];
        ssize_t n;

        if (now >= end || poll(&wait, 1, (int)(end - now)) != 1)
            return false;
        n = read(fd, spare, sizeof spare);
        if (n <= 0)
            return true;
        if ((size_t)n > OUTPUT_ROOM - 1 - length)
            n = (ssize_t)(OUTPUT_ROOM - 1 - length); /* more than anybody wants to see */
        memcpy(text + length, spare, (size_t)n);
        length += (size_t)n;
    }
}

int process_run(const char *const *arguments, char **output_r)
{
    static char *kept[256];
    static size_t count;
    char *text = calloc(1, OUTPUT_ROOM);
    int pair[2], status;
    bool in_time;
    pid_t pid;

    assert_non_null(text);
    assert_true(count < COUNT(kept));
    kept[count++] = text;
    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        become(arguments, pair[1]);
    assert_true(pid > 0);
    close(pair[1]);
    in_time = collect(pair[0], text);
    close(pair[0]);
    if (!in_time)
        kill(-pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!in_time)
        fail_msg("%s does not end; it said: %s", arguments[0], text);
    if (output_r)
        *output_r = text;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

char *process_check(const char *const *arguments)
{
    char *text;
    int status = process_run(arguments, &text);

    if (status != 0)
        fail_msg("%s ended with %d: %s", arguments[0], status, text);
    return text;
}

char *process_shell(const char *format, ...)
{
    char command[8192];
    const char *const arguments[] = {"/bin/sh", "-ec", command, NULL};
    va_list list;
    int n;

    va_start(list, format);
    n = vsnprintf(command, sizeof command, format, list);
    va_end(list);
    assert_true(n > 0 && (size_t)n < sizeof command);
    return process_check(arguments);
}

const char *process_find(const char *name)
{
    static char path[512];
    const char *at = FOLDERS;

    while (*at) {
        int length = (int)strcspn(at, ":");

        snprintf(path, sizeof path, "%.*s/%s", length, at, name);
        if (access(path, X_OK) == 0)
            return path;
        at += length + (at[length] == ':');
    }
    return NULL;
}
