/*
 * clients_socket: see clients.h. Here: the socket that is listened on, and its path.
 */
#include "control/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/listener.h"

#define ACCEPT_BATCH 8
#define LISTEN_QUEUE 16

static void on_listener(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    clients_accept(poll->data, ACCEPT_BATCH);
}

void clients_watch_listener(struct clients *clients)
{
    uv_poll_start(clients->listener, UV_READABLE, on_listener);
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Is what stands at our path still the socket that we made? */
static bool is_ours(const struct clients *clients)
{
    struct stat st;

    return clients->path && lstat(clients->path, &st) == 0 && st.st_dev == clients->device &&
           st.st_ino == clients->inode;
}

void clients_stop_listening(struct clients *clients)
{
    if (!clients->listener)
        return;
    if (is_ours(clients))
        unlink(clients->path);
    free(clients->path);
    clients->path = NULL;
    uv_poll_stop(clients->listener);
    uv_close((uv_handle_t *)clients->listener, on_listener_closed);
    clients->listener = NULL;
    fd_close(&clients->fd);
}

static mode_t mode_of(gid_t group)
{
    return group == (gid_t)-1 ? 0600 : 0660;
}

/* RUNSTATEDIR/superd is not there after a boot, unless a unit or a script has made it. */
static void make_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[sizeof((struct sockaddr_un *)NULL)->sun_path];

    if (slash && slash > path && (size_t)(slash - path) < sizeof folder) {
        memcpy(folder, path, (size_t)(slash - path));
        folder[slash - path] = '\0';
        mkdir(folder, 0755);
    }
}

/* Give our path to GROUP. Nobody of another group comes in meanwhile, nor when it fails. */
static int change_group(const struct clients *clients, gid_t group)
{
    mode_t mode = mode_of(group);
    struct stat st;

    if (lstat(clients->path, &st) != 0)
        return -errno;
    if ((st.st_mode & 07777) == mode && (group == (gid_t)-1 || st.st_gid == group))
        return 0;
    if (chmod(clients->path, mode_of((gid_t)-1)) != 0 ||
        (group != (gid_t)-1 && chown(clients->path, (uid_t)-1, group) != 0) ||
        chmod(clients->path, mode) != 0)
        return -errno;
    return 0;
}

static int open_socket(const char *path, gid_t group, struct listener_config *config)
{
    char error[LISTENER_ERROR_SIZE];

    if (!address_parse_unix(path, &config->address))
        return -ENAMETOOLONG;
    config->written = path;
    config->type = SOCK_STREAM;
    config->options = (struct listen_options){.backlog = LISTEN_QUEUE,
                                              .set_mode = true,
                                              .mode = mode_of(group),
                                              .owner = (uid_t)-1,
                                              .group = group};
    make_folder(path);
    return listener_open(config, 0, false, error);
}

/* Watch FD, at PATH (owned from here on). Returns 0 or -errno. */
static int watch(struct clients *clients, int fd, char *path)
{
    uv_poll_t *poll = malloc(sizeof *poll);
    struct stat st = {0};
    int r = poll ? uv_poll_init(clients->settings.loop, poll, fd) : -ENOMEM;

    if (r < 0) {
        free(poll);
        close(fd);
        unlink(path);
        free(path);
        return r;
    }
    lstat(path, &st);
    clients_stop_listening(clients);
    clients->device = st.st_dev;
    clients->inode = st.st_ino;
    clients->path = path;
    clients->fd = fd;
    clients->listener = poll;
    poll->data = clients;
    clients_watch_listener(clients);
    return 0;
}

int clients_listen(struct clients *clients, const char *path, gid_t group)
{
    struct listener_config config = {.type = 0};
    char *copy;
    int fd;

    clients->group = group;
    if (!path) {
        clients_stop_listening(clients);
        return 0;
    }
    if (is_ours(clients) && strcmp(path, clients->path) == 0)
        return change_group(clients, group);
    copy = strdup(path);
    fd = copy ? open_socket(path, group, &config) : -ENOMEM;
    if (fd >= 0)
        return watch(clients, fd, copy);
    free(copy);
    return fd;
}

int clients_socket(const struct clients *clients, const char **path_r, gid_t *group_r)
{
    if (!clients->listener)
        return -1;
    *path_r = clients->path;
    *group_r = clients->group;
    return clients->fd;
}

void clients_go_on(struct clients *clients, int fd, const char *path, gid_t group)
{
    char *copy = strdup(path);

    clients->group = group;
    if (copy)
        watch(clients, fd, copy);
    else
        fd_close(&fd); /* another one will be opened in its place */
}
