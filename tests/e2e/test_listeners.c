/*
 * Listeners of all kinds, for services in mode `connection`: where they are, what a handler sees of
 * them, and what becomes of their files.
 */
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "harness.h"
#include "report.h"

#define REPORT "exec = ['@SPECIMEN@', 'report']; "

static bool has_ipv6(void)
{
    int fd = client_try("[::1]:1", SOCK_STREAM);

    if (fd >= 0)
        close(fd);
    return fd != -EAFNOSUPPORT && fd != -EADDRNOTAVAIL && fd != -ENETUNREACH;
}

static const char *port_of(const char *address)
{
    return strrchr(address, ':') + 1;
}

/* ---- IP ------------------------------------------------------------------------------------- */

static void any__star__both_families_on_one_port(void)
{
    struct daemon *daemon = daemon_serve("hello: { listen = '*:0'; " REPORT "};");
    const char *first = daemon_address(daemon, "hello", 0), *second, *report;
    char wanted[64], other[64];

    report = daemon_ask(daemon, "hello");
    snprintf(wanted, sizeof wanted, "inet 127.0.0.1 %s", port_of(first));
    report_expect(report, "sockname", wanted);
    if (!has_ipv6()) {
        daemon_stop(daemon);
        e2e_skip("no IPv6 here: only the IPv4 half was looked at");
    }
    second = daemon_address(daemon, "hello", 1);
    assert_string_equal(port_of(first), port_of(second));
    snprintf(other, sizeof other, "[::1]:%s", port_of(second));
    report = client_hear_all(client_dial(other, SOCK_STREAM), NULL);
    snprintf(wanted, sizeof wanted, "inet6 ::1 %s", port_of(second));
    report_expect(report, "sockname", wanted);
    report_expect(report, "env.TCPREMOTEIP", "::1");
    report_expect(report, "env.TCPLOCALIP", "::1");
    daemon_stop(daemon);
}

static void ipv6__loopback__is_inet6(void)
{
    struct daemon *daemon;

    if (!has_ipv6())
        e2e_skip("no IPv6 here");
    daemon = daemon_serve("hello: { listen = '[::1]:0'; " REPORT "};");
    assert_memory_equal(report_value(daemon_ask(daemon, "hello"), "peername"), "inet6 ::1 ", 10);
    assert_int_equal(client_try("127.0.0.1:1", SOCK_STREAM), -ECONNREFUSED);
    daemon_stop(daemon);
}

static void ipv6__both_families_on_one_socket__ipv4_clients_are_shown_as_ipv4(void)
{
    struct daemon *daemon;
    const char *report;
    char address[64];

    if (!has_ipv6())
        e2e_skip("no IPv6 here");
    daemon = daemon_serve("hello: { listen = ({ address = '[::]:0'; v6only = false; }); " REPORT
                          "};");
    snprintf(address, sizeof address, "127.0.0.1:%s", port_of(daemon_address(daemon, "hello", 0)));
    report = client_hear_all(client_dial(address, SOCK_STREAM), NULL);
    report_expect(report, "env.TCPREMOTEIP", "127.0.0.1");
    report_expect(report, "env.TCPLOCALIP", "127.0.0.1");
    assert_memory_equal(
        event_text(expect_event(&daemon->events, "admit", "service", "hello", NULL), "peer"),
        "127.0.0.1:", 10);
    daemon_stop(daemon);
}

static void range__ten_ports__all_serve(void)
{
    char services[256], address[64], host[32];
    struct daemon *daemon;

    snprintf(services, sizeof services, "hello: { listen = '%s:20100-20109'; " REPORT "};",
             harness_loopback(host));
    daemon = daemon_serve(services);
    for (unsigned port = 20100; port < 20110; port++) {
        char wanted[64];

        snprintf(address, sizeof address, "%s:%u", host, port);
        snprintf(wanted, sizeof wanted, "inet %s %u", host, port);
        report_expect(client_hear_all(client_dial(address, SOCK_STREAM), NULL), "sockname", wanted);
    }
    assert_int_equal(count_events(&daemon->events, "listen", NULL), 10);
    daemon_stop(daemon);
}

static void list__several_kinds__all_serve(void)
{
    struct daemon *daemon = daemon_serve(
        "hello: { listen = ('127.0.0.1:0', 'unix:@DIR@/sock',\n"
        "  { address = '127.0.0.1:0'; nodelay = true; keepalive = true;\n"
        "    backlog = 7; receive_buffer = '64K'; send_buffer = '64K'; }); " REPORT "};");
    const char *report = daemon_ask(daemon, "hello");

    report_expect(report, "nodelay", "0");
    report_expect(report, "keepalive", "0");
    report = client_hear_all(client_dial(daemon_address(daemon, "hello", 1), SOCK_STREAM), NULL);
    assert_memory_equal(report_value(report, "sockname"), "unix ", 5);
    report = client_hear_all(client_dial(daemon_address(daemon, "hello", 2), SOCK_STREAM), NULL);
    report_expect(report, "nodelay", "1");
    report_expect(report, "keepalive", "1");
    report_expect(report, "receive_buffer", "131072"); /* Linux doubles it: socket(7) */
    daemon_stop(daemon);
}

static void busy__port_of_another__start_fails_and_says_which(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof in;
    struct daemon *daemon;
    char services[256], address[64];

    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(in.sin_port));
    snprintf(services, sizeof services, "hello: { listen = '%s'; " REPORT "};", address);
    daemon = daemon_launch(&(struct setup){.services = services});
    assert_int_equal(daemon_wait(daemon), 71);
    assert_non_null(strstr(daemon_read(daemon, "stderr"), address));
    assert_non_null(strstr(daemon_read(daemon, "stderr"), "Address already in use"));
    close(fd);
    daemon_expect_gone(daemon);
}

/* ---- UNIX ----------------------------------------------------------------------------------- */

static void unix__path__served_and_removed_at_the_end(void)
{
    struct daemon *daemon = daemon_serve("hello: { listen = 'unix:@DIR@/sock'; " REPORT "};");
    const char *report = daemon_ask(daemon, "hello");
    char wanted[64];

    report_expect(report, "env.PROTO", "IPC");
    report_expect(report, "env.IPCLOCALPATH", daemon_path(daemon, "sock"));
    snprintf(wanted, sizeof wanted, "%u", getuid());
    report_expect(report, "env.IPCREMOTEEUID", wanted);
    report_expect(report, "env.UNIXREMOTEEUID", wanted);
    snprintf(wanted, sizeof wanted, "%d", (int)getpid());
    report_expect(report, "env.UNIXREMOTEPID", wanted);
    report_expect(report, "type", "stream");
    assert_false(report_has(report, "env.TCPREMOTEIP"));
    daemon_stop(daemon); /* wants the socket gone */
}

static void unix__mode_and_owner__as_configured(void)
{
    struct daemon *daemon;
    struct stat st;

    daemon = daemon_serve(
        "hello: { listen = ({ address = 'unix:@DIR@/sock'; mode = '0620'; }); " REPORT "};");
    assert_int_equal(stat(daemon_path(daemon, "sock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0620);
    daemon_stop(daemon);
    if (!harness_is_root())
        return;
    daemon = daemon_serve("hello: { listen = ({ address = 'unix:@DIR@/sock'; mode = '0600';\n"
                          "  owner = 'nobody'; group = 'daemon'; }); " REPORT "};");
    assert_int_equal(stat(daemon_path(daemon, "sock"), &st), 0);
    assert_int_equal(st.st_uid, getpwnam("nobody")->pw_uid);
    assert_int_equal(st.st_gid, getgrnam("daemon")->gr_gid);
    daemon_stop(daemon);
}

static int bind_unix(const char *path, bool listening)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    if (listening)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* A directory with something at PATH already, and a service that wants to listen there. */
static struct daemon *start_on_path(char path[64], void (*prepare)(const char *path))
{
    char services[256];

    snprintf(path, 64, "/tmp/superd-e2e-path.XXXXXX");
    assert_non_null(mkdtemp(path));
    strcat(path, "/sock");
    prepare(path);
    snprintf(services, sizeof services, "hello: { listen = 'unix:%s'; " REPORT "};", path);
    return daemon_launch(&(struct setup){.services = services});
}

/* Is it a file of that type? Removes it and its directory. */
static bool was_of_type(char path[64], mode_t type)
{
    struct stat st;
    bool same = lstat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;

    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    return same;
}

static void leave_stale(const char *path)
{
    close(bind_unix(path, true)); /* the file stays, nobody is behind it */
}

static void leave_alive(const char *path)
{
    bind_unix(path, true); /* as long as we live */
}

static void leave_file(const char *path)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fclose(file);
}

static void unix__stale_file__replaced(void)
{
    char path[64];
    struct daemon *daemon = start_on_path(path, leave_stale);

    expect_event(&daemon->events, "ready", NULL);
    daemon_rebase(daemon);
    report_expect(daemon_ask(daemon, "hello"), "type", "stream");
    daemon_stop(daemon);
    assert_false(was_of_type(path, S_IFSOCK));
}

static void unix__somebody_serves_there__start_fails(void)
{
    char path[64];
    struct daemon *daemon = start_on_path(path, leave_alive);

    assert_int_equal(daemon_wait(daemon), 71);
    assert_non_null(strstr(daemon_read(daemon, "stderr"), "Address already in use"));
    daemon_expect_gone(daemon);
    assert_true(was_of_type(path, S_IFSOCK));
}

static void unix__an_ordinary_file__not_touched(void)
{
    char path[64];
    struct daemon *daemon = start_on_path(path, leave_file);

    assert_int_equal(daemon_wait(daemon), 71);
    daemon_expect_gone(daemon);
    assert_true(was_of_type(path, S_IFREG));
}

static void unix__abstract__served(void)
{
    char services[256], name[64];
    struct daemon *daemon;

    snprintf(name, sizeof name, "unix:@superd-e2e-%d", (int)getpid());
    snprintf(services, sizeof services, "hello: { listen = '%s'; " REPORT "};", name);
    daemon = daemon_serve(services);
    assert_memory_equal(report_value(daemon_ask(daemon, "hello"), "sockname"), "unix superd-e2e-",
                        16);
    daemon_stop(daemon);
    assert_int_equal(client_try(name, SOCK_STREAM), -ECONNREFUSED);
}

static void seqpacket__path__packets_keep_their_bounds(void)
{
    struct daemon *daemon = daemon_serve("hello: { listen = 'seqpacket:@DIR@/sock'; " REPORT "};\n"
                                         "back: { listen = 'seqpacket:@DIR@/back';\n"
                                         "  exec = ['@SPECIMEN@', 'cat']; };");
    int fd = client_dial(daemon_address(daemon, "hello", 0), SOCK_SEQPACKET);

    report_expect(client_hear_packet(fd), "type", "seqpacket");
    close(fd);
    fd = client_dial(daemon_address(daemon, "back", 0), SOCK_SEQPACKET);
    client_say(fd, "one");
    client_say(fd, "and two");
    assert_string_equal(client_hear_packet(fd), "one");
    assert_string_equal(client_hear_packet(fd), "and two");
    close(fd);
    daemon_stop(daemon);
}

/* ---- Sockets that superd was started with --------------------------------------------------- */

struct activation {
    int fds[2];
};

/* As sd_listen_fds(3) has it: from 3 on, with LISTEN_PID saying whom they are for. */
static void give_sockets(void *data)
{
    const struct activation *activation = data;
    int first = dup(activation->fds[0]), second = dup(activation->fds[1]);
    char pid[32];

    dup2(first, 50);
    dup2(second, 51);
    dup2(50, 3); /* without close-on-exec */
    dup2(51, 4);
    for (int fd = 5; fd < 60; fd++)
        close(fd);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "web:other", 1);
}

static int bound_tcp(char address[64])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof in;

    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
    snprintf(address, 64, "127.0.0.1:%u", ntohs(in.sin_port));
    return fd;
}

static void inherited__fd_name__served(void)
{
    char web[64], other[64];
    struct activation activation = {{bound_tcp(web), bound_tcp(other)}};
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = "one: { listen = 'fd:web'; " REPORT "};\n"
                                    "two: { listen = 'fd:other'; exec = ['@SPECIMEN@', 'cat']; };",
                        .before_exec = give_sockets,
                        .data = &activation});
    const char *report;

    assert_string_equal(daemon_address(daemon, "one", 0), web);
    report = daemon_ask(daemon, "one");
    assert_int_equal(report_count(report, "fd."), 3);
    assert_false(report_has(report, "env.LISTEN_FDS"));
    daemon_talk(daemon, "two", "through the other", "through the other");
    daemon_stop(daemon);
    close(activation.fds[0]);
    close(activation.fds[1]);
}

static void inherited__no_such_name__start_fails_and_says_so(void)
{
    char web[64], other[64];
    struct activation activation = {{bound_tcp(web), bound_tcp(other)}};
    struct daemon *daemon = daemon_launch(
        &(struct setup){.services = "one: { listen = 'fd:wbe'; " REPORT "};",
                        .before_exec = give_sockets,
                        .data = &activation});

    assert_int_equal(daemon_wait(daemon), 71);
    assert_non_null(strstr(daemon_read(daemon, "stderr"), "wbe"));
    daemon_expect_gone(daemon);
}

static const struct e2e_case cases[] = {
    E2E(any__star__both_families_on_one_port),
    E2E(ipv6__loopback__is_inet6),
    E2E(ipv6__both_families_on_one_socket__ipv4_clients_are_shown_as_ipv4),
    E2E(range__ten_ports__all_serve),
    E2E(list__several_kinds__all_serve),
    E2E(busy__port_of_another__start_fails_and_says_which),
    E2E(unix__path__served_and_removed_at_the_end),
    E2E(unix__mode_and_owner__as_configured),
    E2E(unix__stale_file__replaced),
    E2E(unix__somebody_serves_there__start_fails),
    E2E(unix__an_ordinary_file__not_touched),
    E2E(unix__abstract__served),
    E2E(seqpacket__path__packets_keep_their_bounds),
    E2E(inherited__fd_name__served),
    E2E(inherited__no_such_name__start_fails_and_says_so),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
