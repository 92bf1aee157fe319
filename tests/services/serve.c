/*
 * serve: see serve.h.
 */
#include "serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A test that cannot be set up has failed. */
static void fail_if(bool failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "serve: %s: %s\n", what, strerror(errno));
        _exit(99);
    }
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void serve_make_directory(char path[64])
{
    const char *base = getenv("TMPDIR");

    fail_if(snprintf(path, 64, "%s/services-test-XXXXXX",
                     base && strlen(base) < 40 ? base : "/tmp") >= 64,
            "directory name");
    fail_if(!mkdtemp(path), path);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *where)
{
    (void)info;
    (void)type;
    (void)where;
    return remove(path);
}

void serve_remove_directory(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *serve_program(const char *name)
{
    static char paths[8][512];
    static unsigned next;
    const char *base = getenv("SERVICES_DIR"); /* to try another build */
    char *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", base ? base : SERVICES_BUILD_DIR, name);
    fail_if(access(path, X_OK) != 0, path);
    return path;
}

static struct sockaddr_in ipv4(const char *address, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

    fail_if(inet_pton(AF_INET, address, &to.sin_addr) != 1, address);
    return to;
}

int serve_listen(const char *address, uint16_t *port)
{
    struct sockaddr_in where = ipv4(address, *port);
    socklen_t size = sizeof where;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    fail_if(fd < 0, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    fail_if(bind(fd, (struct sockaddr *)&where, size) != 0, "bind");
    fail_if(listen(fd, 512) != 0, "listen");
    fail_if(getsockname(fd, (struct sockaddr *)&where, &size) != 0, "getsockname");
    *port = ntohs(where.sin_port);
    return fd;
}

/* Become the program, with what a handler has as 0, 1 and 2. */
static void become(const char *directory, const char *const argv[], int in, int out)
{
    char log[128];
    int error;

    snprintf(log, sizeof log, "%s/log", directory);
    error = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_DFL);
    if (error < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(error, 2) < 0)
        _exit(98);
    execv(argv[0], (char *const *)argv);
    _exit(97);
}

static void accept_one(const char *directory, const struct serve_service *service)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    int fd = accept4(service->listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);
    char text[INET_ADDRSTRLEN];

    if (fd < 0)
        return;
    setenv("PROTO", "TCP", 1);
    setenv("TCPREMOTEIP", inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text), 1);
    setenv("SUPERD_SERVICE", service->name, 1);
    if (fork() == 0)
        become(directory, service->argv, fd, fd);
    close(fd);
}

static void serve_here(const char *directory, const struct serve_service services[], size_t count)
{
    struct pollfd entries[SERVE_SERVICES_MAX];

    signal(SIGCHLD, SIG_IGN); /* the kernel reaps */
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct pollfd){.fd = services[i].listener, .events = POLLIN};
    while (poll(entries, count, -1) >= 0 || errno == EINTR)
        for (size_t i = 0; i < count; i++)
            if (entries[i].revents & POLLIN)
                accept_one(directory, &services[i]);
    _exit(96);
}

static void write_config(const char *path, const struct serve_service services[], size_t count)
{
    FILE *file = fopen(path, "w");

    fail_if(!file, path);
    fprintf(file, "services: {\n");
    for (size_t i = 0; i < count; i++) {
        fprintf(file, "  %s: { listen = \"fd:%s\";%s exec = [", services[i].name, services[i].name,
                getuid() == 0 ? " user = \"root\";" : "");
        for (size_t j = 0; services[i].argv[j]; j++)
            fprintf(file, "%s\"%s\"", j > 0 ? ", " : "", services[i].argv[j]);
        fprintf(file, "]; };\n");
    }
    fprintf(file, "};\n");
    fail_if(fclose(file) != 0, path);
}

/* Hand the listeners over as descriptors 3 and up, as systemd does. */
static void serve_by_superd(const char *superd, const char *directory,
                            const struct serve_service services[], size_t count)
{
    char config[128], names[256] = "", number[16];
    const char *argv[] = {superd, "--config", config, NULL};
    int above[SERVE_SERVICES_MAX];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    snprintf(config, sizeof config, "%s/superd-%d.conf", directory, (int)getpid());
    write_config(config, services, count);
    for (size_t i = 0; i < count; i++) {
        above[i] = fcntl(services[i].listener, F_DUPFD_CLOEXEC, 64);
        fail_if(above[i] < 0, "dup");
        if (i > 0)
            strcat(names, ":");
        strcat(names, services[i].name);
    }
    for (size_t i = 0; i < count; i++)
        fail_if(dup2(above[i], 3 + (int)i) < 0, "dup2");
    snprintf(number, sizeof number, "%zu", count);
    setenv("LISTEN_FDS", number, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    snprintf(number, sizeof number, "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
    become(directory, argv, null, null);
}

void serve_run(const char *directory, const struct serve_service services[], size_t count)
{
    const char *superd = getenv("SUPERD");

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fail_if(count > SERVE_SERVICES_MAX, "too many services");
    if (superd && *superd)
        serve_by_superd(superd, directory, services, count);
    serve_here(directory, services, count);
    _exit(96);
}

pid_t serve_start(const char *directory, const struct serve_service services[], size_t count)
{
    pid_t pid = fork();

    fail_if(pid < 0, "fork");
    if (pid == 0)
        serve_run(directory, services, count);
    for (size_t i = 0; i < count; i++)
        close(services[i].listener);
    return pid;
}

void serve_stop(pid_t pid)
{
    const char *superd = getenv("SUPERD");

    /* Our own loop takes its instances along by their parent-death signal; superd does so itself. */
    kill(pid, superd && *superd ? SIGTERM : SIGKILL);
    serve_wait(pid, 10000);
}

int serve_spawn(const char *directory, const char *const argv[], pid_t *pid_r)
{
    int pair[2];

    fail_if(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0, "socketpair");
    *pid_r = fork();
    fail_if(*pid_r < 0, "fork");
    if (*pid_r == 0)
        become(directory, argv, pair[1], pair[1]);
    close(pair[1]);
    return pair[0];
}

int serve_wait(pid_t pid, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ms() >= deadline) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1;
        }
        poll(NULL, 0, 2);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int serve_command(const char *directory, const char *const argv[], char *output, size_t size,
                  int timeout_ms)
{
    int pipes[2];
    pid_t pid;

    fail_if(pipe2(pipes, O_CLOEXEC) != 0, "pipe");
    pid = fork();
    fail_if(pid < 0, "fork");
    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        become(directory, argv, null, pipes[1]);
    }
    close(pipes[1]);
    serve_read(pipes[0], NULL, output, size, timeout_ms);
    close(pipes[0]);
    return serve_wait(pid, timeout_ms);
}

int serve_connect(const char *address, uint16_t port)
{
    struct sockaddr_in to = ipv4(address, port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    fail_if(fd < 0, "socket");
    fail_if(connect(fd, (struct sockaddr *)&to, sizeof to) != 0, "connect");
    return fd;
}

bool serve_send(int fd, const void *data, size_t size)
{
    const char *from = data;

    while (size > 0) {
        ssize_t sent = send(fd, from, size, MSG_NOSIGNAL);

        if (sent < 0)
            return false;
        from += sent;
        size -= (size_t)sent;
    }
    return true;
}

ssize_t serve_read(int fd, const char *text, char *output, size_t size, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    size_t have = 0;

    output[0] = '\0';
    for (;;) {
        struct pollfd entry = {.fd = fd, .events = POLLIN};
        char rest[512];
        bool full = have + 1 >= size;
        int64_t left = deadline - now_ms();
        ssize_t got;

        if (left <= 0 || poll(&entry, 1, (int)left) <= 0)
            return -1;
        got = read(fd, full ? rest : output + have, full ? sizeof rest : size - have - 1);
        if (got <= 0)
            return text ? -1 : (ssize_t)have;
        if (!full)
            have += (size_t)got;
        output[have] = '\0';
        if (text && memmem(output, have, text, strlen(text)))
            return (ssize_t)have;
    }
}

bool serve_log_is_clean(const char *directory)
{
    char path[128], line[1024];
    bool clean = true;
    FILE *log;

    snprintf(path, sizeof path, "%s/log", directory);
    log = fopen(path, "r");
    if (!log)
        return true; /* nothing was written */
    while (fgets(line, sizeof line, log))
        if (strstr(line, "Sanitizer") || strstr(line, "runtime error:"))
            clean = false;
    rewind(log);
    while (!clean && fgets(line, sizeof line, log))
        fputs(line, stderr);
    fclose(log);
    return clean;
}
