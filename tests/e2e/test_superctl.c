/*
 * superctl as an operator uses it: what it prints, its exit codes, and `top` in a terminal.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "census.h"
#include "control.h"

#define CAT   "exec = ['@SPECIMEN@', 'cat']; "
#define LOCAL "listen = '127.0.0.1:0'; "
#define ONE   "one: { " LOCAL CAT "}; "

static void expect_in(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no \"%s\" in\n%s", part, text);
}

static void expect_not_in(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" in\n%s", part, text);
}

static int served(struct daemon *daemon, const char *service)
{
    int fd = daemon_dial(daemon, service);

    client_say(fd, "hello\n");
    assert_string_equal(client_hear_line(fd), "hello");
    expect_event(&daemon->events, "admit", "service", service, NULL);
    return fd;
}

/* The words of the line of OUTPUT that begins with FIRST, blanks as one. */
static const char *line_of(const char *output, const char *first)
{
    static char words[512];
    char *copy = strdup(output), *line, *rest = copy;

    while ((line = strsep(&rest, "\n"))) {
        size_t n = 0;

        while (*line == ' ')
            line++;
        if (strncmp(line, first, strlen(first)) != 0 || line[strlen(first)] != ' ')
            continue;
        for (; *line && n < sizeof words - 1; line++) {
            if (*line != ' ' || (n && words[n - 1] != ' '))
                words[n++] = *line;
        }
        words[n] = '\0';
        free(copy);
        return words;
    }
    fail_msg("no line \"%s\" in\n%s", first, output);
    return NULL;
}

/* ---- Looking -------------------------------------------------------------------------------- */

static void tables__status_list_instances_sources__have_the_service(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "limits: { instances = 9; }; };");
    int fd = served(daemon, "two");
    char wanted[256];
    const char *output = superctl_expect(daemon, 0, "status");

    snprintf(wanted, sizeof wanted, "two open %s 1 9 1 0 0 ", daemon_address(daemon, "two", 0));
    expect_in(line_of(output, "two"), wanted);
    assert_true(strstr(output, "\none ") < strstr(output, "\ntwo "));
    expect_in(output, "1 instances of 2 services");
    output = superctl_expect(daemon, 0, "status --sort live");
    assert_true(strstr(output, "\ntwo ") < strstr(output, "\none "));
    expect_not_in(output, "\033"); /* no terminal, no colour */
    output = superctl_expect(daemon, 0, "list");
    expect_in(line_of(output, "two"), daemon_path(daemon, "specimen"));
    output = superctl_expect(daemon, 0, "instances");
    expect_in(line_of(output, "1"), "1 two ");
    output = superctl_expect(daemon, 0, "instances one");
    expect_not_in(output, "two");
    output = superctl_expect(daemon, 0, "instances --source 127.0.0.0/8");
    expect_in(output, "two");
    output = superctl_expect(daemon, 0, "sources");
    expect_in(line_of(output, "127.0.0.1"), "127.0.0.1 two 1 1 0 ");
    output = superctl_expect(daemon, 0, "show two");
    expect_in(output, "limits.instances = 9");
    expect_in(output, "1 live of 9; 1 admitted");
    close(fd);
    daemon_stop(daemon);
}

/* The case takes no minute, but it may take so long that the first window is past. */
static void history__used_service__rates(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "limits: { per_source = 1; }; };");
    int fd = served(daemon, "two");
    double rates[6];
    const char *output;

    close(client_try(daemon_address(daemon, "two", 0), SOCK_STREAM));
    expect_event(&daemon->events, "refuse", "service", "two", NULL);
    output = superctl_expect(daemon, 0, "history");
    expect_in(output, "ADMITTED/S 5s");
    expect_not_in(output, "\none ");
    assert_int_equal(sscanf(line_of(output, "two"), "two %lf %lf %lf %lf %lf %lf", &rates[0],
                            &rates[1], &rates[2], &rates[3], &rates[4], &rates[5]),
                     6);
    for (size_t i = 0; i < COUNT(rates); i++)
        assert_true(rates[i] <= 1 && (rates[i] > 0 || i % 3 == 0));
    expect_in(superctl_expect(daemon, 0, "history two"), "\ntwo ");
    expect_not_in(superctl_expect(daemon, 0, "history one"), "two");
    superctl_expect(daemon, 2, "history three");
    superctl_expect(daemon, 1, "history one two");
    superctl_expect(daemon, 1, "history --rates");
    close(fd);
    daemon_stop(daemon);
}

static void json__option__is_json(void)
{
    static const char *const commands[] = {
        "status --json", "-j list",   "instances -j", "-j show one", "sources -j", "history -j",
        "-j check",      "-j reload", "-j pause one", "-j resume",   "-j log"};
    struct daemon *daemon = daemon_serve(ONE);

    for (size_t i = 0; i < COUNT(commands); i++) {
        const char *output = superctl_expect(daemon, 0, commands[i]);

        const json_t *json;
        char *first = strndup(output, strcspn(output, "\n"));

        /* Of the log, each line is an event. */
        json = control_parse(strcmp(commands[i], "-j log") == 0 ? first : output);
        assert_true(json_is_object(json));
        free(first);
    }
    daemon_stop(daemon);
}

static void codes__mistakes__each_has_its_own(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    struct superctl_run run;

    expect_in(superctl_run(daemon, NULL, "staus").errors, "did you mean \"status\"?");
    superctl_expect(daemon, 1, "staus");
    superctl_expect(daemon, 1, "show");
    superctl_expect(daemon, 1, "status --colour");
    superctl_expect(daemon, 1, "kill x");
    superctl_expect(daemon, 1, "kill");
    superctl_expect(daemon, 1, "kill 1 --service one");
    superctl_expect(daemon, 1, "wait-ready --timeout soon");
    superctl_expect(daemon, 2, "show nobody");
    superctl_expect(daemon, 2, "kill 7");
    superctl_expect(daemon, 2, "drain one --deadline soon");
    superctl_expect(daemon, 3, "kill --source 192.0.2.1");
    superctl_expect(daemon, 0, "explain one 192.0.2.1");
    superctl_expect(daemon, 0, "pause one");
    superctl_expect(daemon, 3, "explain one 192.0.2.1");
    superctl_expect(daemon, 69, "-s /nonexistent/socket status");
    superctl_expect(daemon, 75, "-s /nonexistent/socket wait-ready --timeout 200ms");
    superctl_expect(daemon, 0, "wait-ready");
    daemon_write(daemon, "superd.conf", "services: { one: { listen = 'x'; }; };");
    run = superctl_run(daemon, NULL, "check");
    assert_int_equal(run.code, 1);
    expect_in(run.errors, "superd.conf:1: error: ");
    run = superctl_run(daemon, NULL, "reload");
    assert_int_equal(run.code, 1);
    expect_in(run.errors, "superd.conf:1: error: ");
    expect_in(run.errors, "generation 1 goes on");
    daemon_stop(daemon);
}

/* ---- Changing ------------------------------------------------------------------------------- */

static void change__pause_resume_drain_kill_reload__do_so(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fd = served(daemon, "one");

    expect_in(superctl_expect(daemon, 0, "pause one"), "one: paused, 1 instance lives");
    expect_in(line_of(superctl_expect(daemon, 0, "status"), "one"), "one paused");
    superctl_expect(daemon, 0, "resume one");
    expect_in(superctl_expect(daemon, 0, "kill --service one"), "1 instance is being ended");
    client_expect_closed(fd);
    expect_in(superctl_expect(daemon, 0, "drain one --wait --deadline 1s"), "0 instances live");
    superctl_expect(daemon, 0, "resume one");
    daemon_configure(daemon, &(struct setup){.services = ONE "two: { " LOCAL CAT "};"});
    expect_in(superctl_expect(daemon, 0, "check"), "added: two");
    expect_in(superctl_expect(daemon, 0, "reload"), "added: two\nunchanged: 1 services");
    expect_in(superctl_expect(daemon, 0, "log -n 1000"), "operator command=pause");
    expect_in(superctl_expect(daemon, 0, "dump"), "two: {");
    expect_in(superctl_expect(daemon, 0, "metrics"), "\nsuperd_services 2\n");
    close(fd);
    daemon_stop(daemon);
}

static void stop__default__comes_back_when_the_daemon_has_ended(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fd = served(daemon, "one");

    client_half_close(fd);
    client_expect_closed(fd);
    expect_in(superctl_expect(daemon, 0, "stop"), "superd drains");
    assert_int_equal(daemon_wait(daemon), 0);
    close(fd);
    daemon_expect_gone(daemon);
}

/* ---- try ------------------------------------------------------------------------------------ */

static void try__handler__has_what_the_daemon_would_give_it(void)
{
    struct daemon *daemon = daemon_serve(
        "one: { " LOCAL "exec = ['/bin/sh', '-c', 'env; ulimit -n; echo oops >&2; cat; exit 7']; "
        "rlimits: { nofile = '55'; }; environment: { COLOR = 'blue'; }; banner = 'welcome\\n'; };");
    struct superctl_run run = superctl_run(daemon, "in\n", "try one --as 192.0.2.9");

    assert_int_equal(run.code, 7);
    expect_in(run.output, "welcome\n");
    expect_in(run.output, "\nTCPREMOTEIP=192.0.2.9\n");
    expect_in(run.output, "\nTCPLOCALIP=127.0.0.1\n");
    expect_in(run.output, "\nSUPERD_SERVICE=one\n");
    expect_in(run.output, "\nCOLOR=blue\n");
    expect_not_in(run.output, "E2E_SUPERD");
    expect_in(run.output, "\n55\nin\n");
    expect_not_in(run.output, "oops");
    expect_in(run.errors, "one stderr: oops\n");
    expect_in(run.errors, "one ended: exit 7");
    daemon_stop(daemon);
}

static void try__other_modes_and_failures__are_told(void)
{
    struct daemon *daemon = daemon_serve(
        "gone: { " LOCAL CAT "directory = '/nonexistent'; };"
        "local: { listen = 'unix:@DIR@/x'; " CAT "};"
        "killed: { " LOCAL "exec = ['@SPECIMEN@', 'signal', '9']; };"
        "many: { " LOCAL "exec = ['@SPECIMEN@', 'write', '300000']; };");
    struct superctl_run run = superctl_run(daemon, "", "try gone");

    assert_int_equal(run.code, 71);
    expect_in(run.errors, "directory: No such file or directory");
    run = superctl_run(daemon, "through\n", "try local");
    assert_int_equal(run.code, 0);
    assert_string_equal(run.output, "through\n");
    run = superctl_run(daemon, "", "try killed");
    assert_int_equal(run.code, 128 + 9);
    run = superctl_run(daemon, "", "try many");
    assert_int_equal(run.code, 0);
    assert_int_equal(strlen(run.output), 300000);
    superctl_expect(daemon, 1, "try nobody");
    superctl_expect(daemon, 1, "try one two");
    superctl_expect(daemon, 1, "try local --as nowhere two");
    daemon_stop(daemon);
}

static void try__user__is_the_services(void)
{
    struct daemon *daemon;

    harness_needs_root();
    daemon = daemon_serve("one: { " LOCAL "exec = ['/usr/bin/id', '-un']; user = 'nobody'; };");
    assert_string_equal(superctl_expect(daemon, 0, "try one"), "nobody\n");
    daemon_stop(daemon);
}

/* ---- top, in a terminal --------------------------------------------------------------------- */

static char tmux_socket[128];

static char *shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *shell(const char *format, ...)
{
    static char output[65536];
    char command[1024];
    va_list args;
    FILE *pipe;
    size_t n;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    pclose(pipe);
    return output;
}

struct sight {
    const char *part;
    bool absent;
};

static bool is_seen(void *data)
{
    const struct sight *sight = data;

    return !strstr(shell("tmux -S %s capture-pane -p 2>&1", tmux_socket), sight->part) ==
           sight->absent;
}

static void expect_screen(const char *part, bool there)
{
    struct sight sight = {part, !there};

    if (!e2e_until(is_seen, &sight))
        fail_msg("\"%s\" is%s on the screen:\n%s", part, there ? " not" : "",
                 shell("tmux -S %s capture-pane -p", tmux_socket));
}

static void press(const char *key)
{
    shell("tmux -S %s send-keys '%s'", tmux_socket, key);
}

static void start_top(struct daemon *daemon)
{
    if (system("tmux -V >/dev/null 2>&1") != 0)
        e2e_skip("tmux is not installed");
    snprintf(tmux_socket, sizeof tmux_socket, "%s", daemon_path(daemon, "tmux"));
    daemon_expect_file(daemon, "tmux");
    shell("tmux -S %s -f /dev/null new-session -d -x 80 -y 24 \"'%s' -s '%s' top; echo left $?; "
          "cat\" 2>&1",
          tmux_socket, control_superctl(), daemon_path(daemon, "control.sock"));
}

/* Is there nobody below us but the daemon? tmux and what it ran are our orphans. */
static bool is_alone(void *data)
{
    const struct daemon *daemon = data;
    pid_t pids[16];
    size_t others = 0, n = census_children(getpid(), pids, COUNT(pids));

    for (size_t i = 0; i < n; i++) {
        if (pids[i] != daemon->pid)
            others += waitpid(pids[i], NULL, WNOHANG) == 0;
    }
    return others == 0;
}

static void end_top(struct daemon *daemon)
{
    press("q");
    expect_screen("left 0", true);
    shell("tmux -S %s kill-server 2>&1", tmux_socket);
    assert_true(e2e_until(is_alone, daemon));
    unlink(tmux_socket);
}

/* Every line is whole: nothing was wrapped or cut in the middle of the titles. */
static void top__80x24__services_instances_sort_and_resize(void)
{
    struct daemon *daemon = daemon_serve("alpha: { " LOCAL CAT "}; beta: { " LOCAL CAT "}; ");
    int fd;

    if (strstr(superctl_run(daemon, NULL, "top").errors, "built without"))
        e2e_skip("superctl was built without ncurses");
    start_top(daemon);
    expect_screen("SERVICE          STATE       LIVE  LIMIT CONN/S REFUSE/S  LAUNCH  REFUSED "
                  "FAILED\nalpha            open           0    256",
                  true);
    expect_screen("q quit", true);
    fd = served(daemon, "beta");
    expect_screen("beta             open           1", true);
    press(">");
    press(">"); /* by live: the busy one first */
    expect_screen("FAILED\nbeta  ", true);
    press("r");
    expect_screen("FAILED\nalpha ", true);
    press("Tab");
    expect_screen("INSTANCE SERVICE", true);
    expect_screen("1 beta ", true);
    expect_screen("127.0.0.1:", true);
    shell("tmux -S %s resize-window -x 120 -y 40 2>&1", tmux_socket);
    expect_screen("1 beta ", true);
    shell("tmux -S %s resize-window -x 40 -y 10 2>&1", tmux_socket);
    expect_screen("INSTANCE SERVICE", true);
    close(fd);
    expect_screen("1 beta ", false);
    end_top(daemon);
    daemon_stop(daemon);
}

static void top__daemon_goes__says_so_and_quits(void)
{
    struct daemon *daemon = daemon_serve(ONE);

    start_top(daemon);
    expect_screen("running", true);
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    expect_screen("superd does not answer", true);
    end_top(daemon);
    daemon_expect_gone(daemon);
}

static void top__no_terminal__is_an_error(void)
{
    struct daemon *daemon = daemon_serve(ONE);

    superctl_expect(daemon, 1, "top");
    daemon_stop(daemon);
}

/* ---- Colours, completion -------------------------------------------------------------------- */

static void colour__only_on_a_terminal_and_without_no_color(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    const char *output;

    if (system("script --version >/dev/null 2>&1") != 0)
        e2e_skip("script is not installed");
    output = shell("TERM=xterm NO_COLOR= script -qec \"'%s' -s '%s' status\" /dev/null </dev/null",
                   control_superctl(), daemon_path(daemon, "control.sock"));
    expect_in(output, "\033[32mopen\033[0m");
    output = shell("TERM=xterm NO_COLOR=1 script -qec \"'%s' -s '%s' status\" /dev/null </dev/null",
                   control_superctl(), daemon_path(daemon, "control.sock"));
    expect_in(output, "open");
    expect_not_in(output, "\033");
    daemon_stop(daemon);
}

static void completion__words__commands_and_services(void)
{
    struct daemon *daemon = daemon_serve(ONE "other: { " LOCAL CAT "};");
    const char *output;

    output = shell(
        "SUPERD_CONTROL='%s' bash -c '. %s/etc/superctl.bash; PATH=%s/superd/superctl:$PATH; "
        "COMP_WORDS=(superctl show o); COMP_CWORD=2; _superctl; echo ${COMPREPLY[@]}; "
        "COMP_WORDS=(superctl re); COMP_CWORD=1; _superctl; echo ${COMPREPLY[@]}; "
        "COMP_WORDS=(superctl drain --w); COMP_CWORD=2; _superctl; echo "
        "${COMPREPLY[@]}' 2>&1",
        daemon_path(daemon, "control.sock"), E2E_SOURCE, harness_build());
    assert_string_equal(output, "one other\nresume reload\n--wait\n");
    daemon_stop(daemon);
}

int main(int argc, char **argv)
{
    static const struct e2e_case cases[] = {
        E2E(tables__status_list_instances_sources__have_the_service),
        E2E(history__used_service__rates),
        E2E(json__option__is_json),
        E2E(codes__mistakes__each_has_its_own),
        E2E(change__pause_resume_drain_kill_reload__do_so),
        E2E(stop__default__comes_back_when_the_daemon_has_ended),
        E2E(try__handler__has_what_the_daemon_would_give_it),
        E2E(try__other_modes_and_failures__are_told),
        E2E(try__user__is_the_services),
        E2E(top__80x24__services_instances_sort_and_resize),
        E2E(top__daemon_goes__says_so_and_quits),
        E2E(top__no_terminal__is_an_error),
        E2E(colour__only_on_a_terminal_and_without_no_color),
        E2E(completion__words__commands_and_services),
    };

    return e2e_main(argc, argv, cases, COUNT(cases));
}
