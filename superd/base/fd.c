/* fd: small operations on descriptors. See fd.h. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void fd_close(int *fd)
{
    int saved = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

int fd_set_nonblocking(int fd, bool nonblocking)
{
    int flags = fcntl(fd, F_GETFL);
    int wanted;

    if (flags < 0)
        return -errno;
    wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted != flags && fcntl(fd, F_SETFL, wanted) < 0)
        return -errno;
    return 0;
}

int fd_set_cloexec(int fd, bool cloexec)
{
    int flags = fcntl(fd, F_GETFD);
    int wanted;

    if (flags < 0)
        return -errno;
    wanted = cloexec ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC;
    if (wanted != flags && fcntl(fd, F_SETFD, wanted) < 0)
        return -errno;
    return 0;
}

int fd_dup_above(int fd, int lowest)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, lowest);

    return copy < 0 ? -errno : copy;
}

int fd_open_standard(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        /* The lowest free number is FD, as the ones below are open; inherited on purpose. */
        if (open("/dev/null", O_RDWR) < 0)
            return -errno;
    }
    return 0;
}

int fd_write_file(int at, const char *path, const char *text)
{
    int fd = openat(at, path, O_WRONLY | O_CLOEXEC), r = 0;
    size_t length = strlen(text);
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = write(fd, text, length);
    if (n != (ssize_t)length)
        r = n < 0 ? -errno : -EIO;
    fd_close(&fd);
    return r;
}

size_t fd_limit_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};

        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    }
    return limit.rlim_cur > SIZE_MAX ? SIZE_MAX : (size_t)limit.rlim_cur;
}
