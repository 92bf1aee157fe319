#include <config.h>

#include "handler_files.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static char top[] = "/tmp/handler_files.XXXXXX";

const char *files_make(void)
{
    umask(022);
    strcpy(top + strlen(top) - 6, "XXXXXX");
    assert_non_null(mkdtemp(top));
    assert_int_equal(chmod(top, 0755), 0);
    assert_int_equal(chdir(top), 0);
    return top;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status;
    (void)type;
    (void)where;
    return remove(path);
}

void files_remove(void)
{
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void files_directory(const char *name, mode_t mode)
{
    assert_int_equal(mkdir(name, 0755), 0);
    assert_int_equal(chmod(name, mode), 0);
}

void files_write(const char *name, const void *content, size_t length, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), (ssize_t)length);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

void files_text(const char *name, const char *content)
{
    files_write(name, content, strlen(content), 0644);
}

void files_people(const char *const names[])
{
    FILE *file = fopen("passwd", "we");

    assert_non_null(file);
    for (; *names != NULL; names++)
        fprintf(file, "%s:x:%u:%u:& Lovelace,office:%s/%s:/bin/sh\n", *names, (unsigned)getuid(),
                (unsigned)getgid(), top, *names);
    assert_int_equal(fclose(file), 0);
}
