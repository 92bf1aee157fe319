/*
 * surroundings: what there is where the tests run: programs, rights, an address, the day. Declared in
 * harness.h.
 */
#include "harness.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *variable_or(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value && *value ? value : otherwise;
}

const char *harness_build(void)
{
    return variable_or("E2E_BUILD", E2E_BUILD);
}

const char *harness_superd(void)
{
    return variable_or("E2E_SUPERD", E2E_BUILD "/superd/superd");
}

const char *harness_specimen(void)
{
    return variable_or("E2E_SPECIMEN", E2E_BUILD "/tests/e2e/handlers/specimen");
}

bool harness_is_root(void)
{
    return geteuid() == 0;
}

char *harness_loopback(char text[32])
{
    unsigned pid = (unsigned)getpid();

    snprintf(text, 32, "127.%u.%u.%u", 100 + pid % 100, (pid >> 8) & 255, 1 + (pid & 127));
    return text;
}

void harness_needs_root(void)
{
    if (!harness_is_root())
        e2e_skip("this needs root");
}

void harness_needs_pid_namespaces(void)
{
    pid_t pid;
    int status;

    harness_needs_root();
    pid = fork();
    if (pid == 0)
        _exit(unshare(CLONE_NEWPID | CLONE_NEWNS) == 0 ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        e2e_skip("no namespaces to be had here");
}

const char *harness_day_in(int days)
{
    static const char names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    time_t then = time(NULL) + (time_t)days * 24 * 3600;
    struct tm parts;

    gmtime_r(&then, &parts);
    return names[parts.tm_wday];
}
