/*
 * bulk: see bulk.h. Blocking calls with a time limit do here, as there is only one connection.
 */
#include "bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define BULK_CHUNK (256 * 1024)

static int bulk_connect(const struct load_plan *plan)
{
    struct timeval limit = {.tv_sec = (time_t)(plan->limit_ns / 1000000000u),
                            .tv_usec = (suseconds_t)(plan->limit_ns % 1000000000u / 1000)};
    int fd = load_socket(plan, 0);
    if (fd < 0) {
        return fd;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0 ||
        connect(fd, (const struct sockaddr *)&plan->target, sizeof(plan->target)) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

/* Send LENGTH bytes from BUFFER. Returns 0 or -errno. */
static int bulk_send(int fd, const char *buffer, size_t length)
{
    while (length > 0) {
        ssize_t n = send(fd, buffer, length, MSG_NOSIGNAL);
        if (n < 0) {
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        }
        buffer += n;
        length -= (size_t)n;
    }
    return 0;
}

/* Talk to the handler. *GOT_R: the bytes that arrived. Returns 0 or -errno. */
static int bulk_transfer(int fd, bool up, uint64_t bytes, char *buffer, uint64_t *first_r,
                         uint64_t *got_r)
{
    char answer[32] = "";
    size_t answered = 0;
    char request[64];
    int length = snprintf(request, sizeof(request), "%s %" PRIu64 "\n", up ? "up" : "down", bytes);
    int result = bulk_send(fd, request, (size_t)length);

    for (uint64_t left = up ? bytes : 0; result == 0 && left > 0;) {
        size_t chunk = left < BULK_CHUNK ? (size_t)left : BULK_CHUNK;
        result = bulk_send(fd, buffer, chunk);
        left -= chunk;
    }
    if (result == 0) {
        shutdown(fd, SHUT_WR);
    }
    while (result == 0) {
        ssize_t n = recv(fd, buffer, BULK_CHUNK, 0);
        if (n < 0) {
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        }
        if (n == 0) {
            break;
        }
        if (*first_r == 0) {
            *first_r = load_now();
        }
        if (up) { /* the handler answers with the number of bytes that it got */
            size_t room = sizeof(answer) - 1 - answered;
            size_t taken = (size_t)n < room ? (size_t)n : room;
            memcpy(answer + answered, buffer, taken);
            answered += taken;
        } else {
            *got_r += (uint64_t)n;
        }
    }
    if (up) {
        *got_r = strtoull(answer, NULL, 10);
    }
    return result;
}

void bulk_run(const struct load_plan *plan, bool up, uint64_t bytes, struct load_account *account)
{
    *account = (struct load_account){.begun = 1};
    uint64_t start = load_now(), first = 0;
    char *buffer = calloc(1, BULK_CHUNK);
    int fd = buffer == NULL ? -ENOMEM : bulk_connect(plan);
    int result = fd;

    if (fd >= 0) {
        samples_add(&account->connect, load_now() - start);
        result = bulk_transfer(fd, up, bytes, buffer, &first, &account->bytes);
        close(fd);
    }
    free(buffer);
    account->last_ns = load_now();
    enum load_outcome outcome = OUTCOME_OK;
    if (result < 0) {
        outcome = load_outcome_of(-result);
        account->other_errno = outcome == OUTCOME_OTHER ? -result : 0;
    } else if (account->bytes != bytes) {
        outcome = OUTCOME_SHORT;
    }
    account->outcomes[outcome]++;
    if (outcome == OUTCOME_OK) {
        account->in_window++;
        samples_add(&account->end, account->last_ns - start);
    }
    if (first != 0) {
        samples_add(&account->first, first - start);
    }
}
