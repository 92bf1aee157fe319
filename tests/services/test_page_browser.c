/* `page` opened in a real browser: the document, what it loads in turn (style, script, picture,
 * data) and a listing all arrive.  Skips where Chromium is not installed.
 *
 * PAGE_SCREENSHOT=directory keeps pictures of what the browser showed. */
#include "page_site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pid_t superserver;

static const char document[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Loading</title>\n"
    "<link rel=\"stylesheet\" href=\"look.css\">\n"
    "<script type=\"module\" src=\"run.mjs\"></script></head>\n"
    "<body><h1>Served by page</h1><p id=\"said\">nothing yet</p>\n"
    "<img id=\"picture\" src=\"picture.svg\" alt=\"\" width=\"120\"></body></html>\n";
static const char look[] = "h1 { color: rgb(1, 102, 3) }\n";
/* A script that says in the document what it found there; modules demand the right media type. */
static const char script[] =
    "const data = await (await fetch('data/words.json')).json();\n"
    "const part = await fetch('text.txt', { headers: { Range: 'bytes=2-4' } });\n"
    "await document.getElementById('picture').decode();\n"
    "const color = getComputedStyle(document.querySelector('h1')).color;\n"
    "document.getElementById('said').textContent =\n"
    "    [data.word, part.status, await part.text(), color].join(' | ');\n"
    "document.title = 'Front of the house';\n";
static const char picture[] = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 10 10\">"
                              "<circle cx=\"5\" cy=\"5\" r=\"4\" fill=\"teal\"/></svg>\n";
static const char words[] = "{\"word\": \"k\xc3\xa4se\"}\n";

static int setup(void **state)
{
    static const char *const options[] = {"-l", NULL};
    if (site_setup(state) != 0)
        return -1;
    const struct site *site = *state;
    char command[128];
    snprintf(command, sizeof command, "mkdir %s/data", site->root);
    assert_int_equal(system(command), 0);
    site_write(site, "index.html", document, sizeof document - 1);
    site_write(site, "look.css", look, sizeof look - 1);
    site_write(site, "run.mjs", script, sizeof script - 1);
    site_write(site, "picture.svg", picture, sizeof picture - 1);
    site_write(site, "data/words.json", words, sizeof words - 1);
    superserver = site_serve(site, options);
    return 0;
}

static int teardown(void **state)
{
    site_stop(superserver);
    return site_teardown(state);
}

/* Opens the path and either prints its document, or keeps a picture of it. */
static int browse(const struct site *site, const char *path, const char *what, char *to,
                  size_t size)
{
    char url[128], profile[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", site->port, path);
    snprintf(profile, sizeof profile, "--user-data-dir=%s/profile", site->base);
    const char *argv[] = {"timeout",
                          "60",
                          "chromium",
                          "--headless",
                          "--no-sandbox",
                          "--disable-gpu",
                          "--disable-quic",
                          "--no-first-run",
                          "--disable-background-networking",
                          "--disable-component-update",
                          "--disable-sync",
                          "--no-proxy-server",
                          "--window-size=800,600",
                          "--virtual-time-budget=10000",
                          profile,
                          what,
                          url,
                          NULL};
    return site_run(argv, true, to, size);
}

static void keep_picture(const struct site *site, const char *path, const char *name)
{
    const char *directory = getenv("PAGE_SCREENSHOT");
    char what[512];
    if (directory == NULL)
        return;
    snprintf(what, sizeof what, "--screenshot=%s/%s.png", directory, name);
    assert_int_equal(browse(site, path, what, NULL, 0), 0);
}

static void browser__document__all_its_parts_arrived(void **state)
{
    char dom[16384];
    assert_int_equal(browse(*state, "/", "--dump-dom", dom, sizeof dom), 0);
    assert_non_null(strstr(dom, "<title>Front of the house</title>"));
    assert_non_null(strstr(dom, "k\xc3\xa4se | 206 | 234 | rgb(1, 102, 3)"));
    keep_picture(*state, "/", "document");
}

static void browser__listing__shown(void **state)
{
    char dom[16384];
    assert_int_equal(browse(*state, "/sub", "--dump-dom", dom, sizeof dom), 0);
    assert_non_null(strstr(dom, "<title>/sub/</title>")); /* the redirect was followed */
    assert_non_null(strstr(dom, "it's \"&lt;odd&gt;\" &amp; 100%.txt</a>"));
    keep_picture(*state, "/sub/", "listing");
}

static void browser__absent__told(void **state)
{
    char dom[16384];
    assert_int_equal(browse(*state, "/nothing", "--dump-dom", dom, sizeof dom), 0);
    assert_non_null(strstr(dom, "<h1>404 Not Found</h1>"));
    keep_picture(*state, "/nothing", "absent");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(browser__document__all_its_parts_arrived),
        cmocka_unit_test(browser__listing__shown),
        cmocka_unit_test(browser__absent__told),
    };
    if (!site_has_program("chromium")) {
        printf("skipped: chromium is not installed\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, setup, teardown);
}
