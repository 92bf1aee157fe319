/*
 * runner: see runner.h.
 *
 * The program starts itself again for each case, with the case's name in the environment: a fresh
 * process image rather than a fork, so that cmocka's state is that of a program with one test. The
 * case's process leads a session; what it leaves behind comes to the runner, which is a subreaper.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "census.h"
#include "config.h"
#include "runner.h"

#define CASE_VARIABLE "E2E_CASE"
#define SKIPPED       77
#define POLL_MS       2
#define DEADLINE_MS   20000

static char *const *arguments;
static size_t skipped, ran;
static bool case_skipped;
static void (*failure_hook)(void);

uint64_t e2e_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int e2e_deadline_ms(void)
{
    const char *given = getenv("E2E_DEADLINE_MS");
    long ms = given ? strtol(given, NULL, 10) : 0;

    return ms > 0 && ms < 3600000 ? (int)ms : DEADLINE_MS;
}

bool e2e_until(bool (*condition)(void *data), void *data)
{
    uint64_t end = e2e_now_ms() + (uint64_t)e2e_deadline_ms();

    while (!condition(data)) {
        if (e2e_now_ms() > end)
            return false;
        poll(NULL, 0, POLL_MS);
    }
    return true;
}

bool e2e_sanitized(void)
{
#ifdef SUPERD_SANITIZERS
    return true;
#else
    return false;
#endif
}

void e2e_on_failure(void (*function)(void))
{
    failure_hook = function;
}

void e2e_skip(const char *format, ...)
{
    va_list list;

    printf("skipped: ");
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    printf("\n");
    fflush(stdout);
    case_skipped = true;
    skip();
    abort(); /* skip() does not return */
}

/* ---- In the case's process ------------------------------------------------------------------ */

static void call_case(void **state)
{
    const struct e2e_case *one = *state;

    one->run();
}

static int run_one(const struct e2e_case *one)
{
    const struct CMUnitTest test = {
        .name = one->name, .test_func = call_case, .initial_state = (void *)one};
    int failed;

    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* the daemon's orphans come to us, to be counted */
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    failed = _cmocka_run_group_tests(one->name, &test, 1, NULL, NULL);
    if (failed && failure_hook)
        failure_hook();
    return failed ? EXIT_FAILURE : case_skipped ? SKIPPED : EXIT_SUCCESS;
}

/* ---- In the runner -------------------------------------------------------------------------- */

static pid_t start_case(const struct e2e_case *one, int output)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid != 0)
        return pid;
    setsid();
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    setenv(CASE_VARIABLE, one->name, 1);
    setenv("CMOCKA_MESSAGE_OUTPUT", "STDOUT", 1);
    execv("/proc/self/exe", arguments);
    _exit(127);
}

/* Wait for PID to end; false when SECONDS were not enough. */
static bool wait_for(pid_t pid, unsigned seconds)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int n;

    if (fd < 0)
        return false;
    do {
        n = poll(&wait, 1, (int)seconds * 1000);
    } while (n < 0 && errno == EINTR);
    close(fd);
    return n == 1;
}

/* Kill what a case has left behind. Returns how many processes that were. */
static size_t clear_away(void)
{
    size_t found = 0;
    pid_t pids[64];
    size_t n;

    while ((n = census_children(getpid(), pids, COUNT(pids)))) {
        for (size_t i = 0; i < n; i++) {
            char name[64];

            printf("left behind: process %d (%s)\n", (int)pids[i],
                   census_name(pids[i], name, sizeof name));
            kill(pids[i], SIGKILL);
            found++;
        }
        /* In whatever order they end: process 1 of a namespace ends when we have reaped the rest. */
        for (size_t i = 0; i < n; i++)
            waitpid(-1, NULL, 0);
    }
    return found;
}

static void show_output(int output)
{
    char text[4096];
    ssize_t n;

    lseek(output, 0, SEEK_SET);
    fflush(stdout);
    while ((n = read(output, text, sizeof text)) > 0) {
        if (write(STDOUT_FILENO, text, (size_t)n) != n)
            return;
    }
}

static void run_case(void **state)
{
    const struct e2e_case *one = *state;
    unsigned seconds = one->seconds ? one->seconds : CASE_SECONDS;
    FILE *file = tmpfile();
    int output, status = 0;
    bool in_time;
    size_t left;
    pid_t pid;

    assert_non_null(file);
    output = fileno(file);
    fcntl(output, F_SETFD, FD_CLOEXEC);
    pid = start_case(one, output);
    assert_true(pid > 0);
    in_time = wait_for(pid, seconds);
    if (!in_time)
        kill(-pid, SIGKILL);
    waitpid(pid, &status, 0);
    left = clear_away();
    ran++;
    if (in_time && left == 0 && WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        show_output(output);
        fclose(file);
        skipped++;
        skip();
    }
    if (!in_time || left || status != 0)
        show_output(output);
    fclose(file);
    if (!in_time)
        fail_msg("it took longer than %u seconds", seconds);
    if (WIFSIGNALED(status))
        fail_msg("it was killed by signal %d", WTERMSIG(status));
    if (status != 0)
        fail_msg("it failed");
    if (left)
        fail_msg("it left %zu processes behind", left);
}

static int run_all(const char *program, const char *filter, const struct e2e_case *cases,
                   size_t count)
{
    struct CMUnitTest *tests = calloc(count + 1, sizeof *tests);
    const char *name = strrchr(program, '/');
    size_t n = 0;
    int failed;

    if (!tests)
        return EXIT_FAILURE;
    for (size_t i = 0; i < count; i++) {
        if (!filter || strstr(cases[i].name, filter))
            tests[n++] = (struct CMUnitTest){
                .name = cases[i].name, .test_func = run_case, .initial_state = (void *)&cases[i]};
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    alarm(PROGRAM_SECONDS);
    setvbuf(stdout, NULL, _IOLBF, 0);
    failed = _cmocka_run_group_tests(name ? name + 1 : program, tests, n, NULL, NULL);
    free(tests);
    if (failed)
        return EXIT_FAILURE;
    return ran && skipped == ran ? SKIPPED : EXIT_SUCCESS;
}

int e2e_main(int argc, char **argv, const struct e2e_case *cases, size_t count)
{
    const char *name = getenv(CASE_VARIABLE);

    if (!name) {
        arguments = argv;
        return run_all(argv[0], argc > 1 ? argv[1] : NULL, cases, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(cases[i].name, name) == 0) {
            unsetenv(CASE_VARIABLE);
            return run_one(&cases[i]);
        }
    }
    fprintf(stderr, "%s: no case is called %s\n", argv[0], name);
    return EXIT_FAILURE;
}
