/* `page` under a small superserver, asked by curl: the files arrive byte for byte, are resumed, and
 * are not fetched again.  Skips where curl is not installed. */
#include "page_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pid_t superserver;

static int setup(void **state)
{
    static const char *const options[] = {"-l", NULL};
    if (site_setup(state) != 0)
        return -1;
    superserver = site_serve(*state, options);
    return 0;
}

static int teardown(void **state)
{
    site_stop(superserver);
    return site_teardown(state);
}

/* curl with these arguments for that path; what it printed is in `to`. */
static void curl(const struct site *site, const char *path, const char *const *arguments, char *to,
                 size_t size)
{
    const char *argv[24] = {"curl",      "--silent", "--show-error", "--max-time", "20",
                            "--noproxy", "*",        "--globoff"};
    size_t count = 8;
    char url[256];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", site->port, path);
    for (; *arguments != NULL; arguments++)
        argv[count++] = *arguments;
    argv[count] = url;
    assert_int_equal(site_run(argv, false, to, size), 0);
}

static void assert_same_as_big(const struct site *site, const char *path)
{
    char *content = malloc(SITE_BIG + 1);
    assert_non_null(content);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fread(content, 1, SITE_BIG + 1, file), SITE_BIG);
    assert_memory_equal(content, site->big, SITE_BIG);
    fclose(file);
    free(content);
}

static void curl__whole_and_resumed__byte_for_byte(void **state)
{
    const struct site *site = *state;
    char path[128], code[256];
    snprintf(path, sizeof path, "%s/fetched", site->base);
    const char *whole[] = {"--fail", "--output", path, NULL};
    curl(site, "/big.bin", whole, NULL, 0);
    assert_same_as_big(site, path);

    assert_int_equal(truncate(path, 1234567), 0);
    const char *resumed[] = {"--fail", "--output",    path,           "--continue-at",
                             "-",      "--write-out", "%{http_code}", NULL};
    curl(site, "/big.bin", resumed, code, sizeof code);
    assert_string_equal(code, "206");
    assert_same_as_big(site, path);
}

static void curl__again__not_modified(void **state)
{
    const struct site *site = *state;
    char path[128], tags[128], code[256];
    snprintf(path, sizeof path, "%s/again", site->base);
    snprintf(tags, sizeof tags, "%s/tags", site->base);
    const char *first[] = {"--output", path, "--etag-save", tags, "--remote-time", NULL};
    curl(site, "/text.txt", first, NULL, 0);
    const char *by_tag[] = {"--output",     "/dev/null", "--etag-compare", tags, "--write-out",
                            "%{http_code}", NULL};
    curl(site, "/text.txt", by_tag, code, sizeof code);
    assert_string_equal(code, "304");
    const char *by_date[] = {"--output",    "/dev/null",    "--time-cond", path,
                             "--write-out", "%{http_code}", NULL};
    curl(site, "/text.txt", by_date, code, sizeof code);
    assert_string_equal(code, "304");
}

static void curl__redirect_and_listing__followed(void **state)
{
    char text[8192];
    const char *follow[] = {"--location", "--write-out", "%{num_redirects} %{http_code}", NULL};
    curl(*state, "/sub", follow, text, sizeof text);
    assert_non_null(strstr(text, "<a href=\"./a.txt\">"));
    assert_non_null(strstr(text, "1 200"));
}

static void curl__several_files__one_connection(void **state)
{
    const struct site *site = *state;
    char text[1024], second[128];
    snprintf(second, sizeof second, "http://127.0.0.1:%u/sub/a.txt", site->port);
    const char *two[] = {"--write-out", "%{num_connects} ", second, NULL};
    curl(site, "/text.txt", two, text, sizeof text);
    assert_string_equal(text, "a\n1 01234567890 ");
}

static void curl__path_as_is__no_way_out(void **state)
{
    static const char *const paths[] = {"/../secret", "/%2e%2e/secret", "/outside-up",
                                        "/outside-directory/secret"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char text[4096];
        const char *as_is[] = {"--path-as-is", NULL};
        curl(*state, paths[i], as_is, text, sizeof text);
        assert_null(strstr(text, "secret\n"));
        assert_non_null(strstr(text, "<title>40"));
    }
}

static void curl__upload__answered(void **state)
{
    const struct site *site = *state;
    char file[128], code[256];
    snprintf(file, sizeof file, "@%s/big.bin", site->root);
    const char *upload[] = {"--data-binary", file,           "--output", "/dev/null",
                            "--write-out",   "%{http_code}", NULL};
    curl(site, "/text.txt", upload, code, sizeof code);
    assert_string_equal(code, "405");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curl__whole_and_resumed__byte_for_byte),
        cmocka_unit_test(curl__again__not_modified),
        cmocka_unit_test(curl__redirect_and_listing__followed),
        cmocka_unit_test(curl__several_files__one_connection),
        cmocka_unit_test(curl__path_as_is__no_way_out),
        cmocka_unit_test(curl__upload__answered),
    };
    if (!site_has_program("curl")) {
        printf("skipped: curl is not installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
