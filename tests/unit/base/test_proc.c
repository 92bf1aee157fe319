/* What the kernel tells of processes, told of ourselves and of a child. */
#include "unit.h"

#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"

/* A child that lives until it is waited for; its name would lead astray who counts fields from the first
 * parenthesis. */
static pid_t make_child(int *end_r)
{
    int pair[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(pair), 0);
    pid = fork();
    if (pid == 0) {
        close(pair[1]);
        setsid();
        prctl(PR_SET_NAME, "a) Z 1 2 (b\nc)");
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(read(pair[0], &byte, 1) < 0);
    }
    close(pair[0]);
    *end_r = pair[1];
    return pid;
}

static bool is_ready(pid_t pid)
{
    uint64_t renounced = 0;

    return proc_status(pid, "NoNewPrivs", &renounced) && renounced == 1;
}

static void end_child(pid_t pid, int end)
{
    close(end);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void proc_stat__own_process__is_as_the_system_calls_say(void **state)
{
    struct proc_stat own, same;

    (void)state;
    assert_true(proc_stat(0, &own));
    assert_true(proc_stat(getpid(), &same));
    assert_int_equal(own.state, 'R');
    assert_int_equal(own.parent, getppid());
    assert_int_equal(own.group, getpgrp());
    assert_int_equal(own.session, getsid(0));
    assert_int_equal(own.started_ticks, same.started_ticks);
    assert_in_range(own.resident_pages, 16, 1 << 30);
}

static void proc_stat__work_is_done__its_ticks_are_counted(void **state)
{
    struct proc_stat stat;
    struct tms before, after;

    (void)state;
    do {
        times(&before);
        assert_true(proc_stat(0, &stat));
        times(&after);
        assert_in_range(stat.user_ticks, before.tms_utime, after.tms_utime);
        assert_in_range(stat.system_ticks, before.tms_stime, after.tms_stime);
    } while (stat.user_ticks == 0 || stat.system_ticks == 0);
}

static void proc_stat__strange_name__fields_are_found(void **state)
{
    struct proc_stat own, child;
    int end;
    pid_t pid = make_child(&end);

    (void)state;
    while (!is_ready(pid))
        usleep(1000);
    assert_true(proc_stat(0, &own));
    assert_true(proc_stat(pid, &child));
    assert_int_equal(child.parent, getpid());
    assert_int_equal(child.group, pid);
    assert_int_equal(child.session, pid);
    assert_true(child.started_ticks >= own.started_ticks);
    end_child(pid, end);
}

static void proc_stat__dead_and_gone__z_and_then_nobody(void **state)
{
    struct proc_stat stat = {.state = 0};
    siginfo_t info;
    int end;
    pid_t pid = make_child(&end);

    (void)state;
    close(end);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_true(proc_stat(pid, &stat));
    assert_int_equal(stat.state, 'Z');
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(proc_stat(pid, &stat));
    assert_int_equal(stat.state, 'Z'); /* untouched */
}

static void proc_status__fields__found_by_their_whole_names(void **state)
{
    uint64_t value = 4711;

    (void)state;
    assert_true(proc_status(0, "Pid", &value));
    assert_int_equal(value, getpid());
    assert_true(proc_status(0, "PPid", &value));
    assert_int_equal(value, getppid());
    assert_false(proc_status(0, "id", &value));
    assert_false(proc_status(0, "Name", &value)); /* no number */
    assert_false(proc_status(INT32_MAX, "Pid", &value));
    assert_int_equal(value, getppid());
}

static void proc_status__behind_a_long_line__is_found(void **state)
{
    gid_t groups[2000];
    uint64_t value = 4711;
    int status;
    pid_t pid;

    (void)state;
    if (geteuid() != 0)
        skip();
    for (size_t i = 0; i < COUNT(groups); i++)
        groups[i] = (gid_t)(100000 + i);
    pid = fork();
    if (pid == 0)
        _exit(setgroups(COUNT(groups), groups) != 0 || !proc_status(0, "NoNewPrivs", &value) ||
              value != 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void proc_read__no_such_file_or_name__empty(void **state)
{
    char text[64] = "x", name[256];

    (void)state;
    assert_false(proc_read(0, "none", text, sizeof text));
    assert_string_equal(text, "");
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(proc_open(0, name), -1);
    assert_true(proc_read(0, "comm", text, 5));
    assert_int_equal(strlen(text), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proc_stat__own_process__is_as_the_system_calls_say),
        cmocka_unit_test(proc_stat__work_is_done__its_ticks_are_counted),
        cmocka_unit_test(proc_stat__strange_name__fields_are_found),
        cmocka_unit_test(proc_stat__dead_and_gone__z_and_then_nobody),
        cmocka_unit_test(proc_status__fields__found_by_their_whole_names),
        cmocka_unit_test(proc_status__behind_a_long_line__is_found),
        cmocka_unit_test(proc_read__no_such_file_or_name__empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
