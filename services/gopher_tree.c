#include <config.h>

#include "gopher_tree.h"
#include "gopher_type.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

int gopher_open(int root, const char *path, struct stat *status_r)
{
    struct open_how how = {
        .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    struct stat status;
    int fd = -1;

    /* EAGAIN: the kernel could not rule out that a rename just now led us out; it asks to try
     * again. */
    for (int i = 0; i < 8 && fd < 0; i++) {
        fd = (int)syscall(SYS_openat2, root, path[0] != '\0' ? path : ".", &how, sizeof how);
        if (fd < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    if (fd < 0)
        return -EAGAIN;
    mode_t need = S_IROTH;
    if (fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) {
        if (S_ISDIR(status.st_mode))
            need |= S_IXOTH;
        if ((status.st_mode & need) == need) {
            *status_r = status;
            return fd;
        }
    }
    close(fd);
    return -EACCES;
}

char gopher_type(int fd, const struct stat *status, const char *name)
{
    char start[GOPHER_SNIFF];

    if (S_ISDIR(status->st_mode))
        return '1';
    char type = gopher_type_by_name(name);
    if (type != '\0')
        return type;
    ssize_t n = pread(fd, start, sizeof start, 0);
    return gopher_type_by_content(start, n > 0 ? (size_t)n : 0);
}
