/*
 * What the control socket tells of services, instances, sources, the log and metrics.
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

/* ---- Looking -------------------------------------------------------------------------------- */

static void status__a_client__is_counted(void)
{
    struct daemon *daemon = daemon_serve(ONE "two: { " LOCAL CAT "limits: { instances = 7; }; };");
    int fd = served(daemon, "two", NULL);
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
    const json_t *admit;
    int fd = served(daemon, "one", &admit);
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
    int fds[] = {served(daemon, "one", NULL), served(daemon, "one", NULL),
                 served(daemon, "two", NULL),
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
    int fd = served(daemon, "one", NULL), refused = daemon_dial(daemon, "one");
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
    int fd = served(daemon, "one", NULL), datagrams, other;
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
    fd = served(daemon, "one", NULL);
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
    };

    return e2e_main(argc, argv, cases, COUNT(cases));
}
