/*
 * Access, as clients meet it: rules, files of rules, hours, traps, what is said to those who are
 * refused; and the same for handlers that accept, or receive, by themselves.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "limit_words.h"
#include "origin.h"
#include "process.h"

#define OTHER 65533

/* ---- Rules ---------------------------------------------------------------------------------- */

static void deny__prefix__refused_and_the_log_names_the_rule(void)
{
    struct daemon *daemon = daemon_serve("a: { " LISTEN WAIT "\n"
                                         "  access: {\n"
                                         "    deny = ['127.0.2.0/24', '127.0.3.1'];\n"
                                         "  }; };");
    const json_t *event;

    expect_refused(daemon, "a", "127.0.2.200");
    event = expect_event(&daemon->events, "refuse", "reason", "denied", NULL);
    assert_string_equal(event_text(event, "rule"), "127.0.2.0/24");
    assert_non_null(strstr(event_text(event, "where"), "superd.conf:"));
    assert_memory_equal(event_text(event, "peer"), "127.0.2.200:", 12);
    expect_refused(daemon, "a", "127.0.3.1");
    expect_admitted(daemon, "a", "127.0.3.2");
    expect_admitted(daemon, "a", "127.0.1.1");
    assert_int_equal(count_events(&daemon->events, "refuse", NULL), 2);
    daemon_stop(daemon);
}

static void rules__nested__the_longest_wins_and_deny_at_equal_length(void)
{
    struct daemon *daemon = daemon_serve(
        "a: { " LISTEN WAIT "access: { allow = ['127.0.0.0/16', '127.0.2.1', '127.0.2.9'];\n"
        "          deny = ['127.0.2.0/24', '127.0.2.9']; }; };");

    expect_admitted(daemon, "a", "127.0.1.1");
    expect_refused(daemon, "a", "127.0.2.2");
    expect_admitted(daemon, "a", "127.0.2.1");
    expect_refused(daemon, "a", "127.0.2.9");
    expect_refused(daemon, "a", "127.1.0.1"); /* no rule, and there is one that allows */
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
    expect_refused(daemon, "a", "127.0.0.2");
    client_say(fd, "live ones are left alone\n");
    client_hear_nothing(fd, 50);
    daemon_reload(daemon, &open);
    expect_admitted(daemon, "a", "127.0.0.2");
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
             getuid(), getgid(), OTHER);
    daemon = daemon_serve(services);
    to = daemon_address(daemon, "a", 0);
    fd = client_dial(to, SOCK_STREAM);
    client_expect_closed(fd);
    close(fd);
    snprintf(uid, sizeof uid, "%u", getuid());
    expect_event(&daemon->events, "refuse", "reason", "denied", "uid", uid, "where", "*", NULL);
    if (harness_is_root()) {
        fd = origin_dial_as(to, OTHER);
        origin_expect_greeting(fd);
        close(fd);
    }
    to = daemon_address(daemon, "b", 0);
    fd = client_dial(to, SOCK_STREAM);
    origin_expect_greeting(fd);
    close(fd);
    if (harness_is_root()) {
        fd = origin_dial_as(to, OTHER); /* in the group still, but the user's rule decides */
        client_expect_closed(fd);
        close(fd);
    }
    daemon_stop(daemon);
}

/* ---- Hours ---------------------------------------------------------------------------------- */

static void hours__closed_and_open__refused_and_admitted(void)
{
    char services[768];
    struct daemon *daemon;
    const json_t *event;

    snprintf(
        services, sizeof services,
        "shut: { " LISTEN WAIT "access: { hours = ['%s 00:00-24:00']; time_zone = 'UTC'; }; };\n"
        "open: { " LISTEN WAIT "access: { hours = ['%s', '%s', '%s']; time_zone = 'UTC'; }; };",
        harness_day_in(3), harness_day_in(-1), harness_day_in(0), harness_day_in(1));
    daemon = daemon_serve(services);
    expect_refused(daemon, "shut", "127.0.0.2");
    event = expect_event(&daemon->events, "refuse", "reason", "closed-hours", NULL);
    assert_memory_equal(event_text(event, "rule"), harness_day_in(3), 3);
    assert_non_null(strstr(event_text(event, "where"), "superd.conf:"));
    expect_admitted(daemon, "open", "127.0.0.2");
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

    expect_refused(daemon, "sensor", "127.0.0.2");
    touched = e2e_now_ms();
    expect_event(&daemon->events, "refuse", "service", "sensor", "reason", "trapped", NULL);
    expect_admitted(daemon, "a", "127.0.0.3");
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

    expect_refused(daemon, "sensor", "127.0.0.2");
    expect_refused(daemon, "a", "127.0.0.2");
    expect_refused(daemon, "b", "127.0.0.2");
    fd = origin_datagrams(daemon_address(daemon, "u", 0), "127.0.0.2");
    client_say(fd, "hello?");
    expect_event(&daemon->events, "refuse", "service", "u", "reason", "trapped", NULL);
    client_hear_nothing(fd, 50);
    expect_admitted(daemon, "b", "127.0.0.3");
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
    expect_admitted(daemon, "a", "127.0.0.3");
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
    expect_refused(daemon, "a", "127.0.0.3"); /* a banner is not for them */
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
    E2E(hours__closed_and_open__refused_and_admitted),
    E2E(trap__touched__refused_everywhere_until_it_is_over),
    E2E(trap__a_service_of_traps_alone__touching_one_closes_the_other_services),
    E2E(refuse_message__text_and_file__sent_once_and_closed),
    E2E(refuse_message__clients_that_do_not_read__others_are_served_meanwhile),
    E2E(banner__sent_before_anything_of_the_handler),
    E2E(check__open_to_the_world__a_warning_that_can_be_switched_off),
    E2E(check__host_name_in_a_rule__an_error_that_says_why),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
