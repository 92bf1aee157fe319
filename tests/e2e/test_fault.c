/*
 * Calls that fail in the way of a connection and of a reload: superd says so, loses nothing but the
 * connection it was about, and serves again afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fault_page.h"
#include "harness.h"

#define CAT "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"

static struct fault_page *page;

/* superd with the library, and nothing failing yet. */
static struct daemon *start(const char *services)
{
    static char preload[PATH_MAX + 64], place[256];
    const char *const environment[] = {preload, place, NULL};
    const struct setup setup = {.services = services, .environment = environment};
    struct daemon *daemon;
    char library[PATH_MAX];
    int fd;

    if (e2e_sanitized())
        e2e_skip("sanitizers want to be the first library themselves");
    snprintf(library, sizeof library, "%s/tests/e2e/fault.so", harness_build());
    if (access(library, R_OK) != 0)
        e2e_skip("%s is not built", library);
    daemon = daemon_prepare(&setup);
    daemon_write(daemon, "faults", "");
    fd = open(daemon_path(daemon, "faults"), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *page), 0);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(page != MAP_FAILED);
    close(fd);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    snprintf(place, sizeof place, "E2E_FAULT_PAGE=%s", daemon_path(daemon, "faults"));
    daemon_run(daemon, &setup);
    return daemon;
}

/* After SKIP more calls, COUNT fail with ERROR. */
static void let_fail(enum fault_call call, int skip, int count, int error)
{
    struct fault *fault = &page->faults[call];

    atomic_store(&fault->error, error);
    atomic_store(&fault->skip, skip);
    atomic_store(&fault->failed, 0);
    atomic_store(&fault->count, count);
}

static int failed(enum fault_call call)
{
    return atomic_load(&page->faults[call].failed);
}

static bool has_failed(void *data)
{
    return failed(*(enum fault_call *)data) > 0;
}

static void expect_failed(enum fault_call call)
{
    assert_true(e2e_until(has_failed, &call));
}

static void expect_served(struct daemon *daemon)
{
    daemon_talk(daemon, "cat", "still here", "still here");
}

/* ---- Accepting ------------------------------------------------------------------------------ */

static void accept__no_descriptors__the_client_waits_and_is_served(void)
{
    static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
    struct daemon *daemon = start(CAT);

    for (size_t i = 0; i < COUNT(errors); i++) {
        let_fail(FAULT_ACCEPT4, 0, 3, errors[i]);
        expect_served(daemon);
        assert_int_equal(failed(FAULT_ACCEPT4), 3);
    }
    expect_event(&daemon->events, "error", "what", "accept", "error", strerror(EMFILE), NULL);
    daemon_stop(daemon);
}

static void accept__client_has_gone__the_next_is_served(void)
{
    static const int errors[] = {ECONNABORTED, EPROTO, EINTR, EPERM};
    struct daemon *daemon = start(CAT);

    for (size_t i = 0; i < COUNT(errors); i++) {
        let_fail(FAULT_ACCEPT4, 0, 5, errors[i]);
        expect_served(daemon);
        assert_int_equal(failed(FAULT_ACCEPT4), 5);
    }
    assert_int_equal(count_events(&daemon->events, "error", NULL), 0);
    daemon_stop(daemon);
}

/* ---- Launching ------------------------------------------------------------------------------ */

/* One call fails: its client is closed, the log says why, the next client is served. */
static void expect_one_lost(enum fault_call call, int error)
{
    struct daemon *daemon = start(CAT);
    json_t *event;
    int fd;

    let_fail(call, 0, 1, error);
    fd = daemon_dial(daemon, "cat");
    client_expect_closed(fd);
    close(fd);
    expect_failed(call);
    event = expect_event(&daemon->events, "end", "service", "cat", "outcome", "launch-failed",
                         NULL);
    assert_string_equal(event_text(event, "error"), strerror(error));
    expect_served(daemon);
    assert_int_equal(count_events(&daemon->events, "throttle", NULL), 0);
    daemon_stop(daemon);
}

static void pipe__no_descriptors__said_and_the_next_is_served(void)
{
    expect_one_lost(FAULT_PIPE2, EMFILE);
}

/* Not to hear a handler at once is no reason not to serve its client. */
static void epoll__no_watches__said_and_stderr_read_when_there_are(void)
{
    struct daemon *daemon = start("say: { listen = '127.0.0.1:0';\n"
                                  "  exec = ['/bin/sh', '-c', 'echo said >&2; cat']; };\n");
    int fd;

    let_fail(FAULT_EPOLL_CTL, 0, 3, ENOSPC);
    fd = daemon_dial(daemon, "say");
    expect_event(&daemon->events, "error", "service", "say", "what", "stderr", "error",
                 strerror(ENOSPC), NULL);
    expect_event(&daemon->events, "stderr", "service", "say", "text", "said", NULL);
    assert_int_equal(failed(FAULT_EPOLL_CTL), 3);
    client_say(fd, "still here\n");
    assert_string_equal(client_hear_line(fd), "still here");
    close(fd);
    expect_event(&daemon->events, "end", "service", "say", "outcome", "ok", NULL);
    daemon_stop(daemon);
}

static void order__no_buffers__said_and_the_next_is_served(void)
{
    expect_one_lost(FAULT_SENDMSG, ENOBUFS);
}

static void order__too_many_descriptors_on_their_way__said_and_the_next_is_served(void)
{
    expect_one_lost(FAULT_SENDMSG, ETOOMANYREFS);
}

/* Children that were made ready before serve on; when they are used up, no process is to be had. */
static void clone__no_processes__said_and_the_next_is_served(void)
{
    struct daemon *daemon = start(CAT);
    pid_t launchers[64];
    size_t left = daemon_launchers(daemon, launchers, COUNT(launchers)) + 1;
    const json_t *event = NULL;

    let_fail(FAULT_CLONE, 0, 1000, EAGAIN);
    while (left-- > 0 && !(event && strcmp(event_text(event, "outcome"), "launch-failed") == 0)) {
        int fd = daemon_dial(daemon, "cat");

        client_half_close(fd);
        client_expect_closed(fd);
        close(fd);
        event = expect_event(&daemon->events, "end", "service", "cat", NULL);
    }
    assert_string_equal(event_text(event, "outcome"), "launch-failed");
    assert_string_equal(event_text(event, "step"), "clone");
    assert_string_equal(event_text(event, "error"), strerror(EAGAIN));
    let_fail(FAULT_CLONE, 0, 0, 0);
    expect_served(daemon);
    daemon_stop(daemon);
}

/* The socket to the launchers is full, though no order is on its way whose report could tell of room. */
static void order__would_block_with_none_on_its_way__the_client_waits_and_is_served(void)
{
    struct daemon *daemon = start(CAT);

    let_fail(FAULT_SENDMSG, 0, 2, EAGAIN);
    expect_served(daemon);
    assert_int_equal(failed(FAULT_SENDMSG), 2);
    daemon_stop(daemon);
}

/* It is full while orders are on their way: the client waits for the next report. */
static void order__would_block__the_client_waits_and_is_served(void)
{
    struct daemon *daemon = start(CAT);
    int fds[8];

    let_fail(FAULT_SENDMSG, 3, 1, EAGAIN);
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = daemon_dial(daemon, "cat");
    for (size_t i = 0; i < COUNT(fds); i++) {
        client_say(fds[i], "hello\n");
        assert_string_equal(client_hear_line(fds[i]), "hello");
        close(fds[i]);
    }
    daemon_stop(daemon);
}

static void launches__fail_in_a_row__throttled_and_served_again(void)
{
    struct daemon *daemon = start(CAT);
    int fd;

    let_fail(FAULT_PIPE2, 0, 3, EMFILE);
    for (int i = 0; i < 3; i++) {
        fd = daemon_dial(daemon, "cat");
        client_expect_closed(fd);
        close(fd);
    }
    expect_event(&daemon->events, "throttle", "service", "cat", NULL);
    expect_served(daemon); /* a second later */
    expect_event(&daemon->events, "resume", "service", "cat", NULL);
    daemon_stop(daemon);
}

static void listener_mode__launch_fails__the_client_is_served_by_the_next(void)
{
    struct daemon *daemon = start("wait: { listen = '127.0.0.1:0'; mode = 'listener';\n"
                                  "  exec = ['@SPECIMEN@', 'accept', '1']; };\n");

    let_fail(FAULT_PIPE2, 0, 1, EMFILE);
    daemon_talk(daemon, "wait", "hello\n", "hello\n");
    assert_int_equal(failed(FAULT_PIPE2), 1);
    let_fail(FAULT_SENDMSG, 0, 1, ENOBUFS);
    daemon_talk(daemon, "wait", "hello\n", "hello\n");
    assert_int_equal(failed(FAULT_SENDMSG), 1);
    daemon_stop(daemon);
}

static void launcher__cannot_be_forked_again__said_and_tried_again(void)
{
    struct daemon *daemon = start(CAT);
    pid_t launchers[64];
    size_t count = daemon_launchers(daemon, launchers, COUNT(launchers));

    let_fail(FAULT_FORK, 0, 2, EAGAIN);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(kill(launchers[i], SIGKILL), 0);
    expect_event(&daemon->events, "launcher", "state", "missing", "error", strerror(EAGAIN), NULL);
    expect_event(&daemon->events, "launcher", "state", "replaced", NULL);
    expect_served(daemon);
    daemon_stop(daemon);
}

/* ---- Memory --------------------------------------------------------------------------------- */

/* Fail the first allocation that a connection needs, then the second, and so on, until none is left
 * to fail. Whatever becomes of that connection, the next is served. */
static void memory__each_allocation_of_a_connection__the_next_is_served(void)
{
    struct daemon *daemon = start(
        "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat'];\n"
        "  time: { total = '1m'; idle = '1m'; }; };\n"
        "loud: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'stderr', 'half']; };\n");
    int n = 0, fd;

    do {
        let_fail(FAULT_MEMORY, n, 1, ENOMEM);
        fd = daemon_dial(daemon, n % 2 ? "cat" : "loud");
        client_half_close(fd);
        client_expect_closed(fd);
        close(fd);
        daemon_expect_quiet(daemon);
        if (failed(FAULT_MEMORY) == 0)
            break;
        let_fail(FAULT_MEMORY, 0, 0, 0);
        expect_served(daemon);
    } while (++n < 100);
    assert_true(n > 1);
    assert_true(n < 100);
    daemon_stop(daemon);
}

/* ---- Reloading ------------------------------------------------------------------------------ */

static void expect_reload_fails(enum fault_call call, int error)
{
    struct daemon *daemon = start(CAT);
    const struct setup more = {
        .services = CAT "more: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"};

    let_fail(call, 0, 1, error);
    daemon_reload_fails(daemon, &more);
    assert_int_equal(failed(call), 1);
    expect_served(daemon);
    daemon_expect_quiet(daemon); /* nothing of the attempt is left */
    daemon_reload(daemon, &more);
    daemon_talk(daemon, "more", "hello", "hello");
    expect_served(daemon);
    daemon_stop(daemon);
}

static void reload__no_socket__the_old_goes_on(void)
{
    expect_reload_fails(FAULT_SOCKET, EMFILE);
}

static void reload__no_socket_pair__the_old_goes_on(void)
{
    expect_reload_fails(FAULT_SOCKETPAIR, EMFILE);
}

/* Launchers that cannot be forked now are forked later, and clients wait for them. */
static void expect_launchers_later(struct daemon *daemon)
{
    expect_failed(FAULT_FORK);
    expect_event(&daemon->events, "launcher", "state", "missing", "error", strerror(EAGAIN), NULL);
    expect_served(daemon);
    expect_event(&daemon->events, "launcher", "state", "replaced", NULL);
    assert_int_equal(failed(FAULT_FORK), 3);
    daemon_expect_quiet(daemon);
    daemon_stop(daemon);
}

static void reload__no_process__launchers_come_later(void)
{
    struct daemon *daemon = start(CAT);

    let_fail(FAULT_FORK, 0, 3, EAGAIN);
    daemon_reload(daemon, NULL);
    expect_launchers_later(daemon);
}

static void upgrade__no_process__launchers_come_later(void)
{
    struct daemon *daemon = start(CAT);

    let_fail(FAULT_FORK, 1, 3, EAGAIN); /* the first is the check's */
    daemon_signal(daemon, SIGUSR2);
    expect_event(&daemon->events, "upgrade", "state", "done", NULL);
    expect_launchers_later(daemon);
}

struct reloads {
    struct daemon *daemon;
    size_t before;
};

static size_t count_reloads(struct daemon *daemon)
{
    return count_events(&daemon->events, "reload", NULL) +
           count_events(&daemon->events, "reload-failed", NULL);
}

static bool has_reloaded(void *data)
{
    struct reloads *reloads = data;

    return count_reloads(reloads->daemon) > reloads->before;
}

/* Fail each allocation of a reload in turn: it succeeds or fails, and the service goes on. */
static void reload__each_allocation__the_service_goes_on(void)
{
    struct daemon *daemon = start(CAT);
    const struct setup more = {
        .services = CAT "more: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"};
    int n = 0, without = 0;

    for (; n < 2000 && without == 0; n++) {
        struct reloads reloads = {daemon, count_reloads(daemon)};

        daemon_configure(daemon, n % 2 ? &more : &(struct setup){.services = CAT});
        let_fail(FAULT_MEMORY, n, 1, ENOMEM);
        daemon_signal(daemon, SIGHUP);
        assert_true(e2e_until(has_reloaded, &reloads));
        without += failed(FAULT_MEMORY) == 0;
        let_fail(FAULT_MEMORY, 0, 0, 0);
        if (n % 16 == 0)
            expect_served(daemon);
    }
    assert_true(without > 0);
    expect_served(daemon);
    daemon_reload(daemon, NULL);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(accept__no_descriptors__the_client_waits_and_is_served),
    E2E(accept__client_has_gone__the_next_is_served),
    E2E(pipe__no_descriptors__said_and_the_next_is_served),
    E2E(epoll__no_watches__said_and_stderr_read_when_there_are),
    E2E(order__no_buffers__said_and_the_next_is_served),
    E2E(order__too_many_descriptors_on_their_way__said_and_the_next_is_served),
    E2E(order__would_block_with_none_on_its_way__the_client_waits_and_is_served),
    E2E(order__would_block__the_client_waits_and_is_served),
    E2E(clone__no_processes__said_and_the_next_is_served),
    E2E(launches__fail_in_a_row__throttled_and_served_again),
    E2E(listener_mode__launch_fails__the_client_is_served_by_the_next),
    E2E(launcher__cannot_be_forked_again__said_and_tried_again),
    E2E(memory__each_allocation_of_a_connection__the_next_is_served),
    E2E(reload__no_socket__the_old_goes_on),
    E2E(reload__no_socket_pair__the_old_goes_on),
    E2E(reload__no_process__launchers_come_later),
    E2E(upgrade__no_process__launchers_come_later),
    E2E(reload__each_allocation__the_service_goes_on),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
