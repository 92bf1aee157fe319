/* Tests of superd/base/fd.c. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static void fd_close__open_then_gone__minus_one_and_errno_kept(void **state)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), number = fd;

    (void)state;
    errno = EDOM;
    fd_close(&fd);
    assert_int_equal(fd, -1);
    assert_int_equal(errno, EDOM);
    assert_int_equal(fcntl(number, F_GETFD), -1);
    fd_close(&fd);
    assert_int_equal(fd, -1);
}

static void fd_set__flags__set_and_cleared(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(fd_set_nonblocking(fds[0], true), 0);
    assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    assert_int_equal(fd_set_nonblocking(fds[0], false), 0);
    assert_false(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
    assert_int_equal(fd_set_cloexec(fds[0], false), 0);
    assert_int_equal(fcntl(fds[0], F_GETFD), 0);
    assert_int_equal(fd_set_cloexec(fds[0], true), 0);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(fd_set_nonblocking(fds[0], true), -EBADF);
    assert_int_equal(fd_set_cloexec(fds[0], true), -EBADF);
}

static void fd_dup_above__lowest__kept(void **state)
{
    int copy = fd_dup_above(STDIN_FILENO, 50);

    (void)state;
    assert_true(copy >= 50);
    assert_int_equal(fcntl(copy, F_GETFD), FD_CLOEXEC);
    close(copy);
    assert_int_equal(fd_dup_above(copy, 3), -EBADF);
}

/* In a child, which may close its standard descriptors. */
static int open_standard_in_child(void)
{
    int fd;

    close(0);
    close(2);
    if (fd_open_standard() != 0)
        return 1;
    for (fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) != 0) /* open, and inherited */
            return 2;
    }
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd > 2 ? 0 : 3;
}

static void fd_open_standard__two_closed__opened(void **state)
{
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0)
        _exit(open_standard_in_child());
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void fd_write_file__existing_and_missing__written_or_error(void **state)
{
    char name[] = "/tmp/superd-fd-XXXXXX", text[16] = "";
    int fd = mkstemp(name), tmp = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0 && tmp >= 0);
    assert_int_equal(fd_write_file(AT_FDCWD, name, "0 0 1"), 0);
    assert_int_equal(pread(fd, text, sizeof text, 0), 5);
    assert_string_equal(text, "0 0 1");
    assert_int_equal(fd_write_file(tmp, name + sizeof "/tmp", "9"), 0);
    assert_int_equal(pread(fd, text, sizeof text, 0), 5);
    assert_string_equal(text, "9 0 1");
    assert_int_equal(unlink(name), 0);
    assert_int_equal(fd_write_file(AT_FDCWD, name, "1"), -ENOENT);
    assert_int_equal(fd_write_file(AT_FDCWD, "/dev/full", "1"), -ENOSPC);
    close(tmp);
    close(fd);
}

static void fd_limit_raise__soft_below_hard__raised(void **state)
{
    struct rlimit limit, old;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    limit = old;
    limit.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(fd_limit_raise(), old.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fd_close__open_then_gone__minus_one_and_errno_kept),
        cmocka_unit_test(fd_set__flags__set_and_cleared),
        cmocka_unit_test(fd_dup_above__lowest__kept),
        cmocka_unit_test(fd_open_standard__two_closed__opened),
        cmocka_unit_test(fd_write_file__existing_and_missing__written_or_error),
        cmocka_unit_test(fd_limit_raise__soft_below_hard__raised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
