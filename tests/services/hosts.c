/*
 * hosts: see hosts.h.
 */
#include "hosts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int switch_space = -1;

static void fail_if(bool failed, const char *what)
{
    if (failed) {
        fprintf(stderr, "hosts: %s: %s\n", what, strerror(errno));
        _exit(99);
    }
}

/* Run ip(8) with words parted by blanks. */
static bool ip(const char *words)
{
    char command[256];

    snprintf(command, sizeof command, "ip %s", words);
    return system(command) == 0;
}

const char *hosts_begin(void)
{
    if (geteuid() != 0)
        return "needs root for network namespaces";
    if (system("command -v ip >/dev/null 2>&1") != 0)
        return "needs ip (Debian package iproute2)";
    if (unshare(CLONE_NEWNET) != 0)
        return "this kernel or container gives no network namespaces";
    switch_space = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    fail_if(switch_space < 0, "/proc/self/ns/net");
    if (!ip("link add switch type bridge 2>/dev/null") || !ip("link set switch up"))
        return "this kernel has no bridges";
    return NULL;
}

/* Between the two: one byte for each step, so that neither runs ahead. */
static void give_turn(int fd)
{
    fail_if(write(fd, "", 1) != 1, "turn");
}

static void take_turn(int fd)
{
    char byte;

    fail_if(read(fd, &byte, 1) != 1, "turn");
}

static void run_host(const struct host *host, int turns, void (*run)(const struct host *host))
{
    char words[128];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fail_if(unshare(CLONE_NEWNET) != 0, "unshare");
    give_turn(turns);
    take_turn(turns);
    snprintf(words, sizeof words, "addr add %s/24 dev eth0", host->address);
    fail_if(!ip("link set lo up") || !ip(words) || !ip("link set eth0 up"), "ip");
    give_turn(turns);
    run(host);
    _exit(0);
}

void hosts_add(struct host *host, int number, void (*run)(const struct host *host))
{
    char words[128];
    int turns[2];

    fail_if(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, turns) != 0, "socketpair");
    snprintf(host->address, sizeof host->address, "10.99.0.%d", number);
    snprintf(host->wire, sizeof host->wire, "wire%d", number);
    host->pid = fork();
    fail_if(host->pid < 0, "fork");
    if (host->pid == 0) {
        close(turns[0]); /* so that the other's death ends our wait */
        run_host(host, turns[1], run);
    }
    close(turns[1]);
    take_turn(turns[0]);
    snprintf(words, sizeof words, "/proc/%d/ns/net", (int)host->pid);
    host->space = open(words, O_RDONLY | O_CLOEXEC);
    fail_if(host->space < 0, words);
    snprintf(words, sizeof words, "link add %s type veth peer name eth0 netns %d", host->wire,
             (int)host->pid);
    fail_if(!ip(words), words);
    snprintf(words, sizeof words, "link set %s master switch up", host->wire);
    fail_if(!ip(words), words);
    give_turn(turns[0]);
    take_turn(turns[0]);
    close(turns[0]);
}

void hosts_connect(const struct host *host, bool connected)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    strcpy(request.ifr_name, host->wire);
    fail_if(fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0, host->wire);
    if (connected)
        request.ifr_flags |= IFF_UP;
    else
        request.ifr_flags &= (short)~IFF_UP;
    fail_if(ioctl(fd, SIOCSIFFLAGS, &request) != 0, host->wire);
    close(fd);
}

void hosts_enter(const struct host *host)
{
    fail_if(setns(host->space, CLONE_NEWNET) != 0, "setns");
}

void hosts_leave(void)
{
    fail_if(setns(switch_space, CLONE_NEWNET) != 0, "setns");
}

static bool runs_one_of(const char *pid, const char *const programs[])
{
    char link[300], path[PATH_MAX];
    ssize_t length;

    snprintf(link, sizeof link, "/proc/%s/exe", pid);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    for (; *programs; programs++)
        if (strcmp(path, *programs) == 0)
            return true;
    return false;
}

size_t hosts_find(const struct host *host, const char *const programs[], pid_t pids[], size_t most)
{
    DIR *proc = opendir("/proc");
    struct stat ours, theirs;
    struct dirent *entry;
    size_t count = 0;

    fail_if(!proc || fstat(host->space, &ours) != 0, "/proc");
    while (count < most && (entry = readdir(proc))) {
        char path[300];

        snprintf(path, sizeof path, "/proc/%s/ns/net", entry->d_name);
        if (isdigit((unsigned char)entry->d_name[0]) && runs_one_of(entry->d_name, programs) &&
            stat(path, &theirs) == 0 && theirs.st_ino == ours.st_ino)
            pids[count++] = (pid_t)atoi(entry->d_name);
    }
    closedir(proc);
    return count;
}
