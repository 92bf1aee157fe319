/*
 * harness: see harness.h. Here: starting, and what is asked of a running daemon.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

#define ARGUMENTS_MAX     16
#define LAUNCHER_NAME     "superd-launch"
#define READY_NAME        "superd-ready" /* a child that waits for an order */
#define PROCESSES_MAX     4096
#define PROCESSES_SHOWN   64
#define DESCRIPTORS_SHOWN 8192

static struct daemon *all; /* of this case */

/* ---- Configuration -------------------------------------------------------------------------- */

void daemon_configure(struct daemon *daemon, const struct setup *setup)
{
    static char text[131072];
    const char *defaults = setup->defaults ? setup->defaults : "";
    const char *user = harness_is_root() && !strstr(defaults, "user") ? "user = 'root';" : "";
    int n;

    if (setup->raw) {
        daemon_write(daemon, "superd.conf", setup->raw);
        return;
    }
    n = snprintf(text, sizeof text,
                 "superd: { control = '@DIR@/control.sock';\n"
                 "  log: { target = '%s'; format = 'json'; level = 'debug'; %s };\n%s };\n"
                 "defaults: { environment: { E2E_DIRECTORY = '@DIR@'; };\n%s %s };\n%s\n"
                 "services: {\n%s\n};\n",
                 setup->log_on_stderr ? "stderr" : "@DIR@/log", setup->log ? setup->log : "",
                 setup->superd ? setup->superd : "", user, defaults, setup->top ? setup->top : "",
                 setup->services ? setup->services : "");
    assert_true(n > 0 && (size_t)n < sizeof text);
    daemon_write(daemon, "superd.conf", text);
}

/* ---- Start ---------------------------------------------------------------------------------- */

static void show_all(void)
{
    static char text[DESCRIPTORS_SHOWN];

    for (struct daemon *daemon = all; daemon; daemon = daemon->next) {
        printf("superd %d in %s:\n", (int)daemon->pid, daemon->directory);
        events_read(&daemon->events);
        events_show(&daemon->events);
        printf("%s", daemon_read(daemon, "stderr"));
        if (daemon->pid > 0 && !daemon->ended)
            printf("descriptors:\n%s", census_describe(daemon->pid, text, sizeof text));
        if (daemon->pid > 0 && !daemon->ended)
            kill(daemon->pid, SIGKILL);
        if (!getenv("E2E_KEEP"))
            files_remove_directory(daemon->directory);
    }
}

struct daemon *daemon_prepare(const struct setup *setup)
{
    struct daemon *daemon = calloc(1, sizeof *daemon);

    assert_non_null(daemon);
    files_make_directory(daemon);
    daemon->next = all;
    all = daemon;
    e2e_on_failure(show_all);
    snprintf(daemon->config, sizeof daemon->config, "%s/superd.conf", daemon->directory);
    snprintf(daemon->log, sizeof daemon->log, "%s/%s", daemon->directory,
             setup->log_on_stderr ? "stderr" : "log");
    daemon_configure(daemon, setup);
    events_open(&daemon->events, daemon->log);
    return daemon;
}

/* A process namespace is nothing without a /proc that shows it. */
static void own_proc(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("proc", "/proc", "proc", 0, NULL) != 0)
        _exit(126);
}

static _Noreturn void become_superd(const struct daemon *daemon, const struct setup *setup)
{
    const char *arguments[ARGUMENTS_MAX] = {harness_superd(), "--config", daemon->config};
    char path[128];
    size_t n = 3;
    int fd;

    if (setup->own_pid_namespace)
        own_proc();
    else
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a case that was killed leaves no daemon */
    for (const char *const *more = setup->arguments; more && *more && n < ARGUMENTS_MAX - 1; more++)
        arguments[n++] = *more;
    for (const char *const *more = setup->environment; more && *more; more++)
        putenv((char *)*more);
    snprintf(path, sizeof path, "%s/stderr", daemon->directory);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    if (setup->before_exec)
        setup->before_exec(setup->data);
    execv(harness_superd(), (char *const *)arguments);
    dprintf(STDERR_FILENO, "cannot exec %s: %s\n", harness_superd(), strerror(errno));
    _exit(127);
}

static void launch(struct daemon *daemon, const struct setup *setup)
{
    long flags = setup->own_pid_namespace ? CLONE_NEWPID : 0;

    fflush(NULL);
    daemon->pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0); /* a fork with flags */
    if (daemon->pid == 0)
        become_superd(daemon, setup);
    if (daemon->pid < 0)
        fail_msg("cannot fork: %s", strerror(errno));
}

struct daemon *daemon_launch(const struct setup *setup)
{
    struct daemon *daemon = daemon_prepare(setup);

    launch(daemon, setup);
    return daemon;
}

static int open_listeners(struct daemon *daemon)
{
    return (int)count_events(&daemon->events, "listen", "state", "open", NULL) -
           (int)count_events(&daemon->events, "listen", "state", "closed", NULL);
}

/* ---- Launchers ------------------------------------------------------------------------------ */

/* Its children of that NAME. */
static size_t named(const struct daemon *daemon, const char *wanted, pid_t *pids, size_t room)
{
    static pid_t children[PROCESSES_MAX];
    size_t count = census_children(daemon->pid, children, PROCESSES_MAX), n = 0;
    char name[64];

    for (size_t i = 0; i < count && n < room; i++) {
        if (strcmp(census_name(children[i], name, sizeof name), wanted) == 0 &&
            census_alive(children[i]))
            pids[n++] = children[i];
    }
    return n;
}

static bool any_runs(const pid_t *pids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (census_state(pids[i]) == 'R')
            return true;
    }
    return false;
}

/* A child that is being made ready has its launcher's name until it has run for a moment. */
size_t daemon_launchers(const struct daemon *daemon, pid_t *pids, size_t room)
{
    size_t count = named(daemon, LAUNCHER_NAME, pids, room);

    for (int tries = 0; tries < 1000 && any_runs(pids, count); tries++) {
        sched_yield();
        count = named(daemon, LAUNCHER_NAME, pids, room);
    }
    return count;
}

size_t daemon_ready_children(const struct daemon *daemon, pid_t *pids, size_t room)
{
    return named(daemon, READY_NAME, pids, room);
}

size_t daemon_stop_launchers(const struct daemon *daemon, pid_t *pids, size_t room)
{
    pid_t ready[PROCESSES_SHOWN];
    size_t count = daemon_launchers(daemon, pids, room), waiting;

    for (size_t i = 0; i < count; i++) {
        assert_int_equal(kill(pids[i], SIGSTOP), 0);
        while (census_state(pids[i]) != 'T')
            sched_yield();
    }
    waiting = daemon_ready_children(daemon, ready, COUNT(ready));
    for (size_t i = 0; i < waiting; i++) {
        assert_int_equal(kill(ready[i], SIGKILL), 0);
        while (census_alive(ready[i]))
            sched_yield(); /* until then it may take an order yet */
    }
    return count;
}

bool daemon_has_only_launchers(const struct daemon *daemon)
{
    static pid_t pids[PROCESSES_MAX];
    size_t launchers = daemon_launchers(daemon, pids, PROCESSES_MAX);
    size_t ready = daemon_ready_children(daemon, pids, PROCESSES_MAX);

    return launchers > 0 && ready <= launchers &&
           launchers + ready == census_children(daemon->pid, pids, PROCESSES_MAX);
}

/* A launcher that has just been forked has its parent's name; and superd has said that it is ready
 * before it has closed what it said it through. */
static bool is_settled(void *data)
{
    struct daemon *daemon = data;

    return daemon_has_only_launchers(daemon) && census_state(daemon->pid) == 'S';
}

void daemon_rebase(struct daemon *daemon)
{
    assert_true(e2e_until(is_settled, daemon));
    daemon->baseline = census_descriptors(daemon->pid) - open_listeners(daemon);
    assert_true(daemon->baseline > 0);
}

static bool is_ready_or_dead(void *data)
{
    struct daemon *daemon = data;

    return find_event(&daemon->events, "ready", NULL) || !census_alive(daemon->pid);
}

static void expect_ready(struct daemon *daemon)
{
    e2e_until(is_ready_or_dead, daemon);
    if (!census_alive(daemon->pid))
        fail_msg("superd did not start");
    expect_event(&daemon->events, "ready", NULL);
    daemon_rebase(daemon);
}

void daemon_run(struct daemon *daemon, const struct setup *setup)
{
    launch(daemon, setup ? setup : &(struct setup){0});
    expect_ready(daemon);
}

struct daemon *daemon_start(const struct setup *setup)
{
    struct daemon *daemon = daemon_launch(setup);

    expect_ready(daemon);
    return daemon;
}

struct daemon *daemon_serve(const char *services)
{
    return daemon_start(&(struct setup){.services = services});
}

/* ---- While it runs -------------------------------------------------------------------------- */

void daemon_signal(const struct daemon *daemon, int number)
{
    if (kill(daemon->pid, number) != 0)
        fail_msg("superd has gone: %s", strerror(errno));
}

void daemon_reload(struct daemon *daemon, const struct setup *setup)
{
    if (setup)
        daemon_configure(daemon, setup);
    daemon_signal(daemon, SIGHUP);
    expect_event(&daemon->events, "reload", NULL);
}

void daemon_reload_fails(struct daemon *daemon, const struct setup *setup)
{
    if (setup)
        daemon_configure(daemon, setup);
    daemon_signal(daemon, SIGHUP);
    expect_event(&daemon->events, "reload-failed", NULL);
}

static bool is_open_now(const struct events *events, size_t index)
{
    const json_t *json = events->list[index].json;
    const char *address = event_text(json, "address");

    for (size_t i = index + 1; i < events->count; i++) {
        const json_t *later = events->list[i].json;

        if (strcmp(event_text(later, "event"), "listen") == 0 &&
            strcmp(event_text(later, "address"), address) == 0 &&
            strcmp(event_text(later, "state"), "closed") == 0)
            return false;
    }
    return true;
}

const char *daemon_address(struct daemon *daemon, const char *service, size_t number)
{
    struct events *events = &daemon->events;

    events_read(events);
    for (size_t i = 0; i < events->count; i++) {
        const json_t *json = events->list[i].json;

        if (strcmp(event_text(json, "event"), "listen") != 0 ||
            strcmp(event_text(json, "service"), service) != 0 ||
            strcmp(event_text(json, "state"), "open") != 0 || !is_open_now(events, i))
            continue;
        if (number-- == 0)
            return event_text(json, "address");
    }
    fail_msg("service %s has no such listener", service);
    return NULL;
}

int daemon_dial(struct daemon *daemon, const char *service)
{
    return client_dial(daemon_address(daemon, service, 0), SOCK_STREAM);
}

void daemon_talk(struct daemon *daemon, const char *service, const char *text, const char *answer)
{
    int fd = daemon_dial(daemon, service);

    client_say(fd, text);
    client_half_close(fd);
    assert_string_equal(client_hear_all(fd, NULL), answer);
    close(fd);
}

char *daemon_ask(struct daemon *daemon, const char *service)
{
    int fd = daemon_dial(daemon, service);
    char *text = client_hear_all(fd, NULL);

    close(fd);
    return text;
}

/* ---- Quiet ---------------------------------------------------------------------------------- */

static bool is_quiet(void *data)
{
    struct daemon *daemon = data;

    return daemon_has_only_launchers(daemon) &&
           census_descriptors(daemon->pid) == daemon->baseline + open_listeners(daemon);
}

void daemon_expect_quiet(struct daemon *daemon)
{
    pid_t launchers[64], children[64];

    if (e2e_until(is_quiet, daemon))
        return;
    fail_msg("superd is not as it began: %d descriptors instead of %d, %zu children, %zu launchers",
             census_descriptors(daemon->pid), daemon->baseline + open_listeners(daemon),
             census_children(daemon->pid, children, COUNT(children)),
             daemon_launchers(daemon, launchers, COUNT(launchers)));
}

/* ---- The end -------------------------------------------------------------------------------- */

int daemon_wait(struct daemon *daemon)
{
    int fd = (int)syscall(SYS_pidfd_open, daemon->pid, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    assert_true(fd >= 0);
    if (poll(&wait, 1, e2e_deadline_ms()) != 1)
        fail_msg("superd does not end");
    close(fd);
    assert_int_equal(waitpid(daemon->pid, &daemon->status, 0), daemon->pid);
    daemon->ended = true;
    return WIFSIGNALED(daemon->status) ? 128 + WTERMSIG(daemon->status)
                                       : WEXITSTATUS(daemon->status);
}

void daemon_adopt(struct daemon *daemon, pid_t pid)
{
    assert_true(pid > 1);
    daemon->pid = pid;
    daemon->ended = false;
    daemon_rebase(daemon);
}

static bool is_running_daemon(pid_t pid)
{
    for (const struct daemon *daemon = all; daemon; daemon = daemon->next) {
        if (daemon->pid == pid && !daemon->ended)
            return true;
    }
    return false;
}

/* What a daemon leaves comes to us, who are a subreaper. Launchers end a moment after it. */
static bool no_orphans(void *data)
{
    pid_t pids[64];
    size_t count = census_children(getpid(), pids, COUNT(pids)), left = 0;

    (void)data;
    for (size_t i = 0; i < count; i++) {
        if (!is_running_daemon(pids[i]) && waitpid(pids[i], NULL, WNOHANG) == 0)
            left++;
    }
    return left == 0;
}

static void forget(struct daemon *daemon)
{
    struct daemon **link = &all;

    while (*link != daemon)
        link = &(*link)->next;
    *link = daemon->next;
    events_close(&daemon->events);
    for (size_t i = 0; i < daemon->known_count; i++)
        free(daemon->known[i]);
    free(daemon);
}

static bool no_process_left(void *data)
{
    struct daemon *daemon = data;
    pid_t pids[8];

    return census_with_variable("E2E_DIRECTORY", daemon->directory, pids, COUNT(pids)) == 0;
}

void daemon_expect_gone(struct daemon *daemon)
{
    char what[512] = "";

    assert_true(daemon->ended);
    if (!e2e_until(no_process_left, daemon))
        fail_msg("superd has left a handler running");
    if (!e2e_until(no_orphans, NULL))
        fail_msg("superd has left processes running");
    if (files_left_over(daemon, what, sizeof what))
        fail_msg("superd has left files: %s", what);
    files_remove_directory(daemon->directory);
    forget(daemon);
}

void daemon_stop(struct daemon *daemon)
{
    daemon_expect_quiet(daemon);
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    daemon_expect_gone(daemon);
}
