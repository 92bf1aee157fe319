/* Tests of superd/config with very many services: the time must grow with their number, not with its
 * square. */
#include "fixture.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(config_load__many_services__quick, fixture_set_up,
                                        fixture_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
