/*
 * What the control socket lets an operator do: kill, pause, drain, reload, stop.
 */
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control_cases.h"
#include "origin.h"

/* ---- Kill ----------------------------------------------------------------------------------- */

static void kill__by_instance_source_service__ends_those(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { listen = ('127.0.0.1:0', '[::1]:0'); " CAT
                                             "};");
    const json_t *admit;
    int b = served(daemon, "two", NULL),
        c = client_dial(daemon_address(daemon, "two", 1), SOCK_STREAM),
        a = served(daemon, "one", &admit);
    char request[64];
    json_t *result;

    expect_event(&daemon->events, "admit", "service", "two", NULL);
    snprintf(request, sizeof request, "{'command':'kill','instance':%lld}",
             event_number(admit, "instance"));
    control_result(daemon, request);
    client_expect_closed(a);
    expect_event(&daemon->events, "end", "service", "one", "outcome", "terminated", NULL);
    result = control_result(daemon, "{'command':'kill','source':'::1/128'}");
    assert_int_equal(control_number(result, "instances"), 1);
    client_expect_closed(c);
    expect_event(&daemon->events, "end", "service", "two", NULL);
    result = control_result(daemon, "{'command':'kill','service':'two'}");
    assert_int_equal(control_number(result, "instances"), 1);
    client_expect_closed(b);
    expect_event(&daemon->events, "operator", "command", "kill", "service", "two", NULL);
    assert_string_equal(control_error(daemon, "{'command':'kill','instance':999}"),
                        "there is no instance 999");
    close(a);
    close(b);
    close(c);
    daemon_stop(daemon);
}

static void kill__now__does_not_ask_the_handler(void)
{
    struct daemon *daemon = daemon_serve(
        "one: { " LOCAL "exec = ['@SPECIMEN@', 'stubborn']; time: { grace = '1h'; }; };");
    int fd = daemon_dial(daemon, "one");

    assert_string_equal(client_hear_line(fd), "sleeping");
    control_result(daemon, "{'command':'kill','service':'one'}");
    client_hear_nothing(fd, 100);
    control_result(daemon, "{'command':'kill','service':'one','now':true}");
    client_expect_closed(fd);
    expect_event(&daemon->events, "end", "outcome", "terminated", "signal", "KILL", NULL);
    close(fd);
    daemon_stop(daemon);
}

/* ---- Pause, resume, drain ------------------------------------------------------------------- */

static void pause__service__clients_wait_until_resumed_also_across_reload(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "};");
    int before = served(daemon, "one", NULL), waiting;

    control_result(daemon, "{'command':'pause','service':'one'}");
    waiting = held(daemon, "one");
    client_say(before, "still\n");
    assert_string_equal(client_hear_line(before), "still");
    daemon_talk(daemon, "two", "x", "x");
    daemon_reload(daemon, NULL);
    client_hear_nothing(waiting, 100);
    assert_string_equal(
        control_text(control_result(daemon, "{'command':'show','service':'one'}"), "state"),
        "paused");
    control_result(daemon, "{'command':'resume','service':'one'}");
    assert_string_equal(client_hear_line(waiting), "hello");
    close(before);
    close(waiting);
    daemon_stop(daemon);
}

static void pause__listener__the_other_goes_on_also_across_reload(void)
{
    struct daemon *daemon = daemon_serve("one: { listen = ('127.0.0.1:0', 'unix:@DIR@/x'); " CAT
                                         "}; ");
    const char *second = daemon_address(daemon, "one", 1);
    char request[256];
    int waiting, fd;

    snprintf(request, sizeof request, "{'command':'pause','listener':'%s'}", second);
    control_result(daemon, request);
    daemon_reload(daemon, NULL);
    waiting = client_dial(second, SOCK_STREAM);
    client_say(waiting, "hello\n");
    client_hear_nothing(waiting, 100);
    fd = served(daemon, "one", NULL);
    snprintf(request, sizeof request, "{'command':'resume','service':'one','listener':'%s'}",
             second);
    control_result(daemon, request);
    assert_string_equal(client_hear_line(waiting), "hello");
    control_error(daemon, "{'command':'pause','listener':'127.0.0.1:1'}");
    close(waiting);
    close(fd);
    daemon_stop(daemon);
}

static void pause__daemon__all_wait(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "};");
    int a, b;

    control_result(daemon, "{'command':'pause','service':'two'}");
    control_result(daemon, "{'command':'pause'}");
    a = held(daemon, "one");
    b = held(daemon, "two");
    control_result(daemon, "{'command':'resume'}");
    assert_string_equal(client_hear_line(a), "hello");
    client_hear_nothing(b, 100); /* its own pause stays */
    control_result(daemon, "{'command':'resume','service':'two'}");
    assert_string_equal(client_hear_line(b), "hello");
    close(a);
    close(b);
    daemon_stop(daemon);
}

static void drain__service__answers_when_the_last_has_gone(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fd = served(daemon, "one", NULL), control = control_dial(daemon), waiting;
    json_t *answer;

    control_say(control, "{'id':1,'command':'drain','service':'one','wait':true}");
    expect_event(&daemon->events, "drain", "service", "one", "state", "begun", NULL);
    waiting = held(daemon, "one");
    client_hear_nothing(control, 50);
    client_say(fd, "on\n");
    assert_string_equal(client_hear_line(fd), "on");
    close(fd);
    answer = control_hear(control);
    assert_int_equal(control_number(answer, "id"), 1);
    assert_int_equal(control_number(answer, "result.live"), 0);
    expect_event(&daemon->events, "drain", "service", "one", "state", "done", NULL);
    client_hear_nothing(waiting, 50);
    control_result(daemon, "{'command':'resume','service':'one'}");
    assert_string_equal(client_hear_line(waiting), "hello");
    close(waiting);
    close(control);
    daemon_stop(daemon);
}

static void drain__deadline__terminates_also_after_a_reload(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fd = served(daemon, "one", NULL);
    uint64_t begun = e2e_now_ms();
    json_t *result;

    control_result(daemon, "{'command':'drain','service':'one','deadline':'700ms'}");
    daemon_reload(daemon, NULL);
    client_expect_closed(fd);
    assert_true(e2e_now_ms() - begun >= 690);
    expect_event(&daemon->events, "end", "outcome", "terminated", NULL);
    expect_event(&daemon->events, "drain", "state", "done", NULL);
    result = control_result(daemon, "{'command':'show','service':'one'}");
    assert_string_equal(control_text(result, "state"), "draining");
    close(fd);
    daemon_stop(daemon);
}

static void drain__listener__ends_those_that_came_through_it(void)
{
    struct daemon *daemon = daemon_serve("one: { listen = ('127.0.0.1:0', '127.0.0.1:0'); " CAT
                                         "}; ");
    const char *second = daemon_address(daemon, "one", 1);
    int stays = served(daemon, "one", NULL), goes = client_dial(second, SOCK_STREAM);
    char request[256];
    json_t *result;

    client_say(goes, "x\n");
    assert_string_equal(client_hear_line(goes), "x");
    snprintf(request, sizeof request,
             "{'command':'drain','listener':'%s','deadline':'0','wait':true}", second);
    result = control_result(daemon, request);
    assert_int_equal(control_number(result, "live"), 0);
    client_expect_closed(goes);
    client_say(stays, "y\n");
    assert_string_equal(client_hear_line(stays), "y");
    close(stays);
    close(goes);
    daemon_stop(daemon);
}

static void drain__daemon__nothing_new_and_it_stays_up(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "};");
    int fd = served(daemon, "one", NULL), control = control_dial(daemon), waiting;

    control_say(control, "{'command':'drain','wait':true}");
    expect_event(&daemon->events, "drain", "state", "begun", NULL);
    waiting = held(daemon, "two");
    close(fd);
    assert_int_equal(control_number(control_hear(control), "result.live"), 0);
    control_result(daemon, "{'command':'resume'}");
    assert_string_equal(client_hear_line(waiting), "hello");
    close(waiting);
    close(control);
    daemon_stop(daemon);
}

static void drain__resumed_meanwhile__the_one_who_waits_is_told(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fd = served(daemon, "one", NULL), control = control_dial(daemon);

    control_say(control, "{'command':'drain','service':'one','wait':true}");
    expect_event(&daemon->events, "drain", "state", "begun", NULL);
    control_result(daemon, "{'command':'resume','service':'one'}");
    assert_string_equal(control_text(control_hear(control), "error"), "it was resumed");
    close(fd);
    close(control);
    daemon_stop(daemon);
}

static void drain__listener_mode__its_instance_is_ended_at_once(void)
{
    struct daemon *daemon = daemon_serve(
        "one: { " LOCAL "mode = 'listener'; exec = ['@SPECIMEN@', 'accept-sleep']; };");
    int fd = daemon_dial(daemon, "one");
    json_t *result;

    expect_event(&daemon->events, "admit", NULL);
    result = control_result(daemon, "{'command':'drain','service':'one','wait':true}");
    assert_int_equal(control_number(result, "live"), 0);
    expect_event(&daemon->events, "end", "outcome", "terminated", NULL);
    close(fd);
    daemon_stop(daemon);
}

/* ---- Reload --------------------------------------------------------------------------------- */

static void reload__changes__are_named(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "}; three: { " LOCAL CAT "};");
    json_t *result;

    daemon_configure(daemon, &(struct setup){.superd = "grace = '3s';",
                                             .services = ONE "two: { " LOCAL CAT
                                                             "limits: { instances = 5; }; nice = 1;"
                                                             "}; four: { " LOCAL CAT "};"});
    result = control_result(daemon, "{'command':'check'}");
    control_expect_true(result, "valid");
    assert_string_equal(control_text(result, "changes.added.0"), "four");
    result = control_result(daemon, "{'command':'reload'}");
    control_expect_true(result, "reloaded");
    assert_int_equal(control_number(result, "generation"), 2);
    assert_int_equal(json_array_size(control_get(result, "changes.added")), 1);
    assert_string_equal(control_text(result, "changes.added.0"), "four");
    assert_int_equal(json_array_size(control_get(result, "changes.removed")), 1);
    assert_string_equal(control_text(result, "changes.removed.0"), "three");
    assert_int_equal(json_array_size(control_get(result, "changes.changed")), 2);
    assert_string_equal(control_text(result, "changes.changed.0.settings.0"), "grace");
    assert_string_equal(control_text(result, "changes.changed.1.service"), "two");
    assert_string_equal(control_text(result, "changes.changed.1.settings.0"), "nice");
    assert_string_equal(control_text(result, "changes.changed.1.settings.1"), "limits.instances");
    assert_int_equal(control_number(result, "changes.unchanged"), 1);
    daemon_stop(daemon);
}

static void reload__errors__are_all_told_and_the_old_goes_on(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fd = served(daemon, "one", NULL);
    json_t *result;

    daemon_write(daemon, "superd.conf",
                 "services: {\n one: { listen = 'nowhere'; exec = 'x'; };\n two: { limts: { }; };\n"
                 "};\n");
    for (int i = 0; i < 2; i++) {
        result = control_result(daemon, i ? "{'command':'check'}" : "{'command':'reload'}");
        assert_true(json_is_false(control_get(result, i ? "valid" : "reloaded")));
        assert_true(json_array_size(control_get(result, "diagnostics")) >= 3);
        assert_string_equal(control_text(result, "diagnostics.0.file"), daemon->config);
        assert_string_equal(control_text(result, "diagnostics.0.severity"), "error");
        assert_int_equal(control_number(result, "diagnostics.0.line"), 2);
        assert_string_equal(control_text(result, "diagnostics.0.service"), "one");
    }
    client_say(fd, "on\n");
    assert_string_equal(client_hear_line(fd), "on");
    daemon_talk(daemon, "one", "x", "x");
    close(fd);
    daemon_stop(daemon);
}

static void reload__several_ask_at_once__each_gets_an_answer(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fds[6];

    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = control_dial(daemon);
        control_say(fds[i], "{'command':'reload'}");
    }
    for (size_t i = 0; i < COUNT(fds); i++) {
        control_expect_true(control_hear(fds[i]), "result.reloaded");
        close(fds[i]);
    }
    daemon_stop(daemon);
}

static void reload__control_path_changes__the_new_one_answers(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int old = control_dial(daemon), fd;
    char text[512], address[128];
    struct stat st;

    snprintf(
        text, sizeof text,
        "superd: { control = '@DIR@/moved.sock'; log: { target = '@DIR@/log'; format = 'json'; "
        "level = 'debug'; }; };\ndefaults: { user = '%s'; };\nservices: { " ONE " };\n",
        harness_is_root() ? "root" : "");
    daemon_configure(daemon, &(struct setup){.raw = text});
    control_say(old, "{'command':'reload'}");
    control_expect_true(control_hear(old), "result.reloaded");
    assert_int_equal(lstat(daemon_path(daemon, "control.sock"), &st), -1);
    snprintf(address, sizeof address, "unix:%s", daemon_path(daemon, "moved.sock"));
    fd = client_dial(address, SOCK_STREAM);
    control_say(fd, "{'command':'list'}");
    control_expect_true(control_hear(fd), "ok");
    control_say(old, "{'command':'list'}"); /* who was connected stays so */
    control_expect_true(control_hear(old), "ok");
    close(fd);
    close(old);
    daemon_stop(daemon);
}

static void dump__running__loads_to_the_same(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    json_t *first = control_result(daemon, "{'command':'dump'}"), *result;

    daemon_configure(daemon, &(struct setup){.raw = control_text(first, "text")});
    result = control_result(daemon, "{'command':'reload'}");
    control_expect_true(result, "reloaded");
    assert_int_equal(control_number(result, "changes.unchanged"), 1);
    assert_int_equal(json_array_size(control_get(result, "changes.changed")), 0);
    daemon_stop(daemon);
}

/* ---- Stop ----------------------------------------------------------------------------------- */

static void stop__asked__is_answered_then_drains_and_ends(void)
{
    struct daemon *daemon = daemon_serve("one: { " LOCAL WAIT "};");
    int fd = daemon_dial(daemon, "one"), control = control_dial(daemon);

    assert_string_equal(client_hear_line(fd), "waiting");
    control_say(control, "{'command':'stop'}");
    assert_int_equal(control_number(control_hear(control), "result.live"), 1);
    expect_event(&daemon->events, "drain", "why", "superctl", NULL);
    assert_string_equal(
        control_text(control_result(daemon, "{'command':'status'}"), "daemon.state"), "stopping");
    assert_string_equal(control_error(daemon, "{'command':'reload'}"), "superd is stopping");
    client_half_close(fd);
    client_expect_closed(control);
    assert_int_equal(daemon_wait(daemon), 0);
    close(fd);
    close(control);
    daemon_expect_gone(daemon);
}

int main(int argc, char **argv)
{
    static const struct e2e_case cases[] = {
        E2E(kill__by_instance_source_service__ends_those),
        E2E(kill__now__does_not_ask_the_handler),
        E2E(pause__service__clients_wait_until_resumed_also_across_reload),
        E2E(pause__listener__the_other_goes_on_also_across_reload),
        E2E(pause__daemon__all_wait),
        E2E(drain__service__answers_when_the_last_has_gone),
        E2E(drain__deadline__terminates_also_after_a_reload),
        E2E(drain__listener__ends_those_that_came_through_it),
        E2E(drain__daemon__nothing_new_and_it_stays_up),
        E2E(drain__resumed_meanwhile__the_one_who_waits_is_told),
        E2E(drain__listener_mode__its_instance_is_ended_at_once),
        E2E(reload__changes__are_named),
        E2E(reload__errors__are_all_told_and_the_old_goes_on),
        E2E(reload__several_ask_at_once__each_gets_an_answer),
        E2E(reload__control_path_changes__the_new_one_answers),
        E2E(dump__running__loads_to_the_same),
        E2E(stop__asked__is_answered_then_drains_and_ends),
    };

    return e2e_main(argc, argv, cases, COUNT(cases));
}
