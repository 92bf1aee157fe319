/*
 * real: see real.h.
 */
#include "real.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *real_program(const char *name, const char *package)
{
    static char *kept[16];
    static size_t count;
    const char *path = process_find(name);

    if (!path)
        e2e_skip("%s is missing (Debian package %s)", name, package);
    assert_true(count < COUNT(kept));
    kept[count] = strdup(path);
    assert_non_null(kept[count]);
    return kept[count++];
}

unsigned real_port(struct daemon *daemon, const char *service, size_t number)
{
    return (unsigned)strtoul(strrchr(daemon_address(daemon, service, number), ':') + 1, NULL, 10);
}

void real_fill(const char *path, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    uint64_t block[8192], state = 88172645463325252ULL + (uint64_t)getpid();

    assert_true(fd >= 0);
    while (length) {
        size_t part = length < sizeof block ? length : sizeof block;

        for (size_t i = 0; i < COUNT(block); i++) { /* xorshift64 */
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block[i] = state;
        }
        assert_int_equal(write(fd, block, part), part);
        length -= part;
    }
    close(fd);
}
