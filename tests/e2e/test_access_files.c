/*
 * Access by files of rules, which may change at any time, and for handlers in mode "listener", which
 * accept, or receive, by themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "harness.h"
#include "limit_words.h"
#include "origin.h"

#define SILENT 250 /* ms without an answer are silence */

/* ---- Files of rules ------------------------------------------------------------------------- */

#define FILES "a: { " LISTEN WAIT "access: { deny = ['file:@DIR@/blocked']; }; };"

/* A daemon that denies by a file with TEXT in it. */
static struct daemon *with_file(const char *services, const char *text)
{
    const struct setup setup = {.services = services};
    struct daemon *daemon = daemon_start(&(struct setup){.services = "z: { " LISTEN WAIT "};"});

    daemon_expect_file(daemon, "blocked");
    daemon_write(daemon, "blocked", text);
    daemon_reload(daemon, &setup);
    daemon->baseline++; /* it watches files from now on */
    return daemon;
}

static void append(struct daemon *daemon, const char *text)
{
    FILE *file = fopen(daemon_path(daemon, "blocked"), "ae");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void read_again(struct daemon *daemon)
{
    expect_event(&daemon->events, "access", "state", "files read again", NULL);
}

static void file__of_prefixes__refused_and_the_log_names_its_line(void)
{
    struct daemon *daemon = with_file(FILES, "# who is not wanted\n\n  127.0.2.0/24  # these\n"
                                             "127.0.3.1\n");
    const json_t *event;
    char where[128];

    expect_refused(daemon, "a", "127.0.2.7");
    event = expect_event(&daemon->events, "refuse", "reason", "denied", NULL);
    snprintf(where, sizeof where, "%s:3", daemon_path(daemon, "blocked"));
    assert_string_equal(event_text(event, "where"), where);
    expect_refused(daemon, "a", "127.0.3.1");
    expect_admitted(daemon, "a", "127.0.4.1");
    daemon_stop(daemon);
}

static void file__renamed_over__in_force_without_reload(void)
{
    struct daemon *daemon = with_file(FILES, "127.0.2.1\n");

    expect_refused(daemon, "a", "127.0.2.1");
    daemon_write(daemon, "new", "127.0.2.2\n");
    assert_int_equal(rename(daemon_path(daemon, "new"), daemon_path(daemon, "blocked")), 0);
    read_again(daemon);
    expect_admitted(daemon, "a", "127.0.2.1");
    expect_refused(daemon, "a", "127.0.2.2");
    daemon_write(daemon, "new", "127.0.2.1\n"); /* and once more: the watch is still there */
    assert_int_equal(rename(daemon_path(daemon, "new"), daemon_path(daemon, "blocked")), 0);
    read_again(daemon);
    expect_refused(daemon, "a", "127.0.2.1");
    expect_admitted(daemon, "a", "127.0.2.2");
    daemon_stop(daemon);
}

static void file__appended_to__in_force_without_reload(void)
{
    struct daemon *daemon = with_file(FILES, "127.0.2.1\n");

    expect_admitted(daemon, "a", "127.0.2.2");
    append(daemon, "127.0.2.2\n");
    read_again(daemon);
    expect_refused(daemon, "a", "127.0.2.2");
    expect_refused(daemon, "a", "127.0.2.1");
    assert_int_equal(count_events(&daemon->events, "reload", NULL), 1); /* that of with_file() */
    daemon_stop(daemon);
}

static void file__wrong_line__said_and_left_out(void)
{
    struct daemon *daemon = with_file(FILES, "127.0.2.1\n");
    char where[128];

    append(daemon, "nonsense\n127.0.2.2\n");
    snprintf(where, sizeof where, "%s:2", daemon_path(daemon, "blocked"));
    expect_event(&daemon->events, "config", "level", "warning", "where", where, NULL);
    read_again(daemon);
    expect_refused(daemon, "a", "127.0.2.1");
    expect_refused(daemon, "a", "127.0.2.2");
    daemon_stop(daemon);
}

/* A long comment is one line, whatever stands in it. */
static void file__long_comment__is_no_rule(void)
{
    char text[1024] = "# ";
    struct daemon *daemon;
    const json_t *event;
    char where[128];

    memset(text + 2, 'x', 400);
    for (size_t i = 100; i < 400; i += 10)
        memcpy(text + i, " 127.0.2.1", 10);
    strcpy(text + 402, "\n127.0.2.2\n");
    daemon = with_file(FILES, text);
    expect_admitted(daemon, "a", "127.0.2.1");
    expect_refused(daemon, "a", "127.0.2.2");
    event = expect_event(&daemon->events, "refuse", NULL);
    snprintf(where, sizeof where, "%s:2", daemon_path(daemon, "blocked"));
    assert_string_equal(event_text(event, "where"), where);
    assert_int_equal(count_events(&daemon->events, "config", NULL), 0);
    daemon_stop(daemon);
}

static void file__missing__an_error_at_a_reload_and_nothing_changes(void)
{
    const struct setup open = {.services = "a: { " LISTEN WAIT "};"};
    const struct setup missing = {.services = FILES};
    struct daemon *daemon = daemon_start(&open);
    const json_t *event;

    daemon_reload_fails(daemon, &missing);
    event = expect_event(&daemon->events, "config", "level", "error", "service", "a", NULL);
    assert_non_null(strstr(event_text(event, "message"), "/blocked"));
    expect_admitted(daemon, "a", "127.0.0.2");
    daemon_stop(daemon);
}

static void file__goes_and_comes_back__said_and_in_force_again(void)
{
    struct daemon *daemon = with_file(FILES, "127.0.2.1\n");
    const json_t *event;

    unlink(daemon_path(daemon, "blocked"));
    event = expect_event(&daemon->events, "config", "level", "warning", NULL);
    assert_non_null(strstr(event_text(event, "message"), "/blocked"));
    read_again(daemon);
    expect_admitted(daemon, "a", "127.0.2.1");
    daemon_write(daemon, "blocked", "127.0.2.1\n");
    read_again(daemon);
    expect_refused(daemon, "a", "127.0.2.1");
    daemon_stop(daemon);
}

/* ---- Listener mode -------------------------------------------------------------------------- */

#define ECHO_UDP \
    "u: { listen = 'udp:127.0.0.1:0'; exec = ['@SPECIMEN@', 'datagram', '1']; access: { %s }; };"

static void expect_answer(struct daemon *daemon, const char *from)
{
    int fd = origin_datagrams(daemon_address(daemon, "u", 0), from);

    client_say(fd, from);
    assert_string_equal(client_hear_packet(fd), from);
    close(fd);
}

static void expect_silence(struct daemon *daemon, const char *from)
{
    int fd = origin_datagrams(daemon_address(daemon, "u", 0), from);

    client_say(fd, from);
    client_hear_nothing(fd, SILENT);
    close(fd);
}

static void udp__denied__dropped_without_a_launch(void)
{
    char services[256];
    struct daemon *daemon;

    snprintf(services, sizeof services, ECHO_UDP, "deny = ['127.0.2.0/24'];");
    daemon = daemon_serve(services);
    expect_silence(daemon, "127.0.2.1");
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 0);
    expect_answer(daemon, "127.0.3.1");
    expect_event(&daemon->events, "end", "outcome", "ok", NULL);
    expect_silence(daemon, "127.0.2.1"); /* also after an instance has had the socket */
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 1);
    daemon_stop(daemon);
}

/* What no filter can tell is decided before each launch: the refused are dropped and counted. */
static void udp__closed_hours__dropped_counted_and_never_launched(void)
{
    char access[64], services[256];
    struct daemon *daemon;
    const json_t *event;
    size_t single;
    long long sum = 0;
    int fd;

    snprintf(access, sizeof access, "hours = ['%s']; time_zone = 'UTC';", harness_day_in(3));
    snprintf(services, sizeof services, ECHO_UDP, access);
    daemon = daemon_start(&(struct setup){.log = "summary = '1s';", .services = services});
    fd = origin_datagrams(daemon_address(daemon, "u", 0), "127.0.0.2");
    for (int i = 0; i < 100; i++)
        client_say(fd, "let me in");
    do {
        event = expect_event(&daemon->events, "refuse", "reason", "closed-hours", "count", "*",
                             NULL);
        sum += event_number(event, "count");
        single = count_events(&daemon->events, "refuse", "peer", "*", NULL);
    } while (sum + (long long)single < 100);
    assert_int_equal(sum + (long long)single, 100);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 0);
    close(fd);
    daemon_stop(daemon);
}

static void udp__file_of_rules_changes__in_force_without_reload(void)
{
    char services[256];
    struct daemon *daemon;

    snprintf(services, sizeof services, ECHO_UDP, "deny = ['file:@DIR@/blocked'];");
    daemon = with_file(services, "127.0.2.1\n");
    expect_silence(daemon, "127.0.2.1");
    expect_answer(daemon, "127.0.2.2");
    daemon_write(daemon, "blocked", "127.0.2.2\n");
    read_again(daemon);
    expect_answer(daemon, "127.0.2.1");
    expect_silence(daemon, "127.0.2.2");
    daemon_stop(daemon);
}

/* Begin to connect; what becomes of it within MS: 0, -errno, or -ETIMEDOUT. */
static int connects_within(const char *to, const char *from, int ms)
{
    struct sockaddr_storage address;
    socklen_t length = client_address(to, &address), size = sizeof(int);
    int fd = origin_socket(to, from), r, error = 0;
    struct pollfd wait = {.fd = fd, .events = POLLOUT};

    fcntl(fd, F_SETFL, O_NONBLOCK);
    r = connect(fd, (struct sockaddr *)&address, length);
    if (r != 0 && errno == EINPROGRESS)
        r = poll(&wait, 1, ms) == 1 ? 0 : -ETIMEDOUT;
    if (r == 0)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    close(fd);
    return r ? r : -error;
}

static void needs_filters(struct daemon *daemon)
{
    if (count_events(&daemon->events, "access", "error", "*", NULL) == 0)
        return;
    daemon_stop(daemon);
    e2e_skip("filters of TCP sockets need CAP_NET_ADMIN here");
}

static void tcp__listener_mode__the_denied_meet_silence(void)
{
    struct daemon *daemon = daemon_serve(
        "a: { " LISTEN "mode = 'listener'; exec = ['@SPECIMEN@', 'accept-idle', '100'];\n"
        "  access: { deny = ['127.0.2.0/24']; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    int fd;

    needs_filters(daemon);
    assert_int_equal(connects_within(to, "127.0.2.1", SILENT), -ETIMEDOUT);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 0);
    fd = origin_dial(to, "127.0.3.1");
    client_say(fd, "hello\n");
    assert_string_equal(client_hear_line(fd), "hello");
    /* The same socket, which an instance has now. */
    assert_int_equal(connects_within(to, "127.0.2.1", SILENT), -ETIMEDOUT);
    close(fd);
    expect_event(&daemon->events, "end", "outcome", "ok", NULL);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 1);
    daemon_stop(daemon);
}

/* Without the capability that the kernel wants for such a filter: then nobody is let in, rather than
 * everybody. */
static void drop_net_admin(void *data)
{
    (void)data;
    prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN); /* holds from exec on */
}

static void tcp__filter_not_to_be_had__closed_to_all(void)
{
    const struct setup open = {.services = "a: { " LISTEN "mode = 'listener';\n"
                                           "  exec = ['@SPECIMEN@', 'accept-idle', '100']; };"};
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = "a: { " LISTEN "mode = 'listener';\n"
                                    "  exec = ['@SPECIMEN@', 'accept-idle', '100'];\n"
                                    "  access: { deny = ['127.0.2.0/24']; }; };",
                        .before_exec = drop_net_admin});
    int fd;

    if (count_events(&daemon->events, "access", NULL) == 0) {
        daemon_stop(daemon);
        e2e_skip("this kernel lets anybody filter a TCP socket");
    }
    fd = origin_dial(daemon_address(daemon, "a", 0), "127.0.2.1");
    client_say(fd, "hello\n");
    client_hear_nothing(fd, SILENT);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 0);
    daemon_reload(daemon, &open);
    assert_string_equal(client_hear_line(fd), "hello"); /* there is no rule against him now */
    close(fd);
    daemon_stop(daemon);
}

static void tcp__mode_changes_from_listener__the_filter_goes(void)
{
    const struct setup before = {
        .services = "a: { " LISTEN
                    "mode = 'listener'; exec = ['@SPECIMEN@', 'accept-idle', '100'];\n"
                    "  access: { deny = ['127.0.2.0/24']; }; };"};
    const struct setup after = {.services = "a: { " LISTEN WAIT
                                            "access: { deny = ['127.0.2.0/24']; }; };"};
    struct daemon *daemon = daemon_start(&before);

    needs_filters(daemon);
    assert_int_equal(connects_within(daemon_address(daemon, "a", 0), "127.0.2.1", SILENT),
                     -ETIMEDOUT);
    daemon_reload(daemon, &after);
    expect_refused(daemon, "a", "127.0.2.1"); /* accepted and closed now, which the log can tell */
    expect_event(&daemon->events, "refuse", "reason", "denied", NULL);
    expect_admitted(daemon, "a", "127.0.3.1");
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(file__of_prefixes__refused_and_the_log_names_its_line),
    E2E(file__renamed_over__in_force_without_reload),
    E2E(file__appended_to__in_force_without_reload),
    E2E(file__wrong_line__said_and_left_out),
    E2E(file__long_comment__is_no_rule),
    E2E(file__missing__an_error_at_a_reload_and_nothing_changes),
    E2E(file__goes_and_comes_back__said_and_in_force_again),
    E2E(udp__denied__dropped_without_a_launch),
    E2E(udp__closed_hours__dropped_counted_and_never_launched),
    E2E(udp__file_of_rules_changes__in_force_without_reload),
    E2E(tcp__listener_mode__the_denied_meet_silence),
    E2E(tcp__filter_not_to_be_had__closed_to_all),
    E2E(tcp__mode_changes_from_listener__the_filter_goes),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
