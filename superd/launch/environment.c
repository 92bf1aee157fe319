/*
 * environment: see environment.h.
 */
#include "launch/environment.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/strbuf.h"

/* Where the next variable goes. */
struct writer {
    struct strbuf text;
    const char **next;
    const char **end;
    bool failed;
};

static void begin_variable(struct writer *w)
{
    if (w->next == w->end) {
        w->failed = true;
        return;
    }
    *w->next++ = w->text.data + w->text.length;
}

/* Variables stand one behind the other in the text, each with its NUL. */
static void end_variable(struct writer *w)
{
    strbuf_char(&w->text, '\0');
    w->failed |= w->text.truncated;
}

static void put_text(struct writer *w, const char *prefix, const char *name, const char *value)
{
    begin_variable(w);
    strbuf_text(&w->text, prefix);
    strbuf_text(&w->text, name);
    strbuf_char(&w->text, '=');
    strbuf_text(&w->text, value);
    end_variable(w);
}

static void put_number(struct writer *w, const char *prefix, const char *name, uint64_t value)
{
    begin_variable(w);
    strbuf_text(&w->text, prefix);
    strbuf_text(&w->text, name);
    strbuf_char(&w->text, '=');
    strbuf_u64(&w->text, value);
    end_variable(w);
}

static void put_ip(struct writer *w, const struct order *order, const struct address *local,
                   const char *proto)
{
    char host[ADDRESS_TEXT_SIZE];

    put_text(w, "", "PROTO", proto);
    put_text(w, proto, "LOCALIP", address_format_host(local, host));
    put_number(w, proto, "LOCALPORT", address_port(local));
    if (!order->peer.length)
        return;
    address_format_host(&order->peer, host);
    put_text(w, proto, "REMOTEIP", host);
    put_number(w, proto, "REMOTEPORT", address_port(&order->peer));
    put_number(w, proto, "CONNNUM", order->connections);
    put_text(w, "", "REMOTE_ADDR", host);
    put_text(w, "", "REMOTE_HOST", host);
    put_number(w, "", "REMOTE_PORT", address_port(&order->peer));
}

static void put_unix(struct writer *w, const struct order *order, const struct address *local)
{
    char path[ADDRESS_TEXT_SIZE];

    put_text(w, "", "PROTO", "IPC");
    address_format_host(local, path);
    put_text(w, "IPC", "LOCALPATH", path);
    put_text(w, "UNIX", "LOCALPATH", path);
    if (!order->peer.length)
        return;
    address_format_host(&order->peer, path);
    put_number(w, "IPC", "REMOTEEUID", order->peer_uid);
    put_number(w, "IPC", "REMOTEEGID", order->peer_gid);
    put_text(w, "IPC", "REMOTEPATH", path);
    put_number(w, "IPC", "CONNNUM", order->connections);
    put_number(w, "UNIX", "REMOTEEUID", order->peer_uid);
    put_number(w, "UNIX", "REMOTEEGID", order->peer_gid);
    put_number(w, "UNIX", "REMOTEPID", (uint64_t)order->peer_pid);
    put_text(w, "", "REMOTE_ADDR", path);
}

/* sd_listen_fds(3), for programs that look for their socket at descriptor 3. */
static void put_listen(struct environment *environment, struct writer *w, const char *service)
{
    static const char room[] = "LISTEN_PID=00000000000";

    put_number(w, "", "LISTEN_FDS", 1);
    put_text(w, "", "LISTEN_FDNAMES", service);
    environment->listen_pid = w->text.data + w->text.length + strlen("LISTEN_PID=");
    begin_variable(w);
    strbuf_text(&w->text, room);
    end_variable(w);
}

static bool reserve(struct environment *environment, size_t count)
{
    const char **larger;

    if (environment->capacity >= count)
        return true;
    larger = realloc(environment->variables, count * sizeof *larger);
    if (!larger)
        return false;
    environment->variables = larger;
    environment->capacity = count;
    return true;
}

bool environment_prepare(struct environment *environment, const struct plan *plans, size_t count)
{
    size_t most = 0;

    for (size_t i = 0; i < count; i++) {
        if (plans[i].environment_count > most)
            most = plans[i].environment_count;
    }
    return reserve(environment, most + ENVIRONMENT_VARIABLES + 1);
}

static void ask_local(int connection, struct address *local)
{
    memset(local, 0, sizeof *local);
    local->length = sizeof local->un;
    if (getsockname(connection, &local->sa, &local->length) != 0)
        local->length = 0;
    address_unmap(local);
}

/* A connection has none but a stream; a socket that is handed over may be one of datagrams. */
static const char *protocol_of(const struct plan *plan, int connection)
{
    int type = SOCK_STREAM;
    socklen_t length = sizeof type;

    if (plan->service->mode == MODE_LISTENER)
        getsockopt(connection, SOL_SOCKET, SO_TYPE, &type, &length);
    return type == SOCK_DGRAM ? "UDP" : "TCP";
}

bool environment_make(struct environment *environment, const struct plan *plan,
                      const struct order *order, int connection)
{
    struct address local = order->local;
    struct writer w = {0};

    if (!reserve(environment, plan->environment_count + ENVIRONMENT_VARIABLES + 1))
        return false;
    if (!local.length)
        ask_local(connection, &local);
    memcpy(environment->variables, plan->environment,
           plan->environment_count * sizeof *environment->variables);
    strbuf_init(&w.text, environment->text, sizeof environment->text);
    w.next = environment->variables + plan->environment_count;
    w.end = w.next + ENVIRONMENT_VARIABLES;

    environment->listen_pid = NULL;
    put_number(&w, "", "SUPERD_INSTANCE", order->instance);
    if (local.length && local.sa.sa_family == AF_UNIX)
        put_unix(&w, order, &local);
    else if (local.length)
        put_ip(&w, order, &local, protocol_of(plan, connection));
    if (plan->service->mode == MODE_LISTENER)
        put_listen(environment, &w, plan->service->name);
    *w.next = NULL;
    return !w.failed;
}
