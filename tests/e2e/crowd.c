/*
 * crowd: see crowd.h.
 */
#include "crowd.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "runner.h"

struct crowd_counts {
    atomic_bool over;
    atomic_ulong served, failed;
    atomic_int error; /* errno of the first failure; 0: no answer came */
    char where[32];   /* and what was being done */
    atomic_ulong slowest_us;
};

static void not_served(struct crowd_counts *counts, const char *where, int error)
{
    if (atomic_fetch_add(&counts->failed, 1) == 0) {
        atomic_store(&counts->error, error);
        snprintf(counts->where, sizeof counts->where, "%s", where);
    }
}

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void took(struct crowd_counts *counts, unsigned long us)
{
    unsigned long slowest = atomic_load(&counts->slowest_us);

    while (us > slowest && !atomic_compare_exchange_weak(&counts->slowest_us, &slowest, us))
        continue;
}

static void visit(struct crowd_counts *counts, const char *address)
{
    static const char line[] = "hello from the crowd\n";
    char answer[sizeof line];
    size_t length = 0;
    ssize_t n = 0;
    uint64_t begun = now_us();
    int fd = client_try(address, SOCK_STREAM);

    if (fd < 0) {
        not_served(counts, "connect", -fd);
        return;
    }
    if (send(fd, line, sizeof line - 1, MSG_NOSIGNAL) < 0 || shutdown(fd, SHUT_WR) != 0) {
        not_served(counts, "send", errno);
        close(fd);
        return;
    }
    while (length < sizeof answer && (n = read(fd, answer + length, sizeof answer - length)) > 0)
        length += (size_t)n;
    if (n < 0)
        not_served(counts, "read", errno);
    else if (length != sizeof line - 1 || memcmp(answer, line, length) != 0)
        not_served(counts, "answer", 0);
    else
        atomic_fetch_add(&counts->served, 1);
    took(counts, (unsigned long)(now_us() - begun));
    close(fd);
}

void crowd_begin(struct crowd *crowd, const char *address, size_t count)
{
    crowd_begin_for(crowd, address, count, CASE_SECONDS);
}

void crowd_begin_for(struct crowd *crowd, const char *address, size_t count, unsigned seconds)
{
    assert_true(count <= CROWD_MAX);
    *crowd = (struct crowd){.count = count};
    crowd->counts = mmap(NULL, sizeof *crowd->counts, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(crowd->counts != MAP_FAILED);
    fflush(NULL);
    for (size_t i = 0; i < count; i++) {
        crowd->pids[i] = fork();
        assert_true(crowd->pids[i] >= 0);
        if (crowd->pids[i] == 0) {
            alarm(seconds);
            signal(SIGALRM, SIG_DFL);
            while (!atomic_load(&crowd->counts->over))
                visit(crowd->counts, address);
            _exit(0);
        }
    }
}

struct goal {
    struct crowd *crowd;
    unsigned long served;
};

static bool reached(void *data)
{
    struct goal *goal = data;

    return atomic_load(&goal->crowd->counts->served) >= goal->served ||
           atomic_load(&goal->crowd->counts->failed);
}

void crowd_wait(struct crowd *crowd, unsigned long more)
{
    struct goal goal = {crowd, atomic_load(&crowd->counts->served) + more};

    if (!e2e_until(reached, &goal))
        fail_msg("clients are not served any more");
}

unsigned long crowd_end_with(struct crowd *crowd, unsigned long *failed_r, char why[128])
{
    unsigned long served;
    int status;

    atomic_store(&crowd->counts->over, true);
    for (size_t i = 0; i < crowd->count; i++) {
        assert_int_equal(waitpid(crowd->pids[i], &status, 0), crowd->pids[i]);
        assert_int_equal(status, 0);
    }
    served = atomic_load(&crowd->counts->served);
    *failed_r = atomic_load(&crowd->counts->failed);
    crowd->slowest_us = atomic_load(&crowd->counts->slowest_us);
    snprintf(why, 128, "%s, %s", crowd->counts->where,
             strerror(atomic_load(&crowd->counts->error)));
    munmap(crowd->counts, sizeof *crowd->counts);
    return served;
}

unsigned long crowd_end(struct crowd *crowd)
{
    unsigned long failed, served;
    char why[128];

    served = crowd_end_with(crowd, &failed, why);
    if (failed)
        fail_msg("%lu clients of %lu were not served; the first: %s", failed, failed + served, why);
    return served;
}
