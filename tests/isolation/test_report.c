/*
 * What is said of isolation: superctl's report and superd's, what a group has used; and the examples
 * that people copy, which must load, and keep what they promise.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "fixture.h"
#include "process.h"

/* ---- superctl isolation --------------------------------------------------------------------- */

static double exposure_of(struct daemon *daemon, const char *service)
{
    char request[128];
    json_t *result;

    snprintf(request, sizeof request, "{\"command\":\"isolation\",\"service\":\"%s\"}", service);
    result = control_result(daemon, request);
    assert_string_equal(control_text(result, "service"), service);
    return json_number_value(control_get(result, "exposure"));
}

/* What superd says of the file is what superctl says of what is in force. */
static void expect_agreement(struct daemon *daemon, const char *service)
{
    char request[128], *report;
    json_t *walls, *wall;
    size_t i;

    snprintf(request, sizeof request, "{\"command\":\"isolation\",\"service\":\"%s\"}", service);
    walls = control_get(control_result(daemon, request), "walls");
    report = process_shell("%s -c %s --isolation-report %s", harness_superd(), daemon->config,
                           service);
    assert_true(json_array_size(walls) > 10);
    json_array_foreach(walls, i, wall)
    {
        if (!strstr(report, control_text(wall, "meaning")))
            fail_msg("\"%s\" is not in\n%s", control_text(wall, "meaning"), report);
    }
}

static void superctl__each_level__scores_in_order(void)
{
    struct daemon *daemon;
    const char *output;

    isolation_needs_root();
    daemon = isolation_start(NULL, HOSTILE("none", "isolation = 'none';") HOSTILE("basic", ATTACKER)
                                       HOSTILE("strict", ATTACKER "isolation = 'strict';")
                                           HOSTILE("each", "user = 'dynamic-per-connection'; "
                                                           "isolation = 'strict';"));
    assert_true(exposure_of(daemon, "none") > exposure_of(daemon, "basic"));
    assert_true(exposure_of(daemon, "basic") > exposure_of(daemon, "strict"));
    assert_true(exposure_of(daemon, "strict") > exposure_of(daemon, "each"));
    expect_agreement(daemon, "none");
    expect_agreement(daemon, "basic");
    expect_agreement(daemon, "strict");
    expect_agreement(daemon, "each");
    output = superctl_expect(daemon, 0, "isolation");
    assert_non_null(strstr(output, "none"));
    assert_non_null(strstr(output, "exposed"));
    assert_non_null(strstr(output, "tight"));
    output = superctl_expect(daemon, 0, "isolation strict");
    assert_non_null(strstr(output, "it has its connection and no network"));
    assert_non_null(strstr(output, " of 10.0: tight"));
    superctl_expect(daemon, 2, "isolation nobody");
    superctl_expect(daemon, 1, "isolation strict more");
    isolation_stop(daemon);
}

static void group__used__is_told(void)
{
    struct daemon *daemon;
    json_t *result;

    isolation_needs_root();
    daemon = isolation_start("isolation: { idle = '1h'; };",
                             HOSTILE("grouped", ATTACKER "isolate: { cgroup = 'service'; };")
                                 HOSTILE("alone", ATTACKER "isolate: { cgroup = 'off'; };"));
    attempt_count(daemon, "alone", "who");
    attempt_count(daemon, "grouped", "who");
    result = control_result(daemon, "{\"command\":\"show\",\"service\":\"alone\"}");
    assert_null(json_object_get(result, "group"));
    result = control_result(daemon, "{\"command\":\"show\",\"service\":\"grouped\"}");
    if (!json_object_get(result, "group"))
        e2e_skip("there is no control group (version 2) that superd may write to");
    assert_true(control_number(result, "group.cpu_us") > 0);
    assert_non_null(strstr(superctl_expect(daemon, 0, "show grouped"), "of processor time"));
    daemon_signal(daemon, SIGTERM);
    assert_int_equal(daemon_wait(daemon), 0);
    daemon_expect_gone(daemon);
}

/* ---- Examples ------------------------------------------------------------------------------- */

struct replacement {
    const char *from, *to;
};

#define TEXT_SIZE 8192

/* TEXT with TO for each FROM. */
static void replace(char text[TEXT_SIZE], const char *from, const char *to)
{
    char old[TEXT_SIZE];
    const char *rest = old, *at;
    size_t n = 0;

    memcpy(old, text, TEXT_SIZE);
    for (; (at = strstr(rest, from)); rest = at + strlen(from))
        n += (size_t)snprintf(text + n, TEXT_SIZE - n, "%.*s%s", (int)(at - rest), rest, to);
    snprintf(text + n, TEXT_SIZE - n, "%s", rest);
}

/* The text of an example with what is on no test's host replaced. */
static const char *example(const char *name, const struct replacement *replacements)
{
    static char text[TEXT_SIZE];

    snprintf(text, sizeof text, "%s",
             process_shell("cat %s/etc/isolation/%s.conf", E2E_SOURCE, name));
    for (; replacements->from; replacements++) {
        if (!strstr(text, replacements->from))
            fail_msg("there is no \"%s\" in %s", replacements->from, name);
        replace(text, replacements->from, replacements->to);
    }
    return text;
}

/* What stands in the group NAME of TEXT, up to the line that ends it, in GROUP_R; false: it has none. */
static bool group_of(const char *text, const char *name, char group_r[TEXT_SIZE])
{
    char head[64];
    const char *begin;

    snprintf(head, sizeof head, "\n%s: {\n", name);
    begin = strstr(text, head);
    if (!begin)
        return false;
    begin += strlen(head);
    snprintf(group_r, TEXT_SIZE, "%.*s", (int)(strstr(begin, "\n};") - begin), begin);
    return true;
}

/* Load the example as it stands, by superd --check, and then run it. */
static void start_example(struct daemon *daemon, const char *name,
                          const struct replacement *replacements)
{
    const char *text = example(name, replacements);
    char superd[TEXT_SIZE], group[TEXT_SIZE], services[TEXT_SIZE + sizeof FIRST];

    daemon_write(daemon, "example.conf", text);
    process_shell("%s -c %s --check", harness_superd(), daemon_path(daemon, "example.conf"));
    assert_true(group_of(text, "services", group));
    snprintf(services, sizeof services, "%s%s", FIRST, group);
    if (!group_of(text, "superd", superd))
        snprintf(superd, sizeof superd, "isolation: { idle = '100ms'; };");
    daemon_reload(daemon, &(struct setup){.superd = superd, .services = services});
    daemon_rebase(daemon);
}

/* Its limits need controllers of groups: a host that has none refuses it, naming them. */
static bool has_controllers(struct daemon *daemon, const struct replacement *replacements)
{
    char *said;

    daemon_write(daemon, "example.conf", example("challenge", replacements));
    said = process_shell("%s -c %s --check 2>&1 || true", harness_superd(),
                         daemon_path(daemon, "example.conf"));
    return !strstr(said, "limits of resources need") && !strstr(said, "a limit of resources");
}

static void example__challenge__players_are_strangers(void)
{
    struct daemon *daemon;
    char image[256];
    struct replacement changes[] = {{"\"/srv/pwnme\"", image},
                                    {"\"*:4000\"", "\"127.0.0.1:0\""},
                                    {"\"/chal\"", "[\"/chal\", \"ask\"]"},
                                    {"2100000000-2100065535\"", "64300-64399\"; idle = \"100ms\""},
                                    {NULL, NULL},
                                    {NULL, NULL}};
    int victim;
    pid_t pid;

    isolation_needs_root();
    daemon = isolation_start(NULL, CAT);
    snprintf(image, sizeof image, "\"%s\"", daemon_path(daemon, "image"));
    daemon_expect_file(daemon, "image");
    daemon_expect_file(daemon, "example.conf");
    process_shell("mkdir -p %s/image/proc %s/image/dev %s/image/tmp && cp %s %s/image/chal",
                  daemon->directory, daemon->directory, daemon->directory,
                  E2E_BUILD "/tests/isolation/hostile", daemon->directory);
    if (!has_controllers(daemon, changes)) {
        printf("without its limits, which need control groups with controllers\n");
        changes[4] = (struct replacement){"per_instance: { memory = \"64M\"; processes = 16; };",
                                          ""};
    }
    start_example(daemon, "challenge", changes);
    victim = begin_attempt(daemon, "pwnme", "victim");
    pid = pid_of(daemon, victim);
    assert_in_range(attempt_count(daemon, "pwnme", "who"), 64300, 64399);
    assert_int_equal(attempt_count(daemon, "pwnme", "seen"), 0);
    assert_int_equal(attempt_count(daemon, "pwnme", "signal"), 0);
    expect_attempt(daemon, "pwnme", "read /etc/passwd", "denied");
    expect_attempt(daemon, "pwnme", "make /tmp/notes", "done");
    expect_attempt(daemon, "pwnme", "read /tmp/notes", "denied");
    expect_attempt(daemon, "pwnme", "make /new", "denied");
    kill(pid, SIGKILL);
    client_expect_closed(victim);
    close(victim);
    daemon_expect_quiet(daemon);
    process_shell("rm -rf %s/image", daemon->directory);
    isolation_stop(daemon);
}

static void example__student__script_writes_its_directory(void)
{
    struct daemon *daemon;
    char home[256];

    isolation_needs_root();
    if (access("/usr/bin/python3", X_OK) != 0)
        e2e_skip("there is no python3");
    daemon = isolation_start(NULL, CAT);
    snprintf(home, sizeof home, "%s", daemon_path(daemon, "guestbook"));
    daemon_expect_file(daemon, "guestbook");
    assert_int_equal(mkdir(home, 0755), 0);
    daemon_write(daemon, "guestbook/guestbook.py",
                 "import os, sys\n"
                 "place = os.path.dirname(__file__)\n"
                 "open(place + '/book', 'a').write(sys.stdin.readline())\n"
                 "print(os.path.exists('/var/log'), len(open(place + '/book').readlines()))\n");
    process_shell("chown -R %d:%d %s", ATTACKER_UID, ATTACKER_UID, home);
    daemon_expect_file(daemon, "example.conf");
    start_example(daemon, "student",
                  (struct replacement[]){{"/home/ada/guestbook", home},
                                         {"user = \"ada\"", "user = \"64201\"; group = \"64201\""},
                                         {"\"*:4001\"", "\"127.0.0.1:0\""},
                                         {NULL, NULL}});
    daemon_talk(daemon, "guestbook", "one\n", "False 1\n");
    daemon_talk(daemon, "guestbook", "two\n", "False 2\n");
    daemon_expect_quiet(daemon);
    process_shell("rm -rf %s", home);
    isolation_stop(daemon);
}

static void example__legacy__root_in_number_alone(void)
{
    struct daemon *daemon;
    char spool[256], config[256], program[256], line[300];

    isolation_needs_root();
    daemon = isolation_start(NULL, CAT);
    snprintf(spool, sizeof spool, "%s", daemon_path(daemon, "spool"));
    snprintf(config, sizeof config, "%s", daemon_path(daemon, "legacyd.conf"));
    snprintf(program, sizeof program, "[\"%s\", \"ask\"]", daemon_path(daemon, "hostile"));
    daemon_expect_file(daemon, "spool");
    assert_int_equal(mkdir(spool, 0755), 0);
    daemon_write(daemon, "legacyd.conf", "# nothing\n");
    daemon_expect_file(daemon, "example.conf");
    start_example(daemon, "legacy",
                  (struct replacement[]){{"\"/usr/sbin/legacyd\"", program},
                                         {"/etc/legacyd.conf", config},
                                         {"/var/spool/legacy", spool},
                                         {"\"*:515\"", "\"127.0.0.1:0\""},
                                         {NULL, NULL}});
    assert_int_equal(attempt_count(daemon, "legacy", "who"), 0);
    snprintf(line, sizeof line, "make %s/job", spool);
    expect_attempt(daemon, "legacy", line, "done");
    snprintf(line, sizeof line, "read %s", config);
    expect_attempt(daemon, "legacy", line, "done");
    snprintf(line, sizeof line, "write %s", config);
    expect_attempt(daemon, "legacy", line, "denied");
    expect_attempt(daemon, "legacy", "mount /tmp", "denied");
    expect_attempt(daemon, "legacy", "read /etc/shadow", "denied");
    expect_attempt(daemon, "legacy", "packet", "denied");
    expect_attempt(daemon, "legacy", "chroot", "denied");
    daemon_expect_quiet(daemon);
    process_shell("rm -rf %s", spool);
    isolation_stop(daemon);
}

static const struct e2e_case cases[] = {
    E2E(superctl__each_level__scores_in_order),
    E2E(group__used__is_told),
    E2E(example__challenge__players_are_strangers),
    E2E(example__student__script_writes_its_directory),
    E2E(example__legacy__root_in_number_alone),
};

int main(int argc, char **argv)
{
    return isolation_main(argc, argv, cases, COUNT(cases));
}
