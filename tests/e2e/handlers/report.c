/*
 * report: the mode of specimen that says what the process is. See specimen.h.
 */
#include <dirent.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "specimen.h"

static char text[65536];
static size_t length;

static void put(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void put(const char *format, ...)
{
    va_list list;
    int n;

    va_start(list, format);
    n = vsnprintf(text + length, sizeof text - length, format, list);
    va_end(list);
    if (n > 0 && length + (size_t)n < sizeof text)
        length += (size_t)n;
}

static void put_descriptors(int except)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        char target[256];
        ssize_t n = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);

        if (n < 0 || atoi(entry->d_name) == dirfd(directory) || atoi(entry->d_name) == except)
            continue;
        target[n] = '\0';
        put("fd.%s=%s\n", entry->d_name, target);
    }
    if (directory)
        closedir(directory);
}

static void put_address(const char *key, int r, const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    const struct sockaddr_un *un = (const struct sockaddr_un *)address;
    char host[INET6_ADDRSTRLEN] = "";

    if (r != 0)
        put("%s=%s\n", key, strerrorname_np(errno));
    else if (address->ss_family == AF_INET)
        put("%s=inet %s %u\n", key, inet_ntop(AF_INET, &in->sin_addr, host, sizeof host),
            ntohs(in->sin_port));
    else if (address->ss_family == AF_INET6)
        put("%s=inet6 %s %u\n", key, inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host),
            ntohs(in6->sin6_port));
    else
        put("%s=unix %s\n", key, un->sun_path[0] ? un->sun_path : un->sun_path + 1);
}

static void put_option(const char *key, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;

    if (getsockopt(0, level, name, &value, &size) == 0)
        put("%s=%d\n", key, value);
}

static void put_socket(void)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    int type = 0;

    memset(&address, 0, sizeof address);
    put_address("sockname", getsockname(0, (struct sockaddr *)&address, &size), &address);
    memset(&address, 0, sizeof address);
    size = sizeof address;
    put_address("peername", getpeername(0, (struct sockaddr *)&address, &size), &address);
    size = sizeof type;
    getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &size);
    put("type=%s\n", type == SOCK_STREAM  ? "stream"
                     : type == SOCK_DGRAM ? "datagram"
                                          : "seqpacket");
    put_option("nodelay", IPPROTO_TCP, TCP_NODELAY);
    put_option("keepalive", SOL_SOCKET, SO_KEEPALIVE);
    put_option("receive_buffer", SOL_SOCKET, SO_RCVBUF);
    for (int fd = 0; fd < 3; fd++)
        put("nonblock.%d=%d\n", fd, (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

/* The lines of /proc/self/status that begin with Sig: pending, blocked, ignored, caught. */
static void put_signals(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];

    while (status && fgets(line, sizeof line, status)) {
        unsigned long long mask;
        char key[16];

        if (sscanf(line, "Sig%15[A-Za-z]: %llx", key, &mask) == 2)
            put("signals.%s=%llx\n", key, mask);
    }
    if (status)
        fclose(status);
}

static void put_credentials(void)
{
    gid_t groups[256];
    int n = getgroups(256, groups);
    uid_t uid, euid, suid;
    gid_t gid, egid, sgid;

    getresuid(&uid, &euid, &suid);
    getresgid(&gid, &egid, &sgid);
    put("uid=%u %u %u\ngid=%u %u %u\ngroups=", uid, euid, suid, gid, egid, sgid);
    for (int i = 0; i < n; i++)
        put(i ? " %u" : "%u", groups[i]);
    put("\n");
}

static void put_rlimits(void)
{
    static const struct {
        const char *name;
        __rlimit_resource_t resource;
    } limits[] = {
        {"core", RLIMIT_CORE},   {"cpu", RLIMIT_CPU},       {"fsize", RLIMIT_FSIZE},
        {"nproc", RLIMIT_NPROC}, {"nofile", RLIMIT_NOFILE}, {"stack", RLIMIT_STACK},
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit limit;

        if (getrlimit(limits[i].resource, &limit) == 0)
            put("rlimit.%s=%lld %lld\n", limits[i].name, (long long)limit.rlim_cur,
                (long long)limit.rlim_max);
    }
}

static void put_process(void)
{
    char directory[4096];
    mode_t mask = umask(0);

    put("pid=%d\nsession=%d\ngroup=%d\n", (int)getpid(), (int)getsid(0), (int)getpgrp());
    put("directory=%s\n", getcwd(directory, sizeof directory) ? directory : "?");
    put("umask=%03o\n", (unsigned)mask);
    errno = 0;
    put("nice=%d\n", getpriority(PRIO_PROCESS, 0));
}

int specimen_report_to(int fd, int argc, char **argv)
{
    extern char **environ;

    put_descriptors(fd);
    for (int i = 0; i < argc; i++)
        put("argument.%d=%s\n", i, argv[i]);
    for (char **variable = environ; *variable; variable++)
        put("env.%s\n", *variable);
    put_socket();
    put_signals();
    put_credentials();
    put_rlimits();
    put_process();
    specimen_write(fd, text, length);
    return 0;
}

int specimen_report(int argc, char **argv)
{
    return specimen_report_to(dup(STDOUT_FILENO), argc, argv);
}
