/* Tests of superd/config/changes.c: exactly what is different is named. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/changes.h"
#include "config/schema.h"
#include "rich.h"

/* "+a -b c(limits.rate exec) =2": what CHANGES says, in a line. */
static const char *words(const struct config_changes *changes)
{
    static char text[4096];
    size_t n = 0;

    for (size_t i = 0; i < changes->count; i++) {
        const struct change *change = &changes->items[i];
        const char *marks[] = {[CHANGE_ADDED] = "+", [CHANGE_CHANGED] = "", [CHANGE_REMOVED] = "-"};

        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", marks[change->kind],
                              change->service ? change->service : "superd");
        for (size_t j = 0; j < change->setting_count; j++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%c%s", j ? ' ' : '(',
                                  change->settings[j]);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s ", change->setting_count ? ")" : "");
    }
    snprintf(text + n, sizeof text - n, "=%zu", changes->unchanged);
    return text;
}

static void expect_changes(struct fixture *fixture, const char *old, const char *new,
                           const char *wanted)
{
    struct config_changes changes;
    struct config *before;

    assert_non_null(fixture_load_text(fixture, old));
    before = fixture->config;
    fixture->config = NULL;
    assert_non_null(fixture_load_text(fixture, new));
    assert_int_equal(fixture->list.errors, 0);
    assert_true(config_changes_find(&changes, before, fixture->config));
    config_free(before); /* what was found outlives both */
    assert_string_equal(words(&changes), wanted);
    config_changes_clear(&changes);
}

#define A         "a: { listen = \"127.0.0.1:7000\"; exec = \"hello\"; user = \"nobody\"; "
#define B         "b: { listen = \"127.0.0.1:7001\"; exec = \"hello\"; user = \"nobody\"; "
#define ONE(text) "services: { " A text "}; };"

static void changes_find__same__nothing(void **state)
{
    struct fixture *fixture = *state;
    struct config_changes changes;
    struct config *before;

    RICH_WRITE(fixture);
    fixture_load(fixture, "main.conf");
    before = fixture->config;
    fixture->config = NULL;
    fixture_load(fixture, "main.conf");
    assert_true(config_changes_find(&changes, before, fixture->config));
    assert_string_equal(words(&changes), "=6");
    config_changes_clear(&changes);
    config_free(before);
}

static void changes_find__services_come_and_go__are_named(void **state)
{
    expect_changes(*state, "services: { " A "}; };", "services: { " B "}; };", "-a +b =0");
    expect_changes(*state, "services: { " A "}; " B "}; };", "services: { " B "}; };", "-a =1");
    expect_changes(*state, "", "services: { " A "}; " B "}; };", "+a +b =0");
    expect_changes(*state, "services: { " A "}; " B "}; };", "", "-a -b =0");
}

static void changes_find__a_setting_of_each_kind__is_named(void **state)
{
    static const struct {
        const char *before, *after, *wanted;
    } cases[] = {
        {"", "limits: { instances = 7; };", "a(limits.instances) =0"},
        {"limits: { rate = \"5/s\"; };", "limits: { rate = \"5/m\"; };", "a(limits.rate) =0"},
        {"", "limits: { when_full = \"refuse\"; };", "a(limits.when_full) =0"},
        {"", "limits: { source_prefix_v6 = 48; };", "a(limits.source_prefix_v6) =0"},
        {"", "time: { idle = \"5m\"; };", "a(time.idle) =0"},
        {"", "nice = -3;", "a(nice) =0"},
        {"", "umask = \"077\";", "a(umask) =0"},
        {"", "banner = \"x\";", "a(banner) =0"},
        {"banner = \"x\";", "banner = \"y\";", "a(banner) =0"},
        {"", "rlimits: { nofile = \"64\"; };", "a(rlimits.nofile) =0"},
        {"rlimits: { nofile = \"64\"; };", "rlimits: { nofile = \"64:65\"; };",
         "a(rlimits.nofile) =0"},
        {"", "argv0 = \"x\";", "a(argv0) =0"},
        {"", "environment: { A = \"1\"; };", "a(environment) =0"},
        {"", "access: { deny = \"192.0.2.1\"; };", "a(access.deny) =0"},
        {"access: { allow = \"192.0.2.1\"; };", "access: { allow = \"192.0.2.2\"; };",
         "a(access.allow) =0"},
        {"", "access: { hours = \"Mon 08:00-18:00\"; };", "a(access.hours) =0"},
        {"", "group = \"daemon\";", "a(group groups) =0"},
        {"", "stderr = \"discard\"; nice = 1;", "a(nice stderr) =0"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char before[512], after[512];

        snprintf(before, sizeof before, ONE("%s"), cases[i].before);
        snprintf(after, sizeof after, ONE("%s"), cases[i].after);
        expect_changes(*state, before, after, cases[i].wanted);
    }
}

static void changes_find__listeners__are_named(void **state)
{
    expect_changes(*state, ONE(""),
                   "services: { a: { listen = \"127.0.0.1:7002\"; exec = \"hello\"; user = "
                   "\"nobody\"; }; };",
                   "a(listen) =0");
    expect_changes(*state, ONE(""),
                   "services: { a: { listen = ( { address = \"127.0.0.1:7000\"; backlog = 5; } ); "
                   "exec = \"hello\"; user = \"nobody\"; }; };",
                   "a(listen) =0");
}

static void changes_find__the_daemon__is_named(void **state)
{
    expect_changes(*state, "", "superd: { grace = \"1s\"; log: { level = \"debug\"; }; };",
                   "superd(log.level grace) =0");
    expect_changes(*state, "superd: { control = \"/a\"; };", "superd: { control = \"/b\"; };",
                   "superd(control) =0");
}

int main(void)
{
#define CASE(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(changes_find__same__nothing),
        CASE(changes_find__services_come_and_go__are_named),
        CASE(changes_find__a_setting_of_each_kind__is_named),
        CASE(changes_find__listeners__are_named),
        CASE(changes_find__the_daemon__is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
