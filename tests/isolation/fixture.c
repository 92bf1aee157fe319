/*
 * fixture: see fixture.h.
 */
#include "fixture.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"
#include "process.h"

#define SETTINGS "isolation: { users = '64300-64399'; idle = '100ms'; };\n"

static bool uids_are_free(void *data)
{
    (void)data;
    return count_of_user(ATTACKER_UID) + count_of_user(OTHER_UID) + count_of_user(SUPERD_UID) == 0;
}

/* ---- What there must be --------------------------------------------------------------------- */

static void quit(const char *what, int error)
{
    printf("%s: %s\n", what, strerror(error));
    fflush(stdout);
    _exit(error ? error : 1);
}

/* Do what superd does when it makes a place; says what cannot be done. */
static _Noreturn void try_namespaces(bool user)
{
    if (user && geteuid() == 0 &&
        (setgroups(0, NULL) != 0 || setgid(SUPERD_UID) != 0 || setuid(SUPERD_UID) != 0 ||
         prctl(PR_SET_DUMPABLE, 1) != 0))
        quit("user", errno);
    if (user && unshare(CLONE_NEWUSER) != 0)
        quit("user namespace", errno);
    if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0)
        quit("namespaces", errno);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        quit("mounts", errno);
    if (fork() == 0) {
        if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
            quit("/proc", errno);
        _exit(0);
    }
    for (int status;;) {
        if (wait(&status) > 0)
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
}

static void needs_namespaces(bool user)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        try_namespaces(user);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        e2e_skip("namespaces cannot be made here%s", user ? " by an ordinary user" : "");
}

void isolation_needs_user_namespaces(void)
{
    needs_namespaces(true);
}

/* What the case before this one left is being torn down; who is there after a while is somebody else, and
 * these cases kill all that is of their users. */
void isolation_needs_root(void)
{
    harness_needs_root();
    if (!e2e_until(uids_are_free, NULL))
        e2e_skip("somebody is using the uids of these tests");
    needs_namespaces(false);
}

static struct daemon *start(const struct setup *setup)
{
    static char services[65536];
    struct setup first = *setup;
    struct daemon *daemon;

    /* An empty daemon first, so that its directory is known; then the services. */
    first.services = FIRST;
    daemon = daemon_start(&first);
    files_copy(E2E_BUILD "/tests/isolation/hostile", daemon_path(daemon, "hostile"));
    daemon_expect_file(daemon, "hostile");
    snprintf(services, sizeof services, FIRST "%s", setup->services);
    first.services = services;
    daemon_reload(daemon, &first);
    daemon_rebase(daemon);
    return daemon;
}

struct daemon *isolation_start(const char *superd, const char *services)
{
    return start(&(struct setup){.superd = superd ? superd : SETTINGS, .services = services});
}

struct daemon *isolation_start_by(void (*before_exec)(void *data), const char *services)
{
    return start(
        &(struct setup){.superd = SETTINGS, .services = services, .before_exec = before_exec});
}

/* In the child that becomes superd: give its directory (where its standard error is) to the user, and
 * be him. */
static void become_user(void *data)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/fd/2", path, sizeof path - 1);

    (void)data;
    if (length < 0)
        _exit(125);
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    if (chown(path, SUPERD_UID, SUPERD_UID) != 0 || setgroups(0, NULL) != 0 ||
        setgid(SUPERD_UID) != 0 || setuid(SUPERD_UID) != 0)
        _exit(125);
    /* Changing ids cost these two: the harness ends us with the case, and reads what we have. */
    prctl(PR_SET_PDEATHSIG, 9);
    prctl(PR_SET_DUMPABLE, 1);
}

struct daemon *isolation_start_as_user(const char *services)
{
    if (!harness_is_root())
        return start(
            &(struct setup){.superd = "isolation: { idle = '100ms'; };\n", .services = services});
    return start(&(struct setup){.superd = "isolation: { idle = '100ms'; };\n",
                                 .defaults = "# whoever we are: no user\n",
                                 .services = services,
                                 .before_exec = become_user});
}

/* ---- Attempts ------------------------------------------------------------------------------- */

static char *ask(struct daemon *daemon, const char *service, const char *what)
{
    int fd = daemon_dial(daemon, service);
    char *answer;

    client_say(fd, what);
    client_say(fd, "\n");
    answer = client_hear_all(fd, NULL);
    close(fd);
    answer[strcspn(answer, "\n")] = '\0';
    return answer;
}

char *attempt(struct daemon *daemon, const char *service, const char *what, ...)
{
    char line[4096];
    va_list args;

    va_start(args, what);
    vsnprintf(line, sizeof line, what, args);
    va_end(args);
    return ask(daemon, service, line);
}

void expect_attempt(struct daemon *daemon, const char *service, const char *what,
                    const char *expected)
{
    char *answer = ask(daemon, service, what);

    if (strncmp(answer, expected, strlen(expected)) != 0)
        fail_msg("%s: %s: it says \"%s\" instead of \"%s\"", service, what, answer, expected);
}

long attempt_count(struct daemon *daemon, const char *service, const char *what)
{
    char *answer = ask(daemon, service, what);

    if (strncmp(answer, "count ", 6) != 0)
        fail_msg("%s: %s: it says \"%s\" instead of a count", service, what, answer);
    return atol(answer + 6);
}

int begin_attempt(struct daemon *daemon, const char *service, const char *what)
{
    int fd = daemon_dial(daemon, service);

    client_say(fd, what);
    client_say(fd, "\n");
    assert_string_equal(client_hear_line(fd), "ready");
    return fd;
}

pid_t pid_of(struct daemon *daemon, int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    char peer[64];

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    snprintf(peer, sizeof peer, "127.0.0.1:%u", ntohs(address.sin_port));
    return (pid_t)event_number(expect_event(&daemon->events, "admit", "peer", peer, NULL), "pid");
}

/* ---- Processes ------------------------------------------------------------------------------ */

static bool is_of_user(const char *pid, uid_t uid)
{
    char path[64], line[256];
    unsigned long real = 0;
    bool alive = false;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%.20s/status", pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "State:", 6) == 0)
            alive = !strchr(line, 'Z') && !strchr(line, 'X');
        if (sscanf(line, "Uid: %lu", &real) == 1)
            break;
    }
    if (file)
        fclose(file);
    return alive && real == uid;
}

/* Count them, and send each SIGNAL if that is not 0. */
static size_t each_of_user(uid_t uid, int signal)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    size_t count = 0;

    assert_non_null(directory);
    while ((entry = readdir(directory))) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !is_of_user(entry->d_name, uid))
            continue;
        count++;
        if (signal)
            kill((pid_t)atol(entry->d_name), signal);
    }
    closedir(directory);
    return count;
}

size_t count_of_user(uid_t uid)
{
    return each_of_user(uid, 0);
}

static bool is_killed(void *data)
{
    uid_t uid = *(const uid_t *)data;

    errno = 0;
    if (getpriority(PRIO_USER, uid) == -1 && errno == ESRCH)
        return true;
    return each_of_user(uid, SIGKILL) == 0;
}

void kill_user(uid_t uid)
{
    if (!e2e_until(is_killed, &uid))
        fail_msg("processes of %u cannot be killed", (unsigned)uid);
}

static bool is_gone(void *data)
{
    return count_of_user(*(const uid_t *)data) == 0;
}

void expect_none_of_user(uid_t uid)
{
    if (!e2e_until(is_gone, &uid))
        fail_msg("%zu processes of %u live on", count_of_user(uid), (unsigned)uid);
}

/* Launchers of services' own end when they are idle, and with them what daemon_stop() would miss. */
void isolation_stop(struct daemon *daemon)
{
    daemon_stop(daemon);
}

/* These programs share their users, and so does each run of them on the host: one at a time. The lock
 * is the runner's, and ends with it. */
static void take_turn(void)
{
    int fd;

    if (getenv("E2E_CASE") || geteuid() != 0)
        return;
    fd = open("/run/superd-isolation-tests.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return;
    printf("another program of these tests runs: waiting for it\n");
    fflush(stdout);
    while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
}

/* A copy of superd that other users can reach, whoever may enter the build tree; "" when it is not
 * needed. */
static void offer_superd(char folder[64])
{
    char path[80];

    folder[0] = '\0';
    if (getenv("E2E_SUPERD") || geteuid() != 0)
        return;
    snprintf(folder, 64, "%s/superd-isolation.XXXXXX", getenv("TMPDIR"));
    if (!mkdtemp(folder) || chmod(folder, 0755) != 0) {
        perror(folder);
        exit(99);
    }
    snprintf(path, sizeof path, "%s/superd", folder);
    process_check((const char *const[]){"cp", harness_superd(), path, NULL});
    setenv("E2E_SUPERD", path, 1);
}

static void withdraw_superd(const char *folder)
{
    if (!folder[0])
        return;
    unlink(getenv("E2E_SUPERD"));
    rmdir(folder);
}

int isolation_main(int argc, char **argv, const struct e2e_case *cases, size_t count)
{
    char folder[64];
    int status;

    take_turn();
    /* A directory that a private /tmp does not hide. */
    setenv("TMPDIR", access("/srv", W_OK) == 0 ? "/srv" : "/var/tmp", 1);
    offer_superd(folder);
    status = e2e_main(argc, argv, cases, count);
    withdraw_superd(folder);
    return status;
}
