/* Tests of superd/config with very many services: the time must grow with their number, not with its
 * square. */
#include "fixture.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERVICES 10000

/* Processor time of this process, in milliseconds. */
static double used(void)
{
    return (double)clock() * 1000 / CLOCKS_PER_SEC;
}

static void config_load__many_services__quick(void **state)
{
    struct fixture *fixture = *state;
    char path[128], *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);
    double begin, alone, whole;
    config_t bare;

    fprintf(file,
            "defaults: { user = \"nobody\"; access: { warn_open = false; }; };\nservices: {\n");
    for (unsigned i = 0; i < SERVICES; i++)
        fprintf(file,
                "  s%u: { listen = \"*:%u\"; exec = [ \"hello\", \"%u\" ]; user = \"%s\";\n"
                "    environment: { N = \"%u\"; }; limits: { instances = %u; }; };\n",
                i, 1000 + i, i, i % 2 ? "nobody" : "daemon", i, i + 1);
    fprintf(file, "};\n");
    fclose(file);
    fixture_write(fixture, "main.conf", text);
    free(text);

    snprintf(path, sizeof path, "%s/main.conf", fixture->folder);
    config_init(&bare);
    begin = used();
    assert_true(config_read_file(&bare, path));
    alone = used() - begin;
    config_destroy(&bare);

    begin = used();
    fixture_load(fixture, "main.conf");
    whole = used() - begin;
    fixture_expect(fixture, "");
    assert_int_equal(fixture->config->service_count, SERVICES);
    assert_non_null(config_find(fixture->config, "s9999"));
    assert_int_equal(config_find(fixture->config, "s9999")->limits.instances, 10000);
    print_message("%d services: %.0f ms, of which libconfig takes %.0f ms; %zu KiB\n", SERVICES,
                  whole, alone, arena_size(fixture->config->arena) / 1024);
    /* Half a second is what it may take; sanitizers and a busy machine get eight times that. Looking
     * at every pair of services would take far longer even so. */
    assert_true(whole - alone < 4000);
}

/* There is an error on that line that has these words. */
static void expect_at(const struct fixture *fixture, unsigned line, const char *words)
{
    for (size_t i = 0; i < fixture->list.count; i++) {
        if (fixture->list.items[i].line == line && strstr(fixture->list.items[i].message, words))
            return;
    }
    fail_msg("no error on line %u says \"%s\"", line, words);
}

/* Where libconfig would be slow the services are divided into groups, which nobody must see. */
static void config_load__divided__names_lines_and_errors_as_written(void **state)
{
    static const char braces[] = "    # { \"a\n"
                                 "    environment: { A = \"};{\"; B = \"\\\"}\"; }; /* } */\n";
    struct fixture *fixture = *state;
    char *text = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&text, &length);

    fprintf(file, "defaults: { user = \"nobody\"; access: { warn_open = false; }; };\n"
                  "services = {\n");
    for (unsigned i = 0; i < 1000; i++)
        fprintf(file, "s%u: { listen = \"127.0.%u.%u:7\"; exec = [ \"hello\" ];\n%s}%s\n", i,
                i / 200, 1 + i % 200, braces,
                i % 3 == 0   ? ";"
                : i % 3 == 1 ? ","
                             : "");
    fprintf(file, "s7: { listen = \"127.0.9.9:7\"; exec = [ \"hello\" ]; };\n"
                  "same: { listen = \"127.0.0.4:7\"; exec = [ \"hello\" ]; };\n"
                  "all: { listen = \"*:7\"; exec = [ \"hello\" ]; };\n"
                  "wrong: { listen = \"127.0.9.10:7\"; exec = [ \"hello\" ]; nice = 99; };\n"
                  "}\n");
    fclose(file);
    fixture_write(fixture, "main.conf", text);
    free(text);
    fixture_load(fixture, "main.conf");
    assert_non_null(fixture->config);
    assert_int_equal(fixture->config->service_count, 1000);
    assert_int_equal(config_find(fixture->config, "s999")->position.line, 3 + 999 * 4);
    assert_int_equal(fixture->list.errors, 4);
    expect_at(fixture, 4003, "there is a service \"s7\" already");
    expect_at(fixture, 4004, "is taken by \"127.0.0.4:7\" of service \"s3\"");
    expect_at(fixture, 4005, "is taken by \"127.0.4.200:7\" of service \"s999\"");
    expect_at(fixture, 4006, "nice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(config_load__many_services__quick, fixture_set_up,
                                        fixture_tear_down),
        cmocka_unit_test_setup_teardown(config_load__divided__names_lines_and_errors_as_written,
                                        fixture_set_up, fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
