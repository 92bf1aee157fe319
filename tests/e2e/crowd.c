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
#include <unistd.h>

#include "client.h"
#include "runner.h"

struct crowd_counts {
    atomic_bool over;
    atomic_ulong served, failed;
    atomic_int error; /* errno of the first failure; 0: no answer came */
    char where[32];   /* and what was being done */
};

static void failed(struct crowd_counts *counts, const char *where, int error)
{
    if (atomic_fetch_add(&counts->failed, 1) == 0) {
        atomic_store(&counts->error, error);
        snprintf(counts->where, sizeof counts->where, "%s", where);
    }
}

static void visit(struct crowd_counts *counts, const char *address)
{
    static const char line[] = "hello from the crowd\n";
    char answer[sizeof line];
    size_t length = 0;
    ssize_t n = 0;
    int fd = client_try(address, SOCK_STREAM);

    if (fd < 0) {
        failed(counts, "connect", -fd);
        return;
    }
    if (send(fd, line, sizeof line - 1, MSG_NOSIGNAL) < 0 || shutdown(fd, SHUT_WR) != 0) {
        failed(counts, "send", errno);
        close(fd);
        return;
    }
    while (length < sizeof answer && (n = read(fd, answer + length, sizeof answer - length)) > 0)
        length += (size_t)n;
    if (n < 0)
        failed(counts, "read", errno);
    else if (length != sizeof line - 1 || memcmp(answer, line, length) != 0)
        failed(counts, "answer", 0);
    else
        atomic_fetch_add(&counts->served, 1);
    close(fd);
}

void crowd_begin(struct crowd *crowd, const char *address, size_t count)
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
            alarm(CASE_SECONDS);
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

unsigned long crowd_end(struct crowd *crowd)
{
    unsigned long served, lost;
    int status;

    atomic_store(&crowd->counts->over, true);
    for (size_t i = 0; i < crowd->count; i++) {
        assert_int_equal(waitpid(crowd->pids[i], &status, 0), crowd->pids[i]);
        assert_int_equal(status, 0);
    }
    served = atomic_load(&crowd->counts->served);
    lost = atomic_load(&crowd->counts->failed);
    if (lost)
        fail_msg("%lu clients of %lu were not served; the first: %s, %s", lost, lost + served,
                 crowd->counts->where, strerror(atomic_load(&crowd->counts->error)));
    munmap(crowd->counts, sizeof *crowd->counts);
    return served;
}
