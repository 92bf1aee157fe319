/* Tests of superd/config: what a configuration becomes. */
#include "fixture.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "config/call_sets.h"

#define HEAD "defaults: { user = \"nobody\"; exec = \"hello\"; access: { warn_open = false; }; };\n"

/* The service `a` of a configuration that must be right. */
static const struct service_config *load_a(struct fixture *fixture, const char *text)
{
    fixture_load_text(fixture, text);
    fixture_expect(fixture, "");
    assert_non_null(fixture->config);
    assert_non_null(config_find(fixture->config, "a"));
    return config_find(fixture->config, "a");
}

static void config_load__nothing_written__safe_defaults(void **state)
{
    const struct service_config *a = load_a(
        *state, "services: { a: { listen = \"127.0.0.1:7000\"; user = \"nobody\"; exec = "
                "\"hello\"; }; };");
    const struct fixture *fixture = *state;
    const struct daemon_settings *daemon = &fixture->config->daemon;
    const struct passwd *nobody = getpwnam("nobody");
    char path[128];

    assert_string_equal(daemon->control, RUNSTATEDIR "/superd/control.sock");
    assert_null(daemon->control_group);
    assert_string_equal(daemon->log.target, "stderr");
    assert_int_equal(daemon->log.format, LOG_FORMAT_TEXT);
    assert_int_equal(daemon->log.level, LEVEL_INFO);
    assert_int_equal(daemon->log_summary_ms, 10000);
    assert_string_equal(daemon->log_addresses, "full");
    assert_null(daemon->pid_file);
    assert_int_equal(daemon->grace_ms, 10000);
    assert_false(daemon->strict);
    assert_int_equal(daemon->launchers, 0);
    assert_int_equal(daemon->instances, 0);
    assert_int_equal(daemon->sources, 65536);
    assert_true(daemon->load == 0 && daemon->pressure == 0);

    assert_int_equal(a->position.line, 1);
    snprintf(path, sizeof path, "%s/bin/hello", fixture->folder);
    assert_string_equal(a->program, path);
    assert_string_equal(a->arguments[0], path);
    assert_null(a->arguments[1]);
    assert_int_equal(a->mode, MODE_CONNECTION);
    assert_true(a->identity.change);
    assert_int_equal(a->identity.uid, nobody->pw_uid);
    assert_int_equal(a->identity.gid, nobody->pw_gid);
    assert_string_equal(a->identity.name, "nobody");
    assert_string_equal(a->identity.home, nobody->pw_dir);
    assert_string_equal(a->identity.shell, nobody->pw_shell);
    assert_true(a->identity.group_count >= 1);
    assert_string_equal(a->directory, "/");
    assert_int_equal(a->umask, 022);
    assert_int_equal(a->nice, 0);
    assert_null(a->environment[0]);
    for (size_t i = 0; i < RLIMIT_SETTINGS; i++)
        assert_false(a->rlimits[i].set);
    assert_int_equal(a->stderr_mode, STDERR_LOG);
    assert_int_equal(a->limits.instances, 256);
    assert_int_equal(a->limits.per_source, 32);
    assert_int_equal(a->limits.rate.events, 0);
    assert_int_equal(a->limits.source_prefix_v4, 32);
    assert_int_equal(a->limits.source_prefix_v6, 64);
    assert_int_equal(a->limits.when_full, FULL_HOLD);
    assert_false(a->access.given);
    assert_true(a->access.warn_open);
    assert_int_equal(a->time.total + a->time.idle + a->time.first_byte + a->time.gone, 0);
    assert_int_equal(a->time.grace, 5000);
    assert_null(a->banner);
    assert_null(a->refuse_message);
    assert_int_equal(a->listeners[0].options.backlog, 4096);
    assert_true(a->listeners[0].options.v6only);
    assert_int_equal(a->listeners[0].options.owner, (uid_t)-1);
    assert_true(arena_size(fixture->config->arena) < 16384);
}

static void config_load__not_root__no_control_socket_unless_written(void **state)
{
    struct fixture *fixture = *state;

    fixture->around.root = false;
    fixture->around.uid = 3999999999;
    load_a(fixture, "services: { a: { listen = \"127.0.0.1:7000\"; exec = \"hello\"; }; };");
    assert_null(fixture->config->daemon.control);
    assert_false(fixture->config->services[0].identity.change);
    assert_string_equal(fixture->config->services[0].identity.name, "3999999999");
    load_a(fixture, "superd: { control = \"/tmp/x\"; };\n"
                    "services: { a: { listen = \"127.0.0.1:7000\"; exec = \"hello\"; }; };");
    assert_string_equal(fixture->config->daemon.control, "/tmp/x");
}

static void config_load__daemon_settings__taken(void **state)
{
    struct fixture *fixture = *state;
    const struct daemon_settings *daemon;

    load_a(
        fixture,
        "superd: { control = \"\"; control_group = \"root\"; strict = true; launchers = 3;\n"
        "log: { target = \"/var/log/x\"; format = \"json\"; level = \"debug\"; summary = \"1m\"; "
        "addresses = \"prefix\"; }; pid_file = \"/run/x.pid\"; grace = \"0\";\n"
        "limits: { instances = 9; sources = 64; load = 2; pressure = 12.5; }; };\n" HEAD
        "services: { a: { listen = \"127.0.0.1:7000\"; }; };");
    daemon = &fixture->config->daemon;
    assert_null(daemon->control);
    assert_string_equal(daemon->control_group, "root");
    assert_true(daemon->strict);
    assert_int_equal(daemon->launchers, 3);
    assert_string_equal(daemon->log.target, "/var/log/x");
    assert_int_equal(daemon->log.format, LOG_FORMAT_JSON);
    assert_int_equal(daemon->log.level, LEVEL_DEBUG);
    assert_int_equal(daemon->log_summary_ms, 60000);
    assert_string_equal(daemon->log_addresses, "prefix");
    assert_string_equal(daemon->pid_file, "/run/x.pid");
    assert_int_equal(daemon->grace_ms, 0);
    assert_int_equal(daemon->instances, 9);
    assert_int_equal(daemon->sources, 64);
    assert_true(daemon->load == 2.0);
    assert_true(daemon->pressure == 12.5);
}

static void config_load__precedence__schema_defaults_service(void **state)
{
    const struct service_config *a, *b;
    struct fixture *fixture = *state;

    setenv("TEST_PASSED", "passed", 1);
    setenv("TEST_HIDDEN", "hidden", 1);
    unsetenv("TEST_ABSENT");
    a = load_a(fixture,
               "defaults: { user = \"nobody\"; exec = \"hello\"; nice = 5; umask = \"077\";\n"
               " limits: { instances = 7; rate = \"5/m\"; };\n"
               " environment: { ONE = \"1\"; TWO = \"2\"; TEST_HIDDEN = \"shown\"; };\n"
               " pass_environment = [ \"TEST_HIDDEN\", \"TEST_ABSENT\" ];\n"
               " rlimits: { nofile = \"10:20\"; cpu = \"90s\"; };\n"
               " access: { deny = \"192.0.2.0/24\"; allow = \"0.0.0.0/0\"; };\n"
               " time: { idle = \"1m\"; total = \"1h\"; }; };\n"
               "services: { a: { listen = \"127.0.0.1:7000\"; nice = -1;\n"
               " limits: { per_source = 3; };\n"
               " environment = [ \"TWO=zwei\", \"_THREE=a=b\" ];\n"
               " pass_environment = [ \"TEST_PASSED\" ];\n"
               " rlimits: { cpu = 5; as = \"64M\"; core = \"unlimited\"; };\n"
               " access: { deny = \"198.51.100.0/24\"; }; time: { total = \"0\"; }; };\n"
               " b: { listen = \"unix:/x\"; }; };");
    assert_int_equal(a->nice, -1);
    assert_int_equal(a->umask, 077);
    assert_int_equal(a->limits.instances, 7);
    assert_int_equal(a->limits.per_source, 3);
    assert_int_equal(a->limits.rate.events, 5);
    assert_int_equal(a->limits.rate.period_ms, 60000);
    assert_string_equal(a->environment[0], "ONE=1");
    assert_string_equal(a->environment[1], "TEST_HIDDEN=shown");
    assert_string_equal(a->environment[2], "TEST_PASSED=passed");
    assert_string_equal(a->environment[3], "TWO=zwei");
    assert_string_equal(a->environment[4], "_THREE=a=b");
    assert_null(a->environment[5]);
    assert_int_equal(a->rlimits[RLIMIT_NOFILE].soft, 10);
    assert_int_equal(a->rlimits[RLIMIT_NOFILE].hard, 20);
    assert_int_equal(a->rlimits[RLIMIT_CPU].hard, 5);
    assert_int_equal(a->rlimits[RLIMIT_AS].soft, 64 << 20);
    assert_true(a->rlimits[RLIMIT_CORE].soft == UINT64_MAX);
    assert_int_equal(a->access.rule_count, 2);
    assert_string_equal(a->access.rules[1].written, "198.51.100.0/24");
    assert_int_equal(a->time.total, 0);
    assert_int_equal(a->time.idle, 60000);

    b = config_find(fixture->config, "b");
    assert_int_equal(b->nice, 5);
    assert_int_equal(b->rlimits[RLIMIT_CPU].soft, 90);
    assert_string_equal(b->environment[1], "TEST_HIDDEN=shown");
    assert_int_equal(b->time.total, 3600000);
    assert_int_equal(b->time.idle, 0); /* from `defaults`, and impossible here: left out */
}

static void expect_listener(const struct listener_config *listener, const char *key,
                            const char *written, int type)
{
    assert_string_equal(listener->key, key);
    assert_string_equal(listener->written, written);
    assert_int_equal(listener->type, type);
}

static void config_load__listen__every_form(void **state)
{
    const struct service_config *a = load_a(
        *state, HEAD "services: { a: { mode = \"listener\"; listen = (\n"
                     "\"7000\", \"*:7001\", \"127.0.0.1:finger\", \"[::1]:7002\",\n"
                     "\"[::ffff:192.0.2.1]:7003\", \"tcp:192.0.2.1:7004\", \"udp:*:69\",\n"
                     "\"unix:/run/x\", \"unix:@name\", \"seqpacket:/run/y\", \"fd:web\",\n"
                     "\"127.0.0.1:0\", \"127.0.0.1:0\", \"udp:domain\" ); }; };");
    const struct listener_config *l = a->listeners;

    assert_int_equal(a->listener_count, 18);
    expect_listener(&l[0], "tcp:0.0.0.0:7000", "7000", SOCK_STREAM);
    assert_int_equal(l[0].address.sa.sa_family, AF_INET);
    assert_false(l[0].optional || l[0].pair);
    assert_int_equal(l[0].position.line, 3);
    expect_listener(&l[1], "tcp:[::]:7000", "7000", SOCK_STREAM);
    assert_int_equal(l[1].address.sa.sa_family, AF_INET6);
    assert_true(l[1].optional && l[1].pair && l[1].options.v6only);
    expect_listener(&l[2], "tcp:0.0.0.0:7001", "*:7001", SOCK_STREAM);
    expect_listener(&l[4], "tcp:127.0.0.1:79", "127.0.0.1:finger", SOCK_STREAM);
    assert_int_equal(address_port(&l[4].address), 79);
    expect_listener(&l[5], "tcp:[::1]:7002", "[::1]:7002", SOCK_STREAM);
    assert_false(l[5].optional || l[5].pair);
    expect_listener(&l[6], "tcp:192.0.2.1:7003", "[::ffff:192.0.2.1]:7003", SOCK_STREAM);
    assert_int_equal(l[6].address.sa.sa_family, AF_INET);
    assert_int_equal(l[6].position.line, 4);
    expect_listener(&l[7], "tcp:192.0.2.1:7004", "tcp:192.0.2.1:7004", SOCK_STREAM);
    expect_listener(&l[8], "udp:0.0.0.0:69", "udp:*:69", SOCK_DGRAM);
    expect_listener(&l[9], "udp:[::]:69", "udp:*:69", SOCK_DGRAM);
    expect_listener(&l[10], "unix:/run/x", "unix:/run/x", SOCK_STREAM);
    expect_listener(&l[11], "unix:@name", "unix:@name", SOCK_STREAM);
    expect_listener(&l[12], "seqpacket:/run/y", "seqpacket:/run/y", SOCK_SEQPACKET);
    expect_listener(&l[13], "fd:web", "fd:web", SOCK_STREAM);
    assert_string_equal(l[13].inherited, "web");
    assert_int_equal(l[13].address.length, 0);
    assert_string_not_equal(l[14].key, l[15].key); /* ports that the kernel chooses */
    expect_listener(&l[16], "udp:0.0.0.0:53", "udp:domain", SOCK_DGRAM);
    assert_int_equal(l[17].address.sa.sa_family, AF_INET6);
}

static void config_load__port_range__one_listener_a_port(void **state)
{
    const struct service_config *a = load_a(
        *state, HEAD "services: { a: { listen = [ \"udp:127.0.0.1:7000-7009\", "
                     "\"udp:*:7100-7101\" ]; }; };");
    char written[40], key[40];

    assert_int_equal(a->mode, MODE_LISTENER); /* datagrams */
    assert_int_equal(a->listener_count, 14);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(written, sizeof written, "udp:127.0.0.1:%u", 7000 + i);
        expect_listener(&a->listeners[i], written, written, SOCK_DGRAM);
        assert_int_equal(address_port(&a->listeners[i].address), 7000 + i);
    }
    for (unsigned i = 0; i < 4; i++) {
        snprintf(written, sizeof written, "udp:*:%u", 7100 + i / 2);
        snprintf(key, sizeof key, "udp:%s:%u", i % 2 ? "[::]" : "0.0.0.0", 7100 + i / 2);
        expect_listener(&a->listeners[10 + i], key, written, SOCK_DGRAM);
    }
}

static void config_load__listen_options__taken(void **state)
{
    const struct service_config *a = load_a(
        *state, HEAD
        "services: { a: { listen = (\n"
        "{ address = \"[::]:7000\"; backlog = 5; nodelay = true; keepalive = true; v6only = "
        "false; freebind = true; device = \"lo\"; reuseport = true; fastopen = 6;\n"
        " defer_accept = \"10s\"; receive_buffer = \"64K\"; send_buffer = 4096; trap = "
        "\"10m\"; },\n"
        "{ address = \"unix:/run/x\"; mode = \"0660\"; owner = \"nobody\"; group = \"0\"; } ); "
        "}; };");
    const struct listen_options *o = &a->listeners[0].options;

    assert_string_equal(a->listeners[0].key, "tcp:[::]:7000%lo");
    assert_int_equal(o->backlog, 5);
    assert_true(o->nodelay && o->keepalive && !o->v6only && o->freebind && o->reuseport);
    assert_string_equal(o->device, "lo");
    assert_int_equal(o->fastopen, 6);
    assert_int_equal(o->defer_accept_ms, 10000);
    assert_int_equal(o->receive_buffer, 65536);
    assert_int_equal(o->send_buffer, 4096);
    assert_int_equal(o->trap_ms, 600000);
    assert_false(o->set_mode);
    o = &a->listeners[1].options;
    assert_true(o->set_mode);
    assert_int_equal(o->mode, 0660);
    assert_int_equal(o->owner, getpwnam("nobody")->pw_uid);
    assert_int_equal(o->group, 0);
    assert_int_equal(o->backlog, 4096);
}

static void config_load__handler__arguments_and_identity(void **state)
{
    struct fixture *fixture = *state;
    const struct service_config *a;

    a = load_a(fixture, HEAD "services: { a: { listen = \"127.0.0.1:1\"; argv0 = \"-sh\";\n"
                             "exec = [ \"/bin/sh\", \"two words\", \"\" ]; user = \"0\";\n"
                             "group = \"daemon\"; groups = [ \"7\", \"daemon\" ]; stderr = "
                             "\"connection\"; }; };");
    assert_string_equal(a->program, "/bin/sh");
    assert_string_equal(a->arguments[0], "-sh");
    assert_string_equal(a->arguments[1], "two words");
    assert_string_equal(a->arguments[2], "");
    assert_null(a->arguments[3]);
    assert_string_equal(a->identity.name, "root");
    assert_int_equal(a->identity.gid, getgrnam("daemon")->gr_gid);
    assert_int_equal(a->identity.group_count, 2);
    assert_int_equal(a->identity.groups[0], 7);
    assert_int_equal(a->stderr_mode, STDERR_CONNECTION);
    a = load_a(fixture, HEAD "services: { a: { listen = \"127.0.0.1:1\"; user = \"3999999999\"; "
                             "group = \"3999999998\"; exec = \"sh\"; }; };");
    assert_int_equal(a->identity.uid, 3999999999);
    assert_int_equal(a->identity.gid, 3999999998);
    assert_int_equal(a->identity.group_count, 0);
    assert_string_equal(a->identity.home, "/");
    assert_non_null(strstr(a->program, "/bin/sh"));
}

static void config_load__traps_alone__need_no_handler(void **state)
{
    const struct service_config *a = load_a(
        *state, "services: { a: { listen = { address = \"*:23\"; trap = \"1h\"; }; }; };");

    assert_null(a->program);
    assert_int_equal(a->listeners[0].options.trap_ms, 3600000);
    assert_int_equal(a->listeners[1].options.trap_ms, 3600000);
}

static void config_load__access__rules_and_hours(void **state)
{
    static const struct {
        uint8_t days;
        uint16_t begin, end;
    } hours[] = {{0x1f, 480, 1080}, {0x7f, 1320, 360}, {0x60, 0, 1440},
                 {0x61, 0, 1440},   {0x05, 0, 1440},   {0x7f, 480, 480}};
    struct fixture *fixture = *state;
    const struct access_settings *access;

    fixture_write(fixture, "blocked", "192.0.2.0/24\n");
    access = &load_a(fixture,
                     HEAD "services: { a: { listen = \"127.0.0.1:1\"; access: {\n"
                          "deny = [ \"2001:db8::/32\",\n \"file:@/blocked\" ];\n"
                          "allow = [ \"192.0.2.1\", \"uid:1000\", \"user:nobody\", \"gid:5\", "
                          "\"group:root\" ];\n"
                          "hours = [ \"mon-fri 08:00-18:00\", \"22:00-06:00\", \"Sat,Sun\", "
                          "\"Sat-Mon 00:00-24:00\", \"Mon, Wed\", \"08:00-08:00\" ];\n"
                          "time_zone = \"UTC\"; }; }; };")
                  ->access;
    assert_true(access->given);
    assert_int_equal(access->rule_count, 7);
    assert_true(access->rules[0].allow && access->rules[0].kind == ACCESS_PREFIX);
    assert_int_equal(access->rules[0].prefix.length, 32);
    assert_true(access->rules[1].kind == ACCESS_UID && access->rules[1].id == 1000);
    assert_true(access->rules[2].kind == ACCESS_UID);
    assert_int_equal(access->rules[2].id, getpwnam("nobody")->pw_uid);
    assert_true(access->rules[3].kind == ACCESS_GID && access->rules[3].id == 5);
    assert_true(access->rules[4].kind == ACCESS_GID && access->rules[4].id == 0);
    assert_false(access->rules[5].allow);
    assert_int_equal(access->rules[5].position.line, 3);
    assert_int_equal(access->rules[6].kind, ACCESS_FILE);
    assert_int_equal(access->rules[6].position.line, 4);
    assert_int_equal(access->rules[6].file[0], '/');
    assert_int_equal(access->hours_count, COUNT(hours));
    for (size_t i = 0; i < COUNT(hours); i++) {
        assert_int_equal(access->hours[i].days, hours[i].days);
        assert_int_equal(access->hours[i].begin, hours[i].begin);
        assert_int_equal(access->hours[i].end, hours[i].end);
    }
    assert_string_equal(access->time_zone, "UTC");
}

static void config_load__texts__written_or_from_files(void **state)
{
    struct fixture *fixture = *state;
    const struct service_config *a;

    fixture_write(fixture, "banner", "Welcome\r\n");
    fixture_write(fixture, "empty", "");
    a = load_a(fixture, HEAD "services: { a: { listen = \"127.0.0.1:1\"; banner = "
                             "\"file:@/banner\"; refuse_message = \"Sorry\\r\\n\"; }; };");
    assert_string_equal(a->banner, "Welcome\r\n");
    assert_string_equal(a->refuse_message, "Sorry\r\n");
    a = load_a(fixture, HEAD "services: { a: { listen = \"127.0.0.1:1\"; banner = "
                             "\"file:@/empty\"; refuse_message = \"\"; }; };");
    assert_null(a->banner);
    assert_null(a->refuse_message);
}

static void config_load__services__sorted_and_found(void **state)
{
    struct fixture *fixture = *state;

    fixture_write(fixture, "more.conf", "services: { b: { listen = \"127.0.0.1:2\"; }; };");
    fixture_load_text(fixture, HEAD "include = \"more.conf\";\n"
                                    "services: { c: { listen = \"127.0.0.1:3\"; };\n"
                                    "a: { listen = \"127.0.0.1:1\"; };\n"
                                    "d: { disabled = true; }; }; # no newline at the end");
    fixture_expect(fixture, "");
    assert_int_equal(fixture->config->service_count, 3);
    assert_string_equal(fixture->config->services[0].name, "a");
    assert_string_equal(fixture->config->services[1].name, "b");
    assert_string_equal(fixture->config->services[2].name, "c");
    assert_null(config_find(fixture->config, "d"));
    assert_null(config_find(fixture->config, ""));
    assert_int_equal(fixture->config->failed_count, 0);
    assert_non_null(fixture_load_text(fixture, ""));
    assert_int_equal(fixture->config->service_count, 0);
    assert_null(config_find(fixture->config, "a"));
}

/* A disk with two partitions, as the kernel shows them. */
static void show_disk(struct fixture *fixture)
{
    char path[128];

    fixture_write(fixture, "sys/dev/block/none", "");
    fixture_write(fixture, "sys/devices/sda/dev", "8:0\n");
    fixture_write(fixture, "sys/devices/sda/sda1/dev", "8:1\n");
    fixture_write(fixture, "sys/devices/sda/sda1/partition", "1\n");
    snprintf(path, sizeof path, "%s/dev/block/8:0", fixture->sys);
    assert_int_equal(symlink("../../devices/sda", path), 0);
    snprintf(path, sizeof path, "%s/dev/block/8:1", fixture->sys);
    assert_int_equal(symlink("../../devices/sda/sda1", path), 0);
}

#define IO(text) \
    "services: { a: { listen = \"127.0.0.1:7000\"; resources: { io_max = " text "; }; }; };"

static void expect_not_allowed(void *data, const char *call)
{
    const struct isolation_settings *settings = data;

    if (call_is_needed(call))
        return;
    for (const char *const *allowed = settings->calls; *allowed; allowed++)
        assert_string_not_equal(*allowed, call);
}

static void config_load__calls_taken_away__none_is_left(void **state)
{
    static const char *const taken[] = {"@ipc", "@network", "@files", "@sandbox"};
    char text[512];

    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        const struct isolation_settings *settings;

        snprintf(text, sizeof text,
                 HEAD "services: { a: { listen = \"127.0.0.1:7000\"; isolation = \"strict\";"
                      " isolate: { system_calls = \"!%s\"; }; }; };",
                 taken[i]);
        settings = &load_a(*state, text)->isolation;
        assert_true(settings->filter_calls);
        call_each(taken[i], expect_not_allowed, (void *)settings);
    }
}

static void config_load__io_of_a_partition__that_of_its_disk(void **state)
{
    const struct resource_settings *resources;
    struct fixture *fixture = *state;

    show_disk(fixture);
    resources = &load_a(fixture, HEAD IO("\"8:1 rbps=10M  wiops=500\""))->isolation.resources;
    assert_int_equal(resources->io_count, 1);
    assert_int_equal(resources->io[0].major, 8);
    assert_int_equal(resources->io[0].minor, 0);
    assert_int_equal(resources->io[0].rate[IO_RBPS], 10 << 20);
    assert_int_equal(resources->io[0].rate[IO_WIOPS], 500);
    assert_true(resources->io[0].rate[IO_WBPS] == UINT64_MAX);
    assert_true(resources->io[0].rate[IO_RIOPS] == UINT64_MAX);
    resources = &load_a(fixture, HEAD IO("\"8:0 wbps=max\""))->isolation.resources;
    assert_int_equal(resources->io[0].minor, 0);
    fixture_load_text(fixture, HEAD IO("[ \"8:0 wbps=1\", \"8:1 rbps=1\" ]"));
    fixture_expect(fixture, "main.conf:2: error: \"resources.io_max\": \"8:0 wbps=1\" and \"8:1 "
                            "rbps=1\" are the same disk, 8:0\n");
    fixture_load_text(fixture, HEAD IO("\"8:2 wbps=1\""));
    fixture_expect(fixture, "main.conf:2: error: \"resources.io_max\": there is no disk 8:2, which "
                            "\"8:2\" stands for\n");
}

/* A path stands for the disk of its file system, where that has one. */
static void config_load__io_of_a_path__its_disk(void **state)
{
    struct fixture *fixture = *state;
    const struct resource_settings *resources;
    struct stat st;

    assert_int_equal(stat(fixture->folder, &st), 0);
    if (major(st.st_dev) == 0)
        skip();
    resources = &load_a(fixture, HEAD IO("\"/var/tmp wbps=1M\""))->isolation.resources;
    assert_int_equal(resources->io[0].major, major(st.st_dev));
    assert_int_equal(resources->io[0].minor, minor(st.st_dev));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(config_load__nothing_written__safe_defaults),
        TEST(config_load__not_root__no_control_socket_unless_written),
        TEST(config_load__daemon_settings__taken),
        TEST(config_load__precedence__schema_defaults_service),
        TEST(config_load__listen__every_form),
        TEST(config_load__port_range__one_listener_a_port),
        TEST(config_load__listen_options__taken),
        TEST(config_load__handler__arguments_and_identity),
        TEST(config_load__traps_alone__need_no_handler),
        TEST(config_load__access__rules_and_hours),
        TEST(config_load__texts__written_or_from_files),
        TEST(config_load__services__sorted_and_found),
        TEST(config_load__calls_taken_away__none_is_left),
        TEST(config_load__io_of_a_partition__that_of_its_disk),
        TEST(config_load__io_of_a_path__its_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
