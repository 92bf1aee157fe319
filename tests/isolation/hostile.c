/*
 * hostile: a handler that tries what a handler must not be able to do, and says how far it got.
 *
 *     hostile ATTEMPT [ARGUMENT]
 *     hostile ask            the attempt and its argument are a line of standard input
 *
 * It writes one line, "done" or "denied: WHY", or "count N"; attempts that are meant to go on write
 * "ready" and go on until they are ended. Nothing that it does harms a host that lets it: what it
 * opens it does not write, what it fills has a bound.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ctype.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOMB_MOST   500                 /* processes */
#define FILL_MOST   (256L << 20)        /* bytes */
#define MEMORY_MOST ((size_t)512 << 20) /* bytes */

static int say(int r)
{
    printf(r == 0 ? "done\n" : "denied: %s\n", r == 0 ? "" : strerror(errno));
    fflush(stdout);
    return r == 0 ? 0 : 1;
}

static int say_count(long count)
{
    printf("count %ld\n", count);
    fflush(stdout);
    return 0;
}

static _Noreturn void go_on(void)
{
    printf("ready\n");
    fflush(stdout);
    for (;;)
        pause();
}

/* ---- Using things up ------------------------------------------------------------------------ */

static int fork_bomb(const char *argument)
{
    (void)argument;
    for (int i = 0; i < BOMB_MOST; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            signal(SIGTERM, SIG_IGN);
            for (;;)
                pause();
        }
        if (pid < 0)
            break;
    }
    go_on();
}

/* End, and leave a file and a process that holds nothing of ours. */
static int leave(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    if (fd < 0)
        return say(-1);
    if (fork() == 0) {
        setsid();
        close(0);
        close(1);
        close(2);
        for (;;)
            pause();
    }
    printf("ready\n");
    fflush(stdout);
    return 0;
}

/* Orphaned, in a session of its own, with nothing in its environment that tells whose it is. */
static int hide(const char *argument)
{
    char *const arguments[] = {(char *)"hidden", (char *)"wait", NULL}, *const nothing[] = {NULL};

    (void)argument;
    for (int i = 0; i < 10; i++) {
        pid_t pid = fork();

        if (pid != 0) {
            waitpid(pid, NULL, 0);
            continue;
        }
        setsid();
        if (fork() != 0)
            _exit(0);
        signal(SIGTERM, SIG_IGN);
        close(0);
        close(1);
        close(2);
        execve("/proc/self/exe", arguments, nothing);
        _exit(1);
    }
    go_on();
}

static int fill_memory(const char *argument)
{
    size_t got = 0;

    (void)argument;
    while (got < MEMORY_MOST) {
        char *piece = malloc(1 << 20);

        if (!piece)
            break;
        memset(piece, 1, 1 << 20);
        got += 1 << 20;
    }
    return say_count((long)(got >> 20));
}

static int spin(const char *argument)
{
    (void)argument;
    printf("ready\n");
    fflush(stdout);
    for (volatile unsigned long i = 0; i < (unsigned long)-1; i++)
        continue;
    return 0;
}

static int fill_descriptors(const char *argument)
{
    long count = 0;

    (void)argument;
    while (count < 100000 && open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0)
        count++;
    return say_count(count);
}

static int fill_file(const char *path)
{
    static char piece[1 << 20];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    long size = 0;

    if (fd < 0)
        return say(-1);
    while (size < FILL_MOST) {
        ssize_t n = write(fd, piece, sizeof piece);

        if (n <= 0)
            break;
        size += n;
    }
    return say_count(size >> 10);
}

static int flood_stderr(const char *argument)
{
    static char line[4096];

    (void)argument;
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        if (write(2, line, sizeof line) < 0 && errno != EAGAIN)
            return 1;
    }
}

/* ---- Other processes ------------------------------------------------------------------------ */

/* Call ACT for each process that can be seen, but ourselves; count where it succeeds. */
static long each_process(int (*act)(pid_t pid))
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    long count = 0;

    while (directory && (entry = readdir(directory))) {
        pid_t pid = (pid_t)atol(entry->d_name);

        if (isdigit((unsigned char)entry->d_name[0]) && pid != getpid() && act(pid) == 0)
            count++;
    }
    if (directory)
        closedir(directory);
    return count;
}

static int exists(pid_t pid)
{
    (void)pid;
    return 0;
}

static int may_signal(pid_t pid)
{
    return kill(pid, 0);
}

static int may_trace(pid_t pid)
{
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) != 0)
        return -1;
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    return 0;
}

static int may_look(pid_t pid)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    fd = open(path, O_RDONLY);
    return fd < 0 ? -1 : close(fd);
}

static int count_seen(const char *argument)
{
    (void)argument;
    return say_count(each_process(exists));
}

static int count_signalled(const char *argument)
{
    (void)argument;
    return say_count(each_process(may_signal));
}

static int count_traced(const char *argument)
{
    (void)argument;
    return say_count(each_process(may_trace));
}

static int count_looked_into(const char *argument)
{
    (void)argument;
    return say_count(each_process(may_look));
}

static int kill_all(const char *argument)
{
    (void)argument;
    kill(-1, SIGKILL); /* all but us */
    return say(0);
}

static int kill_one(const char *pid)
{
    return say(kill((pid_t)atol(pid), 0));
}

static int trace_one(const char *pid)
{
    return say(may_trace((pid_t)atol(pid)));
}

static int read_memory(const char *pid)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)0x400000, 1};

    /* Nothing is at that address perhaps: EFAULT says that we might have read it. */
    if (process_vm_readv((pid_t)atol(pid), &here, 1, &there, 1, 0) >= 0 || errno == EFAULT)
        return say(0);
    return say(-1);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static int open_to_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK);

    return say(fd < 0 ? -1 : close(fd));
}

static int open_to_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_NONBLOCK);

    return say(fd < 0 ? -1 : close(fd));
}

static int make_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    return say(fd < 0 ? -1 : close(fd));
}

static int count_entries(const char *path)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    long count = 0;

    if (!directory)
        return say(-1);
    while ((entry = readdir(directory)))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(directory);
    return say_count(count);
}

#define REMOVABLE_DEPTH 3

/* Folders below the one at FD that something could be removed from; its own /tmp and what processes
 * show of each other are not meant. Nothing is removed: a host whose wall is missing must live
 * on. */
static long removable_in(int fd, int depth)
{
    DIR *directory = fdopendir(fd);
    const struct dirent *entry;
    long count = 0;

    if (!directory) {
        close(fd);
        return 0;
    }
    if (faccessat(dirfd(directory), ".", W_OK, 0) == 0)
        count++;
    while (depth > 0 && (entry = readdir(directory))) {
        int below;

        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "proc") == 0 ||
            strcmp(entry->d_name, "tmp") == 0)
            continue;
        below = openat(dirfd(directory), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (below >= 0)
            count += removable_in(below, depth - 1);
    }
    closedir(directory);
    return count;
}

static int count_removable(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);

    return fd < 0 ? say(-1) : say_count(removable_in(fd, REMOVABLE_DEPTH));
}

static int remove_file(const char *path)
{
    return say(unlink(path));
}

static int execute_own(const char *directory)
{
    char path[4096];
    int fd;
    pid_t pid;
    int status;

    snprintf(path, sizeof path, "%s/own-program", directory);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    if (fd < 0)
        return say(-1);
    if (write(fd, "#!/bin/sh\nexit 0\n", 17) != 17)
        return say(-1);
    close(fd);
    pid = fork();
    if (pid == 0) {
        execl(path, path, (char *)NULL);
        _exit(errno);
    }
    waitpid(pid, &status, 0);
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
    return say(errno == 0 ? 0 : -1);
}

/* ---- Rights --------------------------------------------------------------------------------- */

static int run_program(const char *program, const char *attempt)
{
    char *const arguments[] = {(char *)program, (char *)attempt, NULL}, *const nothing[] = {NULL};

    execve(program, arguments, nothing);
    return say(-1);
}

static int run_setuid(const char *program)
{
    return run_program(program, "who");
}

static int run_setcap(const char *program)
{
    return run_program(program, "capable");
}

/* How many capabilities are in effect. */
static int capable(const char *argument)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    (void)argument;
    if (syscall(SYS_capget, &header, data) != 0)
        return say(-1);
    return say_count(__builtin_popcount(data[0].effective) + __builtin_popcount(data[1].effective));
}

static int who(const char *argument)
{
    (void)argument;
    return say_count((long)geteuid());
}

static int mount_something(const char *where)
{
    return say(mount("tmpfs", where, "tmpfs", 0, NULL));
}

static int unmount(const char *where)
{
    return say(umount2(where, MNT_DETACH));
}

static int user_namespace(const char *argument)
{
    (void)argument;
    return say(unshare(CLONE_NEWUSER));
}

/* As root of a namespace of one's own, take away what covers the folder of PATH, or make it
 * writable. */
static int uncover(const char *path)
{
    char folder[4096];
    int fd;

    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return say(-1);
    umount2(folder, MNT_DETACH);
    umount2(folder, 0);
    mount(NULL, folder, NULL, MS_REMOUNT | MS_BIND, NULL);
    mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL);
    fd = open(path, O_WRONLY);
    return say(fd < 0 ? -1 : close(fd));
}

static int user_namespace_by_clone(const char *argument)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

    (void)argument;
    if (pid == 0)
        _exit(0);
    return say(pid < 0 ? -1 : 0);
}

static int change_root(const char *argument)
{
    (void)argument;
    return say(chroot("/"));
}

static int make_device(const char *path)
{
    return say(mknod(path, S_IFCHR | 0666, 0x0103));
}

static int add_key(const char *argument)
{
    (void)argument;
    return say(syscall(SYS_add_key, "user", "hostile", "x", 1, KEY_SPEC_USER_KEYRING) < 0 ? -1 : 0);
}

/* Look for it as its owner would: what hangs from the session is the caller's to search. */
static int find_key(const char *argument)
{
    (void)argument;
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
        syscall(SYS_keyctl, KEYCTL_LINK, KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING) < 0)
        return say(-1);
    return say(
        syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", "hostile", 0) < 0 ? -1
                                                                                               : 0);
}

static int become_root(const char *argument)
{
    (void)argument;
    return say(setuid(0));
}

static int change_personality(const char *argument)
{
    (void)argument;
    return say(personality(ADDR_NO_RANDOMIZE) < 0 ? -1 : 0);
}

static int say_name(const char *name)
{
    printf("name %s\n", name);
    fflush(stdout);
    return 0;
}

static int host_name(const char *argument)
{
    char name[256] = "";

    (void)argument;
    return gethostname(name, sizeof name - 1) != 0 ? say(-1) : say_name(name);
}

static int namespace_of(const char *kind)
{
    char path[64], name[64] = "";

    snprintf(path, sizeof path, "/proc/self/ns/%.20s", kind);
    return readlink(path, name, sizeof name - 1) < 0 ? say(-1) : say_name(name);
}

static int core_limit(const char *argument)
{
    struct rlimit limit;

    (void)argument;
    getrlimit(RLIMIT_CORE, &limit);
    return say_count((long)limit.rlim_cur);
}

/* ---- Network -------------------------------------------------------------------------------- */

static int connect_port(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((unsigned short)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0)
        return say(-1);
    return say(connect(fd, (struct sockaddr *)&address, sizeof address));
}

/* Listen on its own loopback, and connect to that. */
static int connect_to_self(const char *argument)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)argument;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        return say(-1);
    return say(connect(fd, (struct sockaddr *)&address, sizeof address));
}

static int connect_abstract(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t length = strlen(name);

    memcpy(address.sun_path + 1, name, length);
    return say(connect(fd, (struct sockaddr *)&address,
                       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length)));
}

static int raw_socket(const char *argument)
{
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    (void)argument;
    return say(fd < 0 ? -1 : 0);
}

/* ---- And ------------------------------------------------------------------------------------ */

static int wait_on(const char *argument)
{
    (void)argument;
    while (pause() < 0)
        continue;
    return 0;
}

static int victim(const char *argument)
{
    (void)argument;
    go_on();
}

static const struct {
    const char *name;
    int (*attempt)(const char *argument);
} attempts[] = {
    {"fork-bomb", fork_bomb},
    {"hide", hide},
    {"leave", leave},
    {"wait", wait_on},
    {"victim", victim},
    {"memory", fill_memory},
    {"spin", spin},
    {"descriptors", fill_descriptors},
    {"fill", fill_file},
    {"stderr", flood_stderr},
    {"seen", count_seen},
    {"signal", count_signalled},
    {"trace", count_traced},
    {"look", count_looked_into},
    {"kill-all", kill_all},
    {"kill", kill_one},
    {"trace-one", trace_one},
    {"read-memory", read_memory},
    {"read", open_to_read},
    {"write", open_to_write},
    {"make", make_file},
    {"remove", remove_file},
    {"removable", count_removable},
    {"personality", change_personality},
    {"hostname", host_name},
    {"namespace", namespace_of},
    {"entries", count_entries},
    {"execute", execute_own},
    {"setuid", run_setuid},
    {"setcap", run_setcap},
    {"capable", capable},
    {"who", who},
    {"mount", mount_something},
    {"unmount", unmount},
    {"userns", user_namespace},
    {"uncover", uncover},
    {"userns-clone", user_namespace_by_clone},
    {"chroot", change_root},
    {"device", make_device},
    {"key", add_key},
    {"find-key", find_key},
    {"root", become_root},
    {"core", core_limit},
    {"connect", connect_port},
    {"loopback", connect_to_self},
    {"abstract", connect_abstract},
    {"packet", raw_socket},
};

static int attempt(const char *name, const char *argument)
{
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        if (strcmp(attempts[i].name, name) == 0)
            return attempts[i].attempt(argument);
    }
    printf("there is no attempt \"%s\"\n", name);
    return 2;
}

static int ask(void)
{
    char line[4096], *argument;

    if (!fgets(line, sizeof line, stdin))
        return 2;
    line[strcspn(line, "\n")] = '\0';
    argument = strchr(line, ' ');
    if (argument)
        *argument++ = '\0';
    return attempt(line, argument ? argument : "");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: hostile ATTEMPT [ARGUMENT]\n");
        return 2;
    }
    if (strcmp(argv[1], "ask") == 0)
        return ask();
    return attempt(argv[1], argc > 2 ? argv[2] : "");
}
