/*
 * background: see background.h.
 */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "supervise/handover.h"
#include "supervise/supervisor.h"

int background_detach(void)
{
    int pair[2];
    pid_t pid;
    char byte;

    if (pipe2(pair, O_CLOEXEC) != 0)
        return -1;
    pid = fork();
    if (pid < 0)
        return -1;
    if (pid > 0) {
        ssize_t n;

        close(pair[1]);
        do {
            n = read(pair[0], &byte, 1);
        } while (n < 0 && errno == EINTR);
        _exit(n == 1 ? EXIT_OK : EXIT_SYSTEM);
    }
    close(pair[0]);
    setsid();
    return pair[1];
}

static int write_pid_file(const char *path)
{
    char text[32];
    int length = snprintf(text, sizeof text, "%d\n", (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    int r = fd >= 0 && write(fd, text, (size_t)length) == length ? 0 : -errno;

    if (fd >= 0)
        close(fd);
    return r;
}

void background_leave_terminal(bool log_to_stderr)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0)
        return;
    dup2(null, 0);
    dup2(null, 1);
    if (!log_to_stderr)
        dup2(null, 2);
    close(null);
}

char *background_pid_file(const char *path, const struct handover *handover)
{
    char *old = handover ? handover_text(handover, "pid_file") : NULL;
    char *copy;
    int r;

    if (old && path && strcmp(old, path) == 0)
        return old;
    background_remove_pid_file(old);
    if (!path)
        return NULL;
    copy = strdup(path);
    r = copy ? write_pid_file(path) : -ENOMEM;
    if (r == 0)
        return copy;
    log_event(LEVEL_WARNING, "error", log_text("what", "pid_file"), log_text("path", path),
              log_text("error", strerror(-r)));
    free(copy);
    return NULL;
}

void background_remove_pid_file(char *path)
{
    if (path)
        unlink(path);
    free(path);
}

const char *background_binary(void)
{
    static char path[PATH_MAX];
    const char *given = (const char *)getauxval(AT_EXECFN); /* as exec was called with */
    char folder[PATH_MAX];
    ssize_t n;

    if (given && given[0] == '/')
        return given;
    if (given && getcwd(folder, sizeof folder) &&
        snprintf(path, sizeof path, "%s/%s", folder, given) < (int)sizeof path &&
        access(path, X_OK) == 0)
        return path;
    n = readlink("/proc/self/exe", path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    return path;
}
