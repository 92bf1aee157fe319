/*
 * pool, launcher and child with real processes: every order gets exactly one answer, whatever happens to
 * launchers.
 */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch/fixture.h"
#include "launch/pool.h"
#include "launch/pool_state.h"

#define DEADLINE_MS 20000
#define LATE_MS     2000 /* longer than any launch here takes, also on a slow machine */

struct bench { /* what a test has around a pool */
    uv_loop_t loop;
    uv_timer_t deadline;
    struct config *config;
    struct launch_pool *pool;
    struct launch_report reports[256];
    size_t report_count, wanted;
    unsigned rooms, empties, replaced;
    pid_t launchers[8];
    size_t launcher_count;
};

static void on_report(void *data, const struct launch_report *report)
{
    struct bench *bench = data;

    assert_true(bench->report_count < 256);
    bench->reports[bench->report_count++] = *report;
    if (bench->report_count == bench->wanted)
        uv_stop(&bench->loop);
}

static void on_room(void *data)
{
    ((struct bench *)data)->rooms++;
}

static void on_empty(void *data)
{
    ((struct bench *)data)->empties++;
}

static void on_replaced(void *data, pid_t old, pid_t new, int error)
{
    (void)old;
    assert_int_equal(error, 0);
    assert_true(new > 0);
    ((struct bench *)data)->replaced++;
}

static void on_deadline(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("no answer in time");
}

static void note_launcher(void *data, pid_t pid)
{
    struct bench *bench = data;

    bench->launchers[bench->launcher_count++] = pid;
}

/* How children are made: one that waits for the order, or one for it. */
static bool for_each_order;

static const struct plan *plans_of(const struct config *config)
{
    struct plan *plans = (struct plan *)plans_make(config); /* in the configuration's arena */

    assert_non_null(plans);
    plans[0].in_group =
        for_each_order; /* there are no groups here: it is born where its launcher is */
    return plans;
}

static void begin(struct bench *bench, const char *program, const char *const *arguments,
                  unsigned launchers)
{
    struct launch_pool_settings settings = {.loop = &bench->loop,
                                            .launchers = launchers,
                                            .plan_count = 1,
                                            .late_ms = LATE_MS,
                                            .data = bench,
                                            .on_report = on_report,
                                            .on_room = on_room,
                                            .on_empty = on_empty,
                                            .on_replaced = on_replaced};

    memset(bench, 0, sizeof *bench);
    assert_int_equal(uv_loop_init(&bench->loop), 0);
    uv_timer_init(&bench->loop, &bench->deadline);
    uv_timer_start(&bench->deadline, on_deadline, DEADLINE_MS, 0);
    bench->config = fixture_config(1, program, arguments);
    settings.plans = plans_of(bench->config);
    getrlimit(RLIMIT_NOFILE, &settings.descriptors);
    assert_int_equal(launch_pool_create(&settings, &bench->pool), 0);
    launch_pool_visit(bench->pool, note_launcher, bench);
    assert_int_equal(bench->launcher_count, launchers);
}

static void end(struct bench *bench)
{
    launch_pool_destroy(bench->pool);
    uv_close((uv_handle_t *)&bench->deadline, NULL);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    while (waitpid(-1, NULL, 0) > 0)
        continue; /* launchers, which end by themselves, and children */
    arena_destroy(bench->config->arena);
}

/* Send an order for instance ID; returns our end of the connection. */
static int send_order(struct bench *bench, uint64_t id)
{
    struct order order = {.instance = id, .peer_uid = (uid_t)-1, .peer_gid = (gid_t)-1};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(launch_pool_send(bench->pool, &order, pair[1], -1), 0);
    close(pair[1]);
    return pair[0];
}

static void wait_reports(struct bench *bench, size_t count)
{
    bench->wanted = count;
    if (bench->report_count < count)
        uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_int_equal(bench->report_count, count);
    for (size_t i = 0; i < count; i++) /* 0: of a launcher that died */
        assert_true(bench->reports[i].at_ns <= uv_hrtime());
}

static void expect_text(int fd, const char *text)
{
    char buffer[256];
    size_t length = 0;
    ssize_t n;

    while ((n = read(fd, buffer + length, sizeof buffer - 1 - length)) > 0)
        length += (size_t)n;
    buffer[length] = '\0';
    assert_string_equal(buffer, text);
    close(fd);
}

static void pool_send__program_runs__report_has_its_pid_and_it_is_our_child(void **state)
{
    static const char *const arguments[] = {"sh", "-c", "echo $SUPERD_INSTANCE", NULL};
    struct bench bench;
    int status, fd;

    (void)state;
    begin(&bench, "/bin/sh", arguments, 1);
    fd = send_order(&bench, 42);
    wait_reports(&bench, 1);
    assert_int_equal(bench.reports[0].instance, 42);
    assert_int_equal(bench.reports[0].step, STEP_NONE);
    assert_int_equal(waitpid(bench.reports[0].pid, &status, 0), bench.reports[0].pid);
    assert_int_equal(status, 0);
    expect_text(fd, "42\n");
    end(&bench);
}

static void pool_send__program_is_missing__report_names_step_and_errno(void **state)
{
    static const char *const arguments[] = {"x", NULL};
    struct bench bench;
    int fd;

    (void)state;
    begin(&bench, "/nonexistent/program", arguments, 1);
    fd = send_order(&bench, 1);
    wait_reports(&bench, 1);
    assert_int_equal(bench.reports[0].step, STEP_EXEC);
    assert_int_equal(bench.reports[0].error, ENOENT);
    expect_text(fd, ""); /* the client is closed */
    end(&bench);
}

static void pool_send__directory_is_missing__report_names_step_and_errno(void **state)
{
    static const char *const arguments[] = {"true", NULL};
    struct launch_pool_settings settings;
    struct bench bench;

    (void)state;
    memset(&settings, 0, sizeof settings);
    begin(&bench, "/bin/true", arguments, 1);
    launch_pool_destroy(bench.pool);
    /* Plans are made before launchers are forked: once more, with the change. */
    fixture_service(bench.config, 0)->directory = "/nonexistent";
    settings = (struct launch_pool_settings){.loop = &bench.loop,
                                             .plans = plans_make(bench.config),
                                             .plan_count = 1,
                                             .launchers = 1,
                                             .data = &bench,
                                             .on_report = on_report,
                                             .on_room = on_room,
                                             .on_empty = on_empty,
                                             .on_replaced = on_replaced};
    getrlimit(RLIMIT_NOFILE, &settings.descriptors);
    assert_int_equal(launch_pool_create(&settings, &bench.pool), 0);
    close(send_order(&bench, 1));
    wait_reports(&bench, 1);
    assert_int_equal(bench.reports[0].step, STEP_DIRECTORY);
    assert_int_equal(bench.reports[0].error, ENOENT);
    end(&bench);
}

static void pool_send__until_full__says_no_and_tells_when_there_is_room(void **state)
{
    static const char *const arguments[] = {"true", NULL};
    int fds[LAUNCH_ORDERS_MAX];
    struct order order = {.instance = 1000};
    struct bench bench;

    (void)state;
    begin(&bench, "/bin/true", arguments, 2);
    for (size_t i = 0; i < LAUNCH_ORDERS_MAX; i++)
        fds[i] = send_order(&bench, i + 1);
    assert_false(launch_pool_room(bench.pool));
    assert_int_equal(launch_pool_send(bench.pool, &order, fds[0], -1), -EAGAIN);
    wait_reports(&bench, LAUNCH_ORDERS_MAX);
    assert_int_equal(bench.rooms, 1);
    assert_true(launch_pool_room(bench.pool));
    for (size_t i = 0; i < LAUNCH_ORDERS_MAX; i++)
        close(fds[i]);
    end(&bench);
}

static void reap(struct bench *bench, pid_t pid)
{
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(launch_pool_reaped(bench->pool, pid));
}

static void pool_reaped__idle_launcher_killed__replaced_and_serving(void **state)
{
    static const char *const arguments[] = {"echo", "here", NULL};
    struct bench bench;
    int fd;

    (void)state;
    begin(&bench, "/bin/echo", arguments, 1);
    kill(bench.launchers[0], SIGKILL);
    reap(&bench, bench.launchers[0]);
    assert_int_equal(bench.replaced, 1);
    fd = send_order(&bench, 7);
    wait_reports(&bench, 1);
    assert_int_equal(bench.reports[0].step, STEP_NONE);
    expect_text(fd, "here\n");
    assert_false(launch_pool_reaped(bench.pool, bench.reports[0].pid)); /* no launcher */
    end(&bench);
}

/* Orders that wait in the socket while their only launcher is stopped, then killed, are carried out by
 * its successor; none is lost, none answered twice. */
static void pool_reaped__launcher_killed_with_orders_waiting__all_are_answered(void **state)
{
    static const char *const arguments[] = {"true", NULL};
    struct bench bench;
    int fds[20];
    bool seen[21] = {false};

    (void)state;
    begin(&bench, "/bin/true", arguments, 1);
    kill(bench.launchers[0], SIGSTOP);
    for (size_t i = 0; i < 20; i++)
        fds[i] = send_order(&bench, i + 1);
    kill(bench.launchers[0], SIGKILL);
    reap(&bench, bench.launchers[0]);
    wait_reports(&bench, 20);
    for (size_t i = 0; i < 20; i++) {
        assert_false(seen[bench.reports[i].instance]);
        seen[bench.reports[i].instance] = true;
        close(fds[i]);
    }
    end(&bench);
}

/* Kill launchers again and again in the middle of their work. */
static void pool_reaped__launchers_killed_at_work__every_order_has_one_answer(void **state)
{
    static const char *const arguments[] = {"true", NULL};
    struct bench bench;
    bool seen[241] = {false};
    uint64_t id = 0;

    (void)state;
    begin(&bench, "/bin/true", arguments, 2);
    for (int round = 0; round < 12; round++) {
        int fds[20];

        for (size_t i = 0; i < 20; i++)
            fds[i] = send_order(&bench, ++id);
        bench.launcher_count = 0;
        launch_pool_visit(bench.pool, note_launcher, &bench);
        kill(bench.launchers[0], SIGKILL);
        reap(&bench, bench.launchers[0]);
        wait_reports(&bench, (size_t)id);
        for (size_t i = 0; i < 20; i++)
            close(fds[i]);
    }
    for (size_t i = 0; i < bench.report_count; i++) {
        assert_false(seen[bench.reports[i].instance]);
        seen[bench.reports[i].instance] = true;
    }
    assert_int_equal(launch_pool_in_flight(bench.pool), 0);
    end(&bench);
}

/* As wait_reports(), with launchers reaped as the supervisor does it. */
static void wait_reports_reaping(struct bench *bench, size_t count)
{
    while (bench->report_count < count) {
        uv_run(&bench->loop, UV_RUN_ONCE);
        bench->launcher_count = 0;
        launch_pool_visit(bench->pool, note_launcher, bench);
        for (size_t i = 0; i < bench->launcher_count; i++) {
            if (waitpid(bench->launchers[i], NULL, WNOHANG) == bench->launchers[i])
                assert_true(launch_pool_reaped(bench->pool, bench->launchers[i]));
        }
    }
    assert_int_equal(bench->report_count, count);
}

/* Stop launcher INDEX, and end the child that it has made ready: so it takes nothing. */
static void stop_launcher(struct bench *bench, size_t index)
{
    const struct launch_slot *slot = &bench->pool->board->slots[index];
    pid_t ready;

    while ((ready = __atomic_load_n(&slot->ready, __ATOMIC_SEQ_CST)) == 0)
        sched_yield();
    kill(bench->launchers[index], SIGSTOP);
    assert_int_equal(waitpid(bench->launchers[index], NULL, WUNTRACED), bench->launchers[index]);
    kill(ready, SIGKILL);
    assert_int_equal(waitpid(ready, NULL, 0), ready);
}

static void pool_late__nobody_takes_the_orders__they_fail_and_launchers_are_replaced(void **state)
{
    static const char *const arguments[] = {"echo", "here", NULL};
    struct bench bench;
    int fds[3];

    (void)state;
    begin(&bench, "/bin/echo", arguments, 2);
    stop_launcher(&bench, 0);
    stop_launcher(&bench, 1);
    for (size_t i = 0; i < 3; i++)
        fds[i] = send_order(&bench, i + 1);
    wait_reports_reaping(&bench, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(bench.reports[i].step, STEP_STUCK);
        assert_int_equal(bench.reports[i].error, ETIMEDOUT);
        assert_int_equal(bench.reports[i].pid, 0);
        expect_text(fds[i], ""); /* the client is closed */
    }
    fds[0] = send_order(&bench, 4);
    wait_reports_reaping(&bench, 4);
    assert_int_equal(bench.reports[3].step, STEP_NONE);
    expect_text(fds[0], "here\n");
    end(&bench);
}

/* Stop the next child that LAUNCHER sleeps for, before it becomes its program: what a file server that is silent
 * does to it, or another process of its user. */
static bool stop_next_child(pid_t launcher)
{
    return ptrace(PTRACE_SEIZE, launcher, NULL, (void *)PTRACE_O_TRACEVFORK) == 0;
}

/* Wait for that child, and let LAUNCHER go on, into its sleep. */
static pid_t stopped_child(pid_t launcher)
{
    unsigned long child = 0;
    int status;

    assert_int_equal(waitpid(launcher, &status, __WALL), launcher);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(ptrace(PTRACE_GETEVENTMSG, launcher, NULL, &child), 0);
    assert_int_equal(waitpid((pid_t)child, &status, __WALL), (pid_t)child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(ptrace(PTRACE_DETACH, launcher, NULL, NULL), 0);
    return (pid_t)child;
}

static void pool_late__a_child_is_stopped__it_fails_and_others_are_served(void **state)
{
    static const char *const arguments[] = {"echo", "here", NULL};
    struct bench bench;
    int status, stuck, served;
    pid_t child;

    (void)state;
    if (!for_each_order)
        skip(); /* its launcher does not sleep for it, and tells of no child */
    begin(&bench, "/bin/echo", arguments, 2);
    stop_launcher(&bench, 1); /* so that the first takes the order */
    if (!stop_next_child(bench.launchers[0])) {
        kill(bench.launchers[1], SIGCONT);
        end(&bench);
        skip(); /* no tracing here */
    }
    stuck = send_order(&bench, 1);
    child = stopped_child(bench.launchers[0]);
    kill(bench.launchers[1], SIGCONT);
    served = send_order(&bench, 2);
    wait_reports_reaping(&bench, 1);
    assert_int_equal(bench.reports[0].instance, 2);
    assert_int_equal(bench.reports[0].step, STEP_NONE);
    expect_text(served, "here\n");
    wait_reports_reaping(&bench, 2);
    assert_int_equal(bench.reports[1].instance, 1);
    assert_int_equal(bench.reports[1].step, STEP_STUCK);
    assert_int_equal(bench.reports[1].pid, child);
    assert_int_equal(waitpid(child, &status, __WALL), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    expect_text(stuck, "");
    assert_int_equal(bench.replaced, 1);
    end(&bench);
}

static void pool_retire__orders_on_their_way__empty_when_the_last_is_answered(void **state)
{
    static const char *const arguments[] = {"true", NULL};
    struct bench bench;
    int a, b;

    (void)state;
    begin(&bench, "/bin/true", arguments, 1);
    a = send_order(&bench, 1);
    b = send_order(&bench, 2);
    launch_pool_retire(bench.pool);
    assert_int_equal(bench.empties, 0);
    assert_false(launch_pool_room(bench.pool));
    wait_reports(&bench, 2);
    assert_int_equal(bench.empties, 1);
    close(a);
    close(b);
    end(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_send__program_runs__report_has_its_pid_and_it_is_our_child),
        cmocka_unit_test(pool_send__program_is_missing__report_names_step_and_errno),
        cmocka_unit_test(pool_send__directory_is_missing__report_names_step_and_errno),
        cmocka_unit_test(pool_send__until_full__says_no_and_tells_when_there_is_room),
        cmocka_unit_test(pool_reaped__idle_launcher_killed__replaced_and_serving),
        cmocka_unit_test(pool_reaped__launcher_killed_with_orders_waiting__all_are_answered),
        cmocka_unit_test(pool_reaped__launchers_killed_at_work__every_order_has_one_answer),
        cmocka_unit_test(pool_late__nobody_takes_the_orders__they_fail_and_launchers_are_replaced),
        cmocka_unit_test(pool_late__a_child_is_stopped__it_fails_and_others_are_served),
        cmocka_unit_test(pool_retire__orders_on_their_way__empty_when_the_last_is_answered),
    };

    for_each_order = true;
    if (cmocka_run_group_tests_name("a child for each order", tests, NULL, NULL) != 0)
        return 1;
    for_each_order = false;
    return cmocka_run_group_tests_name("a child before the order", tests, NULL, NULL);
}
