/* Tests of superd/config/dump.c: what is dumped loads to the same. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "rich.h"

/* Load the dump of what is loaded, and compare both dumps. */
static void expect_round_trip(struct fixture *fixture)
{
    char *first = fixture_dump(fixture), *second;
    size_t count = fixture->config->service_count;

    fixture_write(fixture, "dumped.conf", first);
    fixture_load(fixture, "dumped.conf");
    assert_int_equal(fixture->list.errors, 0);
    assert_non_null(fixture->config);
    assert_int_equal(fixture->config->service_count, count);
    second = fixture_dump(fixture);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void config_dump__every_setting__loads_to_the_same(void **state)
{
    struct fixture *fixture = *state;

    RICH_WRITE(fixture);
    fixture_load(fixture, "main.conf");
    fixture_expect(fixture, "");
    assert_int_equal(fixture->config->service_count, 6);
    expect_round_trip(fixture);
    assert_string_equal(config_find(fixture->config, "full")->banner, "Welcome\r\nto \"this\"\n");
}

static void config_dump__not_root__loads_to_the_same(void **state)
{
    struct fixture *fixture = *state;

    fixture->around.root = false;
    fixture->around.uid = 65534;
    assert_non_null(fixture_load_text(
        fixture, "services: { a: { listen = [ \"*:7000\", \"unix:/x\" ]; exec = \"hello\"; }; };"));
    expect_round_trip(fixture);
}

/* No handler: no program, no user, nothing to isolate. */
static void config_dump__traps_alone__loads_to_the_same(void **state)
{
    struct fixture *fixture = *state;

    assert_non_null(fixture_load_text(
        fixture, "services: { a: { listen = { address = \"*:23\"; trap = \"1h\"; }; }; };"));
    expect_round_trip(fixture);
}

static void config_dump__nothing__loads_to_the_same(void **state)
{
    struct fixture *fixture = *state;

    assert_non_null(fixture_load_text(fixture, ""));
    expect_round_trip(fixture);
}

/* Nothing that a service can have is forgotten: each name of the table stands in the dump. */
static void config_dump__rows_of_the_schema__all_there(void **state)
{
    struct fixture *fixture = *state;
    char *text;

    RICH_WRITE(fixture);
    fixture_load(fixture, "main.conf");
    text = fixture_dump(fixture);
    for (const struct schema_row *row = schema_next(NULL); row; row = schema_next(row)) {
        const char *dot = strrchr(row->name, '.');
        char wanted[64];

        if (strcmp(row->name, "pass_environment") == 0 || strcmp(row->name, "disabled") == 0)
            continue; /* they have done their work */
        snprintf(wanted, sizeof wanted, " %s = ", dot ? dot + 1 : row->name);
        if (!strstr(text, wanted))
            fail_msg("%s is not in the dump", row->name);
    }
    free(text);
}

static void config_dump__full_device__error(void **state)
{
    struct fixture *fixture = *state;
    FILE *full = fopen("/dev/full", "we");

    assert_non_null(full);
    assert_non_null(fixture_load_text(fixture, ""));
    assert_true(config_dump(fixture->config, full) < 0);
    fclose(full);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(config_dump__every_setting__loads_to_the_same),
        TEST(config_dump__not_root__loads_to_the_same),
        TEST(config_dump__nothing__loads_to_the_same),
        TEST(config_dump__traps_alone__loads_to_the_same),
        TEST(config_dump__rows_of_the_schema__all_there),
        TEST(config_dump__full_device__error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
