/*
 * superd --explain: each rule that can decide is named as it was written, with file and line, and
 * nothing is opened for it.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"

#define SHELL    "exec = ['/bin/sh', '-c', 'exit 0']; "
#define ADMITTED 0
#define REFUSED  3
#define WRONG    1

/* Lines are counted from the first of this text. */
static const char services[] =
    "web: { listen = '127.0.0.1:0'; " SHELL "\n"
    "  access: {\n"
    "    allow = ['10.0.0.0/8',\n"
    "             '2001:db8::/32'];\n"
    "    deny = ['10.1.0.0/16',\n"
    "            '10.0.0.66'];\n"
    "  }; };\n"
    "open: { listen = '127.0.0.1:0'; " SHELL "\n"
    "  limits: { instances = 5; per_source = 2; per_source_rate = '10/m'; }; };\n"
    "office: { listen = '127.0.0.1:0'; " SHELL "\n"
    "  access: {\n"
    "    hours = ['Mon-Fri 08:00-18:00',\n"
    "             'Sat 22:00-02:00'];\n"
    "    time_zone = 'Europe/Berlin';\n"
    "  }; };\n"
    "local: { listen = 'unix:@DIR@/sock'; " SHELL "\n"
    "  access: { deny = ['uid:4711']; }; };\n";

static struct daemon *prepare(void)
{
    return daemon_prepare(&(struct setup){.services = services});
}

static char *explain(const struct daemon *daemon, const char *service, const char *address,
                     const char *when, int status)
{
    const char *const arguments[] = {harness_superd(), "--config", daemon->config, "--explain",
                                     service,          address,    when,           NULL};
    char *text;
    int r = process_run(arguments, &text);

    if (r != status)
        fail_msg("%s %s: status %d instead of %d: %s", service, address, r, status, text);
    return text;
}

static void end(struct daemon *daemon)
{
    daemon->ended = true; /* it never began */
    daemon_expect_gone(daemon);
}

/* The line of the configuration that has WORD, in services[]. */
static unsigned line_of(const struct daemon *daemon, const char *word)
{
    const char *text = daemon_read(daemon, "superd.conf");
    const char *at = strstr(text, word);
    unsigned line = 1;

    assert_non_null(at);
    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

/* RULE decides, and stands where it was written. */
static void expect_rule(const struct daemon *daemon, const char *text, const char *rule)
{
    char quoted[64], wanted[128];

    snprintf(quoted, sizeof quoted, "\"%s\"", rule);
    snprintf(wanted, sizeof wanted, "decided by %s", quoted);
    if (!strstr(text, wanted))
        fail_msg("not %s: %s", wanted, text);
    snprintf(wanted, sizeof wanted, "written at %s:%u\n", daemon->config, line_of(daemon, quoted));
    if (!strstr(text, wanted))
        fail_msg("not %s: %s", wanted, text);
}

static void rules__each_that_decides__is_named_with_its_place(void)
{
    struct daemon *daemon = prepare();

    expect_rule(daemon, explain(daemon, "web", "10.2.3.4", NULL, ADMITTED), "10.0.0.0/8");
    expect_rule(daemon, explain(daemon, "web", "10.1.3.4", NULL, REFUSED), "10.1.0.0/16");
    expect_rule(daemon, explain(daemon, "web", "10.0.0.66", NULL, REFUSED), "10.0.0.66");
    expect_rule(daemon, explain(daemon, "web", "2001:db8:1::1", NULL, ADMITTED), "2001:db8::/32");
    expect_rule(daemon, explain(daemon, "local", "uid:4711", NULL, REFUSED), "uid:4711");
    end(daemon);
}

static void rules__none_matches__the_default_is_told(void)
{
    struct daemon *daemon = prepare();
    char *text = explain(daemon, "web", "192.0.2.1", NULL, REFUSED);

    assert_non_null(strstr(text, "denied"));
    assert_null(strstr(text, "decided by"));
    text = explain(daemon, "open", "192.0.2.1", NULL, ADMITTED);
    assert_non_null(strstr(text, "no access rules: everybody may connect"));
    explain(daemon, "local", "uid:4712", NULL, ADMITTED);
    end(daemon);
}

/* The limit NAME is told with its value and where that was written. */
static void expect_limit(const char *text, const char *name, const char *value, const char *where)
{
    char key[64], given[64], place[256];
    const char *at = text;

    while ((at = strchr(at, '\n'))) {
        if (sscanf(++at, " %63s %63s %255s", key, given, place) != 3 || strcmp(key, name) != 0)
            continue;
        assert_string_equal(given, value);
        assert_string_equal(place, where);
        return;
    }
    fail_msg("no %s: %s", name, text);
}

static void limits__are_told_with_their_places(void)
{
    struct daemon *daemon = prepare();
    char *text = explain(daemon, "open", "192.0.2.1", NULL, ADMITTED), here[128];

    snprintf(here, sizeof here, "%s:%u", daemon->config, line_of(daemon, "per_source = 2"));
    expect_limit(text, "limits.instances", "5", here);
    expect_limit(text, "limits.per_source", "2", here);
    expect_limit(text, "limits.per_source_rate", "10/m", here);
    text = explain(daemon, "web", "10.2.3.4", NULL, ADMITTED);
    expect_limit(text, "limits.instances", "256", "default");
    end(daemon);
}

static void file__the_line_that_decides__is_named(void)
{
    struct daemon *daemon = daemon_prepare(
        &(struct setup){.services = "a: { listen = '127.0.0.1:0'; " SHELL
                                    "access: { deny = ['file:@DIR@/blocked']; }; };"});
    char wanted[128], *text;

    daemon_expect_file(daemon, "blocked");
    daemon_write(daemon, "blocked", "# none of these\n\n192.0.2.0/24\n198.51.100.7 # nor he\n");
    text = explain(daemon, "a", "198.51.100.7", NULL, REFUSED);
    snprintf(wanted, sizeof wanted, "written at %s:4\n", daemon_path(daemon, "blocked"));
    assert_non_null(strstr(text, wanted));
    text = explain(daemon, "a", "192.0.2.255", NULL, REFUSED);
    snprintf(wanted, sizeof wanted, "written at %s:3\n", daemon_path(daemon, "blocked"));
    assert_non_null(strstr(text, wanted));
    explain(daemon, "a", "198.51.100.8", NULL, ADMITTED);
    end(daemon);
}

/* 2026-11-23 is a Monday; Berlin is an hour ahead of UTC then, and two in July. */
static void hours__a_time_is_given__they_are_asked_for_it(void)
{
    static const struct {
        const char *when;
        int status;
    } asked[] = {
        {"2026-11-23T08:00", ADMITTED}, {"2026-11-23T07:59", REFUSED},
        {"2026-11-23T18:00", REFUSED},  {"2026-11-23T07:00Z", ADMITTED},
        {"2026-11-23T06:59Z", REFUSED}, {"2026-07-06T06:00Z", ADMITTED},
        {"2026-07-06T05:59Z", REFUSED}, {"2026-11-22T12:00", REFUSED},
        {"2026-11-28T23:30", ADMITTED}, {"2026-11-29T01:59", ADMITTED},
        {"2026-11-29T02:00", REFUSED},  {"2026-11-28T21:00Z", ADMITTED},
    };
    struct daemon *daemon;
    char *text;

    if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)
        e2e_skip("there are no time zones");
    daemon = prepare();
    for (size_t i = 0; i < COUNT(asked); i++)
        explain(daemon, "office", "192.0.2.1", asked[i].when, asked[i].status);
    text = explain(daemon, "office", "192.0.2.1", "2026-11-22T12:00", REFUSED);
    assert_non_null(strstr(text, "closed-hours"));
    expect_rule(daemon, text, "Mon-Fri 08:00-18:00");
    end(daemon);
}

static void question__wrong__said_what_is(void)
{
    struct daemon *daemon = prepare();

    assert_non_null(strstr(explain(daemon, "wbe", "192.0.2.1", NULL, WRONG), "\"wbe\""));
    assert_non_null(strstr(explain(daemon, "web", "www.example", NULL, WRONG), "\"www.example\""));
    assert_non_null(strstr(explain(daemon, "web", "192.0.2.1", "noon", WRONG), "\"noon\""));
    explain(daemon, "web", "uid:x", NULL, WRONG);
    end(daemon);
}

/* It is asked beside a daemon that serves the same configuration. */
static void beside_a_daemon__its_ports_are_left_alone(void)
{
    struct daemon *daemon = daemon_serve(services);

    expect_rule(daemon, explain(daemon, "web", "10.1.3.4", NULL, REFUSED), "10.1.0.0/16");
    assert_int_equal(access(daemon_path(daemon, "sock"), F_OK), 0);
    close(daemon_dial(daemon, "local"));
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(rules__each_that_decides__is_named_with_its_place),
    E2E(rules__none_matches__the_default_is_told),
    E2E(limits__are_told_with_their_places),
    E2E(file__the_line_that_decides__is_named),
    E2E(hours__a_time_is_given__they_are_asked_for_it),
    E2E(question__wrong__said_what_is),
    E2E(beside_a_daemon__its_ports_are_left_alone),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
