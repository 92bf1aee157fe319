/*
 * user_map: see user_map.h. user_namespaces(7): as root a process that is still outside must write
 * the maps.
 */
#include "launch/isolation/user_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/strbuf.h"
#include "config/config.h"

const char *user_map_sysctl(int error)
{
    if (error == ENOSPC || error == EUSERS)
        return "sysctl user.max_user_namespaces";
    if (access("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", F_OK) == 0)
        return "sysctl kernel.apparmor_restrict_unprivileged_userns";
    if (access("/proc/sys/kernel/unprivileged_userns_clone", F_OK) == 0)
        return "sysctl kernel.unprivileged_userns_clone";
    return "sysctl user.max_user_namespaces";
}

static int write_map(pid_t pid, const char *name, const char *text)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return fd_write_file(AT_FDCWD, path, text);
}

static void map_line(struct strbuf *sb, unsigned long id)
{
    char line[64];

    snprintf(line, sizeof line, "%lu %lu 1\n", id, id);
    if (!strstr(sb->data, line)) /* an id may be there once only */
        strbuf_text(sb, line);
}

/* Root, the service's user, its groups. */
static int map_as_root(const struct service_config *service, pid_t pid)
{
    const struct identity *identity = &service->identity;
    char uids[256] = "", gids[8192] = "";
    struct strbuf sb;
    int r;

    strbuf_init(&sb, uids, sizeof uids);
    strbuf_text(&sb, "0 0 1\n");
    if (identity->uid != 0)
        map_line(&sb, identity->uid);
    r = write_map(pid, "uid_map", uids);
    if (r < 0)
        return r;
    strbuf_init(&sb, gids, sizeof gids);
    strbuf_text(&sb, "0 0 1\n");
    if (identity->gid != 0)
        map_line(&sb, identity->gid);
    for (size_t i = 0; i < identity->group_count; i++) {
        if (identity->groups[i] != 0 && identity->groups[i] != identity->gid)
            map_line(&sb, identity->groups[i]);
    }
    return sb.truncated ? -E2BIG : write_map(pid, "gid_map", gids);
}

static int enter_as_root(const struct service_config *service)
{
    pid_t self = getpid(), writer;
    int go[2], status;
    char byte;

    if (pipe2(go, O_CLOEXEC) != 0)
        return -errno;
    writer = fork();
    if (writer < 0)
        return -errno;
    if (writer == 0) {
        close(go[1]);
        if (read(go[0], &byte, 1) != 1)
            _exit(ECHILD);
        _exit(-map_as_root(service, self));
    }
    close(go[0]);
    if (unshare(CLONE_NEWUSER) != 0) {
        int error = errno;

        close(go[1]);
        waitpid(writer, NULL, 0);
        return -error;
    }
    if (write(go[1], "", 1) != 1 || waitpid(writer, &status, 0) != writer)
        return -errno;
    close(go[1]);
    if (!WIFEXITED(status))
        return -ECHILD;
    return -WEXITSTATUS(status);
}

static int enter_as_user(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char map[64];
    int r;

    if (unshare(CLONE_NEWUSER) != 0)
        return -errno;
    snprintf(map, sizeof map, "%lu %lu 1\n", (unsigned long)uid, (unsigned long)uid);
    r = write_map(getpid(), "uid_map", map);
    if (r == 0)
        r = write_map(getpid(), "setgroups", "deny");
    snprintf(map, sizeof map, "%lu %lu 1\n", (unsigned long)gid, (unsigned long)gid);
    return r < 0 ? r : write_map(getpid(), "gid_map", map);
}

int user_map_make(const struct service_config *service, char *what, size_t size)
{
    int r = service->identity.change ? enter_as_root(service) : enter_as_user();

    if (r < 0)
        snprintf(what, size, "%s", user_map_sysctl(-r));
    return r;
}
