/*
 * A handler's standard error: line by line in the log, tagged, bounded, and never in the connection.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

#define LOUD(arguments) "loud: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', " arguments "]; };\n"
#define QUIET           "quiet: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"

static void lines__tagged__with_service_and_instance(void)
{
    struct daemon *daemon = daemon_serve(LOUD("'stderr', 'first', 'second', ''"));
    json_t *event;

    assert_string_equal(daemon_ask(daemon, "loud"), "");
    assert_string_equal(daemon_ask(daemon, "loud"), "");
    expect_event(&daemon->events, "stderr", "service", "loud", "instance", "1", "text", "first",
                 NULL);
    event = expect_event(&daemon->events, "stderr", "instance", "1", "text", "second", NULL);
    assert_null(json_object_get(event, "cut"));
    expect_event(&daemon->events, "stderr", "instance", "2", "text", "first", NULL);
    expect_event(&daemon->events, "end", "instance", "2", NULL);
    assert_int_equal(count_events(&daemon->events, "stderr", NULL), 4);
    daemon_stop(daemon);
}

static void lines__without_an_end__logged_when_the_handler_ends(void)
{
    struct daemon *daemon = daemon_serve(LOUD("'stderr', 'half a line'"));

    daemon_ask(daemon, "loud");
    expect_event(&daemon->events, "stderr", "text", "half a line", NULL);
    daemon_stop(daemon);
}

static void lines__carriage_return__not_logged(void)
{
    struct daemon *daemon = daemon_serve(LOUD("'stderr', 'dos\\\\r\\\\n'"));

    daemon_ask(daemon, "loud");
    expect_event(&daemon->events, "stderr", "text", "dos", NULL);
    daemon_stop(daemon);
}

static void lines__long__cut_with_a_mark(void)
{
    struct daemon *daemon = daemon_serve(LOUD("'stderr-long', '5000'"));
    json_t *event;

    daemon_ask(daemon, "loud");
    event = expect_event(&daemon->events, "stderr", "cut", "true", NULL);
    assert_true(strlen(event_text(event, "text")) <= 2048);
    assert_true(strlen(event_text(event, "text")) >= 1000);
    expect_event(&daemon->events, "stderr", "text", "after", NULL);
    expect_event(&daemon->events, "end", "service", "loud", NULL);
    assert_int_equal(count_events(&daemon->events, "stderr", NULL), 2);
    daemon_stop(daemon);
}

/* The log's reader (jansson here) would not take a line with raw bytes in it. */
static void lines__binary__escaped(void)
{
    struct daemon *daemon = daemon_serve(
        LOUD("'stderr', 'a\\\\xff\\\\xfe\\\\x1b[31m\\\\x01 \\\\\\\\ quote'"));
    json_t *event;

    daemon_ask(daemon, "loud");
    event = expect_event(&daemon->events, "stderr", "service", "loud", NULL);
    assert_string_equal(event_text(event, "text"), "a\xc3\xbf\xc3\xbe\x1b[31m\x01 \\ quote");
    daemon_stop(daemon);
}

static bool says_stderr(void *data)
{
    return strstr(daemon_read(data, "text"), " stderr ") != NULL;
}

static bool says_reload(void *data)
{
    return strstr(daemon_read(data, "text"), " reload ") != NULL;
}

/* In text form nothing that a handler writes may look like a line of superd's, or move a terminal. */
static void lines__binary_in_a_text_log__one_line_without_controls(void)
{
    static const char service[] = LOUD("'stderr', 'x\\\\x1b[2J\\\\r\\\\xffy'");
    struct daemon *daemon = daemon_serve(service);
    char raw[1024];

    snprintf(raw, sizeof raw,
             "superd: { control = '@DIR@/control.sock'; log: { target = '@DIR@/text'; }; };\n"
             "defaults: { %s environment: { E2E_DIRECTORY = '@DIR@'; }; };\n"
             "services: { %s };\n",
             harness_is_root() ? "user = 'root';" : "", service);
    daemon_expect_file(daemon, "text");
    daemon_configure(daemon, &(struct setup){.raw = raw});
    daemon_signal(daemon, SIGHUP);
    assert_true(e2e_until(says_reload, daemon));
    daemon_ask(daemon, "loud");
    assert_true(e2e_until(says_stderr, daemon));
    assert_non_null(strstr(daemon_read(daemon, "text"), "text=\"x\\x1b[2J\\r\\xffy\"\n"));
    daemon_stop(daemon);
}

static void flood__bounded_and_counted__others_are_served(void)
{
    enum { LINES = 20000 };
    struct daemon *daemon = daemon_serve(LOUD("'stderr-flood', '20000'") QUIET);
    int fd = daemon_dial(daemon, "loud");
    size_t lines, dropped = 0;
    uint64_t begun = e2e_now_ms(), slowest = 0, seconds;

    for (int i = 0; i < 50; i++) {
        uint64_t before = e2e_now_ms();

        daemon_talk(daemon, "quiet", "still here", "still here");
        if (e2e_now_ms() - before > slowest)
            slowest = e2e_now_ms() - before;
    }
    assert_in_range(slowest, 0, (uint64_t)e2e_deadline_ms() / 4);
    assert_string_equal(client_hear_line(fd), "done");
    close(fd);
    expect_event(&daemon->events, "end", "service", "loud", NULL);
    seconds = (e2e_now_ms() - begun) / 1000 + 2;
    lines = count_events(&daemon->events, "stderr", "text", "*", NULL);
    for (size_t i = 0; i < daemon->events.count; i++) {
        const json_t *number = json_object_get(daemon->events.list[i].json, "dropped");

        dropped += number ? (size_t)json_integer_value(number) : 0;
    }
    assert_int_equal(lines + dropped, LINES);
    assert_true(lines <= 100 * seconds);
    assert_true(lines >= 100);
    daemon_stop(daemon);
}

static void closed__the_handler_goes_on(void)
{
    struct daemon *daemon = daemon_serve(LOUD("'stderr-close'"));
    int fd = daemon_dial(daemon, "loud");

    client_say(fd, "one\n");
    assert_string_equal(client_hear_line(fd), "one");
    client_say(fd, "two\n");
    assert_string_equal(client_hear_line(fd), "two");
    close(fd);
    daemon_stop(daemon);
}

/* What a handler left running may still say something, and its words keep their tag. */
static void held_by_an_orphan__read_after_the_end(void)
{
    struct daemon *daemon = daemon_serve(
        "loud: { listen = '127.0.0.1:0'; exec = ['/bin/sh', '-c',\n"
        "  '(while ! test -e @DIR@/go; do sleep 0.05; done; echo late >&2)"
        " </dev/null >/dev/null & exit 0']; };");

    daemon_ask(daemon, "loud");
    expect_event(&daemon->events, "end", "service", "loud", "outcome", "ok", NULL);
    daemon_write(daemon, "go", "");
    expect_event(&daemon->events, "stderr", "service", "loud", "instance", "1", "text", "late",
                 NULL);
    daemon_stop(daemon);
}

static void many_instances__each_line_is_whole(void)
{
    struct daemon *daemon = daemon_start(
        &(struct setup){.defaults = "limits: { per_source = 256; };",
                        .services = LOUD("'stderr', 'one line of it'")});
    int fds[100];

    for (size_t i = 0; i < COUNT(fds); i++)
        fds[i] = daemon_dial(daemon, "loud");
    for (size_t i = 0; i < COUNT(fds); i++) {
        client_expect_closed(fds[i]);
        close(fds[i]);
    }
    for (size_t i = 0; i < COUNT(fds); i++)
        expect_event(&daemon->events, "stderr", "text", "one line of it", NULL);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(lines__tagged__with_service_and_instance),
    E2E(lines__without_an_end__logged_when_the_handler_ends),
    E2E(lines__carriage_return__not_logged),
    E2E(lines__long__cut_with_a_mark),
    E2E(lines__binary__escaped),
    E2E(lines__binary_in_a_text_log__one_line_without_controls),
    E2E(flood__bounded_and_counted__others_are_served),
    E2E(closed__the_handler_goes_on),
    E2E(held_by_an_orphan__read_after_the_end),
    E2E(many_instances__each_line_is_whole),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
