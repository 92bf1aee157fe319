/*
 * The control socket: who may ask, and what hostile clients of it cost. See also superd-control(7).
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control_cases.h"
#include "origin.h"

/* ---- Rights --------------------------------------------------------------------------------- */

#define SOME_UID 4242
#define SOME_GID 4243

/* In a child as somebody else: ask, and exit with 0: ok, 1: refused as not permitted, 2: cannot connect,
 * 3: anything else. */
static int ask_as(const struct daemon *daemon, gid_t gid, gid_t other, const char *request)
{
    const char *path = daemon_path(daemon, "control.sock");
    char address[160];
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int fd;
        json_t *answer;

        if (setgroups(1, &other) != 0 || setgid(gid) != 0 || setuid(SOME_UID) != 0)
            _exit(99);
        snprintf(address, sizeof address, "unix:%s", path);
        fd = client_try(address, SOCK_STREAM);
        if (fd < 0)
            _exit(fd == -EACCES ? 2 : 3);
        control_say(fd, request);
        answer = control_hear(fd);
        _exit(json_is_true(json_object_get(answer, "ok"))       ? 0
              : json_is_true(json_object_get(answer, "denied")) ? 1
                                                                : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void rights__no_group__nobody_else_gets_in(void)
{
    struct daemon *daemon;
    struct stat st;

    harness_needs_root();
    daemon = daemon_serve(ONE);
    assert_int_equal(lstat(daemon_path(daemon, "control.sock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'status'}"), 2);
    /* Even where somebody has opened the file to all, credentials decide. */
    assert_int_equal(chmod(daemon_path(daemon, "control.sock"), 0666), 0);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'status'}"), 1);
    daemon_stop(daemon);
}

static void rights__members_of_the_group__may_read_only(void)
{
    struct daemon *daemon;
    struct stat st;

    harness_needs_root();
    daemon = daemon_start(&(struct setup){.superd = "control_group = '4243';", .services = ONE});
    assert_int_equal(lstat(daemon_path(daemon, "control.sock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(st.st_gid, SOME_GID);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'status'}"), 0);
    assert_int_equal(ask_as(daemon, SOME_UID, SOME_GID, "{'command':'instances'}"), 0);
    assert_int_equal(ask_as(daemon, SOME_UID, SOME_GID, "{'command':'history'}"), 0);
    assert_int_equal(ask_as(daemon, SOME_UID, SOME_UID, "{'command':'status'}"), 2);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'pause'}"), 1);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'reload'}"), 1);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'dump'}"), 1);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'check'}"), 1);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'stop'}"), 1);
    daemon_talk(daemon, "one", "x", "x");
    daemon_stop(daemon);
}

/* ---- Hostile clients ------------------------------------------------------------------------ */

/* A process that asks for what costs most, without end, and reads the answers as fast as they come. */
static pid_t start_flood(const struct daemon *daemon)
{
    static const char request[] = "{\"command\":\"metrics\"}\n";
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = control_dial(daemon);
        char answer[65536];

        for (;;) {
            if (send(fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
                errno != EAGAIN)
                _exit(0);
            while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
                continue;
        }
    }
    return pid;
}

static void hostile__flood_of_requests__clients_are_served_meanwhile(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    pid_t floods[3];
    int status;

    for (size_t i = 0; i < COUNT(floods); i++)
        floods[i] = start_flood(daemon);
    for (int i = 0; i < 50; i++)
        daemon_talk(daemon, "one", "x", "x");
    for (int i = 0; i < 10; i++)
        control_result(daemon, "{'command':'status'}");
    for (size_t i = 0; i < COUNT(floods); i++) {
        assert_int_equal(waitpid(floods[i], &status, WNOHANG), 0); /* it went on all the time */
        kill(floods[i], SIGKILL);
        waitpid(floods[i], &status, 0);
    }
    daemon_stop(daemon);
}

static void hostile__garbage_long_lines_and_many_connections__cost_nothing(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fds[100], garbage = control_dial(daemon), endless = control_dial(daemon);
    json_t *answer;

    client_send(garbage, "\x00\xff\n", 3);
    answer = control_hear(garbage);
    assert_true(json_is_false(control_get(answer, "ok")));
    client_stuff(endless, 100000); /* no newline in it */
    answer = control_hear(endless);
    assert_string_equal(control_text(answer, "error"), "a line has at most 65536 bytes");
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = control_dial(daemon);
        client_say(fds[i], "{\"comm"); /* and never ends it */
    }
    control_result(daemon, "{'command':'status'}");
    daemon_talk(daemon, "one", "x", "x");
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    close(garbage);
    close(endless);
    daemon_stop(daemon);
}

static void hostile__leaves_while_work_is_under_way__nothing_happens(void)
{
    struct daemon *daemon = daemon_serve(ONE);

    for (int i = 0; i < 20; i++) {
        static const char *const requests[] = {"{'command':'check'}", "{'command':'instances'}",
                                               "{'command':'reload'}", "{'command':'dump'}"};
        int fd = control_dial(daemon);

        control_say(fd, requests[i % COUNT(requests)]);
        close(fd);
    }
    control_result(daemon, "{'command':'status'}");
    daemon_stop(daemon);
}

int main(int argc, char **argv)
{
    static const struct e2e_case cases[] = {
        E2E(rights__no_group__nobody_else_gets_in),
        E2E(rights__members_of_the_group__may_read_only),
        E2E(hostile__flood_of_requests__clients_are_served_meanwhile),
        E2E(hostile__garbage_long_lines_and_many_connections__cost_nothing),
        E2E(hostile__leaves_while_work_is_under_way__nothing_happens),
    };

    return e2e_main(argc, argv, cases, COUNT(cases));
}
