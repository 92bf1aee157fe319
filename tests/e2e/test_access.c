/*
 * Access, as clients meet it: rules, files of rules, hours, traps, what is said to those who are
 * refused; and the same for handlers that accept, or receive, by themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "origin.h"
#include "harness.h"
#include "process.h"

#define WAIT   "exec = ['@SPECIMEN@', 'wait']; "
#define LISTEN "listen = '127.0.0.1:0'; "
#define NOBODY 65534
#define SILENT 250 /* ms without an answer are silence */

static void refused(struct daemon *daemon, const char *service, const char *from)
{
    origin_expect_refused(daemon_address(daemon, service, 0), from);
}

static void admitted(struct daemon *daemon, const char *service, const char *from)
{
    close(origin_enter(daemon_address(daemon, service, 0), from));
}

/* ---- Rules ---------------------------------------------------------------------------------- */

static void deny__prefix__refused_and_the_log_names_the_rule(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "\n"
                                         "  access: {\n"
                                         "    deny = ['127.0.2.0/24', '127.0.3.1'];\n"
                                         "  }; };");
    const json_t *event;

    refused(daemon, "a", "127.0.2.200");
    event = expect_event(&daemon->events, "refuse", "reason", "denied", NULL);
    assert_string_equal(event_text(event, "rule"), "127.0.2.0/24");
    assert_non_null(strstr(event_text(event, "where"), "superd.conf:"));
    assert_memory_equal(event_text(event, "peer"), "127.0.2.200:", 12);
    refused(daemon, "a", "127.0.3.1");
    admitted(daemon, "a", "127.0.3.2");
    admitted(daemon, "a", "127.0.1.1");
    assert_int_equal(count_events(&daemon->events, "refuse", NULL), 2);
    daemon_stop(daemon);
}

static void rules__nested__the_longest_wins_and_deny_at_equal_length(void)
{
    struct daemon *daemon = daemon_serve(
        "a: { " LISTEN WAIT "access: { allow = ['127.0.0.0/16', '127.0.2.1', '127.0.2.9'];\n"
        "          deny = ['127.0.2.0/24', '127.0.2.9']; }; };");

    admitted(daemon, "a", "127.0.1.1");
    refused(daemon, "a", "127.0.2.2");
    admitted(daemon, "a", "127.0.2.1");
    refused(daemon, "a", "127.0.2.9");
    refused(daemon, "a", "127.1.0.1"); /* no rule, and there is one that allows */
    daemon_stop(daemon);
}

static void rules__reloaded__hold_for_the_next_connection(void)
{
    const struct setup open = {.services = "a: { " LISTEN WAIT "};"};
    const struct setup closed = {.services = "a: { " LISTEN WAIT
                                             "access: { deny = ['127.0.0.0/8']; "
                                             "}; };"};
    struct daemon *daemon = daemon_start(&open);
    int fd = origin_enter(daemon_address(daemon, "a", 0), "127.0.0.2");

    daemon_reload(daemon, &closed);
    refused(daemon, "a", "127.0.0.2");
    client_say(fd, "live ones are left alone\n");
    client_hear_nothing(fd, 50);
    daemon_reload(daemon, &open);
    admitted(daemon, "a", "127.0.0.2");
    close(fd);
    daemon_stop(daemon);
}

static void unix__uid_and_gid_rules__hold_for_the_peer(void)
{
    char services[512], uid[16];
    struct daemon *daemon;
    const char *to;
    int fd;

    snprintf(services, sizeof services,
             "a: { listen = ({ address = 'unix:@DIR@/sock'; mode = '0666'; }); " WAIT
             "access: { deny = ['uid:%u']; }; };\n"
             "b: { listen = ({ address = 'unix:@DIR@/other'; mode = '0666'; }); " WAIT
             "access: { allow = ['gid:%u']; deny = ['uid:%u']; }; };",
             getuid(), getgid(), NOBODY);
    daemon = daemon_serve(services);
    to = daemon_address(daemon, "a", 0);
    fd = client_dial(to, SOCK_STREAM);
    client_expect_closed(fd);
    close(fd);
    snprintf(uid, sizeof uid, "%u", getuid());
    expect_event(&daemon->events, "refuse", "reason", "denied", "uid", uid, "where", "*", NULL);
    if (harness_is_root()) {
        fd = origin_dial_as(to, NOBODY);
        origin_expect_greeting(fd);
        close(fd);
    }
    to = daemon_address(daemon, "b", 0);
    fd = client_dial(to, SOCK_STREAM);
    origin_expect_greeting(fd);
    close(fd);
    if (harness_is_root()) {
        fd = origin_dial_as(to, NOBODY); /* in the group still, but the user's rule decides */
        client_expect_closed(fd);
        close(fd);
    }
    daemon_stop(daemon);
}

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

    refused(daemon, "a", "127.0.2.7");
    event = expect_event(&daemon->events, "refuse", "reason", "denied", NULL);
    snprintf(where, sizeof where, "%s:3", daemon_path(daemon, "blocked"));
    assert_string_equal(event_text(event, "where"), where);
    refused(daemon, "a", "127.0.3.1");
    admitted(daemon, "a", "127.0.4.1");
    daemon_stop(daemon);
}

static void file__renamed_over__in_force_without_reload(void)
{
    struct daemon *daemon = with_file(FILES, "127.0.2.1\n");

    refused(daemon, "a", "127.0.2.1");
    daemon_write(daemon, "new", "127.0.2.2\n");
    assert_int_equal(rename(daemon_path(daemon, "new"), daemon_path(daemon, "blocked")), 0);
    read_again(daemon);
    admitted(daemon, "a", "127.0.2.1");
    refused(daemon, "a", "127.0.2.2");
    daemon_write(daemon, "new", "127.0.2.1\n"); /* and once more: the watch is still there */
    assert_int_equal(rename(daemon_path(daemon, "new"), daemon_path(daemon, "blocked")), 0);
    read_again(daemon);
    refused(daemon, "a", "127.0.2.1");
    admitted(daemon, "a", "127.0.2.2");
    daemon_stop(daemon);
}

static void file__appended_to__in_force_without_reload(void)
{
    struct daemon *daemon = with_file(FILES, "127.0.2.1\n");

    admitted(daemon, "a", "127.0.2.2");
    append(daemon, "127.0.2.2\n");
    read_again(daemon);
    refused(daemon, "a", "127.0.2.2");
    refused(daemon, "a", "127.0.2.1");
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
    refused(daemon, "a", "127.0.2.1");
    refused(daemon, "a", "127.0.2.2");
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
    admitted(daemon, "a", "127.0.2.1");
    refused(daemon, "a", "127.0.2.2");
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
    admitted(daemon, "a", "127.0.0.2");
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
    admitted(daemon, "a", "127.0.2.1");
    daemon_write(daemon, "blocked", "127.0.2.1\n");
    read_again(daemon);
    refused(daemon, "a", "127.0.2.1");
    daemon_stop(daemon);
}

/* ---- Hours ---------------------------------------------------------------------------------- */

/* The day of the week that begins in DAYS days, in UTC. */
static const char *day_in(int days)
{
    static const char names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    time_t then = time(NULL) + (time_t)days * 24 * 3600;
    struct tm parts;

    gmtime_r(&then, &parts);
    return names[parts.tm_wday];
}

static void hours__closed_and_open__refused_and_admitted(void)
{
    char services[768];
    struct daemon *daemon;
    const json_t *event;

    snprintf(
        services, sizeof services,
        "shut: { " LISTEN WAIT "access: { hours = ['%s 00:00-24:00']; time_zone = 'UTC'; }; };\n"
        "open: { " LISTEN WAIT "access: { hours = ['%s', '%s', '%s']; time_zone = 'UTC'; }; };",
        day_in(3), day_in(-1), day_in(0), day_in(1));
    daemon = daemon_serve(services);
    refused(daemon, "shut", "127.0.0.2");
    event = expect_event(&daemon->events, "refuse", "reason", "closed-hours", NULL);
    assert_memory_equal(event_text(event, "rule"), day_in(3), 3);
    assert_non_null(strstr(event_text(event, "where"), "superd.conf:"));
    admitted(daemon, "open", "127.0.0.2");
    daemon_stop(daemon);
}

/* ---- Traps ---------------------------------------------------------------------------------- */

static void trap__touched__refused_everywhere_until_it_is_over(void)
{
    struct daemon *daemon = daemon_serve(
        "sensor: { listen = ({ address = '127.0.0.1:0'; trap = '1s'; }); };\n"
        "a: { " LISTEN WAIT "}; b: { " LISTEN WAIT "};");
    const char *a = daemon_address(daemon, "a", 0);
    int live = origin_enter(a, "127.0.0.2"), fd;
    uint64_t touched;

    refused(daemon, "sensor", "127.0.0.2");
    touched = e2e_now_ms();
    expect_event(&daemon->events, "refuse", "service", "sensor", "reason", "trapped", NULL);
    admitted(daemon, "a", "127.0.0.3");
    if ((fd = origin_ask(a, "127.0.0.2")) >= 0) {
        close(fd); /* only when the machine is that slow */
        assert_true(e2e_now_ms() - touched >= 1000);
    } else {
        expect_event(&daemon->events, "refuse", "service", "a", "reason", "trapped", NULL);
    }
    client_hear_nothing(live, 50); /* who is in stays in */
    while ((fd = origin_ask(a, "127.0.0.2")) < 0)
        poll(NULL, 0, 50);
    assert_in_range(e2e_now_ms() - touched, 990, (uint64_t)e2e_deadline_ms());
    close(fd);
    close(live);
    daemon_stop(daemon);
}

static void trap__a_service_of_traps_alone__touching_one_closes_the_other_services(void)
{
    struct daemon *daemon = daemon_serve(
        "sensor: { listen = ({ address = '127.0.0.1:0'; trap = '1h'; }); };\n"
        "a: { " LISTEN WAIT "}; b: { " LISTEN WAIT "};\n"
        "u: { listen = 'udp:127.0.0.1:0'; exec = ['@SPECIMEN@', 'datagram', '1']; };");
    int fd;

    refused(daemon, "sensor", "127.0.0.2");
    refused(daemon, "a", "127.0.0.2");
    refused(daemon, "b", "127.0.0.2");
    fd = origin_datagrams(daemon_address(daemon, "u", 0), "127.0.0.2");
    client_say(fd, "hello?");
    expect_event(&daemon->events, "refuse", "service", "u", "reason", "trapped", NULL);
    client_hear_nothing(fd, 50);
    admitted(daemon, "b", "127.0.0.3");
    expect_event(&daemon->events, "admit", "service", "b", NULL); /* the handler may be quicker */
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 1);
    close(fd);
    daemon_stop(daemon);
}

/* ---- What is said --------------------------------------------------------------------------- */

static char *what_it_says(struct daemon *daemon, const char *service, const char *from,
                          const char *first)
{
    int fd = origin_dial(daemon_address(daemon, service, 0), from);
    char *text;

    if (first)
        send(fd, first, strlen(first), MSG_NOSIGNAL);
    text = client_hear_all(fd, NULL);
    close(fd);
    return text;
}

static void refuse_message__text_and_file__sent_once_and_closed(void)
{
    static char big[4001];
    struct daemon *daemon = daemon_start(
        &(struct setup){.services = "y: { " LISTEN WAIT "}; z: { " LISTEN WAIT "};"});
    const struct setup setup = {
        .services = "a: { " LISTEN WAIT "refuse_message = '421 go away\\r\\n';\n"
                    "  access: { deny = ['127.0.0.2']; }; };\n"
                    "b: { " LISTEN WAIT "refuse_message = 'file:@DIR@/message';\n"
                    "  access: { deny = ['127.0.0.2']; }; };"};

    memset(big, 'm', sizeof big - 1);
    daemon_expect_file(daemon, "message");
    daemon_write(daemon, "message", big);
    daemon_reload(daemon, &setup);
    assert_string_equal(what_it_says(daemon, "a", "127.0.0.2", NULL), "421 go away\r\n");
    assert_string_equal(what_it_says(daemon, "b", "127.0.0.2", NULL), big);
    daemon_stop(daemon);
}

/* A client that never reads must not make anybody wait. */
static void refuse_message__clients_that_do_not_read__others_are_served_meanwhile(void)
{
    struct daemon *daemon = daemon_start(&(struct setup){.services = "z: { " LISTEN WAIT "};"});
    const struct setup setup = {
        .services = "a: { listen = ({ address = '127.0.0.1:0'; send_buffer = '4K'; }); " WAIT
                    "refuse_message = 'file:@DIR@/message'; access: { deny = ['127.0.0.2']; }; };"};
    static char big[4097];
    int fds[64];

    memset(big, 'm', sizeof big - 1);
    daemon_expect_file(daemon, "message");
    daemon_write(daemon, "message", big);
    daemon_reload(daemon, &setup);
    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = origin_dial(daemon_address(daemon, "a", 0), "127.0.0.2");
    admitted(daemon, "a", "127.0.0.3");
    daemon_expect_quiet(daemon); /* all of them are closed, unread as they are */
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    daemon_stop(daemon);
}

static void banner__sent_before_anything_of_the_handler(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT
                                         "banner = 'Authorized use only.\\r\\n';\n"
                                         "  access: { deny = ['127.0.0.3']; }; };");
    int fd = origin_dial(daemon_address(daemon, "a", 0), "127.0.0.2");

    assert_string_equal(client_hear_line(fd), "Authorized use only.\r");
    origin_expect_greeting(fd);
    close(fd);
    refused(daemon, "a", "127.0.0.3"); /* a banner is not for them */
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

    snprintf(access, sizeof access, "hours = ['%s']; time_zone = 'UTC';", day_in(3));
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

static void tcp__listener_mode__the_denied_meet_silence(void)
{
    struct daemon *daemon = daemon_serve(
        "a: { " LISTEN "mode = 'listener'; exec = ['@SPECIMEN@', 'accept-idle', '100'];\n"
        "  access: { deny = ['127.0.2.0/24']; }; };");
    const char *to = daemon_address(daemon, "a", 0);
    int fd;

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

static void tcp__mode_changes_from_listener__the_filter_goes(void)
{
    const struct setup before = {
        .services = "a: { " LISTEN
                    "mode = 'listener'; exec = ['@SPECIMEN@', 'accept-idle', '100'];\n"
                    "  access: { deny = ['127.0.2.0/24']; }; };"};
    const struct setup after = {.services = "a: { " LISTEN WAIT
                                            "access: { deny = ['127.0.2.0/24']; }; };"};
    struct daemon *daemon = daemon_start(&before);

    assert_int_equal(connects_within(daemon_address(daemon, "a", 0), "127.0.2.1", SILENT),
                     -ETIMEDOUT);
    daemon_reload(daemon, &after);
    refused(daemon, "a", "127.0.2.1"); /* accepted and closed now, which the log can tell */
    expect_event(&daemon->events, "refuse", "reason", "denied", NULL);
    admitted(daemon, "a", "127.0.3.1");
    daemon_stop(daemon);
}

/* ---- What is checked ------------------------------------------------------------------------ */

static char *check(const char *services, int status)
{
    struct daemon *daemon = daemon_prepare(&(struct setup){.services = services});
    const char *const arguments[] = {harness_superd(), "--config", daemon->config, "--check", NULL};
    char *text;

    assert_int_equal(process_run(arguments, &text), status);
    daemon->ended = true;
    daemon_expect_gone(daemon);
    return text;
}

static void check__open_to_the_world__a_warning_that_can_be_switched_off(void)
{
    char *text = check("a: { listen = '*:0'; " WAIT "};", 0);

    assert_non_null(strstr(text, "warning:"));
    assert_non_null(strstr(text, "access"));
    assert_null(strstr(check("a: { listen = '*:0'; " WAIT "access: { warn_open = false; }; };", 0),
                       "warning:"));
    assert_null(strstr(
        check("a: { listen = '*:0'; " WAIT "access: { deny = '10.0.0.0/8'; }; };", 0), "warning:"));
    assert_null(strstr(check("a: { " LISTEN WAIT "};", 0), "warning:"));
}

static void check__host_name_in_a_rule__an_error_that_says_why(void)
{
    char *text = check("a: { " LISTEN WAIT "access: { deny = ['evil.example']; }; };", 1);

    assert_non_null(strstr(text, "evil.example"));
    assert_non_null(strstr(text, "host names are not supported"));
}

static const struct e2e_case cases[] = {
    E2E(deny__prefix__refused_and_the_log_names_the_rule),
    E2E(rules__nested__the_longest_wins_and_deny_at_equal_length),
    E2E(rules__reloaded__hold_for_the_next_connection),
    E2E(unix__uid_and_gid_rules__hold_for_the_peer),
    E2E(file__of_prefixes__refused_and_the_log_names_its_line),
    E2E(file__renamed_over__in_force_without_reload),
    E2E(file__appended_to__in_force_without_reload),
    E2E(file__wrong_line__said_and_left_out),
    E2E(file__long_comment__is_no_rule),
    E2E(file__missing__an_error_at_a_reload_and_nothing_changes),
    E2E(file__goes_and_comes_back__said_and_in_force_again),
    E2E(hours__closed_and_open__refused_and_admitted),
    E2E(trap__touched__refused_everywhere_until_it_is_over),
    E2E(trap__a_service_of_traps_alone__touching_one_closes_the_other_services),
    E2E(refuse_message__text_and_file__sent_once_and_closed),
    E2E(refuse_message__clients_that_do_not_read__others_are_served_meanwhile),
    E2E(banner__sent_before_anything_of_the_handler),
    E2E(udp__denied__dropped_without_a_launch),
    E2E(udp__closed_hours__dropped_counted_and_never_launched),
    E2E(udp__file_of_rules_changes__in_force_without_reload),
    E2E(tcp__listener_mode__the_denied_meet_silence),
    E2E(tcp__mode_changes_from_listener__the_filter_goes),
    E2E(check__open_to_the_world__a_warning_that_can_be_switched_off),
    E2E(check__host_name_in_a_rule__an_error_that_says_why),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
