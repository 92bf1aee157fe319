/*
 * Launches that fail: said with step and errno, the client closed, the service throttled when they
 * repeat, and served again when the cause has gone. And launchers that die.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"

#define OTHER "other: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"
#define HELLO "hello: { listen = '127.0.0.1:0'; exec = ['@DIR@/program', 'cat']; };\n"

/* A service whose program is a copy of specimen of its own, to be spoiled. */
static struct daemon *start_with_program(const char *services)
{
    const struct setup setup = {.services = services};
    struct daemon *daemon = daemon_serve(OTHER);

    daemon_write(daemon, "program", "#!@SPECIMEN@\n"); /* made known; replaced by the copy */
    unlink(daemon_path(daemon, "program"));
    assert_int_equal(link(daemon_path(daemon, "specimen"), daemon_path(daemon, "program")), 0);
    daemon_reload(daemon, &setup);
    daemon_rebase(daemon); /* other users, other launchers */
    return daemon;
}

/* A client of SERVICE is closed, and the log has the step and the error. */
static void expect_failure(struct daemon *daemon, const char *service, const char *step, int error)
{
    int fd = daemon_dial(daemon, service);
    char number[16];

    client_expect_closed(fd);
    close(fd);
    snprintf(number, sizeof number, "%d", error);
    expect_event(&daemon->events, "end", "service", service, "outcome", "launch-failed", "step",
                 step, "errno", number, "error", strerror(error), NULL);
}

/* Wait until the throttle is over and a connection is served. */
static void expect_recovery(struct daemon *daemon, const char *service)
{
    expect_event(&daemon->events, "resume", "service", service, NULL);
    daemon_talk(daemon, service, "again", "again");
}

static void program__removed__logged_throttled_and_served_again(void)
{
    struct daemon *daemon = start_with_program(OTHER HELLO);
    json_t *event;
    int fd;

    daemon_talk(daemon, "hello", "at first", "at first");
    assert_int_equal(unlink(daemon_path(daemon, "program")), 0);
    expect_failure(daemon, "hello", "exec", ENOENT);
    expect_failure(daemon, "hello", "exec", ENOENT);
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 0);
    expect_failure(daemon, "hello", "exec", ENOENT);
    event = expect_event(&daemon->events, "throttle", "service", "hello", NULL);
    assert_int_equal(event_number(event, "seconds"), 1);
    daemon_talk(daemon, "other", "not concerned", "not concerned");
    assert_int_equal(link(daemon_path(daemon, "specimen"), daemon_path(daemon, "program")), 0);
    /* Who comes meanwhile waits in the backlog. */
    fd = daemon_dial(daemon, "hello");
    client_say(fd, "patience");
    client_half_close(fd);
    assert_string_equal(client_hear_all(fd, NULL), "patience");
    close(fd);
    expect_recovery(daemon, "hello");
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 1);
    daemon_stop(daemon);
}

static void program__goes_on_failing__the_pause_doubles(void)
{
    struct daemon *daemon = start_with_program(OTHER HELLO);

    assert_int_equal(unlink(daemon_path(daemon, "program")), 0);
    for (int i = 0; i < 3; i++)
        expect_failure(daemon, "hello", "exec", ENOENT);
    expect_event(&daemon->events, "throttle", "service", "hello", "seconds", "1", NULL);
    expect_failure(daemon, "hello", "exec", ENOENT); /* waits for the end of the pause */
    expect_event(&daemon->events, "throttle", "service", "hello", "seconds", "2", NULL);
    daemon_stop(daemon);
}

static void program__not_executable__eacces(void)
{
    struct daemon *daemon = start_with_program(OTHER HELLO);

    unlink(daemon_path(daemon, "program"));
    daemon_write(daemon, "program", "no program\n");
    expect_failure(daemon, "hello", "exec", EACCES);
    daemon_stop(daemon);
}

static void program__of_no_known_format__enoexec(void)
{
    struct daemon *daemon = start_with_program(OTHER HELLO);

    unlink(daemon_path(daemon, "program"));
    daemon_write(daemon, "program", "no program\n");
    assert_int_equal(chmod(daemon_path(daemon, "program"), 0755), 0);
    expect_failure(daemon, "hello", "exec", ENOEXEC);
    daemon_stop(daemon);
}

static void program__interpreter_missing__enoent(void)
{
    struct daemon *daemon = start_with_program(OTHER HELLO);

    unlink(daemon_path(daemon, "program"));
    daemon_write(daemon, "program", "#!/no/such/interpreter\n");
    assert_int_equal(chmod(daemon_path(daemon, "program"), 0755), 0);
    expect_failure(daemon, "hello", "exec", ENOENT);
    daemon_stop(daemon);
}

static void user__may_not_execute__eacces(void)
{
    struct daemon *daemon;

    harness_needs_root();
    daemon = start_with_program(OTHER "hello: { listen = '127.0.0.1:0'; user = 'nobody';\n"
                                      "  exec = ['@DIR@/program', 'cat']; };\n");
    daemon_talk(daemon, "hello", "allowed", "allowed");
    unlink(daemon_path(daemon, "program"));
    daemon_write(daemon, "program", "#!/bin/cat\n");
    assert_int_equal(chmod(daemon_path(daemon, "program"), 0700), 0);
    expect_failure(daemon, "hello", "exec", EACCES);
    daemon_stop(daemon);
}

static void directory__removed__said_with_its_step(void)
{
    struct daemon *daemon = daemon_serve(OTHER);

    assert_int_equal(mkdir(daemon_path(daemon, "place"), 0755), 0);
    daemon_reload(daemon, &(struct setup){.services = OTHER "hello: { listen = '127.0.0.1:0';\n"
                                                            "  exec = ['@SPECIMEN@', 'cat'];\n"
                                                            "  directory = '@DIR@/place'; };\n"});
    daemon_talk(daemon, "hello", "there", "there");
    assert_int_equal(rmdir(daemon_path(daemon, "place")), 0);
    expect_failure(daemon, "hello", "directory", ENOENT);
    daemon_stop(daemon);
}

static void listener_mode__program_removed__throttled_and_served_again(void)
{
    struct daemon *daemon = start_with_program(
        OTHER "wait: { listen = '127.0.0.1:0'; mode = 'listener';\n"
              "  exec = ['@DIR@/program', 'accept', '1', 'hello']; };\n");
    int fd;

    assert_int_equal(unlink(daemon_path(daemon, "program")), 0);
    fd = daemon_dial(daemon, "wait");
    expect_event(&daemon->events, "throttle", "service", "wait", NULL);
    assert_int_equal(count_events(&daemon->events, "end", "outcome", "launch-failed", NULL), 3);
    assert_int_equal(link(daemon_path(daemon, "specimen"), daemon_path(daemon, "program")), 0);
    assert_string_equal(client_hear_all(fd, NULL), "hello\n"); /* the client is not lost */
    close(fd);
    daemon_stop(daemon);
}

/* ---- Launchers ------------------------------------------------------------------------------ */

static void launcher__killed__replaced_and_the_service_goes_on(void)
{
    struct daemon *daemon = daemon_serve(OTHER);
    pid_t before[64], after[64];
    size_t count = daemon_launchers(daemon, before, COUNT(before));

    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(kill(before[i], SIGKILL), 0);
        expect_event(&daemon->events, "launcher", "state", "replaced", NULL);
        daemon_talk(daemon, "other", "still here", "still here");
    }
    assert_int_equal(daemon_launchers(daemon, after, COUNT(after)), count);
    for (size_t i = 0; i < count; i++)
        assert_int_not_equal(before[i], after[i]);
    daemon_stop(daemon);
}

/* Every client gets its answer, or is closed and there is a line in the log that says why. */
static void launcher__killed_under_load__nobody_is_forgotten(void)
{
    enum { ROUNDS = 10, CLIENTS = 20 };
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = OTHER, .defaults = "limits: { per_source = 256; };"});
    size_t served = 0, closed = 0;
    int fds[CLIENTS];
    char answer[8];

    for (int round = 0; round < ROUNDS; round++) {
        pid_t launchers[64];

        for (size_t i = 0; i < CLIENTS; i++) {
            fds[i] = daemon_dial(daemon, "other");
            if (i == CLIENTS / 2 && daemon_launchers(daemon, launchers, COUNT(launchers)))
                kill(launchers[0], SIGKILL);
        }
        for (size_t i = 0; i < CLIENTS; i++) {
            ssize_t n;

            send(fds[i], "hello", 5, MSG_NOSIGNAL);
            shutdown(fds[i], SHUT_WR);
            n = recv(fds[i], answer, 5, MSG_WAITALL);
            served += n == 5;
            closed += n <= 0;
            close(fds[i]);
        }
    }
    assert_int_equal(served + closed, ROUNDS * CLIENTS);
    /* It takes superd a moment to be sure that an order is lost. */
    for (size_t i = 0; i < closed; i++)
        expect_event(&daemon->events, "end", "outcome", "launch-failed", NULL);
    assert_int_equal(count_events(&daemon->events, "end", "outcome", "launch-failed", NULL),
                     closed);
    daemon_talk(daemon, "other", "still here", "still here");
    daemon_stop(daemon);
}

static void launcher__killed_again_and_again__no_busy_loop(void)
{
    struct daemon *daemon = daemon_serve(OTHER);

    for (int i = 0; i < 12; i++) {
        pid_t launchers[64];
        size_t count;

        /* One that has just been forked has not got its name yet. */
        while ((count = daemon_launchers(daemon, launchers, COUNT(launchers))) == 0)
            sched_yield();
        for (size_t j = 0; j < count; j++)
            kill(launchers[j], SIGKILL);
        for (size_t j = 0; j < count; j++)
            expect_event(&daemon->events, "launcher", "state", "replaced", NULL);
    }
    daemon_talk(daemon, "other", "still here", "still here");
    daemon_stop(daemon);
}

static void launcher__hangs__the_launch_fails_in_time_and_the_service_goes_on(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "launch_timeout = '1s';", .services = OTHER});
    pid_t launchers[64];
    size_t count = daemon_stop_launchers(daemon, launchers, COUNT(launchers));

    assert_true(count > 0);
    expect_failure(daemon, "other", "stuck", ETIMEDOUT);
    for (size_t i = 0; i < count; i++)
        expect_event(&daemon->events, "launcher", "state", "replaced", NULL);
    daemon_talk(daemon, "other", "still here", "still here");
    daemon_stop(daemon);
}

/* ---- Children that are ready ----------------------------------------------------------------- */

/* Somebody ends them, again and again: launchers go on. */
static void ready_children__killed__everybody_is_served(void)
{
    struct daemon *daemon = daemon_serve(OTHER);

    for (int i = 0; i < 12; i++) {
        pid_t ready[64];
        size_t count = daemon_ready_children(daemon, ready, COUNT(ready));

        for (size_t j = 0; j < count; j++) {
            kill(ready[j], SIGKILL);
            while (census_alive(ready[j]))
                sched_yield();
        }
        daemon_talk(daemon, "other", "still here", "still here");
    }
    daemon_expect_quiet(daemon);
    assert_int_equal(count_events(&daemon->events, "launcher", NULL), 0);
    daemon_stop(daemon);
}

static bool all_sleep(void *data)
{
    struct daemon *daemon = data;
    pid_t pids[64];
    size_t count = daemon_launchers(daemon, pids, COUNT(pids));

    for (size_t i = 0; i < count; i++) {
        if (census_state(pids[i]) != 'S')
            return false;
    }
    return count > 0 && daemon_ready_children(daemon, pids, COUNT(pids)) == count;
}

/* Not in the way of vfork(2), which would count as load of the machine for ever. */
static void ready_children__waiting__launchers_sleep_as_others_do(void)
{
    struct daemon *daemon = daemon_serve(OTHER);

    assert_true(e2e_until(all_sleep, daemon));
    daemon_talk(daemon, "other", "x", "x");
    assert_true(e2e_until(all_sleep, daemon));
    daemon_stop(daemon);
}

/* ---- A file system that is silent ----------------------------------------------------------- */

/* Mount at PATH one that answers nothing, as that of a user may. Returns what to close to end it,
 * or -1. */
static int mount_silent(const char *path)
{
    char options[96];
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", fd);
    if (fd >= 0 && mount("silent", path, "fuse", MS_NOSUID | MS_NODEV, options) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

#define SILENT(name)                                                                               \
    name                                                                                           \
        ": { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; directory = '@DIR@/silent'; };" \
        "\n"

struct silence {
    struct daemon *daemon;
    int fd;
};

/* Superd looks at the directory when it starts: it becomes silent later. */
static struct silence silence_begin(const char *superd)
{
    const struct setup setup = {.superd = superd, .services = OTHER SILENT("mute") SILENT("dumb")};
    struct silence silence;

    harness_needs_root();
    silence.daemon = daemon_prepare(&setup);
    assert_int_equal(mkdir(daemon_path(silence.daemon, "silent"), 0755), 0);
    daemon_expect_file(silence.daemon, "silent");
    daemon_run(silence.daemon, &setup);
    silence.fd = mount_silent(daemon_path(silence.daemon, "silent"));
    if (silence.fd < 0) {
        daemon_signal(silence.daemon, SIGTERM);
        daemon_wait(silence.daemon);
        rmdir(daemon_path(silence.daemon, "silent"));
        daemon_expect_gone(silence.daemon);
        e2e_skip("no FUSE file system can be mounted");
    }
    return silence;
}

static void silence_end(struct silence *silence)
{
    char *path = daemon_path(silence->daemon, "silent");

    assert_int_equal(umount2(path, MNT_DETACH), 0);
    close(silence->fd); /* what waits for it fails now */
}

static size_t stuck_launches(struct daemon *daemon)
{
    events_read(&daemon->events);
    return count_events(&daemon->events, "end", "outcome", "launch-failed", "step", "stuck", NULL);
}

/* The first launch that hangs holds up who shares its launcher; the next one has its own. */
static void directory__silent__others_are_held_up_once(void)
{
    struct silence silence = silence_begin(
        "launchers = 1; launch_timeout = '2s'; isolation: { idle = '100ms'; };");
    struct daemon *daemon = silence.daemon;
    int fd;

    expect_failure(daemon, "mute", "stuck", ETIMEDOUT);
    expect_event(&daemon->events, "launcher", "state", "apart", "service", "mute", NULL);
    daemon_talk(daemon, "other", "after it", "after it");
    assert_int_equal(stuck_launches(daemon), 1);
    fd = daemon_dial(daemon, "mute");
    while (daemon_launchers(daemon, (pid_t[16]){0}, 16) < 2)
        sched_yield(); /* its own begin with the order */
    for (int i = 0; i < 5; i++)
        daemon_talk(daemon, "other", "meanwhile", "meanwhile");
    assert_int_equal(stuck_launches(daemon), 1);
    client_expect_closed(fd);
    close(fd);
    expect_event(&daemon->events, "end", "service", "mute", "step", "stuck", NULL);
    assert_int_equal(count_events(&daemon->events, "launcher", "state", "apart", NULL), 1);
    silence_end(&silence);
    daemon_talk(daemon, "mute", "not any more", "not any more"); /* its own serve it, too */
    assert_int_equal(rmdir(daemon_path(daemon, "silent")), 0);
    daemon_stop(daemon);
}

/* Two of them, and room for one that has launchers of its own: the other one waits, which is
 * said. */
static void directory__silent_for_more_than_there_is_room__said(void)
{
    struct silence silence = silence_begin("launchers = 2; launch_timeout = '2s'; isolation: { "
                                           "templates = 1; idle = '100ms'; };");
    struct daemon *daemon = silence.daemon;
    int first = daemon_dial(daemon, "mute"), second = daemon_dial(daemon, "dumb");

    client_expect_closed(first);
    client_expect_closed(second);
    close(first);
    close(second);
    expect_event(&daemon->events, "launcher", "state", "apart", "service", "mute", NULL);
    expect_event(&daemon->events, "launcher", "state", "apart", "service", "dumb", NULL);
    first = daemon_dial(daemon, "mute");
    second = daemon_dial(daemon, "dumb");
    expect_event(&daemon->events, "launcher", "state", "crowded", NULL);
    daemon_talk(daemon, "other", "not concerned", "not concerned");
    assert_int_equal(stuck_launches(daemon), 2);
    silence_end(&silence); /* the one that hung fails; the one that waited is served */
    client_half_close(first);
    client_half_close(second);
    assert_string_equal(client_hear_all(first, NULL), "");
    assert_string_equal(client_hear_all(second, NULL), "");
    close(first);
    close(second);
    assert_int_equal(rmdir(daemon_path(daemon, "silent")), 0);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(program__removed__logged_throttled_and_served_again),
    E2E(program__goes_on_failing__the_pause_doubles),
    E2E(program__not_executable__eacces),
    E2E(program__of_no_known_format__enoexec),
    E2E(program__interpreter_missing__enoent),
    E2E(user__may_not_execute__eacces),
    E2E(directory__removed__said_with_its_step),
    E2E(listener_mode__program_removed__throttled_and_served_again),
    E2E(launcher__killed__replaced_and_the_service_goes_on),
    E2E(launcher__killed_under_load__nobody_is_forgotten),
    E2E(launcher__killed_again_and_again__no_busy_loop),
    E2E(directory__silent__others_are_held_up_once),
    E2E(directory__silent_for_more_than_there_is_room__said),
    E2E(ready_children__killed__everybody_is_served),
    E2E(ready_children__waiting__launchers_sleep_as_others_do),
    E2E(launcher__hangs__the_launch_fails_in_time_and_the_service_goes_on),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
