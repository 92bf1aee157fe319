/*
 * Telling others: sd_notify(3), --ready-fd, --daemon, the pid file; and the log after rotation.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "report.h"

#define CAT "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"

/* ---- sd_notify ------------------------------------------------------------------------------ */

/* A datagram socket for NOTIFY_SOCKET; VARIABLE is "NOTIFY_SOCKET=...". NAME begins with @ or is a
 * path. */
static int open_notify(const char *name, char variable[160])
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof un;

    snprintf(un.sun_path, sizeof un.sun_path, "%s", name);
    if (*name == '@') {
        un.sun_path[0] = '\0';
        length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    }
    assert_int_equal(bind(fd, (struct sockaddr *)&un, length), 0);
    snprintf(variable, 160, "NOTIFY_SOCKET=%s", name);
    return fd;
}

/* The next message has this line. */
static void expect_message(int fd, const char *line)
{
    const char *message = client_hear_packet(fd);
    const char *found = strstr(message, line);

    if (!found || (found != message && found[-1] != '\n'))
        fail_msg("it says \"%s\", not \"%s\"", message, line);
}

static void follow_life(const char *name)
{
    char variable[160];
    int fd = open_notify(name, variable);
    const char *const environment[] = {variable, NULL};
    struct daemon *daemon = daemon_start(&(struct setup){
        .environment = environment,
        .services = CAT "env: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'report']; };\n"});

    expect_message(fd, "READY=1");
    assert_false(report_has(daemon_ask(daemon, "env"), "env.NOTIFY_SOCKET"));
    daemon_signal(daemon, SIGHUP);
    expect_message(fd, "RELOADING=1");
    expect_message(fd, "READY=1");
    expect_event(&daemon->events, "reload", NULL);
    daemon_configure(daemon, &(struct setup){.services = "wrong: { };"});
    daemon_signal(daemon, SIGHUP);
    expect_message(fd, "RELOADING=1");
    expect_message(fd, "READY=1"); /* as it was, but ready */
    daemon_stop(daemon);
    expect_message(fd, "STOPPING=1");
    close(fd);
}

static void notify__abstract__ready_reloading_stopping(void)
{
    char name[64];

    snprintf(name, sizeof name, "@superd-e2e-notify-%d", (int)getpid());
    follow_life(name);
}

static void notify__path__ready_reloading_stopping(void)
{
    char name[64];

    snprintf(name, sizeof name, "/tmp/superd-e2e-notify-%d", (int)getpid());
    follow_life(name);
    assert_int_equal(unlink(name), 0);
}

static void notify__monotonic_time__with_reloading(void)
{
    char variable[160], name[64];
    const char *message, *at;
    uint64_t begun = e2e_now_ms();
    struct daemon *daemon;
    const char *environment[] = {variable, NULL};
    int fd;

    snprintf(name, sizeof name, "@superd-e2e-notify-%d", (int)getpid());
    fd = open_notify(name, variable);
    daemon = daemon_start(&(struct setup){.environment = environment, .services = CAT});
    expect_message(fd, "READY=1");
    daemon_reload(daemon, NULL);
    message = client_hear_packet(fd);
    at = strstr(message, "MONOTONIC_USEC=");
    assert_non_null(at);
    assert_true(strtoull(at + 15, NULL, 10) >= begun * 1000);
    assert_true(strtoull(at + 15, NULL, 10) <= e2e_now_ms() * 1000 + 1000);
    daemon_stop(daemon);
    close(fd);
}

static void notify__nobody_listens__no_matter(void)
{
    static const char *const environment[] = {"NOTIFY_SOCKET=/no/such/socket", NULL};
    struct daemon *daemon = daemon_start(
        &(struct setup){.environment = environment, .services = CAT});

    daemon_talk(daemon, "cat", "hello", "hello");
    daemon_stop(daemon);
}

/* ---- --ready-fd ----------------------------------------------------------------------------- */

/* All that comes through FD, up to its end, is TEXT. */
static void expect_words(int fd, const char *text)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char said[64];
    size_t length = 0;
    ssize_t n;

    do {
        assert_int_equal(poll(&wait, 1, e2e_deadline_ms()), 1);
        n = read(fd, said + length, sizeof said - 1 - length);
        length += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    said[length] = '\0';
    assert_string_equal(said, text);
}

static void move_to_3(void *data)
{
    int fd = dup(*(int *)data); /* without close-on-exec */

    dup2(fd, 3);
    if (fd != 3)
        close(fd);
}

static void ready_fd__newline_and_close(void)
{
    static const char *const arguments[] = {"--ready-fd", "3", NULL};
    struct daemon *daemon;
    int pair[2];

    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    daemon = daemon_launch(&(struct setup){
        .arguments = arguments, .services = CAT, .before_exec = move_to_3, .data = &pair[1]});
    close(pair[1]);
    expect_words(pair[0], "\n");
    expect_event(&daemon->events, "ready", NULL);
    daemon_rebase(daemon);
    daemon_talk(daemon, "cat", "hello", "hello");
    daemon_stop(daemon);
    close(pair[0]);
}

static void ready_fd__start_fails__nothing_said(void)
{
    static const char *const arguments[] = {"--ready-fd", "3", NULL};
    struct daemon *daemon;
    int pair[2];

    assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
    daemon = daemon_launch(&(struct setup){.arguments = arguments,
                                           .raw = "services: nonsense\n",
                                           .before_exec = move_to_3,
                                           .data = &pair[1]});
    close(pair[1]);
    expect_words(pair[0], "");
    assert_int_equal(daemon_wait(daemon), 1);
    daemon_expect_gone(daemon);
    close(pair[0]);
}

/* ---- Pid file and background ---------------------------------------------------------------- */

static void pid_file__while_it_lives(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.superd = "pid_file = '@DIR@/pid';", .services = CAT});

    assert_int_equal(strtol(daemon_read(daemon, "pid"), NULL, 10), daemon->pid);
    daemon_stop(daemon); /* wants it removed */
}

static void daemon__goes_to_the_background_when_ready(void)
{
    static const char *const arguments[] = {"--daemon", NULL};
    struct daemon *daemon = daemon_launch(&(struct setup){
        .arguments = arguments, .superd = "pid_file = '@DIR@/pid';", .services = CAT});

    assert_int_equal(daemon_wait(daemon), 0);
    assert_non_null(find_event(&daemon->events, "ready", NULL)); /* not earlier than that */
    daemon_talk(daemon, "cat", "hello", "hello");
    expect_event(&daemon->events, "end", "service", "cat", NULL);
    /* Now: at the moment when its caller ends it still has the descriptor to tell him by. */
    daemon_adopt(daemon, (pid_t)strtol(daemon_read(daemon, "pid"), NULL, 10));
    assert_int_equal(getsid(daemon->pid), daemon->pid);
    daemon_stop(daemon);
}

static void daemon__start_fails__the_caller_learns_it(void)
{
    static const char *const arguments[] = {"--daemon", NULL};
    struct daemon *holder = daemon_serve(CAT), *daemon;
    char services[256];

    snprintf(services, sizeof services, "one: { listen = '%s'; exec = '@SPECIMEN@'; };\n",
             daemon_address(holder, "cat", 0));
    daemon = daemon_launch(&(struct setup){.arguments = arguments, .services = services});
    assert_int_equal(daemon_wait(daemon), 71);
    assert_non_null(strstr(daemon_read(daemon, "stderr"), "Address already in use"));
    daemon_expect_gone(daemon);
    daemon_stop(holder);
}

/* ---- Log ------------------------------------------------------------------------------------ */

static bool log_is_there(void *data)
{
    return access(daemon_path(data, "log"), F_OK) == 0;
}

static void usr1__log_was_renamed__made_anew(void)
{
    struct daemon *daemon = daemon_serve(CAT);

    daemon_expect_file(daemon, "log.1");
    assert_int_equal(rename(daemon_path(daemon, "log"), daemon_path(daemon, "log.1")), 0);
    daemon_talk(daemon, "cat", "to the old one", "to the old one");
    expect_event(&daemon->events, "end", "instance", "1", NULL);
    assert_int_not_equal(access(daemon_path(daemon, "log"), F_OK), 0);
    daemon_signal(daemon, SIGUSR1);
    assert_true(e2e_until(log_is_there, daemon));
    daemon_talk(daemon, "cat", "to the new one", "to the new one");
    expect_event(&daemon->events, "end", "instance", "2", NULL);
    assert_null(strstr(daemon_read(daemon, "log"), "\"instance\":1,"));
    assert_non_null(strstr(daemon_read(daemon, "log.1"), "\"instance\":1,"));
    daemon_stop(daemon);
}

static void log__on_standard_error__the_same_lines(void)
{
    struct daemon *daemon = daemon_start(&(struct setup){.log_on_stderr = true, .services = CAT});

    daemon_talk(daemon, "cat", "hello", "hello");
    expect_event(&daemon->events, "end", "service", "cat", "outcome", "ok", NULL);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(notify__abstract__ready_reloading_stopping),
    E2E(notify__path__ready_reloading_stopping),
    E2E(notify__monotonic_time__with_reloading),
    E2E(notify__nobody_listens__no_matter),
    E2E(ready_fd__newline_and_close),
    E2E(ready_fd__start_fails__nothing_said),
    E2E(pid_file__while_it_lives),
    E2E(daemon__goes_to_the_background_when_ready),
    E2E(daemon__start_fails__the_caller_learns_it),
    E2E(usr1__log_was_renamed__made_anew),
    E2E(log__on_standard_error__the_same_lines),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
