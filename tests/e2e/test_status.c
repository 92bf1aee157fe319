/*
 * The status page and agent-check, served by the superd that they tell of.
 *
 * STATUS_SCREENSHOT=directory keeps pictures of what a browser showed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control.h"
#include "files.h"
#include "harness.h"

#define STATUS                            \
    "status: { listen = '127.0.0.1:0';\n" \
    "  exec = ['@HANDLERS@/status/status', '-i', '1', '-s', '@DIR@/control.sock']; };\n"
#define ECHO_OF(limits) \
    "echo: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; limits: { " limits " }; };\n"
#define LOUD                            \
    "loud: { listen = '127.0.0.1:0';\n" \
    "  exec = ['@SPECIMEN@', 'stderr', '<script>alert(1)</script>']; };\n"
#define AGENT                                                                       \
    "agent: { listen = '127.0.0.1:0';\n"                                            \
    "  exec = ['@HANDLERS@/agent-check', '-s', '@DIR@/control.sock', 'echo']; };\n" \
    "weigher: { listen = '127.0.0.1:0';\n"                                          \
    "  exec = ['@HANDLERS@/agent-check', '-w', '-s', '@DIR@/control.sock', 'echo']; };\n"

/* ---- Asking --------------------------------------------------------------------------------- */

/* The whole answer to a GET, its head included. */
static char *get(struct daemon *daemon, const char *path)
{
    char request[256];
    char *answer;
    int fd = daemon_dial(daemon, "status");

    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n",
             path);
    client_say(fd, request);
    answer = client_hear_all(fd, NULL);
    close(fd);
    return answer;
}

static char *body_of(char *answer)
{
    char *end = strstr(answer, "\r\n\r\n");

    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
    assert_non_null(end);
    return end + 4;
}

/* Follow the stream until TEXT has come. */
static void hear_until(int fd, const char *text)
{
    char *line;

    do {
        line = client_hear_line(fd);
    } while (!strstr(line, text));
}

/* Have superd do something. */
static void tell(const struct daemon *daemon, const char *request)
{
    json_t *answer = control_ask(daemon, request);

    assert_true(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
}

static bool has_program(const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "/usr/bin/%s", name);
    return access(path, X_OK) == 0;
}

/* ---- The page ------------------------------------------------------------------------------- */

static void page__services_and_log__shown_escaped(void)
{
    struct daemon *daemon = daemon_serve(STATUS ECHO_OF("per_source = 1;") LOUD);
    int kept = daemon_dial(daemon, "echo");
    char *page;

    client_say(kept, "here\n");
    assert_string_equal(client_hear_line(kept), "here");
    daemon_ask(daemon, "loud");
    client_expect_closed(daemon_dial(daemon, "echo")); /* one is all that this source may have */
    expect_event(&daemon->events, "stderr", "service", "loud", NULL);
    expect_event(&daemon->events, "end", "service", "loud", NULL);

    page = get(daemon, "/");
    assert_non_null(strstr(page, "\r\nContent-Security-Policy: default-src 'none';"));
    page = body_of(page);
    assert_non_null(strstr(page, ">running</span>"));
    assert_non_null(strstr(page, daemon_address(daemon, "echo", 0)));
    assert_non_null(strstr(page, "<code>source-limit</code>"));
    assert_non_null(strstr(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert_null(strstr(page, "<script>alert"));
    assert_non_null(strstr(page, "<svg"));
    assert_non_null(strstr(page, "<noscript><meta http-equiv=\"refresh\""));
    assert_null(strstr(page, " src=")); /* nothing is loaded from anywhere */
    assert_null(strstr(page, "://"));
    close(kept);
    daemon_stop(daemon);
}

static double history_sum(json_t *status, const char *kind)
{
    const json_t *counts = json_object_get(control_get(status, "history"), kind), *count;
    double sum = 0;
    size_t i;

    json_array_foreach(counts, i, count) sum += json_real_value(count);
    return sum;
}

static void json__what_is_live_and_counted__told(void)
{
    struct daemon *daemon = daemon_serve(STATUS ECHO_OF("instances = 5;"));
    int kept = daemon_dial(daemon, "echo");
    json_t *status;

    client_say(kept, "here\n");
    assert_string_equal(client_hear_line(kept), "here");
    status = json_loads(body_of(get(daemon, "/status.json")), 0, NULL);
    assert_non_null(status);
    assert_int_equal(control_number(status, "daemon.pid"), daemon->pid);
    assert_string_equal(control_text(status, "services.0.service"), "echo");
    assert_int_equal(control_number(status, "services.0.live"), 1);
    assert_int_equal(control_number(status, "services.0.limit"), 5);
    assert_string_equal(control_text(status, "instances.0.service"), "echo");
    assert_true(json_array_size(control_get(status, "events")) >= 4);
    assert_true(history_sum(status, "admitted") == 2); /* echo's, and its own */
    json_decref(status);
    close(kept);
    daemon_stop(daemon);
}

/* More than the lines of the log that are asked for tell of: the charts have all of it from the first
 * page on, and what is grey in them is the time before superd. */
static void charts__busy_daemon__complete_at_once(void)
{
    struct daemon *daemon = daemon_serve(STATUS ECHO_OF("per_source = 1;"));
    char *page;
    json_t *status;
    int kept;

    for (int i = 0; i < 60; i++) {
        daemon_talk(daemon, "echo", "x", "x");
        expect_event(&daemon->events, "end", "service", "echo", NULL);
    }
    kept = daemon_dial(daemon, "echo");
    client_say(kept, "here\n");
    assert_string_equal(client_hear_line(kept), "here");
    for (int i = 0; i < 3; i++) {
        close(client_try(daemon_address(daemon, "echo", 0), SOCK_STREAM));
        expect_event(&daemon->events, "refuse", "service", "echo", NULL);
    }
    page = body_of(get(daemon, "/"));
    assert_non_null(strstr(page, "<rect class=\"bar\""));
    assert_non_null(strstr(page, "<rect class=\"bar-refused\""));
    assert_non_null(strstr(page, "not known: before superd was started"));
    status = json_loads(body_of(get(daemon, "/status.json")), 0, NULL);
    assert_non_null(status);
    assert_true(history_sum(status, "admitted") == 63); /* with the page's and its own */
    assert_true(history_sum(status, "refused") == 3);
    assert_int_equal(json_array_size(control_get(status, "events")), 40);
    assert_int_equal(control_number(status, "history.step_s"), 5);
    assert_in_range(control_number(status, "history.known_steps"), 1, 59);
    json_decref(status);
    close(kept);
    daemon_stop(daemon);
}

static void events__change__sent_while_it_is_watched(void)
{
    struct daemon *daemon = daemon_serve(STATUS ECHO_OF("instances = 5;"));
    int stream = daemon_dial(daemon, "status");

    client_say(stream, "GET /events HTTP/1.1\r\nHost: t\r\n\r\n");
    hear_until(stream, "Content-Type: text/event-stream");
    hear_until(stream, "event: services");
    hear_until(stream, "event: log");
    tell(daemon, "{'command':'pause','service':'echo'}");
    hear_until(stream, "event: services");
    hear_until(stream, ">paused</span>");
    tell(daemon, "{'command':'resume','service':'echo'}");
    daemon_talk(daemon, "echo", "hello\n", "hello\n");
    hear_until(stream, "<b>end</b> <span class=\"f\"><i>service</i>=echo</span>");
    close(stream);
    expect_event(&daemon->events, "end", "service", "status", "outcome", "ok", NULL);
    daemon_stop(daemon);
}

/* ---- Rights --------------------------------------------------------------------------------- */

/* Somebody without a right is told so; a member of the group may read. Handlers that another user
 * runs are copied to where he may go. */
static void rights__group__may_read(void)
{
    static const char service[] =
        "status: { listen = '127.0.0.1:0'; user = 'nobody'; group = 'nogroup';\n"
        "  exec = ['@DIR@/status', '-s', '@DIR@/control.sock']; };\n";
    struct setup before = {.services = ECHO_OF("instances = 5;")};
    struct setup without = {.services = service};
    struct setup with = {.services = service, .superd = "control_group = 'nogroup';"};
    struct daemon *daemon;
    char from[512], *answer;

    harness_needs_root();
    daemon = daemon_start(&before);
    snprintf(from, sizeof from, "%s/services/status/status", harness_build());
    files_copy(from, daemon_path(daemon, "status"));
    daemon_expect_file(daemon, "status");
    daemon_reload(daemon, &without);
    answer = get(daemon, "/");
    assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(answer, "control.sock: Permission denied"));
    daemon_reload(daemon, &with);
    body_of(get(daemon, "/"));
    body_of(get(daemon, "/metrics"));
    daemon_stop(daemon);
}

/* ---- Metrics -------------------------------------------------------------------------------- */

static void metrics__promtool__accepts_them(void)
{
    struct daemon *daemon = daemon_serve(STATUS ECHO_OF("instances = 5;") LOUD);
    char *text;
    FILE *promtool;
    int result;

    daemon_talk(daemon, "echo", "hello\n", "hello\n");
    daemon_ask(daemon, "loud");
    expect_event(&daemon->events, "end", "service", "echo", NULL);
    expect_event(&daemon->events, "end", "service", "loud", NULL);
    text = body_of(get(daemon, "/metrics"));
    assert_non_null(strstr(text, "\nsuperd_service_admitted_total{service=\"echo\"} 1\n"));
    daemon_stop(daemon);
    if (!has_program("promtool"))
        e2e_skip("promtool is not installed");
    signal(SIGPIPE, SIG_IGN);
    promtool = popen("promtool check metrics", "w");
    assert_non_null(promtool);
    fputs(text, promtool);
    result = pclose(promtool);
    /* 3: it has advice about names, and no error. */
    assert_true(WIFEXITED(result) && (WEXITSTATUS(result) == 0 || WEXITSTATUS(result) == 3));
}

/* ---- agent-check ---------------------------------------------------------------------------- */

static void agent_check__states__told(void)
{
    struct daemon *daemon = daemon_serve(STATUS ECHO_OF("instances = 4;") AGENT);
    int kept[4];

    assert_string_equal(daemon_ask(daemon, "agent"), "up ready\n");
    assert_string_equal(daemon_ask(daemon, "weigher"), "up ready 100%\n");
    for (size_t i = 0; i < COUNT(kept); i++) {
        kept[i] = daemon_dial(daemon, "echo");
        client_say(kept[i], "here\n");
        assert_string_equal(client_hear_line(kept[i]), "here");
        if (i == 1)
            assert_string_equal(daemon_ask(daemon, "weigher"), "up ready 50%\n");
    }
    assert_string_equal(daemon_ask(daemon, "weigher"), "up ready 1%\n"); /* full: the last choice */
    assert_string_equal(daemon_ask(daemon, "agent"), "up ready\n");
    tell(daemon, "{'command':'pause','service':'echo'}");
    assert_string_equal(daemon_ask(daemon, "agent"), "drain\n");
    tell(daemon, "{'command':'resume','service':'echo'}");
    assert_string_equal(daemon_ask(daemon, "agent"), "up ready\n");
    for (size_t i = 0; i < COUNT(kept); i++)
        close(kept[i]);
    daemon_stop(daemon);
}

static void agent_check__launches_fail__down(void)
{
    struct daemon *daemon = daemon_serve(AGENT
                                         "echo: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', "
                                         "'cat']; directory = '@DIR@/gone'; };\n");

    for (int i = 0; i < 20 && !find_event(&daemon->events, "throttle", NULL); i++) {
        client_expect_closed(daemon_dial(daemon, "echo"));
        events_read(&daemon->events);
    }
    expect_event(&daemon->events, "throttle", "service", "echo", NULL);
    assert_string_equal(daemon_ask(daemon, "agent"), "down #launches fail\n");
    daemon_stop(daemon);
}

static void agent_check__unknown_service__fail(void)
{
    struct daemon *daemon = daemon_serve(AGENT);

    assert_string_equal(daemon_ask(daemon, "agent"),
                        "fail #superd says: no service is called \"echo\"\n");
    daemon_stop(daemon);
}

/* ---- HAProxy -------------------------------------------------------------------------------- */

struct proxied {
    const char *socket;         /* HAProxy's own, to ask it */
    const char *state, *weight; /* the weight with a comma behind it; "": any */
};

/* Does HAProxy say (in CSV) that its server has that state and weight? */
static bool proxy_says(void *data)
{
    const struct proxied *proxied = data;
    char *line, *rest, wanted[64];
    int fd = client_try(proxied->socket, SOCK_STREAM);

    if (fd < 0)
        return false; /* it has only begun */
    client_say(fd, "show stat backend 4 -1\n");
    line = client_hear_all(fd, NULL);
    close(fd);
    line = strstr(line, "\nbackend,echo,");
    if (!line)
        return false;
    rest = strchr(line + 1, '\n');
    if (rest)
        *rest = '\0';
    snprintf(wanted, sizeof wanted, ",%s,%s", proxied->state, proxied->weight);
    return strstr(line, wanted);
}

static pid_t start_haproxy(const struct daemon *daemon)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/usr/sbin/haproxy", "haproxy", "-q", "-db", "-f", daemon_path(daemon, "haproxy.cfg"),
              NULL);
        _exit(127);
    }
    return pid;
}

static void agent_check__haproxy__follows_it(void)
{
    struct proxied proxied = {0};
    struct daemon *daemon;
    char config[1024];
    int kept;
    pid_t pid;

    if (access("/usr/sbin/haproxy", X_OK) != 0)
        e2e_skip("haproxy is not installed");
    daemon = daemon_serve(AGENT ECHO_OF("instances = 2;"));
    snprintf(config, sizeof config,
             "global\n stats socket @DIR@/haproxy.sock level admin\n"
             "defaults\n mode tcp\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n"
             "backend backend\n server echo %s weight 100 check inter 500 agent-check agent-port "
             "%s agent-inter 100\n",
             daemon_address(daemon, "echo", 0),
             strrchr(daemon_address(daemon, "weigher", 0), ':') + 1);
    daemon_write(daemon, "haproxy.cfg", config);
    daemon_expect_file(daemon, "haproxy.cfg");
    daemon_expect_file(daemon, "haproxy.sock");
    pid = start_haproxy(daemon);
    snprintf(config, sizeof config, "unix:%s", daemon_path(daemon, "haproxy.sock"));
    proxied = (struct proxied){.socket = config, .state = "UP", .weight = "100,"};
    assert_true(e2e_until(proxy_says, &proxied));
    kept = daemon_dial(daemon, "echo");
    proxied.weight = "50,";
    assert_true(e2e_until(proxy_says, &proxied));
    tell(daemon, "{'command':'pause','service':'echo'}");
    proxied.state = "DRAIN (agent)";
    proxied.weight = "";
    assert_true(e2e_until(proxy_says, &proxied));
    close(kept);
    tell(daemon, "{'command':'resume','service':'echo'}");
    proxied.state = "UP";
    proxied.weight = "100,";
    assert_true(e2e_until(proxy_says, &proxied)); /* "ready" has taken the drain back */
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    daemon_stop(daemon);
}

/* ---- A browser ------------------------------------------------------------------------------ */

static void browse(const struct daemon *daemon, const char *address, const char *what,
                   const char *output)
{
    char command[2048];

    snprintf(command, sizeof command,
             "timeout 60 chromium --headless --no-sandbox --disable-gpu --disable-quic "
             "--no-first-run --disable-background-networking --disable-component-update "
             "--disable-sync --no-proxy-server --user-data-dir=%s --timeout=4000 %s "
             "http://%s/ >%s 2>/dev/null",
             daemon_path(daemon, "profile"), what, address, output);
    assert_int_equal(system(command), 0);
}

/* It draws the page, keeps to its policy, and its script opens the stream: a second connection. */
static void browser__page__drawn_and_live(void)
{
    const char *directory = getenv("STATUS_SCREENSHOT");
    struct daemon *daemon;
    char what[512], command[256];
    const char *address;
    char *dom;

    if (!has_program("chromium"))
        e2e_skip("chromium is not installed");
    daemon = daemon_serve(STATUS ECHO_OF("instances = 5;") LOUD);
    daemon_expect_file(daemon, "profile");
    daemon_expect_file(daemon, "dom");
    daemon_ask(daemon, "loud");
    address = daemon_address(daemon, "status", 0);
    browse(daemon, address, "--dump-dom --window-size=1280,900", daemon_path(daemon, "dom"));
    dom = daemon_read(daemon, "dom");
    assert_non_null(strstr(dom, "<section id=\"services\">"));
    assert_non_null(strstr(dom, "<rect class=\"bar\""));
    assert_non_null(strstr(dom, "&lt;script&gt;alert(1)&lt;/script&gt;"));
    expect_event(&daemon->events, "admit", "service", "status", NULL);
    expect_event(&daemon->events, "admit", "service", "status", NULL);
    for (int narrow = 0; directory && narrow < 2; narrow++) {
        snprintf(what, sizeof what, "--screenshot=%s/status-%s.png --window-size=%s", directory,
                 narrow ? "narrow" : "wide", narrow ? "400,2400" : "1280,1400");
        browse(daemon, address, what, "/dev/null");
    }
    snprintf(command, sizeof command, "rm -rf %s", daemon_path(daemon, "profile"));
    assert_int_equal(system(command), 0);
    daemon_stop(daemon);
}

int main(int argc, char **argv)
{
    static const struct e2e_case cases[] = {
        E2E(page__services_and_log__shown_escaped),
        E2E(json__what_is_live_and_counted__told),
        E2E(charts__busy_daemon__complete_at_once),
        E2E(events__change__sent_while_it_is_watched),
        E2E(rights__group__may_read),
        E2E(metrics__promtool__accepts_them),
        E2E(agent_check__states__told),
        E2E(agent_check__launches_fail__down),
        E2E(agent_check__unknown_service__fail),
        E2E(agent_check__haproxy__follows_it),
        {.name = "browser__page__drawn_and_live",
         .run = browser__page__drawn_and_live,
         .seconds = 200},
    };

    return e2e_main(argc, argv, cases, COUNT(cases));
}
