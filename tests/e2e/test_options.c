/*
 * The command line and the files: what superd says and how it ends, before it serves anybody. And what
 * becomes of a configuration of which a part is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "process.h"

#define CAT "cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; };\n"

/* Run superd with these arguments; returns its exit code, and what it said in *SAID_R. */
static int superd(char **said_r, const char *first, const char *second, const char *third)
{
    const char *const arguments[] = {harness_superd(), first, second, third, NULL};

    return process_run(arguments, said_r);
}

static void expect_said(const char *said, const char *words)
{
    if (!strstr(said, words))
        fail_msg("superd did not say \"%s\" but: %s", words, said);
}

/* ---- Options -------------------------------------------------------------------------------- */

static void version_and_help__zero(void)
{
    char *said;

    assert_int_equal(superd(&said, "-V", NULL, NULL), 0);
    assert_memory_equal(said, "superd ", 7);
    assert_int_equal(superd(&said, "--version", NULL, NULL), 0);
    assert_int_equal(superd(&said, "--help", NULL, NULL), 0);
    expect_said(said, "usage: superd");
    expect_said(said, "--ready-fd");
    assert_int_equal(superd(&said, "-h", NULL, NULL), 0);
}

static void unknown__one_and_a_hint(void)
{
    char *said;

    assert_int_equal(superd(&said, "--nonsense", NULL, NULL), 1);
    expect_said(said, "--help");
    assert_int_equal(superd(&said, "argument", NULL, NULL), 1);
    expect_said(said, "argument");
    assert_int_equal(superd(&said, "--ready-fd", "99", NULL), 1);
    expect_said(said, "--ready-fd");
    assert_int_equal(superd(&said, "--ready-fd", "x", NULL), 1);
}

static void config__missing__one_and_named(void)
{
    char *said;

    assert_int_equal(superd(&said, "-c", "/no/such/file.conf", NULL), 1);
    expect_said(said, "/no/such/file.conf");
    assert_int_equal(superd(&said, "-t", "-c", "/no/such/file.conf"), 1);
}

/* ---- --check and --dump --------------------------------------------------------------------- */

static struct daemon *files_only(const char *services)
{
    struct daemon *daemon = daemon_prepare(&(struct setup){.services = services});

    daemon->ended = true; /* it never begins */
    return daemon;
}

static void check__right__zero_and_no_port(void)
{
    char host[32], services[256], *said;
    struct daemon *daemon, *running;

    snprintf(services, sizeof services, "cat: { listen = '%s:20300'; exec = '@SPECIMEN@'; };\n",
             harness_loopback(host));
    running = daemon_serve(services); /* the port is taken: a check does not mind */
    daemon = files_only(services);
    assert_int_equal(superd(&said, "--check", "--config", daemon->config), 0);
    expect_said(said, "1 services");
    daemon_stop(running);
    daemon_expect_gone(daemon);
}

static void check__wrong__every_error_at_once(void)
{
    struct daemon *daemon = files_only(
        "one: { listen = '127.0.0.1:0'; exec = '/no/such/program'; };\n"
        "two: { listne = '127.0.0.1:0'; exec = '@SPECIMEN@'; };\n"
        "three: { listen = '127.0.0.1:99999'; exec = '@SPECIMEN@'; };\n"
        "four: { listen = '127.0.0.1:0'; exec = '@SPECIMEN@';\n"
        "  nice = 'very'; };\n" CAT);
    char *said;

    assert_int_equal(superd(&said, "-t", "-c", daemon->config), 1);
    expect_said(said, "/no/such/program");
    expect_said(said, "listen");
    expect_said(said, "99999");
    expect_said(said, "nice");
    expect_said(said, "superd.conf:");
    daemon_expect_gone(daemon);
}

static void dump__loads_again__and_is_the_same(void)
{
    struct daemon *daemon = files_only(CAT
                                       "udp: { listen = 'udp:127.0.0.1:0';\n"
                                       "  exec = ['@SPECIMEN@', 'datagram', 'a b', '']; nice = 3;\n"
                                       "  environment: { A = 'b c'; }; };\n");
    char *first, *second;

    assert_int_equal(superd(&first, "--dump", "-c", daemon->config), 0);
    expect_said(first, "specimen");
    daemon_write(daemon, "dumped.conf", first);
    assert_int_equal(superd(&second, "--dump", "-c", daemon_path(daemon, "dumped.conf")), 0);
    assert_string_equal(first, second);
    daemon_expect_gone(daemon);
}

/* ---- A part is wrong ------------------------------------------------------------------------ */

static void dropin__wrong__the_others_serve(void)
{
    struct daemon *daemon = daemon_prepare(
        &(struct setup){.top = "include = ['services.d'];", .services = CAT});

    assert_int_equal(mkdir(daemon_path(daemon, "services.d"), 0755), 0);
    daemon_expect_file(daemon, "services.d");
    daemon_write(
        daemon, "services.d/good.conf",
        "services: { good: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; }; };\n");
    daemon_write(daemon, "services.d/bad.conf",
                 "services: { bad: { listen = '127.0.0.1:0'; exec = '/no/such/program'; }; };\n");
    daemon_write(daemon, "services.d/worse.conf", "services: { worse: { listen = \n");
    daemon_write(daemon, "services.d/ignored.txt", "this is no configuration\n");
    daemon_run(daemon, NULL);
    daemon_talk(daemon, "cat", "hello", "hello");
    daemon_talk(daemon, "good", "hello", "hello");
    assert_non_null(strstr(daemon_read(daemon, "stderr"), "/no/such/program"));
    assert_non_null(strstr(daemon_read(daemon, "stderr"), "worse.conf:"));
    assert_int_equal(count_events(&daemon->events, "listen", "service", "bad", NULL), 0);
    daemon_stop(daemon);
}

static void dropin__wrong__check_says_one(void)
{
    struct daemon *daemon = files_only(CAT
                                       "bad: { listen = '127.0.0.1:0'; exec = '/no/such'; };\n");
    char *said;

    assert_int_equal(superd(&said, "--check", "-c", daemon->config), 1);
    daemon_expect_gone(daemon);
}

static void strict__a_service_is_wrong__not_started(void)
{
    struct daemon *daemon = daemon_launch(
        &(struct setup){.superd = "strict = true;",
                        .services = CAT "bad: { listen = '127.0.0.1:0'; exec = '/no/such'; };\n"});

    assert_int_equal(daemon_wait(daemon), 1);
    assert_non_null(strstr(daemon_read(daemon, "stderr"), "strict"));
    daemon_expect_gone(daemon);
}

static void disabled__not_served(void)
{
    struct daemon *daemon = daemon_serve(CAT "off: { listen = '127.0.0.1:0'; exec = '@SPECIMEN@';\n"
                                             "  disabled = true; };\n");

    daemon_talk(daemon, "cat", "hello", "hello");
    assert_int_equal(count_events(&daemon->events, "listen", NULL), 1);
    daemon_stop(daemon);
}

static void root__no_user__an_error_that_says_so(void)
{
    struct daemon *daemon;

    harness_needs_root();
    daemon = daemon_launch(&(struct setup){
        .raw = "superd: { control = ''; strict = true; };\n"
               "services: { cat: { listen = '127.0.0.1:0'; exec = ['@SPECIMEN@', 'cat']; }; };\n"});
    assert_int_equal(daemon_wait(daemon), 1);
    assert_non_null(strstr(daemon_read(daemon, "stderr"), "user"));
    daemon_expect_gone(daemon);
}

static void ordinary_user__another_user__an_error_that_says_so(void)
{
    struct daemon *daemon;

    if (harness_is_root())
        e2e_skip("this needs an ordinary user");
    daemon = daemon_launch(&(struct setup){
        .superd = "strict = true;",
        .services = "cat: { listen = '127.0.0.1:0'; exec = '@SPECIMEN@'; user = 'root'; };\n"});
    assert_int_equal(daemon_wait(daemon), 1);
    assert_non_null(strstr(daemon_read(daemon, "stderr"), "user"));
    daemon_expect_gone(daemon);
}

static void handlers__bare_name__found_in_superds_own_directory(void)
{
    static char variable[PATH_MAX + 32];
    const char *const environment[] = {variable, NULL};
    struct daemon *daemon;
    char echo[PATH_MAX];

    snprintf(echo, sizeof echo, "%s/services/echo", harness_build());
    if (access(echo, X_OK) != 0)
        e2e_skip("superd's own handlers are not built");
    snprintf(variable, sizeof variable, "SUPERD_HANDLER_PATH=%s/services", harness_build());
    daemon = daemon_start(
        &(struct setup){.environment = environment,
                        .services = "echo: { listen = '127.0.0.1:0'; exec = 'echo'; };\n"
                                    "udp: { listen = 'udp:127.0.0.1:0'; exec = 'echo'; };\n"});
    daemon_talk(daemon, "echo", "hello\n", "hello\n");
    daemon_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(version_and_help__zero),
    E2E(unknown__one_and_a_hint),
    E2E(config__missing__one_and_named),
    E2E(check__right__zero_and_no_port),
    E2E(check__wrong__every_error_at_once),
    E2E(dump__loads_again__and_is_the_same),
    E2E(dropin__wrong__the_others_serve),
    E2E(dropin__wrong__check_says_one),
    E2E(strict__a_service_is_wrong__not_started),
    E2E(disabled__not_served),
    E2E(root__no_user__an_error_that_says_so),
    E2E(ordinary_user__another_user__an_error_that_says_so),
    E2E(handlers__bare_name__found_in_superds_own_directory),
};

int main(int argc, char **argv)
{
    return e2e_main(argc, argv, cases, COUNT(cases));
}
