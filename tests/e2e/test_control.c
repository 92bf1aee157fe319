/*
 * The control socket as programs use it: what superd-control(7) promises, and what hostile clients of it
 * cost.
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

#include "control.h"
#include "origin.h"

#define CAT   "exec = ['@SPECIMEN@', 'cat']; "
#define WAIT  "exec = ['@SPECIMEN@', 'wait']; "
#define LOCAL "listen = '127.0.0.1:0'; "
#define ONE   "one: { " LOCAL CAT "}; "

static const json_t *last_admit; /* of served() */

/* A client that is being served, and superd knows. */
static int served(struct daemon *daemon, const char *service)
{
    int fd = daemon_dial(daemon, service);

    client_say(fd, "hello\n");
    assert_string_equal(client_hear_line(fd), "hello");
    last_admit = expect_event(&daemon->events, "admit", "service", service, NULL);
    return fd;
}

/* A client that nobody accepts. */
static int held(struct daemon *daemon, const char *service)
{
    int fd = daemon_dial(daemon, service);

    client_say(fd, "hello\n");
    client_hear_nothing(fd, 100);
    return fd;
}

/* ---- Looking -------------------------------------------------------------------------------- */

static void status__a_client__is_counted(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "limits: { instances = 7; }; };");
    int fd = served(daemon, "two");
    json_t *result = control_result(daemon, "{'command':'status'}");

    assert_int_equal(control_number(result, "daemon.pid"), daemon->pid);
    assert_string_equal(control_text(result, "daemon.state"), "running");
    assert_int_equal(control_number(result, "daemon.instances"), 1);
    assert_int_equal(json_array_size(control_get(result, "services")), 2);
    assert_string_equal(control_text(result, "services.0.service"), "one");
    assert_int_equal(control_number(result, "services.0.live"), 0);
    assert_string_equal(control_text(result, "services.1.service"), "two");
    assert_string_equal(control_text(result, "services.1.state"), "open");
    assert_int_equal(control_number(result, "services.1.live"), 1);
    assert_int_equal(control_number(result, "services.1.limit"), 7);
    assert_int_equal(control_number(result, "services.1.admitted"), 1);
    assert_int_equal(control_number(result, "services.1.launches"), 1);
    assert_true(control_number(result, "services.1.launch_us_sum") > 0);
    assert_string_equal(control_text(result, "services.1.listeners.0"),
                        daemon_address(daemon, "two", 0));
    close(fd);
    daemon_stop(daemon);
}

static void status__pages__have_every_service_once(void)
{
    static char services[65536];
    struct daemon *daemon;
    const char *next = "";
    char request[256], name[16];
    size_t n = 0, seen = 0;

    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(services + n, sizeof services - n,
                              "s%02d: { listen = 'unix:@DIR@/s%d'; " CAT "}; ", i, i);
    daemon = daemon_serve(services);
    while (next) {
        json_t *result;

        snprintf(request, sizeof request, "{'command':'status','limit':7,'after':'%s'}", next);
        result = control_result(daemon, request);
        for (size_t i = 0; i < json_array_size(json_object_get(result, "services")); i++) {
            char path[40];

            snprintf(path, sizeof path, "services.%zu.service", i);
            snprintf(name, sizeof name, "s%02zu", seen++);
            assert_string_equal(control_text(result, path), name);
        }
        next = json_string_value(json_object_get(result, "next"));
    }
    assert_int_equal(seen, 40);
    daemon_stop(daemon);
}

static void show__service__settings_and_listeners(void)
{
    struct daemon *daemon = daemon_serve("one: { listen = ('127.0.0.1:0', 'unix:@DIR@/x'); " CAT
                                         "environment: { SECRET = 'hush'; }; nice = 3; };");
    json_t *answer = control_ask(daemon, "{'id':{'a':1},'command':'show','service':'one'}");
    json_t *result = control_get(answer, "result");
    char *text;

    assert_int_equal(control_number(answer, "id.a"), 1);
    assert_int_equal(json_array_size(control_get(result, "listeners")), 2);
    assert_string_equal(control_text(result, "listeners.0.state"), "open");
    assert_string_equal(control_text(result, "listeners.0.address"),
                        daemon_address(daemon, "one", 0));
    assert_string_equal(json_string_value(json_object_get(control_get(result, "settings"), "nice")),
                        "3");
    /* The environment is not for everybody's eyes. */
    text = json_dumps(answer, 0);
    assert_null(strstr(text, "hush"));
    free(text);
    assert_string_equal(control_error(daemon, "{'command':'show','service':'nobody'}"),
                        "no service is called \"nobody\"");
    daemon_stop(daemon);
}

static void list__services__what_they_run(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    json_t *result = control_result(daemon, "{'command':'list'}");

    assert_string_equal(control_text(result, "services.0.mode"), "connection");
    assert_string_equal(control_text(result, "services.0.program"),
                        daemon_path(daemon, "specimen"));
    daemon_stop(daemon);
}

static bool all_bytes_known(void *data)
{
    json_t *result = control_result(data, "{'command':'instances'}");
    json_t *row = json_array_get(json_object_get(result, "instances"), 0);

    return json_integer_value(json_object_get(row, "bytes_in")) == 6 &&
           json_integer_value(json_object_get(row, "bytes_out")) == 6;
}

static void instances__one__process_peer_and_bytes(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fd = served(daemon, "one");
    const json_t *admit = last_admit;
    json_t *result = control_result(daemon, "{'command':'instances'}");

    assert_int_equal(json_array_size(control_get(result, "instances")), 1);
    assert_int_equal(control_number(result, "instances.0.pid"), event_number(admit, "pid"));
    assert_string_equal(control_text(result, "instances.0.peer"), event_text(admit, "peer"));
    assert_string_equal(control_text(result, "instances.0.service"), "one");
    assert_string_equal(control_text(result, "instances.0.state"), "running");
    assert_true(control_number(result, "instances.0.memory") > 4096);
    control_number(result, "instances.0.cpu_ms");
    control_number(result, "instances.0.age_ms");
    assert_true(e2e_until(all_bytes_known, daemon)); /* acknowledged a little later */
    close(fd);
    daemon_stop(daemon);
}

static size_t count_instances(const struct daemon *daemon, const char *request)
{
    return json_array_size(json_object_get(control_result(daemon, request), "instances"));
}

static void instances__filters_and_pages__right_ones(void)
{
    struct daemon *daemon = daemon_serve(
        ONE "two: { listen = ('127.0.0.1:0', '[::1]:0', 'unix:@DIR@/x'); " CAT "};");
    int fds[] = {served(daemon, "one"), served(daemon, "one"), served(daemon, "two"),
                 client_dial(daemon_address(daemon, "two", 1), SOCK_STREAM),
                 client_dial(daemon_address(daemon, "two", 2), SOCK_STREAM)};
    char request[128];
    json_t *result;

    for (int i = 0; i < 2; i++)
        expect_event(&daemon->events, "admit", "service", "two", NULL);
    assert_int_equal(count_instances(daemon, "{'command':'instances'}"), 5);
    assert_int_equal(count_instances(daemon, "{'command':'instances','service':'two'}"), 3);
    assert_int_equal(count_instances(daemon, "{'command':'instances','source':'127.0.0.0/8'}"), 3);
    assert_int_equal(count_instances(daemon, "{'command':'instances','source':'::1'}"), 1);
    assert_int_equal(count_instances(daemon, "{'command':'instances','source':'192.0.2.1'}"), 0);
    snprintf(request, sizeof request, "{'command':'instances','source':'uid:%u'}",
             (unsigned)geteuid());
    assert_int_equal(count_instances(daemon, request), 1);
    result = control_result(daemon, "{'command':'instances','limit':3}");
    assert_int_equal(json_array_size(control_get(result, "instances")), 3);
    snprintf(request, sizeof request, "{'command':'instances','limit':3,'after':'%s'}",
             control_text(result, "next"));
    result = control_result(daemon, request);
    assert_int_equal(json_array_size(control_get(result, "instances")), 2);
    assert_null(json_object_get(result, "next"));
    assert_string_equal(control_error(daemon, "{'command':'instances','source':'me'}"),
                        "\"me\" is not a source");
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    daemon_stop(daemon);
}

static void sources__admitted_and_refused__are_counted(void)
{
    struct daemon *daemon = daemon_serve("one: { " LOCAL CAT "limits: { per_source = 1; }; };");
    int fd = served(daemon, "one"), refused = daemon_dial(daemon, "one");
    json_t *result;

    client_expect_closed(refused);
    expect_event(&daemon->events, "refuse", "reason", "source-limit", NULL);
    result = control_result(daemon, "{'command':'sources','service':'one'}");
    assert_int_equal(control_number(result, "total"), 1);
    assert_string_equal(control_text(result, "sources.0.source"), "127.0.0.1");
    assert_string_equal(control_text(result, "sources.0.service"), "one");
    assert_int_equal(control_number(result, "sources.0.live"), 1);
    assert_int_equal(control_number(result, "sources.0.admitted"), 1);
    assert_int_equal(control_number(result, "sources.0.refused"), 1);
    result = control_result(daemon, "{'command':'sources','source':'192.0.2.0/24'}");
    assert_int_equal(control_number(result, "total"), 0);
    result = control_result(daemon, "{'command':'show','service':'one'}");
    assert_int_equal(control_number(control_get(result, "refused_by_reason"), "source-limit"), 1);
    close(fd);
    close(refused);
    daemon_stop(daemon);
}

static long long sum_of(const json_t *row, const char *kind)
{
    const json_t *counts = json_object_get(row, kind), *count;
    long long sum = 0;
    size_t i;

    json_array_foreach(counts, i, count) sum += json_integer_value(count);
    return sum;
}

/* What the history has of SERVICE, within the window, is what its counters have; the counters are these. */
static void expect_history(const struct daemon *daemon, const char *service, long long admitted,
                           long long refused)
{
    char request[128];
    json_t *result, *shown;
    const json_t *row;

    snprintf(request, sizeof request, "{'command':'history','service':'%s'}", service);
    result = control_result(daemon, request);
    snprintf(request, sizeof request, "{'command':'show','service':'%s'}", service);
    shown = control_result(daemon, request);
    assert_int_equal(control_number(shown, "admitted"), admitted);
    assert_int_equal(control_number(shown, "refused"), refused);
    assert_int_equal(json_array_size(json_object_get(result, "services")),
                     admitted + refused > 0 ? 1 : 0);
    row = json_array_get(json_object_get(result, "services"), 0);
    assert_int_equal(sum_of(row, "admitted"), admitted);
    assert_int_equal(sum_of(row, "refused"), refused);
}

/* All ways that lead to a count: connections, datagrams, a socket that is handed over, what a limit or a
 * trap refuses. */
static void history__admitted_and_refused__agree_with_the_counters(void)
{
    struct daemon *daemon = daemon_serve(
        "idle: { " LOCAL CAT "}; one: { " LOCAL CAT "limits: { per_source = 1; }; };\n"
        "sensor: { listen = ({ address = '127.0.0.1:0'; trap = '1h'; }); };\n"
        "u: { listen = 'udp:127.0.0.1:0'; exec = ['@SPECIMEN@', 'datagram', '1']; };");
    int fd = served(daemon, "one"), datagrams, other;
    json_t *result;

    for (int i = 0; i < 5; i++)
        origin_expect_refused(daemon_address(daemon, "one", 0), "127.0.0.1");
    datagrams = client_dial(daemon_address(daemon, "u", 0), SOCK_DGRAM);
    for (int i = 0; i < 2; i++) {
        client_say(datagrams, "packet");
        assert_string_equal(client_hear_packet(datagrams), "packet");
        expect_event(&daemon->events, "end", "service", "u", NULL);
    }
    origin_expect_refused(daemon_address(daemon, "sensor", 0), "127.0.0.2");
    other = origin_datagrams(daemon_address(daemon, "u", 0), "127.0.0.2");
    client_say(other, "hello?");
    expect_event(&daemon->events, "refuse", "service", "u", "reason", "trapped", NULL);
    close(other);

    expect_history(daemon, "idle", 0, 0);
    expect_history(daemon, "one", 1, 5);
    expect_history(daemon, "sensor", 0, 0); /* counters have what services decide */
    expect_history(daemon, "u", 2, 1);
    result = control_result(daemon, "{'command':'history'}");
    assert_int_equal(json_array_size(control_get(result, "services")), 2);
    assert_string_equal(control_text(result, "services.0.service"), "one");
    assert_string_equal(control_text(result, "services.1.service"), "u");
    assert_int_equal(control_number(result, "steps"), 60);
    assert_int_equal(json_array_size(control_get(result, "services.0.admitted")), 60);
    assert_int_equal(json_array_size(control_get(result, "services.0.refused")), 60);
    daemon_reload(daemon, NULL);
    expect_history(daemon, "one", 1, 5); /* as the counters, it survives a reload */
    assert_string_equal(control_error(daemon, "{'command':'history','service':'nobody'}"),
                        "no service is called \"nobody\"");
    close(fd);
    close(datagrams);
    daemon_stop(daemon);
}

struct step {
    const struct daemon *daemon;
    long long number;
};

static bool step_is_over(void *data)
{
    const struct step *step = data;
    json_t *result = control_result(step->daemon, "{'command':'history'}");

    return control_number(result, "step") > step->number;
}

/* What is in a step stays there while the steps go on; the time before the daemon is not known. */
static void history__time_passes__steps_go_on(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    struct step step = {.daemon = daemon};
    json_t *result;
    long long known;

    daemon_talk(daemon, "one", "x", "x");
    result = control_result(daemon, "{'command':'history'}");
    step.number = control_number(result, "step");
    known = control_number(result, "known_steps");
    assert_in_range(known, 1, 59);
    assert_int_equal(control_number(result, "step_ms"), 5000);
    assert_in_range(control_number(result, "elapsed_ms"), 0, 4999);
    assert_true(control_number(result, "known_ms") <
                (known - 1) * 5000 + control_number(result, "elapsed_ms") + 1);
    assert_true(e2e_until(step_is_over, &step));
    result = control_result(daemon, "{'command':'history'}");
    assert_int_equal(control_number(result, "known_steps") - known,
                     control_number(result, "step") - step.number);
    assert_int_equal(
        json_integer_value(json_array_get(control_get(result, "services.0.admitted"), 59)), 0);
    assert_int_equal(sum_of(json_array_get(control_get(result, "services"), 0), "admitted"), 1);
    daemon_stop(daemon);
}

/* More services than superd looks at for one page, and few of them used: pages may be empty. */
static void history__pages_of_idle_services__every_used_one_once(void)
{
    static const char *const used[] = {"s0000", "s0001", "s1149"};
    static char services[256 * 1024];
    const char *next = "";
    struct daemon *daemon;
    char request[256];
    size_t n = 0, seen = 0, pages = 0;

    for (int i = 0; i < 1150; i++)
        n += (size_t)snprintf(services + n, sizeof services - n,
                              "s%04d: { listen = 'unix:@DIR@/s%d'; " CAT "};\n", i, i);
    daemon = daemon_serve(services);
    for (size_t i = 0; i < COUNT(used); i++)
        daemon_talk(daemon, used[i], "x", "x");
    for (; next; pages++) {
        json_t *result, *row;
        size_t i;

        snprintf(request, sizeof request, "{'command':'history','limit':2,'after':'%s'}", next);
        result = control_result(daemon, request);
        next = json_string_value(json_object_get(result, "next"));
        json_array_foreach(json_object_get(result, "services"), i, row)
        {
            assert_true(seen < COUNT(used));
            assert_string_equal(event_text(row, "service"), used[seen]);
            seen++;
        }
    }
    assert_int_equal(seen, COUNT(used));
    assert_int_equal(pages, 3); /* the first two, then nobody, then the last */
    daemon_stop(daemon);
}

static void explain__live_counters__decide(void)
{
    struct daemon *daemon = daemon_serve(
        "one: { " LOCAL CAT
        "limits: { per_source = 1; }; access: { deny = ['192.0.2.0/24']; }; };");
    json_t *result;
    int fd;

    result = control_result(daemon, "{'command':'explain','service':'one','address':'127.0.0.1'}");
    assert_string_equal(control_text(result, "decision"), "admit");
    fd = served(daemon, "one");
    result = control_result(daemon, "{'command':'explain','service':'one','address':'127.0.0.1'}");
    assert_string_equal(control_text(result, "decision"), "refuse");
    assert_string_equal(control_text(result, "reason"), "source-limit");
    result = control_result(daemon, "{'command':'explain','service':'one','address':'192.0.2.77'}");
    assert_string_equal(control_text(result, "reason"), "denied");
    assert_string_equal(control_text(result, "rule"), "192.0.2.0/24");
    assert_string_equal(control_text(result, "file"), daemon->config);
    control_result(daemon, "{'command':'pause','service':'one'}");
    result = control_result(daemon, "{'command':'explain','service':'one','address':'127.0.0.2'}");
    assert_string_equal(control_text(result, "decision"), "hold");
    assert_string_equal(control_text(result, "reason"), "paused");
    control_error(daemon, "{'command':'explain','service':'one','address':'localhost'}");
    control_error(daemon, "{'command':'explain','service':'one'}");
    close(fd);
    daemon_stop(daemon);
}

/* ---- Log ------------------------------------------------------------------------------------ */

static void log__past__last_lines_of_a_service(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "};");
    json_t *result;

    daemon_talk(daemon, "one", "x", "x");
    daemon_talk(daemon, "two", "y", "y");
    expect_event(&daemon->events, "end", "service", "one", NULL);
    expect_event(&daemon->events, "end", "service", "two", NULL);
    result = control_result(daemon, "{'command':'log','service':'one'}");
    assert_int_equal(json_array_size(control_get(result, "events")), 3);
    assert_string_equal(control_text(result, "events.0.event"), "listen");
    assert_string_equal(control_text(result, "events.1.event"), "admit");
    assert_string_equal(control_text(result, "events.2.event"), "end");
    result = control_result(daemon, "{'command':'log','service':'two','lines':1}");
    assert_int_equal(json_array_size(control_get(result, "events")), 1);
    assert_string_equal(control_text(result, "events.0.event"), "end");
    daemon_stop(daemon);
}

static void log__follow__events_as_they_happen(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "};");
    int fd = control_dial(daemon);
    json_t *line;

    control_say(fd, "{'id':'f','command':'log','service':'one','follow':true,'lines':0}");
    control_expect_true(control_hear(fd), "ok");
    client_hear_nothing(fd, 50);
    daemon_talk(daemon, "two", "y", "y");
    daemon_talk(daemon, "one", "x", "x");
    line = control_hear(fd);
    assert_string_equal(control_text(line, "id"), "f");
    assert_string_equal(control_text(line, "event.event"), "admit");
    assert_string_equal(control_text(line, "event.service"), "one");
    line = control_hear(fd);
    assert_string_equal(control_text(line, "event.event"), "end");
    close(fd);
    daemon_stop(daemon);
}

/* More than the ring and the sockets hold, at once, by a handler's standard error. */
static void log__follower_who_does_not_read__is_told_what_he_missed(void)
{
    struct daemon *daemon = daemon_serve(ONE "noisy: { " LOCAL
                                             "exec = ['@SPECIMEN@', 'stderr-flood', '80']; }; ");
    int fd = control_dial(daemon), got = 0;
    long long missed = 0;

    control_say(fd, "{'command':'log','follow':true,'lines':0}");
    control_hear(fd);
    /* 100 lines a second of one instance: many instances. */
    for (int i = 0; i < 150; i++)
        assert_string_equal(daemon_ask(daemon, "noisy"), "done\n");
    daemon_talk(daemon, "one", "last", "last");
    expect_event(&daemon->events, "end", "service", "one", NULL);
    while (true) {
        json_t *line = control_hear(fd);
        const json_t *event = json_object_get(line, "event");

        if (!event) {
            missed += control_number(line, "missed");
            continue;
        }
        got++;
        if (strcmp(event_text(event, "event"), "end") == 0 &&
            strcmp(event_text(event, "service"), "one") == 0)
            break;
    }
    events_read(&daemon->events);
    /* Every line of the log was either sent or counted, but those from before. */
    assert_in_range(got + missed, daemon->events.count - 6, daemon->events.count);
    assert_true(missed > 0);
    close(fd);
    daemon_stop(daemon);
}

/* ---- Metrics -------------------------------------------------------------------------------- */

static double metric(const char *text, const char *name)
{
    char wanted[256];
    const char *line;

    snprintf(wanted, sizeof wanted, "\n%s ", name);
    line = strstr(text, wanted);
    if (!line)
        fail_msg("no %s in\n%s", name, text);
    return strtod(line + strlen(wanted), NULL);
}

static void metrics__after_some_connections__agree_with_them(void)
{
    struct daemon *daemon = daemon_serve(ONE "bad: { " LOCAL
                                             "exec = ['@SPECIMEN@', 'exit', '3']; };");
    const char *text;

    for (int i = 0; i < 3; i++)
        daemon_talk(daemon, "one", "x", "x");
    daemon_ask(daemon, "bad");
    for (int i = 0; i < 4; i++)
        expect_event(&daemon->events, "end", NULL);
    text = control_text(control_result(daemon, "{'command':'metrics'}"), "text");
    assert_true(metric(text, "superd_services") == 2);
    assert_true(metric(text, "superd_instances") == 0);
    assert_true(metric(text, "superd_resident_memory_bytes") > 100000);
    assert_true(metric(text, "superd_service_admitted_total{service=\"one\"}") == 3);
    assert_true(metric(text, "superd_service_launches_total{service=\"one\"}") == 3);
    assert_true(metric(text, "superd_service_outcomes_total{service=\"one\",outcome=\"ok\"}") == 3);
    assert_true(metric(text, "superd_service_outcomes_total{service=\"bad\",outcome=\"exit\"}") ==
                1);
    assert_true(metric(text, "superd_service_launch_seconds_count{service=\"one\"}") == 3);
    assert_true(metric(text, "superd_service_launch_seconds_bucket{service=\"one\",le=\"+Inf\"}") ==
                3);
    assert_true(metric(text, "superd_service_launch_seconds_sum{service=\"one\"}") > 0);
    assert_true(metric(text, "superd_service_duration_seconds_count{service=\"bad\"}") == 1);
    daemon_stop(daemon);
}

/* ---- Kill ----------------------------------------------------------------------------------- */

static void kill__by_instance_source_service__ends_those(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { listen = ('127.0.0.1:0', '[::1]:0'); " CAT
                                             "};");
    int b = served(daemon, "two"), c = client_dial(daemon_address(daemon, "two", 1), SOCK_STREAM),
        a = served(daemon, "one");
    char request[64];
    json_t *result;

    expect_event(&daemon->events, "admit", "service", "two", NULL);
    snprintf(request, sizeof request, "{'command':'kill','instance':%lld}",
             event_number(last_admit, "instance"));
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
    int before = served(daemon, "one"), waiting;

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
    fd = served(daemon, "one");
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
    int fd = served(daemon, "one"), control = control_dial(daemon), waiting;
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
    int fd = served(daemon, "one");
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
    int stays = served(daemon, "one"), goes = client_dial(second, SOCK_STREAM);
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
    int fd = served(daemon, "one"), control = control_dial(daemon), waiting;

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
    int fd = served(daemon, "one"), control = control_dial(daemon);

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
    int fd = served(daemon, "one");
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

/* ---- Rights --------------------------------------------------------------------------------- */

#define SOME_UID 4242
#define SOME_GID 4243

/* In a child as somebody else: ask, and exit with 0: ok, 1: refused as not permitted, 2: cannot connect,
 * 3: anything else. */
static int ask_as(const struct daemon *daemon, gid_t gid, gid_t other, const char *request)
{
    const char *path = daemon_path(daemon, "control.sock");
    char address[160];
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int fd;
        json_t *answer;

        if (setgroups(1, &other) != 0 || setgid(gid) != 0 || setuid(SOME_UID) != 0)
            _exit(99);
        snprintf(address, sizeof address, "unix:%s", path);
        fd = client_try(address, SOCK_STREAM);
        if (fd < 0)
            _exit(fd == -EACCES ? 2 : 3);
        control_say(fd, request);
        answer = control_hear(fd);
        _exit(json_is_true(json_object_get(answer, "ok"))       ? 0
              : json_is_true(json_object_get(answer, "denied")) ? 1
                                                                : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void rights__no_group__nobody_else_gets_in(void)
{
    struct daemon *daemon;
    struct stat st;

    harness_needs_root();
    daemon = daemon_serve(ONE);
    assert_int_equal(lstat(daemon_path(daemon, "control.sock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'status'}"), 2);
    /* Even where somebody has opened the file to all, credentials decide. */
    assert_int_equal(chmod(daemon_path(daemon, "control.sock"), 0666), 0);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'status'}"), 1);
    daemon_stop(daemon);
}

static void rights__members_of_the_group__may_read_only(void)
{
    struct daemon *daemon;
    struct stat st;

    harness_needs_root();
    daemon = daemon_start(&(struct setup){.superd = "control_group = '4243';", .services = ONE});
    assert_int_equal(lstat(daemon_path(daemon, "control.sock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
    assert_int_equal(st.st_gid, SOME_GID);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'status'}"), 0);
    assert_int_equal(ask_as(daemon, SOME_UID, SOME_GID, "{'command':'instances'}"), 0);
    assert_int_equal(ask_as(daemon, SOME_UID, SOME_GID, "{'command':'history'}"), 0);
    assert_int_equal(ask_as(daemon, SOME_UID, SOME_UID, "{'command':'status'}"), 2);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'pause'}"), 1);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'reload'}"), 1);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'dump'}"), 1);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'check'}"), 1);
    assert_int_equal(ask_as(daemon, SOME_GID, SOME_GID, "{'command':'stop'}"), 1);
    daemon_talk(daemon, "one", "x", "x");
    daemon_stop(daemon);
}

/* ---- Hostile clients ------------------------------------------------------------------------ */

/* A process that asks for what costs most, without end, and reads the answers as fast as they come. */
static pid_t start_flood(const struct daemon *daemon)
{
    static const char request[] = "{\"command\":\"metrics\"}\n";
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = control_dial(daemon);
        char answer[65536];

        for (;;) {
            if (send(fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
                errno != EAGAIN)
                _exit(0);
            while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
                continue;
        }
    }
    return pid;
}

static void hostile__flood_of_requests__clients_are_served_meanwhile(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    pid_t floods[3];
    int status;

    for (size_t i = 0; i < COUNT(floods); i++)
        floods[i] = start_flood(daemon);
    for (int i = 0; i < 50; i++)
        daemon_talk(daemon, "one", "x", "x");
    for (int i = 0; i < 10; i++)
        control_result(daemon, "{'command':'status'}");
    for (size_t i = 0; i < COUNT(floods); i++) {
        assert_int_equal(waitpid(floods[i], &status, WNOHANG), 0); /* it went on all the time */
        kill(floods[i], SIGKILL);
        waitpid(floods[i], &status, 0);
    }
    daemon_stop(daemon);
}

static void hostile__garbage_long_lines_and_many_connections__cost_nothing(void)
{
    struct daemon *daemon = daemon_serve(ONE);
    int fds[100], garbage = control_dial(daemon), endless = control_dial(daemon);
    json_t *answer;

    client_send(garbage, "\x00\xff\n", 3);
    answer = control_hear(garbage);
    assert_true(json_is_false(control_get(answer, "ok")));
    client_stuff(endless, 100000); /* no newline in it */
    answer = control_hear(endless);
    assert_string_equal(control_text(answer, "error"), "a line has at most 65536 bytes");
    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = control_dial(daemon);
        client_say(fds[i], "{\"comm"); /* and never ends it */
    }
    control_result(daemon, "{'command':'status'}");
    daemon_talk(daemon, "one", "x", "x");
    for (size_t i = 0; i < COUNT(fds); i++)
        close(fds[i]);
    close(garbage);
    close(endless);
    daemon_stop(daemon);
}

static void hostile__leaves_while_work_is_under_way__nothing_happens(void)
{
    struct daemon *daemon = daemon_serve(ONE);

    for (int i = 0; i < 20; i++) {
        static const char *const requests[] = {"{'command':'check'}", "{'command':'instances'}",
                                               "{'command':'reload'}", "{'command':'dump'}"};
        int fd = control_dial(daemon);

        control_say(fd, requests[i % COUNT(requests)]);
        close(fd);
    }
    control_result(daemon, "{'command':'status'}");
    daemon_stop(daemon);
}

int main(int argc, char **argv)
{
    static const struct e2e_case cases[] = {
        E2E(status__a_client__is_counted),
        E2E(status__pages__have_every_service_once),
        E2E(show__service__settings_and_listeners),
        E2E(list__services__what_they_run),
        E2E(instances__one__process_peer_and_bytes),
        E2E(instances__filters_and_pages__right_ones),
        E2E(sources__admitted_and_refused__are_counted),
        E2E(history__admitted_and_refused__agree_with_the_counters),
        E2E(history__time_passes__steps_go_on),
        E2E(history__pages_of_idle_services__every_used_one_once),
        E2E(explain__live_counters__decide),
        E2E(log__past__last_lines_of_a_service),
        E2E(log__follow__events_as_they_happen),
        E2E(log__follower_who_does_not_read__is_told_what_he_missed),
        E2E(metrics__after_some_connections__agree_with_them),
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
        E2E(rights__no_group__nobody_else_gets_in),
        E2E(rights__members_of_the_group__may_read_only),
        E2E(hostile__flood_of_requests__clients_are_served_meanwhile),
        E2E(hostile__garbage_long_lines_and_many_connections__cost_nothing),
        E2E(hostile__leaves_while_work_is_under_way__nothing_happens),
    };

    return e2e_main(argc, argv, cases, COUNT(cases));
}
