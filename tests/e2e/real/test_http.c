/*
 * micro-httpd, a web server of the inetd kind, fetched from with curl.
 */
#include "real.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void micro_httpd__files__fetched_whole(void)
{
    const char *httpd = real_program("micro-httpd", "micro-httpd");
    struct daemon *daemon;
    char services[1024];
    unsigned port;

    real_program("curl", "curl");
    daemon = daemon_prepare(&(struct setup){.services = ""});
    daemon_expect_file(daemon, "www");
    daemon_expect_file(daemon, "got");
    process_shell("mkdir '%s/www' && printf '<h1>hello</h1>\\n' > '%s/www/index.html'",
                  daemon->directory, daemon->directory);
    real_fill(daemon_path(daemon, "www/big.bin"), 5 << 20);
    snprintf(
        services, sizeof services,
        "http: { listen = '*:0'; %s exec = ['%s', '%s/www']; access: { warn_open = false; }; };\n",
        harness_is_root() ? "user = 'nobody';" : "", httpd, daemon->directory);
    daemon_configure(daemon, &(struct setup){.services = services});
    daemon_run(daemon, NULL);
    port = real_port(daemon, "http", 0);
    assert_string_equal(
        process_shell("curl -sf --noproxy '*' http://127.0.0.1:%u/index.html", port),
        "<h1>hello</h1>\n");
    process_shell("cd '%s' && curl -sf --noproxy '*' -o got http://127.0.0.1:%u/big.bin &&"
                  " cmp got www/big.bin",
                  daemon->directory, port);
    process_shell("cd '%s' && for i in 1 2 3 4 5 6 7 8; do"
                  " curl -sf --noproxy '*' -o /dev/null http://127.0.0.1:%u/big.bin & p=\"$p $!\";"
                  " done; for i in $p; do wait $i; done",
                  daemon->directory, port);
    assert_non_null(strstr(
        process_shell(
            "curl -s --noproxy '*' -o /dev/null -w '%%{http_code}' http://127.0.0.1:%u/none", port),
        "404"));
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(micro_httpd__files__fetched_whole),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
