/*
 * Upgrades that cannot be: the old program says why and goes on, as if nothing had been.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"
#include "process.h"
#include "upgrading.h"

#define CAT "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"

static void binary__not_to_be_run__refused(void)
{
    struct daemon *daemon = daemon_serve(CAT);

    daemon_upgrade_fails(daemon, "/no/such/superd", "No such file");
    daemon_write(daemon, "plain", "no program");
    daemon_upgrade_fails(daemon, daemon_path(daemon, "plain"), "ermission denied");
    daemon_upgrade_fails(daemon, daemon->directory, "ermission denied");
    daemon_upgrade(daemon);
    daemon_stop(daemon);
}

/* As on a file server that does not answer: who opens the file waits until we give up our lease on it. */
static void binary__hangs_when_it_is_run__clients_are_served(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    const char *binary = daemon_script(daemon, "leased", "exec @SUPERD@ \"$@\"\n");
    int lease = open(binary, O_RDONLY | O_CLOEXEC), fd = control_dial(daemon);
    char request[256];

    signal(SIGIO, SIG_IGN); /* that somebody waits */
    if (fcntl(lease, F_SETLEASE, F_WRLCK) != 0)
        e2e_skip("no leases to be had here: %s", strerror(errno));
    snprintf(request, sizeof request, "{'command': 'upgrade', 'binary': '%s'}", binary);
    control_say(fd, request);
    expect_event(&daemon->events, "operator", "command", "upgrade", NULL);
    for (int i = 0; i < 10; i++)
        daemon_talk(daemon, "cat", "meanwhile", "meanwhile");
    assert_string_equal(control_error(daemon, "{'command': 'upgrade'}"), "an upgrade is under way");
    assert_int_equal(fcntl(lease, F_SETLEASE, F_UNLCK), 0);
    close(lease);
    control_expect_true(control_hear(fd), "result.upgraded");
    expect_event(&daemon->events, "upgrade", "state", "done", NULL);
    close(fd);
    daemon_stop(daemon);
}

static void binary__no_superd__refused(void)
{
    struct daemon *daemon = daemon_serve(CAT);

    daemon_upgrade_fails(daemon, process_find("true"), "it knows nothing of taking over");
    daemon_upgrade_fails(daemon, process_find("false"), "its check ended with status 1");
    daemon_upgrade_fails(daemon, daemon_script(daemon, "killed", "kill -9 $$\n"),
                         "its check was ended by signal 9");
    daemon_upgrade_fails(daemon, daemon_script(daemon, "old", "echo what option >&2; exit 64\n"),
                         "what option");
    /* The words alone do not make it one, and neither does an end that is no success. */
    daemon_upgrade_fails(daemon, daemon_script(daemon, "words", "echo not superd can take over\n"),
                         "it knows nothing");
    daemon_upgrade_fails(daemon,
                         daemon_script(daemon, "status", "echo superd can take over; exit 1\n"),
                         "superd can take over");
    daemon_stop(daemon);
}

static void binary__talks_without_end__refused(void)
{
    struct daemon *daemon = daemon_serve(CAT);

    daemon_upgrade_fails(
        daemon,
        daemon_script(daemon, "flood",
                      "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i + 1)); done; exit 1\n"),
        "line 99");
    expect_event(&daemon->events, "error", "what", "upgrade", "error", "line 99", NULL);
    assert_int_equal(count_events(&daemon->events, "error", "error", "line 100", NULL), 0);
    daemon_stop(daemon);
}

static void version__of_the_handover__not_understood__refused(void)
{
    struct daemon *daemon = daemon_serve(CAT);

    daemon_upgrade_fails(
        daemon,
        daemon_script(daemon, "newer",
                      "printf '{\"version\":99}' >\"$2.handover\"\n"
                      "exec @SUPERD@ -c \"$2\" --handover-check 3 3<\"$2.handover\"\n"),
        "handover version 99 is not understood");
    daemon_expect_file(daemon, "superd.conf.handover");
    daemon_stop(daemon);
}

/* What is missing or of another kind is found by the check, whatever it is. */
static void handover__damaged__refused(void)
{
    static const char *const edits[] = {"s/\"generation\":[0-9]*,/ /",
                                        "s/\"last_instance\":/\"last\":/",
                                        "s/\"configs\":\\[/\"confix\":[/",
                                        "s/\"grace\":[0-9]*/\"grace\":\"x\"/",
                                        "s/\"services\":\\[/\"servix\":[/",
                                        "s/\"fd\":[0-9]*/\"fd\":\"x\"/",
                                        "s/\"throttle\":\\[0,/\"throttle\":[/",
                                        "s/\"mode\":\"connection\"/\"mode\":\"strange\"/",
                                        "s/\"wanted\":\"none\"/\"wanted\":\"much\"/",
                                        "s/\"peer\":\"..../\"peer\":\"zz/",
                                        "s/\"finished\":/\"fin\":/",
                                        "s/\"cgroup\":{/\"cgroup\":[],\"x\":{/",
                                        "s/}$//"};
    struct daemon *daemon = daemon_serve(CAT);
    int fd = daemon_dial(daemon, "cat");

    client_say(fd, "x\n");
    client_hear_line(fd);
    daemon_expect_file(daemon, "edited");
    for (size_t i = 0; i < COUNT(edits); i++) {
        char name[16], script[512];

        snprintf(name, sizeof name, "edit%zu", i);
        snprintf(script, sizeof script,
                 "directory=${2%%/*}\n"
                 "sed '%s' <&3 >\"$directory/edited\"\n"
                 "exec @SUPERD@ -c \"$2\" --handover-check 3 3<\"$directory/edited\"\n",
                 edits[i]);
        daemon_upgrade_fails(daemon, daemon_script(daemon, name, script), "superd: ");
    }
    client_say(fd, "still\n");
    assert_string_equal(client_hear_line(fd), "still");
    close(fd);
    daemon_stop(daemon);
}

static void configuration__with_errors__refused_with_all_of_them(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    const struct setup wrong = {.services = CAT
                                "one: { listen = 'nonsense'; exec = '@SPECIMEN@'; };\n"
                                "two: { listen = '127.0.0.1:0'; exec = '/no/such'; };\n"};

    daemon_configure(daemon, &wrong);
    daemon_upgrade_fails(daemon, NULL, "nonsense");
    expect_event(&daemon->events, "error", "what", "upgrade", NULL);
    daemon_upgrade_fails(daemon, NULL, "/no/such");
    daemon_configure(daemon, &(struct setup){.services = CAT});
    daemon_upgrade(daemon);
    daemon_stop(daemon);
}

/* It passes its check, and is not there any more when it is its turn. */
static void exec__fails__the_old_one_goes_on(void)
{
    struct daemon *daemon = daemon_start(&(struct setup){
        .services = CAT, .defaults = "limits: { per_source = 1000; instances = 1000; };"});
    struct crowd crowd;
    int fd = daemon_dial(daemon, "cat");

    crowd_begin(&crowd, daemon_address(daemon, "cat", 0), 4);
    for (int i = 0; i < 10; i++) {
        daemon_upgrade_fails(daemon,
                             daemon_script(daemon, "gone", "rm \"$0\"; exec @SUPERD@ \"$@\"\n"),
                             "No such file");
        client_say(fd, "still\n");
        assert_string_equal(client_hear_line(fd), "still");
        crowd_wait(&crowd, 5);
    }
    crowd_end(&crowd);
    close(fd);
    daemon_upgrade(daemon);
    daemon_stop(daemon);
}

/* Between the check and the exec somebody breaks the files: clients are served as before. */
static void configuration__broken_after_the_check__the_one_before_is_kept(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    int fd = daemon_dial(daemon, "cat");
    json_t *result;
    char request[256];

    snprintf(request, sizeof request, "{'command': 'upgrade', 'binary': '%s'}",
             daemon_script(daemon, "breaker",
                           "case $3 in\n"
                           "--handover-check) @SUPERD@ \"$@\" && echo broken = >\"$2\"\n"
                           "  echo superd can take over ;;\n"
                           "*) exec @SUPERD@ \"$@\" ;;\n"
                           "esac\n"));
    result = control_result(daemon, request);
    control_expect_true(result, "upgraded");
    control_expect_true(result, "config_kept");
    expect_event(&daemon->events, "config", "level", "error", NULL);
    expect_event(&daemon->events, "reload-failed", NULL);
    expect_event(&daemon->events, "upgrade", "state", "done", NULL);
    client_say(fd, "still\n");
    assert_string_equal(client_hear_line(fd), "still");
    daemon_talk(daemon, "cat", "as before", "as before");
    daemon_configure(daemon, &(struct setup){.services = CAT});
    daemon_reload(daemon, NULL);
    daemon_talk(daemon, "cat", "again", "again");
    close(fd);
    daemon_stop(daemon);
}

static void two_at_once__the_second_is_refused(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    const char *slow = daemon_script(
        daemon, "slow",
        "[ \"$3\" != --handover-check ] || read -r line <\"${2%/*}/go\"\n"
        "exec @SUPERD@ \"$@\"\n");
    char request[256];
    int fd = control_dial(daemon);

    process_shell("mkfifo -m 666 %s", daemon_path(daemon, "go"));
    daemon_expect_file(daemon, "go");
    snprintf(request, sizeof request, "{'command': 'upgrade', 'binary': '%s'}", slow);
    control_say(fd, request);
    expect_event(&daemon->events, "operator", "command", "upgrade", NULL);
    assert_string_equal(control_error(daemon, "{'command': 'upgrade'}"), "an upgrade is under way");
    daemon_signal(daemon, SIGHUP); /* a reload waits for it, and is contained in it */
    daemon_talk(daemon, "cat", "meanwhile", "meanwhile");
    process_shell("echo >%s", daemon_path(daemon, "go"));
    control_expect_true(control_hear(fd), "result.upgraded");
    close(fd);
    expect_event(&daemon->events, "upgrade", "state", "done", NULL);
    daemon_stop(daemon);
}

static void stop__while_it_is_checked__stops(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    int fd = control_dial(daemon);
    const json_t *upgraded;
    char request[256];

    snprintf(request, sizeof request, "{'command': 'upgrade', 'binary': '%s'}",
             daemon_script(daemon, "hang", "exec sleep 1000\n"));
    control_say(fd, request);
    expect_event(&daemon->events, "operator", "command", "upgrade", NULL);
    daemon_signal(daemon, SIGTERM);
    upgraded = control_get(control_hear(fd), "result.upgraded");
    assert_true(json_is_false(upgraded));
    close(fd);
    assert_int_equal(daemon_wait(daemon), 0);
    daemon_expect_gone(daemon);
}

static const struct e2e_case cases[] = {
    E2E(binary__not_to_be_run__refused),
    E2E(binary__hangs_when_it_is_run__clients_are_served),
    E2E(binary__no_superd__refused),
    E2E(binary__talks_without_end__refused),
    E2E(version__of_the_handover__not_understood__refused),
    E2E(handover__damaged__refused),
    E2E(configuration__with_errors__refused_with_all_of_them),
    E2E(exec__fails__the_old_one_goes_on),
    E2E(configuration__broken_after_the_check__the_one_before_is_kept),
    E2E(two_at_once__the_second_is_refused),
    E2E(stop__while_it_is_checked__stops),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
