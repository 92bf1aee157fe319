/*
 * bulk: moves many bytes one way. The client's first line says how: `down N` makes it send N bytes,
 * `up N` makes it read to the end of file and answer with the number of bytes that came.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buffer[256 * 1024];

/* Read the first line, a byte at a time: what follows it belongs to the transfer. */
static int read_line(char *line, size_t size)
{
    for (size_t i = 0; i + 1 < size; i++) {
        if (read(STDIN_FILENO, line + i, 1) != 1) {
            return -1;
        }
        if (line[i] == '\n') {
            line[i] = '\0';
            return 0;
        }
    }
    return -1;
}

static int send_bytes(uint64_t left)
{
    while (left > 0) {
        size_t chunk = left < sizeof(buffer) ? (size_t)left : sizeof(buffer);
        ssize_t n = write(STDOUT_FILENO, buffer, chunk);
        if (n < 0) {
            return 1;
        }
        left -= (uint64_t)n;
    }
    return 0;
}

static int count_bytes(void)
{
    uint64_t got = 0;
    ssize_t n;
    while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) > 0) {
        got += (uint64_t)n;
    }
    return n == 0 && printf("%" PRIu64 "\n", got) > 0 && fflush(stdout) == 0 ? 0 : 1;
}

int main(void)
{
    char line[64];
    if (read_line(line, sizeof(line)) < 0) {
        return 2;
    }
    if (strncmp(line, "down ", 5) == 0) {
        return send_bytes(strtoull(line + 5, NULL, 10));
    }
    return strncmp(line, "up ", 3) == 0 ? count_bytes() : 2;
}
