/*
 * Reload (SIGHUP): the next configuration is put in force without a client noticing, or not at all.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"
#include "harness.h"

#define CAT     "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"
#define SAY(x)  "say: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'say', '" x "']; };\n"
#define MANY    "limits: { per_source = 1000; instances = 1000; };"
#define CROWDED 4

/* A configuration with SERVICE listening on ADDRESS. */
static struct setup *on_address(const char *service, const char *address)
{
    static char services[512];
    static struct setup setup;

    snprintf(services, sizeof services, "%s: { listen = '%s'; exec = ['@SPECIMEN@', 'cat']; };\n",
             service, address);
    setup = (struct setup){.services = services, .defaults = MANY};
    return &setup;
}

/* ---- Nobody notices ------------------------------------------------------------------------- */

static void unchanged__50_reloads_under_load_every_fifth_wrong__nobody_notices(void)
{
    static const char *const turns[] = {
        CAT SAY("first"),
        CAT SAY("second") "more: { listen = '127.0.0.1:0'; exec = '@SPECIMEN@'; };\n",
        CAT "mask: { listen = '127.0.0.1:0'; exec = '@SPECIMEN@'; umask = '027'; };\n",
        CAT SAY("fourth"),
    };
    struct daemon *daemon = daemon_start(&(struct setup){.services = turns[0], .defaults = MANY});
    struct crowd crowd;

    crowd_begin(&crowd, daemon_address(daemon, "cat", 0), CROWDED);
    for (size_t i = 1; i <= 50; i++) {
        struct setup setup = {.services = turns[i % COUNT(turns)], .defaults = MANY};

        crowd_wait(&crowd, 2);
        if (i % 5 == 0) {
            setup.services = CAT "wrong: { listen = 'nonsense'; };\n";
            daemon_reload_fails(daemon, &setup);
        } else {
            daemon_reload(daemon, &setup);
        }
    }
    crowd_wait(&crowd, 20);
    assert_true(crowd_end(&crowd) >= 120);
    assert_int_equal(count_events(&daemon->events, "reload", NULL), 40);
    assert_int_equal(count_events(&daemon->events, "reload-failed", NULL), 10);
    assert_int_equal(count_events(&daemon->events, "listen", "service", "cat", NULL), 1);
    daemon_stop(daemon);
}

static void star__to_one_address_and_back__nobody_notices(void)
{
    char host[32], one[64], any[64];
    /* Of all addresses, so not that of somebody who runs the same beside us; not one that the kernel
     * gives away by itself. */
    unsigned port = 10000 + (unsigned)getpid() % 20000;
    struct daemon *daemon;
    struct crowd crowd;

    snprintf(one, sizeof one, "%s:%u", harness_loopback(host), port);
    snprintf(any, sizeof any, "0.0.0.0:%u", port);
    daemon = daemon_start(on_address("cat", one));
    crowd_begin(&crowd, one, CROWDED);
    for (int i = 0; i < 10; i++) {
        crowd_wait(&crowd, 10);
        daemon_reload(daemon, on_address("cat", any));
        crowd_wait(&crowd, 10);
        daemon_reload(daemon, on_address("cat", one));
    }
    crowd_wait(&crowd, 10);
    crowd_end(&crowd);
    daemon_stop(daemon);
}

static void port__moved_between_services__nobody_notices(void)
{
    char host[32], address[64];
    struct daemon *daemon;
    struct crowd crowd;

    snprintf(address, sizeof address, "%s:20201", harness_loopback(host));
    daemon = daemon_start(on_address("one", address));
    crowd_begin(&crowd, address, CROWDED);
    for (int i = 0; i < 10; i++) {
        crowd_wait(&crowd, 10);
        daemon_reload(daemon, on_address(i % 2 ? "one" : "two", address));
    }
    crowd_wait(&crowd, 10);
    crowd_end(&crowd);
    assert_int_equal(count_events(&daemon->events, "listen", NULL), 1); /* the same socket */
    expect_event(&daemon->events, "admit", "service", "two", NULL);
    daemon_stop(daemon);
}

static void backlog__client_waits_for_a_full_service__served_after_the_reload(void)
{
    struct daemon *daemon = daemon_serve("cat: { listen = '127.0.0.1:0';\n"
                                         "  exec = ['@SPECIMEN@', 'cat'];\n"
                                         "  limits: { instances = 1; }; };\n");
    int first = daemon_dial(daemon, "cat"), second, third;

    client_say(first, "one\n");
    assert_string_equal(client_hear_line(first), "one");
    second = daemon_dial(daemon, "cat");
    third = daemon_dial(daemon, "cat");
    expect_event(&daemon->events, "hold", "service", "cat", "reason", "service-limit", NULL);
    daemon_reload(daemon, &(struct setup){.services = CAT});
    client_say(second, "two\n");
    assert_string_equal(client_hear_line(second), "two");
    client_say(third, "three\n");
    assert_string_equal(client_hear_line(third), "three");
    client_say(first, "still\n");
    assert_string_equal(client_hear_line(first), "still");
    close(first);
    close(second);
    close(third);
    daemon_stop(daemon);
}

static void instances__live_on_under_their_generation(void)
{
    struct daemon *daemon = daemon_serve(
        "hold: { listen = '127.0.0.1:0'; exec = ['/bin/sh', '-c',\n"
        "  'echo before; read line; echo $line']; };\n");
    int old = daemon_dial(daemon, "hold"), new;

    assert_string_equal(client_hear_line(old), "before");
    daemon_reload(daemon,
                  &(struct setup){.services = "hold: { listen = '127.0.0.1:0'; exec = ['/bin/sh',\n"
                                              "  '-c', 'echo after; read line']; };\n"});
    new = daemon_dial(daemon, "hold");
    assert_string_equal(client_hear_line(new), "after");
    client_say(old, "unharmed\n");
    assert_string_equal(client_hear_line(old), "unharmed");
    close(old);
    close(new);
    daemon_stop(daemon);
}

static void service__removed_while_an_instance_lives__it_goes_on(void)
{
    struct daemon *daemon = daemon_serve(CAT SAY("hello"));
    char address[64];
    int fd;

    snprintf(address, sizeof address, "%s", daemon_address(daemon, "cat", 0));
    fd = client_dial(address, SOCK_STREAM);
    client_say(fd, "before\n");
    assert_string_equal(client_hear_line(fd), "before");
    daemon_reload(daemon, &(struct setup){.services = SAY("hello")});
    assert_int_equal(client_try(address, SOCK_STREAM), -ECONNREFUSED);
    client_say(fd, "after\n");
    assert_string_equal(client_hear_line(fd), "after");
    close(fd);
    expect_event(&daemon->events, "end", "service", "cat", "outcome", "ok", NULL);
    assert_string_equal(daemon_ask(daemon, "say"), "hello\n");
    daemon_reload(daemon, &(struct setup){.services = CAT SAY("hello")}); /* and comes again */
    daemon_talk(daemon, "cat", "again", "again");
    daemon_stop(daemon);
}

static void listener_mode__instance_lives__keeps_the_socket(void)
{
    static const char wait[] = "wait: { listen = '127.0.0.1:0'; mode = 'listener';\n"
                               "  exec = ['@SPECIMEN@', 'accept', '2']; };\n";
    struct daemon *daemon = daemon_serve(wait);

    daemon_talk(daemon, "wait", "one\n", "one\n");
    daemon_reload(daemon, &(struct setup){.services = wait, .defaults = "umask = '027';"});
    daemon_talk(daemon, "wait", "two\n", "two\n");
    expect_event(&daemon->events, "end", "service", "wait", "outcome", "ok", NULL);
    daemon_talk(daemon, "wait", "three\n", "three\n"); /* the next generation's instance */
    daemon_talk(daemon, "wait", "four\n", "four\n");
    expect_event(&daemon->events, "end", "service", "wait", "outcome", "ok", NULL);
    assert_int_equal(count_events(&daemon->events, "admit", NULL), 2);
    daemon_stop(daemon);
}

/* ---- Wrong ones ----------------------------------------------------------------------------- */

/* The `config` event of this reload that has WORDS in its message. */
static const json_t *find_complaint(struct daemon *daemon, const char *words)
{
    const struct events *events = &daemon->events;

    for (size_t i = events->count; i-- > 0;) {
        const json_t *json = events->list[i].json;

        if (strcmp(event_text(json, "event"), "config") == 0 &&
            strstr(event_text(json, "message"), words))
            return json;
    }
    fail_msg("no complaint has the words \"%s\"", words);
    return NULL;
}

static void expect_refused(struct daemon *daemon, const char *services, const char *words)
{
    const json_t *complaint;
    size_t length = strlen(daemon->config);

    daemon_reload_fails(daemon, &(struct setup){.services = services});
    complaint = find_complaint(daemon, words);
    assert_string_equal(event_text(complaint, "level"), "error");
    assert_memory_equal(event_text(complaint, "where"), daemon->config, length);
    assert_true(strtol(event_text(complaint, "where") + length + 1, NULL, 10) > 1);
    daemon_talk(daemon, "cat", "as before", "as before");
}

static void wrong__of_any_kind__said_and_the_old_goes_on(void)
{
    struct daemon *daemon = daemon_serve(CAT);

    expect_refused(daemon, CAT "one: { listen = '127.0.0.1:0'; exec = '/no/such/program'; };\n",
                   "/no/such/program");
    expect_refused(daemon, CAT "one: { listen = '127.0.0.1:0'; exce = '@SPECIMEN@'; };\n",
                   "did you mean \"exec\"");
    expect_refused(daemon, CAT "one: { listen = 7; exec = '@SPECIMEN@'; };\n", "listen");
    expect_refused(daemon, CAT "one: { listen = '127.0.0.1:0' exec = \n", "syntax error");
    daemon_reload(daemon, &(struct setup){.services = CAT SAY("right again")});
    assert_string_equal(daemon_ask(daemon, "say"), "right again\n");
    daemon_stop(daemon);
}

static void wrong__port_of_another__the_old_goes_on(void)
{
    struct daemon *holder = daemon_serve(CAT), *daemon = daemon_serve(CAT);
    char services[512];

    snprintf(services, sizeof services,
             CAT SAY("new") "one: { listen = '%s'; exec = '@SPECIMEN@'; };\n",
             daemon_address(holder, "cat", 0));
    expect_refused(daemon, services, "Address already in use");
    assert_int_equal(count_events(&daemon->events, "listen", "service", "say", NULL), 0);
    daemon_stop(daemon);
    daemon_stop(holder);
}

/* ---- Again and again ------------------------------------------------------------------------ */

static void hup__many_at_once__the_last_configuration_is_in_force(void)
{
    struct daemon *daemon = daemon_serve(CAT SAY("first"));

    daemon_configure(daemon, &(struct setup){.services = CAT SAY("last")});
    for (int i = 0; i < 20; i++)
        daemon_signal(daemon, SIGHUP);
    expect_event(&daemon->events, "reload", NULL);
    while (strcmp(daemon_ask(daemon, "say"), "last\n") != 0)
        expect_event(&daemon->events, "reload", NULL);
    daemon_stop(daemon);
}

static void reloads__200_of_them__nothing_grows(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    long before, after;

    for (int i = 0; i < 20; i++)
        daemon_reload(daemon, &(struct setup){.services = i % 2 ? CAT : CAT SAY("more")});
    daemon_expect_quiet(daemon);
    before = census_memory(daemon->pid, "Private_Dirty");
    for (int i = 0; i < 200; i++)
        daemon_reload(daemon, &(struct setup){.services = i % 2 ? CAT : CAT SAY("more")});
    daemon_expect_quiet(daemon);
    after = census_memory(daemon->pid, "Private_Dirty");
    if (!e2e_sanitized() && after > before + 256)
        fail_msg("memory has grown from %ld to %ld KiB", before, after);
    assert_true(census_status(daemon->pid, "Threads") <= 2);
    daemon_talk(daemon, "cat", "still here", "still here");
    daemon_stop(daemon);
}

static void log__target_changed__the_rest_goes_there(void)
{
    struct daemon *daemon = daemon_serve(CAT);
    char raw[1024];

    snprintf(raw, sizeof raw,
             "superd: { control = '@DIR@/control.sock';\n"
             "  log: { target = '@DIR@/other.log'; format = 'json'; }; };\n"
             "defaults: { %s environment: { E2E_DIRECTORY = '@DIR@'; }; };\n"
             "services: { " CAT " };\n",
             harness_is_root() ? "user = 'root';" : "");
    daemon_expect_file(daemon, "other.log");
    daemon_configure(daemon, &(struct setup){.raw = raw});
    events_follow(&daemon->events, daemon_path(daemon, "other.log"));
    daemon_reload(daemon, NULL);
    daemon_talk(daemon, "cat", "hello", "hello");
    expect_event(&daemon->events, "end", "service", "cat", NULL);
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(unchanged__50_reloads_under_load_every_fifth_wrong__nobody_notices),
    E2E(star__to_one_address_and_back__nobody_notices),
    E2E(port__moved_between_services__nobody_notices),
    E2E(backlog__client_waits_for_a_full_service__served_after_the_reload),
    E2E(instances__live_on_under_their_generation),
    E2E(service__removed_while_an_instance_lives__it_goes_on),
    E2E(listener_mode__instance_lives__keeps_the_socket),
    E2E(wrong__of_any_kind__said_and_the_old_goes_on),
    E2E(wrong__port_of_another__the_old_goes_on),
    E2E(hup__many_at_once__the_last_configuration_is_in_force),
    E2E(reloads__200_of_them__nothing_grows),
    E2E(log__target_changed__the_rest_goes_there),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
