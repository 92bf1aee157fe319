/*
 * That the runner reports what fails. The cases of `inner` are run by the others only, in a second
 * runner (this program again), whose verdict is what is looked at.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define INNER_VARIABLE "E2E_INNER"

/* ---- Run by the cases below ----------------------------------------------------------------- */

static void passes(void)
{
    assert_true(true);
}

static void fails(void)
{
    assert_int_equal(1, 2);
}

static void crashes(void)
{
    raise(SIGSEGV);
}

static void hangs(void)
{
    for (;;)
        pause();
}

static void leaves_a_process(void)
{
    if (fork() == 0) {
        setsid();
        for (;;)
            pause();
    }
}

static void is_skipped(void)
{
    e2e_skip("to see that it is said");
}

static void leaves_a_connection(void)
{
    struct daemon *daemon = daemon_serve("hello: { listen = '127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'wait']; };");

    client_hear_line(daemon_dial(daemon, "hello"));
    expect_event(&daemon->events, "end", "service", "no such service", NULL);
}

static const struct e2e_case inner[] = {
    E2E(passes),
    E2E(fails),
    E2E(crashes),
    {.name = "hangs", .run = hangs, .seconds = 1},
    E2E(leaves_a_process),
    E2E(is_skipped),
    E2E(leaves_a_connection),
};

/* ---- The second runner ---------------------------------------------------------------------- */

/* Run the inner case NAME; its output is in TEXT. Returns the runner's exit code. */
static int run_inner(const char *name, char *text, size_t size)
{
    char command[PATH_MAX + 64], path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    size_t length = 0;
    FILE *output;
    int status;

    assert_true(n > 0);
    path[n] = '\0';
    snprintf(command, sizeof command, "'%s' %s 2>&1", path, name);
    setenv(INNER_VARIABLE, "yes", 1);
    setenv("E2E_DEADLINE_MS", "2000", 1); /* what never comes need not be waited for long */
    output = popen(command, "re");
    assert_non_null(output);
    while (length < size - 1 &&
           (n = (ssize_t)fread(text + length, 1, size - 1 - length, output)) > 0)
        length += (size_t)n;
    text[length] = '\0';
    status = pclose(output);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void expect_verdict(const char *name, int code, const char *words)
{
    static char text[65536];

    assert_int_equal(run_inner(name, text, sizeof text), code);
    if (!strstr(text, words))
        fail_msg("the runner did not say \"%s\" but: %s", words, text);
}

static void runner__case_passes__zero(void)
{
    expect_verdict("passes", 0, "[       OK ] passes");
}

static void runner__case_fails__reported(void)
{
    expect_verdict("fails", 1, "0x1 != 0x2");
}

static void runner__case_crashes__reported(void)
{
    expect_verdict("crashes", 1, "[  FAILED  ] crashes");
}

static void runner__case_hangs__killed_and_reported(void)
{
    expect_verdict("hangs", 1, "it took longer than 1 seconds");
}

static void runner__case_leaves_a_process__reported(void)
{
    expect_verdict("leaves_a_process", 1, "it left 1 processes behind");
}

static void runner__all_skipped__77(void)
{
    expect_verdict("is_skipped", 77, "skipped: to see that it is said");
}

static void runner__no_such_event__reported_with_the_log(void)
{
    expect_verdict("leaves_a_connection", 1,
                   "no such event in the log: end service=no such service");
}

static const struct e2e_case cases[] = {
    E2E(runner__case_passes__zero),
    E2E(runner__case_fails__reported),
    E2E(runner__case_crashes__reported),
    E2E(runner__case_hangs__killed_and_reported),
    E2E(runner__case_leaves_a_process__reported),
    E2E(runner__all_skipped__77),
    E2E(runner__no_such_event__reported_with_the_log),
};

int main(int argc, char **argv)
{
    if (getenv(INNER_VARIABLE))
        return e2e_main(argc, argv, inner, COUNT(inner));
    return e2e_main(argc, argv, cases, COUNT(cases));
}
