/*
 * listener: see listener.h.
 */
#include "net/listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/strbuf.h"

static int failed(char *error, int number, const char *what, const struct listener_config *config)
{
    snprintf(error, LISTENER_ERROR_SIZE, "cannot listen on %s: %s: %s", config->written, what,
             strerror(number));
    return -number;
}

/* One integer option; a table of them is easier to read than a run of calls. */
struct option {
    bool wanted;
    int level, name, value;
    const char *words;
};

static int set_options(int fd, const struct listener_config *config, const struct option *options,
                       size_t count, char *error)
{
    for (size_t i = 0; i < count; i++) {
        if (options[i].wanted && setsockopt(fd, options[i].level, options[i].name,
                                            &options[i].value, sizeof options[i].value) != 0)
            return failed(error, errno, options[i].words, config);
    }
    return 0;
}

static bool is_ip(const struct listener_config *config)
{
    return config->address.length && config->address.sa.sa_family != AF_UNIX;
}

/* What must be set before bind. */
static int set_before(int fd, const struct listener_config *config, bool reuse_port, char *error)
{
    const struct listen_options *o = &config->options;
    bool ip = is_ip(config), v6 = ip && config->address.sa.sa_family == AF_INET6;
    const struct option options[] = {
        /* For datagrams SO_REUSEADDR would let another process steal the port. */
        {ip && config->type != SOCK_DGRAM, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"},
        {ip && (o->reuseport || reuse_port), SOL_SOCKET, SO_REUSEPORT, 1, "reuseport"},
        {v6, IPPROTO_IPV6, IPV6_V6ONLY, config->optional || o->v6only, "v6only"},
        {o->freebind, IPPROTO_IP, IP_FREEBIND, 1, "freebind"},
    };

    if (o->device &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->device, (socklen_t)strlen(o->device)) != 0)
        return failed(error, errno, "device", config);
    return set_options(fd, config, options, sizeof options / sizeof *options, error);
}

/* What can be set at any time; connections inherit it on Linux (tcp(7)). */
static int set_after(int fd, const struct listener_config *config, char *error)
{
    const struct listen_options *o = &config->options;
    bool tcp = is_ip(config) && config->type == SOCK_STREAM;
    const struct option options[] = {
        {o->receive_buffer, SOL_SOCKET, SO_RCVBUF, (int)o->receive_buffer, "receive_buffer"},
        {o->send_buffer, SOL_SOCKET, SO_SNDBUF, (int)o->send_buffer, "send_buffer"},
        {tcp, SOL_SOCKET, SO_KEEPALIVE, o->keepalive, "keepalive"},
        {tcp, IPPROTO_TCP, TCP_NODELAY, o->nodelay, "nodelay"},
        {tcp && o->fastopen, IPPROTO_TCP, TCP_FASTOPEN, (int)o->fastopen, "fastopen"},
        {tcp, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int)((o->defer_accept_ms + 999) / 1000),
         "defer_accept"},
    };

    return set_options(fd, config, options, sizeof options / sizeof *options, error);
}

/* ---- UNIX paths ----------------------------------------------------------------------------- */

static bool has_path(const struct listener_config *config)
{
    return config->address.sa.sa_family == AF_UNIX && config->address.un.sun_path[0] != '\0';
}

/* A socket file outlives its process. Somebody is there if a connect is answered, or would be;
 * anything that is no socket is not ours to remove. */
static void remove_stale(const struct listener_config *config)
{
    const char *path = config->address.un.sun_path;
    struct stat st;
    int fd;

    if (lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, config->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    if (connect(fd, &config->address.sa, config->address.length) != 0 && errno == ECONNREFUSED)
        unlink(path);
    close(fd);
}

static int own_path(const struct listener_config *config, char *error)
{
    const char *path = config->address.un.sun_path;
    const struct listen_options *o = &config->options;

    if ((o->owner != (uid_t)-1 || o->group != (gid_t)-1) && chown(path, o->owner, o->group) != 0)
        return failed(error, errno, "owner, group", config);
    /* After chown, which may clear bits; the umask has no say in what was asked for. */
    if (o->set_mode && chmod(path, o->mode) != 0)
        return failed(error, errno, "mode", config);
    return 0;
}

/* ---- Opening -------------------------------------------------------------------------------- */

static int bind_and_listen(int fd, const struct listener_config *config, uint16_t port, char *error)
{
    struct address address = config->address;

    if (port && is_ip(config) && address_port(&address) == 0)
        address_set_port(&address, port);
    if (has_path(config))
        remove_stale(config);
    if (bind(fd, &address.sa, address.length) != 0) {
        int number = errno;

        if (number == EACCES && is_ip(config))
            return failed(error, number,
                          "bind (ports below 1024 need root or CAP_NET_BIND_SERVICE)", config);
        if (number == EADDRINUSE)
            return failed(error, number, "bind (another program, or another superd, has it)",
                          config);
        return failed(error, number, "bind", config);
    }
    if (has_path(config)) {
        int r = own_path(config, error);

        if (r < 0)
            return r;
    }
    if (config->type != SOCK_DGRAM && listen(fd, (int)config->options.backlog) != 0)
        return failed(error, errno, "listen", config);
    return 0;
}

int listener_open(const struct listener_config *config, uint16_t port, bool reuse_port,
                  char error[LISTENER_ERROR_SIZE])
{
    int fd = socket(config->address.sa.sa_family, config->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int r;

    if (fd < 0)
        return failed(error, errno, "socket", config);
    r = set_before(fd, config, reuse_port, error);
    if (r == 0)
        r = set_after(fd, config, error); /* before listen: buffers decide the window */
    if (r == 0)
        r = bind_and_listen(fd, config, port, error);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

int listener_apply(int fd, const struct listener_config *config, char error[LISTENER_ERROR_SIZE])
{
    /* Also takes back what an opening with REUSE_PORT set: others must not join the port later. */
    const struct option shared = {is_ip(config), SOL_SOCKET, SO_REUSEPORT,
                                  config->options.reuseport, "reuseport"};
    int r = set_after(fd, config, error);

    if (r == 0)
        r = set_options(fd, config, &shared, 1, error);
    if (r < 0)
        return r;
    if (has_path(config)) {
        r = own_path(config, error);
        if (r < 0)
            return r;
    }
    if (config->type != SOCK_DGRAM && listen(fd, (int)config->options.backlog) != 0)
        return failed(error, errno, "listen", config);
    return 0;
}

int listener_adopt(int fd, const struct listener_config *config, char error[LISTENER_ERROR_SIZE])
{
    int type = 0, listening = 0;
    socklen_t length = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0)
        return failed(error, errno, "the inherited descriptor", config);
    length = sizeof listening;
    if (type != SOCK_DGRAM &&
        (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 || !listening))
        return failed(error, EINVAL, "the inherited socket does not listen", config);
    return type;
}

void listener_bound(int fd, struct address *address_r)
{
    memset(address_r, 0, sizeof *address_r);
    address_r->length = sizeof address_r->un;
    if (getsockname(fd, &address_r->sa, &address_r->length) != 0)
        address_r->length = 0;
}

int listener_backlog(int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    /* For a listening socket the kernel shows the queue's length in this field (tcp_diag). */
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return -1;
    return (int)info.tcpi_unacked;
}
