/* Tests of superd/config: every kind of mistake is told with its file, its line and what to write. */
#include "fixture.h"

#include <string.h>

/* A configuration, and what is said of it. In `text` a service needs `user`, which `defaults` give. */
struct mistake {
    const char *text, *messages;
    int services, failed; /* -1 services: no configuration at all */
};

#define SERVICE(line, settings) line "services: { a: { " settings " }; };\n"
/* A good service but for SETTINGS, which stand in line 2. */
#define WITH(settings)                                                    \
    "defaults: { user = \"nobody\"; access: { warn_open = false; }; };\n" \
    "services: { a: { listen = \"127.0.0.1:7000\"; exec = \"hello\"; " settings " }; };\n"
/* A good service but for its listen. */
#define LISTEN(listen)                                                    \
    "defaults: { user = \"nobody\"; access: { warn_open = false; }; };\n" \
    "services: { a: { exec = \"hello\"; listen = " listen "; }; };\n"
#define EXEC(exec)                                                        \
    "defaults: { user = \"nobody\"; access: { warn_open = false; }; };\n" \
    "services: { a: { listen = \"127.0.0.1:7000\"; exec = " exec "; }; };\n"

static void check_all(void **state, const struct mistake *cases, size_t count)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < count; i++) {
        const struct config *config = fixture_load_text(fixture, cases[i].text);

        fixture_expect(fixture, cases[i].messages);
        if (cases[i].services < 0) {
            assert_null(config);
            continue;
        }
        assert_non_null(config);
        assert_int_equal(config->service_count, cases[i].services);
        assert_int_equal(config->failed_count, cases[i].failed);
    }
}

static void config_load__main_file_wrong__null(void **state)
{
    static const struct mistake cases[] = {
        {"superd: {\n  strict = ;\n};\n",
         "main.conf:2: error: syntax error; something is missing or too much here or just before\n",
         -1, 0},
        {"services: { a: { nice = 1; nice = 2; }; };\n",
         "main.conf:1: error: duplicate setting name; something is missing or too much here or "
         "just "
         "before\n",
         -1, 0},
        {"# @include \"here is none\"\n/* \" */ x: \"@include \\\" \";\n  @include \"x\"\n",
         "main.conf:3: error: @include is not supported; write include = [ \"FILE-OR-FOLDER\" ];\n",
         -1, 0},
        {"x = ((((((((((((((((((((((((((((((((((((((((((()))))))))))))))))))))))))));\n",
         "main.conf:1: error: too many brackets within brackets\n", -1, 0},
        {"\nsevices: { };\n",
         "main.conf:2: error: unknown setting \"sevices\": a file holds \"superd\", \"defaults\", "
         "\"include\" and \"services\"; did you mean \"services\"?\n",
         -1, 0},
        {"superd = 1;\ndefaults = \"x\";\nservices = [ ];\n",
         "main.conf:1: error: \"superd\" must be a group: superd: { ... };\n"
         "main.conf:2: error: \"defaults\" must be a group: defaults: { ... };\n"
         "main.conf:3: error: \"services\" must be a group: services: { NAME: { ... }; };\n",
         -1, 0},
        {"include = ( 1 );\n",
         "main.conf:1: error: \"include\" must be a list of files and folders: include = [ "
         "\"services.d\" ];\n",
         -1, 0},
        {"superd: {\n  contrl = \"/x\";\n  log: { levl = \"info\"; };\n};\n",
         "main.conf:2: error: unknown setting \"contrl\"; did you mean \"control\"?\n"
         "main.conf:3: error: unknown setting \"log.levl\"; did you mean \"level\"?\n",
         -1, 0},
        {"superd: { log = \"stderr\"; };\n",
         "main.conf:1: error: \"log\" must be a group: log: { ... };\n", -1, 0},
        {"superd: { log: { target = \"here\"; }; };\n",
         "main.conf:1: error: \"log.target\" must be \"stderr\", \"syslog\" or the absolute path "
         "of a "
         "file, not \"here\"\n",
         -1, 0},
        {"superd: { control = \"run/x\"; control_group = \"no-such-group\"; };\n",
         "main.conf:1: error: \"control\" must be an absolute path, not \"run/x\"\n"
         "main.conf:1: error: there is no group \"no-such-group\"\n",
         -1, 0},
        {"superd: { limits: { load = -1; pressure = 101.5; sources = 5; }; };\n",
         "main.conf:1: error: \"limits.load\" must be from 0 to 100000\n"
         "main.conf:1: error: \"limits.pressure\" must be from 0 to 100\n"
         "main.conf:1: error: \"limits.sources\" must be from 64 to 16777216\n",
         -1, 0},
        {"defaults: { listen = \"7000\"; limts: { }; };\n",
         "main.conf:1: error: \"listen\" belongs into a service, not into \"defaults\"\n"
         "main.conf:1: error: unknown setting \"limts\"; did you mean \"limits\"?\n",
         -1, 0},
    };

    check_all(state, cases, COUNT(cases));
}

static void config_load__wrong_type_or_range__told_what_to_write(void **state)
{
    static const struct mistake cases[] = {
        {WITH("nice = \"1\";"),
         "main.conf:2: error: \"nice\" must be a whole number, without quotes, for example: nice = "
         "0;\n",
         0, 1},
        {WITH("nice = 20;"), "main.conf:2: error: \"nice\" must be from -20 to 19\n", 0, 1},
        {WITH("umask = 022;"),
         "main.conf:2: error: \"umask\" must be an octal mode in quotes, for example: umask = "
         "\"022\";\n",
         0, 1},
        {WITH("umask = \"089\";"),
         "main.conf:2: error: \"umask\": \"089\" is not an octal mode, as \"022\"\n", 0, 1},
        {WITH("umask = \"7777\";"), "main.conf:2: error: \"umask\" must be from 0000 to 0777\n", 0,
         1},
        {WITH("disabled = 1;"),
         "main.conf:2: error: \"disabled\" must be true or false, without quotes, for example: "
         "disabled = true;\n",
         0, 1},
        {WITH("time: {\n total = 5; grace = \"0\"; };"),
         "main.conf:3: error: \"time.grace\" must be from 1ms to 1d\n"
         "main.conf:3: error: \"time.total\" must be a duration in quotes, for example: total = "
         "\"10m\";\n",
         0, 1},
        {WITH("time: { total = \"5\"; };"),
         "main.conf:2: error: \"time.total\": \"5\" is not a duration, as \"10m\"\n", 0, 1},
        {WITH("limits: { rate = \"5/d\"; instances = 0; per_source = 4294967296; };"),
         "main.conf:2: error: \"limits.instances\" must be from 1 to 1000000\n"
         "main.conf:2: error: \"limits.per_source\" must be from 1 to 1000000\n"
         "main.conf:2: error: \"limits.rate\": \"5/d\" is not a rate, as \"50/s\"\n",
         0, 1},
        {WITH("limits: { when_full = \"hodl\"; source_prefix_v6 = 129; };"),
         "main.conf:2: error: \"limits.source_prefix_v6\" must be from 0 to 128\n"
         "main.conf:2: error: \"limits.when_full\" must be \"hold\" or \"refuse\", not \"hodl\"; "
         "did "
         "you mean \"hold\"?\n",
         0, 1},
        {WITH("stderr = 1;"),
         "main.conf:2: error: \"stderr\" must be a word in quotes, for example: stderr = "
         "\"log\";\n",
         0, 1},
        {WITH("directory = \"\";"),
         "main.conf:2: error: \"directory\" must be an absolute path, not \"\"\n", 0, 1},
        {WITH("directory = true;"),
         "main.conf:2: error: \"directory\" must be a path in quotes, for example: directory = "
         "\"/\";\n",
         0, 1},
        {WITH("groups = ( \"adm\", 4 );"),
         "main.conf:2: error: \"groups\" must be a list of texts, for example: groups = [ \"one\", "
         "\"two\" ];\n",
         0, 1},
        {WITH("limits = 5;"), "main.conf:2: error: \"limits\" must be a group: limits: { ... };\n",
         0, 1},
        {WITH("instances = 5; limits: { instnces = 5; };"),
         "main.conf:2: error: unknown setting \"instances\"; did you mean \"limits.instances\"?\n"
         "main.conf:2: error: unknown setting \"limits.instnces\"; did you mean \"instances\"?\n",
         0, 1},
        {WITH("rlimits: { nofile = \"1K\"; as = \"x\"; core = \"2M:1M\"; cpu = true; data = "
              "\"1:2:3\"; };"),
         "main.conf:2: error: \"rlimits.as\": \"x\" is not a limit, as \"64M\"\n"
         "main.conf:2: error: \"rlimits.core\": the soft limit, which stands first, is above the "
         "hard one\n"
         "main.conf:2: error: \"rlimits.cpu\" must be a limit in quotes, for example: cpu = "
         "\"30s\";\n"
         "main.conf:2: error: \"rlimits.data\": \"1:2:3\" is not a limit, as \"64M\"\n"
         "main.conf:2: error: \"rlimits.nofile\": \"1K\" is not a limit, as \"1024\"\n",
         0, 1},
        {"services: { a = 1; };\n",
         "main.conf:1: error: a service must be a group: a: { listen = ...; };\n", 0, 1},
        {"services: { a*b: { }; };\n",
         "main.conf:1: error: \"a*b\" is no name of a service: 1 to 63 letters, digits, - and _, "
         "the "
         "first a letter\n",
         0, 1},
    };

    check_all(state, cases, COUNT(cases));
}

static void config_load__listen_wrong__never_another_address(void **state)
{
    static const struct mistake cases[] = {
        {LISTEN("\"localhost:7000\""),
         "main.conf:2: error: \"localhost\" is no address: write a numeric address, or \"*\"; host "
         "names are not looked up, because they may mean another place tomorrow\n",
         0, 1},
        {LISTEN("[\n\"127.0.0.1:7000\",\n\"*:70000\"\n]"),
         "main.conf:4: error: \"70000\" is no port: a number of 0 (the kernel chooses) to 65535, "
         "or "
         "a name of /etc/services\n",
         0, 1},
        {LISTEN("\"*:\""),
         "main.conf:2: error: \"\" is no port: a number of 0 (the kernel chooses) to 65535, or a "
         "name of /etc/services\n",
         0, 1},
        {LISTEN("\"*:no-such-port\""),
         "main.conf:2: error: there is no tcp port called \"no-such-port\" in /etc/services\n", 0,
         1},
        {LISTEN("\"udp:*:no-such-port\""),
         "main.conf:2: error: there is no udp port called \"no-such-port\" in /etc/services\n", 0,
         1},
        {LISTEN("\"*:7009-7000\""),
         "main.conf:2: error: \"7009-7000\" is no range of ports: it goes from a number of 1 to "
         "65535 up to another\n",
         0, 1},
        {LISTEN("\"*:0-5\""),
         "main.conf:2: error: \"0-5\" is no range of ports: it goes from a number of 1 to 65535 up "
         "to another\n",
         0, 1},
        {LISTEN("\":7000\""),
         "main.conf:2: error: \":7000\" has no address before its port: for every address write "
         "\"*\"\n",
         0, 1},
        {LISTEN("\"::1:7000\""),
         "main.conf:2: error: \"::1:7000\": an IPv6 address stands in brackets, as "
         "\"[::1]:7000\"\n",
         0, 1},
        {LISTEN("\"[::1]\""), "main.conf:2: error: \"[::1]\" must be \"[ADDRESS]:PORT\"\n", 0, 1},
        {LISTEN("\"[::zz]:7000\""), "main.conf:2: error: \"::zz\" is no numeric IPv6 address\n", 0,
         1},
        {LISTEN("\"[127.0.0.1]:7000\""),
         "main.conf:2: error: \"127.0.0.1\" is no numeric IPv6 address\n", 0, 1},
        {LISTEN("\"127.1:7000\""),
         "main.conf:2: error: \"127.1\" is no address: write a numeric address, or \"*\"; host "
         "names "
         "are not looked up, because they may mean another place tomorrow\n",
         0, 1},
        {LISTEN("\"upd:*:69\""),
         "main.conf:2: error: \"upd:*:69\" begins with neither tcp:, udp:, unix:, seqpacket: nor "
         "fd:; did you mean \"udp\"?\n",
         0, 1},
        {LISTEN("\"unix:run/x\""),
         "main.conf:2: error: \"run/x\": a UNIX socket is an absolute path, or \"@\" and a name\n",
         0, 1},
        {LISTEN("\"unix:@\""),
         "main.conf:2: error: \"@\" is no name of a UNIX socket: 1 to 107 bytes\n", 0, 1},
        {LISTEN("\"fd:\""),
         "main.conf:2: error: \"fd:\" must be \"fd:\" and the name of an inherited socket\n", 0, 1},
        {LISTEN("[ ]"), "main.conf:2: error: \"listen\" is empty\n", 0, 1},
        {LISTEN("7000"),
         "main.conf:2: error: \"listen\" must be an address, or a list of them, for example: "
         "listen "
         "= \"*:7000\";\n",
         0, 1},
        {LISTEN("( 7000 )"),
         "main.conf:2: error: an entry of \"listen\" is a text, as \"*:7000\", or a group with an "
         "\"address\"\n",
         0, 1},
        {LISTEN("{ backlog = 5; }"),
         "main.conf:2: error: an entry of \"listen\" needs an \"address\"\n", 0, 1},
        {LISTEN("{ address = \"127.0.0.1:7000\"; backlg = 5; }"),
         "main.conf:2: error: unknown setting \"backlg\"; did you mean \"backlog\"?\n", 0, 1},
        {LISTEN("{ address = \"127.0.0.1:7000\";\n mode = \"0600\";\n v6only = true; }"),
         "main.conf:3: error: \"mode\" is for UNIX sockets with a path, not for "
         "\"127.0.0.1:7000\"\n"
         "main.conf:4: error: \"v6only\" is for IPv6 addresses, not for \"127.0.0.1:7000\"\n",
         0, 1},
        {LISTEN("{ address = \"unix:/x\"; nodelay = true; owner = \"nobdy\"; }"),
         "main.conf:2: error: there is no user \"nobdy\"; did you mean \"nobody\"?\n", 0, 1},
        {LISTEN("{ address = \"udp:127.0.0.1:7000\"; trap = \"10m\"; }"),
         "main.conf:2: error: \"trap\" is for connections: the source of a datagram can be forged, "
         "not for \"udp:127.0.0.1:7000\"\n",
         0, 1},
        {LISTEN("{ address = \"127.0.0.1:7000\"; device = \"a-name-that-is-too-long\"; }"),
         "main.conf:2: error: \"a-name-that-is-too-long\" is no name of a network device: 1 to 15 "
         "bytes\n",
         0, 1},
        {SERVICE("defaults: { user = \"nobody\"; };\n", "exec = \"hello\";"),
         "main.conf:2: error: \"listen\" is missing: say where to listen\n", 0, 1},
    };

    check_all(state, cases, COUNT(cases));
}

static void config_load__program_wrong__named_with_nearest(void **state)
{
    static const struct mistake cases[] = {
        {EXEC("\"helo\""),
         "main.conf:2: error: there is no program \"helo\" among the handlers or in PATH; did you "
         "mean \"hello\"?\n",
         0, 1},
        {EXEC("[ ]"), "main.conf:2: error: \"exec\" is empty: it must begin with a program\n", 0,
         1},
        {EXEC("\"\""), "main.conf:2: error: the program in \"exec\" is empty\n", 0, 1},
        {EXEC("\"bin/hello\""),
         "main.conf:2: error: \"bin/hello\" must be an absolute path, or the bare name of a "
         "handler\n",
         0, 1},
        {EXEC("\"@/bin/helo\""),
         "main.conf:2: error: cannot execute \"bin/helo\": No such file or directory; did you mean "
         "\"hello\"?\n",
         0, 1},
        {EXEC("\"@/bin/text\""),
         "main.conf:2: error: cannot execute \"bin/text\": it is not executable\n", 0, 1},
        {EXEC("\"@/bin/folder\""),
         "main.conf:2: error: cannot execute \"bin/folder\": it is a folder\n", 0, 1},
        {EXEC("\"@/bin/hello -x\""),
         "main.conf:2: error: cannot execute \"bin/hello -x\": No such file or directory; "
         "arguments "
         "are texts of their own: exec = [ \"PROGRAM\", \"ARGUMENT\" ];\n",
         0, 1},
        {SERVICE("defaults: { user = \"nobody\"; };\n", "listen = \"127.0.0.1:7000\";"),
         "main.conf:2: error: \"exec\" is missing: say which program is the handler\n", 0, 1},
    };

    check_all(state, cases, COUNT(cases));
}

static void config_load__user_wrong__told(void **state)
{
    static const struct mistake cases[] = {
        {SERVICE("", "listen = \"127.0.0.1:7000\"; exec = \"hello\";"),
         "main.conf:1: error: \"user\" is missing: superd runs as root, so say whom the handler "
         "runs "
         "as, here or in \"defaults\"\n",
         0, 1},
        {WITH("user = \"nobdy\";"),
         "main.conf:2: error: there is no user \"nobdy\"; did you mean \"nobody\"?\n", 0, 1},
        {WITH("user = \"3999999999\";"),
         "main.conf:2: error: there is no user with the number 3999999999; to use it all the same, "
         "give a \"group\"\n",
         0, 1},
        {WITH("user = \"4294967295\";"), "main.conf:2: error: there is no user \"4294967295\"\n", 0,
         1},
        {WITH("group = \"no-such-group\";"),
         "main.conf:2: error: there is no group \"no-such-group\"\n", 0, 1},
        {WITH("groups = [ \"root\",\n\"no-such-group\" ];"),
         "main.conf:3: error: there is no group \"no-such-group\"\n", 0, 1},
        /* said once, not for each service */
        {"defaults: { user = \"nobdy\"; };\n"
         "services: { a: { listen = \"127.0.0.1:1\"; exec = \"hello\"; };\n"
         " b: { listen = \"127.0.0.1:2\"; exec = \"hello\"; }; };",
         "main.conf:1: error: there is no user \"nobdy\"; did you mean \"nobody\"?\n", 0, 2},
    };

    check_all(state, cases, COUNT(cases));
}

static void config_load__not_root__only_oneself(void **state)
{
    static const struct mistake cases[] = {
        {WITH("user = \"nobody\";"), "", 1, 0},
        {WITH("user = \"65534\";"), "", 1, 0},
        {WITH("user = \"root\";"),
         "main.conf:2: error: superd runs as \"nobody\" and cannot start a handler as \"root\": "
         "run "
         "it as root, or leave \"user\" out\n",
         0, 1},
        {WITH("group = \"root\";"), "main.conf:2: error: \"group\" needs superd to run as root\n",
         0, 1},
        {WITH("groups = [ ];"), "main.conf:2: error: \"groups\" needs superd to run as root\n", 0,
         1},
        {SERVICE("", "listen = \"127.0.0.1:7000\"; exec = \"hello\";"), "", 1, 0},
    };
    struct fixture *fixture = *state;

    fixture->around.root = false;
    fixture->around.uid = 65534;
    check_all(state, cases, COUNT(cases));
}

static void config_load__settings_that_do_not_go_together__told(void **state)
{
    static const struct mistake cases[] = {
        {LISTEN("\"udp:127.0.0.1:69\"; mode = \"connection\""),
         "main.conf:2: error: datagrams have no connections: for udp: it must be mode = "
         "\"listener\";\n",
         0, 1},
        {LISTEN("[ \"udp:127.0.0.1:69\", \"127.0.0.1:69\" ]"),
         "main.conf:2: error: \"listen\" has datagrams and connections: make it two services, or "
         "write mode = \"listener\";\n",
         0, 1},
        {LISTEN("\"unix:/x\"; time: { idle = \"1m\"; gone = \"1m\"; first_byte = \"1m\"; total = "
                "\"1m\"; }"),
         "main.conf:2: error: \"time.first_byte\" is not possible here: the kernel keeps no byte "
         "counts of a UNIX socket, and does not tell when its client has gone\n"
         "main.conf:2: error: \"time.gone\" is not possible here: the kernel keeps no byte counts "
         "of "
         "a UNIX socket, and does not tell when its client has gone\n"
         "main.conf:2: error: \"time.idle\" is not possible here: the kernel keeps no byte counts "
         "of "
         "a UNIX socket, and does not tell when its client has gone\n",
         0, 1},
        {LISTEN("\"udp:127.0.0.1:69\"; time: { idle = \"1m\"; }"),
         "main.conf:2: error: \"time.idle\" is not possible here: the kernel keeps no byte counts "
         "of "
         "datagrams\n",
         0, 1},
        {WITH("mode = \"listener\"; time: { idle = \"1m\"; };"),
         "main.conf:2: error: \"time.idle\" is not possible here: with mode = \"listener\" the "
         "connections are the handler's, so the kernel's byte counts of them cannot be asked for\n",
         0, 1},
    };

    check_all(state, cases, COUNT(cases));
}

static void config_load__environment_wrong__told(void **state)
{
    static const struct mistake cases[] = {
        {WITH("environment: { A = 1;\n TCPREMOTEIP = \"x\"; };"),
         "main.conf:2: error: an environment variable must be a text in quotes, for example: A = "
         "\"1\";\n"
         "main.conf:3: error: \"TCPREMOTEIP\" is an environment variable that superd itself sets; "
         "see superd-handler(7)\n",
         0, 1},
        {WITH("environment = [ \"PROTO=x\", \"REMOTE_ADDR=x\", \"A-B=x\", \"A\" ];"),
         "main.conf:2: error: \"A\" must be \"NAME=text\"\n"
         "main.conf:2: error: \"A-B\" is no name of an environment variable: letters, digits and _ "
         "only\n"
         "main.conf:2: error: \"PROTO\" is an environment variable that superd itself sets; see "
         "superd-handler(7)\n"
         "main.conf:2: error: \"REMOTE_ADDR\" is an environment variable that superd itself sets; "
         "see superd-handler(7)\n",
         0, 1},
        {WITH("environment = \"A=1\";"),
         "main.conf:2: error: \"environment\" must be a group of texts, for example: environment = "
         "{ "
         "NAME = \"text\"; };\n",
         0, 1},
        {WITH("pass_environment = [ \"LISTEN_FDS\", \"SUPERD_X\", \"1A\" ];"),
         "main.conf:2: error: \"1A\" is no name of an environment variable: letters, digits and _ "
         "only\n"
         "main.conf:2: error: \"LISTEN_FDS\" is an environment variable that superd itself sets; "
         "see "
         "superd-handler(7)\n"
         "main.conf:2: error: \"SUPERD_X\" is an environment variable that superd itself sets; see "
         "superd-handler(7)\n",
         0, 1},
    };

    check_all(state, cases, COUNT(cases));
}

#define NO_RULE                                                                                   \
    " is no address or prefix, as \"192.0.2.0/24\" or \"2001:db8::/32\", nor uid:, user:, gid:, " \
    "group: or file:; host names are not supported in rules: looking them up blocks, and they "   \
    "lie\n"

static void config_load__access_wrong__told(void **state)
{
    static const struct mistake cases[] = {
        {WITH("access: { deny = [\n\"www.example.org\",\n\"192.0.2.1/24\" ]; };"),
         "main.conf:3: error: \"www.example.org\"" NO_RULE
         "main.conf:4: error: \"192.0.2.1/24\" has bits set behind its length: write "
         "\"192.0.2.0/24\" or \"192.0.2.1\"\n",
         0, 1},
        {WITH("access: { allow = \"2001:db8::1/32\"; deny = \"ALL\"; };"),
         "main.conf:2: error: \"2001:db8::1/32\" has bits set behind its length: write "
         "\"2001:db8::/32\" or \"2001:db8::1\"\n"
         "main.conf:2: error: \"ALL\" is no address: everybody is \"0.0.0.0/0\" and \"::/0\"\n",
         0, 1},
        {WITH("access: { allow = [ \"user:nobdy\", \"group:no-such-group\", \"uid:x\" ]; };"),
         "main.conf:2: error: there is no group \"no-such-group\"\n"
         "main.conf:2: error: there is no user \"nobdy\"; did you mean \"nobody\"?\n"
         "main.conf:2: error: there is no user \"x\"\n",
         0, 1},
        {WITH("access: { deny = [ \"file:blocked\", \"file:@/none\", \"file:@/bin\" ]; };"),
         "main.conf:2: error: \"file:blocked\" must be \"file:\" and an absolute path\n"
         "main.conf:2: error: cannot read \"bin\": Is a directory\n"
         "main.conf:2: error: cannot read \"none\": No such file or directory\n",
         0, 1},
        {WITH("access: { hours = [ \"Mo-Fr 08:00-18:00\", \"8:00-18:00\", \"08:00-24:01\", "
              "\"24:00-06:00\", \"Mon-\", \"Mon 08:00\", \"08:60-09:00\", \"\" ]; };"),
         NULL, 0, 1},
        {WITH("access: { time_zone = \"Europe/Nowhere\"; };"),
         "main.conf:2: error: there is no time zone \"Europe/Nowhere\" in /usr/share/zoneinfo/; "
         "they "
         "are called as \"Europe/Berlin\"\n",
         0, 1},
        {WITH("access: { time_zone = \"../../../etc/passwd\"; };"),
         "main.conf:2: error: there is no time zone \"../../../etc/passwd\" in "
         "/usr/share/zoneinfo/; they are called as \"Europe/Berlin\"\n",
         0, 1},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (cases[i].messages) {
            check_all(state, &cases[i], 1);
            continue;
        }
        fixture_load_text(fixture, cases[i].text); /* every one of the eight hours */
        assert_int_equal(fixture->list.errors, 8);
        for (size_t j = 0; j < fixture->list.count; j++)
            assert_non_null(strstr(fixture->list.items[j].message, " are no hours, as "));
    }
}

static void config_load__texts_from_files_wrong__told(void **state)
{
    static const struct mistake cases[] = {
        {WITH("banner = \"file:@/none\"; refuse_message = \"file:none\";"),
         "main.conf:2: error: \"banner\": cannot read \"none\": No such file or directory\n"
         "main.conf:2: error: \"refuse_message\" must be \"file:\" and an absolute path, not "
         "\"file:none\"\n",
         0, 1},
        {WITH("banner = \"file:@/big\"; refuse_message = \"file:@/bin\";"),
         "main.conf:2: error: \"banner\": cannot read \"big\": it is over 4096 bytes\n"
         "main.conf:2: error: \"refuse_message\": cannot read \"bin\": it is a folder, not a "
         "file\n",
         0, 1},
    };
    struct fixture *fixture = *state;
    char big[4098];

    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    fixture_write(fixture, "big", big);
    check_all(state, cases, COUNT(cases));
}

static void config_load__listener_taken__later_line_names_the_earlier(void **state)
{
#define TWO(first, second)                                                                  \
    "defaults: { user = \"nobody\"; exec = \"hello\"; access: { warn_open = false; }; };\n" \
    "services: {\n a: { listen = " first "; };\n b: { listen = " second "; };\n};\n"
#define TAKEN(second, first)                                                         \
    "main.conf:4: error: \"" second "\" is taken by \"" first "\" of service \"a\" " \
    "(main.conf:3)\n"
    static const struct mistake cases[] = {
        {TWO("\"*:7000\"", "\"*:7000\""), TAKEN("*:7000", "*:7000"), 1, 1},
        {TWO("\"*:7000\"", "\"127.0.0.1:7000\""), TAKEN("127.0.0.1:7000", "*:7000"), 1, 1},
        {TWO("\"[::1]:7000\"", "\"*:7000\""), TAKEN("*:7000", "[::1]:7000"), 1, 1},
        {TWO("\"*:7000-7009\"", "\"7005\""), TAKEN("7005", "*:7005"), 1, 1},
        {TWO("\"udp:*:7000\"", "\"udp:[::1]:7000\""), TAKEN("udp:[::1]:7000", "udp:*:7000"), 1, 1},
        {TWO("\"unix:/run/x\"", "\"seqpacket:/run/x\""), TAKEN("seqpacket:/run/x", "unix:/run/x"),
         1, 1},
        {TWO("\"fd:web\"", "\"fd:web\""), TAKEN("fd:web", "fd:web"), 1, 1},
        {TWO("{ address = \"[::]:7000\"; v6only = false; }", "\"127.0.0.1:7000\""),
         TAKEN("127.0.0.1:7000", "[::]:7000"), 1, 1},
        /* side by side */
        {TWO("\"127.0.0.1:7000\"", "\"127.0.0.2:7000\""), "", 2, 0},
        {TWO("\"0.0.0.0:7000\"", "\"[::]:7000\""), "", 2, 0},
        {TWO("\"*:7000\"", "\"udp:*:7000\""), "", 2, 0},
        {TWO("\"*:0\"", "\"*:0\""), "", 2, 0},
        {TWO("{ address = \"*:7000\"; reuseport = true; }",
             "{ address = \"127.0.0.1:7000\"; reuseport = true; }"),
         "", 2, 0},
        {TWO("{ address = \"*:7000\"; device = \"lo\"; }",
             "{ address = \"*:7000\"; device = \"eth0\"; }"),
         "", 2, 0},
        /* a service that fails claims nothing, not even what it got before its conflict */
        {TWO("\"127.0.0.1:1\"; nice = 99", "\"127.0.0.1:1\""),
         "main.conf:3: error: \"nice\" must be from -20 to 19\n", 1, 1},
        {"defaults: { user = \"nobody\"; exec = \"hello\"; };\nservices: {\n"
         " a: { listen = \"127.0.0.1:1\"; };\n"
         " b: { listen = [ \"127.0.0.1:2\", \"127.0.0.1:1\" ]; };\n"
         " c: { listen = \"127.0.0.1:2\"; };\n};\n",
         TAKEN("127.0.0.1:1", "127.0.0.1:1"), 2, 1},
        {"defaults: { user = \"nobody\"; exec = \"hello\"; };\nservices: {\n"
         " a: { listen = [ \"127.0.0.1:1\",\n\"127.0.0.1:1-2\" ]; }; };\n",
         TAKEN("127.0.0.1:1", "127.0.0.1:1"), 0, 1},
    };

    check_all(state, cases, COUNT(cases));
}

static void config_load__open_to_the_world__warned(void **state)
{
#define OPEN(settings) \
    "defaults: { user = \"nobody\"; exec = \"hello\"; };\nservices: {\n a: { " settings " }; };\n"
#define WARNED(listen)                                        \
    "main.conf:3: warning: everybody who can reach \"" listen \
    "\" may connect: give \"access\" rules, or write access: { warn_open = false; };\n"
    static const struct mistake cases[] = {
        {OPEN("listen = \"7000\";"), WARNED("7000"), 1, 0},
        {OPEN("listen = [ \"127.0.0.1:7000\", \"192.0.2.1:7000\" ];"), WARNED("192.0.2.1:7000"), 1,
         0},
        {OPEN("listen = [ \"127.0.0.1:7000\", \"[::1]:7000\", \"unix:/x\" ];"), "", 1, 0},
        {OPEN("listen = \"7000\"; access: { warn_open = false; };"), "", 1, 0},
        {OPEN("listen = \"7000\"; access: { allow = \"0.0.0.0/0\"; };"), "", 1, 0},
        {OPEN("listen = { address = \"7000\"; trap = \"1m\"; };"), "", 1, 0},
        {OPEN("listen = \"7000\"; disabled = true;"), "", 0, 0},
    };

    check_all(state, cases, COUNT(cases));
}

static void config_load__includes__cost_only_their_own(void **state)
{
    struct fixture *fixture = *state;
    struct config *config;

    fixture_write(fixture, "d/20.conf", "services: {\n b: { listen = \"127.0.0.1:2\" };\n };\n");
    fixture_write(fixture, "d/10.conf", "services: {\n a: { listen = \"127.0.0.1:3\"; ;\n };\n");
    fixture_write(fixture, "d/30.conf",
                  "superd: { };\nservices: { d: { listen = "
                  "\"127.0.0.1:4\"; }; };\ninclude = [ \"x\" ];\n");
    fixture_write(
        fixture, "d/40.conf",
        "services: { b: { listen = \"127.0.0.1:5\"; };\n e: { listen = \"127.0.0.1:1\"; }; "
        "};\n");
    fixture_write(fixture, "d/.hidden.conf", "wrong");
    fixture_write(fixture, "d/old.conf~", "wrong");
    fixture_write(fixture, "d/README", "wrong");
    fixture_write(fixture, "one.conf", "services = 5;\n");
    config = fixture_load_text(fixture, "defaults: { user = \"nobody\"; exec = \"hello\"; };\n"
                                        "include = [ \"d\",\n\"none\",\n\"one.conf\" ];\n"
                                        "services: { main: { listen = \"127.0.0.1:1\"; }; };\n");
    fixture_expect(
        fixture,
        "d/10.conf:2: error: syntax error; something is missing or too much here or just before\n"
        "d/30.conf:1: error: \"superd\" may not stand in an included file, which holds "
        "\"services\" "
        "alone\n"
        "d/30.conf:3: error: \"include\" may not stand in an included file, which holds "
        "\"services\" alone\n"
        "d/40.conf:1: error: there is a service \"b\" already (d/20.conf:2)\n"
        "d/40.conf:2: error: \"127.0.0.1:1\" is taken by \"127.0.0.1:1\" of service \"main\" "
        "(main.conf:5)\n"
        "main.conf:3: error: cannot include \"none\": No such file or directory\n"
        "one.conf:1: error: \"services\" must be a group: services: { NAME: { ... }; };\n");
    assert_non_null(config);
    assert_int_equal(config->service_count, 3);
    assert_non_null(config_find(config, "main"));
    assert_non_null(config_find(config, "b"));
    assert_non_null(config_find(config, "d"));
    assert_int_equal(config->failed_count, 7);
}

static void config_load__file_unreadable__told(void **state)
{
    struct fixture *fixture = *state;

    assert_null(fixture_load(fixture, "none.conf"));
    fixture_expect(fixture, "none.conf: error: cannot read: No such file or directory\n");
    assert_null(fixture_load(fixture, "bin"));
    fixture_expect(fixture, "bin: error: cannot read: it is a folder, not a file\n");
    assert_null(fixture_load(fixture, "../../dev/zero"));
    assert_int_equal(fixture->list.errors, 1);
}

static void config_load__disabled_service__read_but_not_looked_up(void **state)
{
    static const struct mistake cases[] = {
        {WITH("disabled = true; user = \"nobdy\";"), "", 0, 0},
        {WITH("disabled = true; nice = \"1\";"),
         "main.conf:2: error: \"nice\" must be a whole number, without quotes, for example: nice = "
         "0;\n",
         0, 1},
    };

    check_all(state, cases, COUNT(cases));
}

/* "hello" is in the folder of the fixture. */
static void config_load__isolation_wrong__told(void **state)
{
    static const struct mistake cases[] = {
        {WITH("isolation = \"none\"; isolate: { root = \"minimal\"; };"),
         "main.conf:2: error: \"isolate.root\": needs isolation = \"basic\" or \"strict\"; a "
         "handler that runs as root has none unless it is asked for\n",
         0, 1},
        {WITH("isolation = \"none\"; resources: { processes = 5; };"),
         "main.conf:2: error: \"isolation\": resources and per_instance need isolation = \"basic\" "
         "or \"strict\"\n",
         0, 1},
        {WITH("isolate: { system_calls = \"@ordinry\"; };"),
         "main.conf:2: error: there is no set of system calls \"@ordinry\"; did you mean "
         "\"@ordinary\"?\n",
         0, 1},
        {WITH("isolate: { system_calls = \"!execve\"; };"),
         "main.conf:2: error: \"execve\" cannot be denied: superd uses it to start the handler\n",
         0, 1},
        {WITH("isolate: { capabilities = \"net_bind_servce\"; };"),
         "main.conf:2: error: there is no capability \"net_bind_servce\"; did you mean "
         "\"net_bind_service\"?\n",
         0, 1},
        {WITH("isolate: { root = \"here\"; };"),
         "main.conf:2: error: \"isolate.root\": must be \"host\", \"minimal\" or the absolute path "
         "of a directory\n",
         0, 1},
        {WITH("isolate: { read_only = \"/srv/../etc\"; };"),
         "main.conf:2: error: \"isolate.read_only\": \"/srv/../etc\" must be an absolute path "
         "without \"..\"\n",
         0, 1},
        {WITH("directory = \"/tmp/\"; isolate: { private_tmp = \"connection\"; };"),
         "main.conf:2: error: \"directory\": is in /tmp, which isolate.private_tmp = "
         "\"connection\" hides from the handler\n",
         0, 1},
        {WITH("resources: { io_max = \"sda wbps=1M\"; };"),
         "main.conf:2: error: \"resources.io_max\": \"sda\" must be an absolute path or the "
         "numbers "
         "of a disk, as in \"/srv wbps=10M\" or \"8:0 wbps=10M\"\n",
         0, 1},
        {WITH("resources: { io_max = \"8:x wbps=1M\"; };"),
         "main.conf:2: error: \"resources.io_max\": \"8:x\" must be an absolute path or the "
         "numbers "
         "of a disk, as in \"/srv wbps=10M\" or \"8:0 wbps=10M\"\n",
         0, 1},
        {WITH("per_instance: { io_max = \"/no/such/place wbps=1M\"; };"),
         "main.conf:2: error: \"per_instance.io_max\": \"/no/such/place\": No such file or "
         "directory\n",
         0, 1},
        {WITH("resources: { io_max = \"/proc wbps=1M\"; };"),
         "main.conf:2: error: \"resources.io_max\": \"/proc\" is in a file system that shows no "
         "disk "
         "of its own: write the disk itself, as in \"/dev/sda wbps=10M\"\n",
         0, 1},
        {WITH("resources: { io_max = \"8:0\"; };"),
         "main.conf:2: error: \"resources.io_max\": \"8:0\" says no limit: add some, as in \"8:0 "
         "rbps=10M wiops=500\"\n",
         0, 1},
        {WITH("resources: { io_max = \"8:0 wpbs=1M\"; };"),
         "main.conf:2: error: \"resources.io_max\": there is no limit \"wpbs\", but rbps, wbps, "
         "riops "
         "and wiops; did you mean \"wbps\"?\n",
         0, 1},
        {WITH("resources: { io_max = \"8:0 wbps=0\"; };"),
         "main.conf:2: error: \"resources.io_max\": wbps must be a size of at least 1 a second, or "
         "max, as in wbps=10M\n",
         0, 1},
        {WITH("resources: { io_max = \"8:0 riops=5M\"; };"),
         "main.conf:2: error: \"resources.io_max\": riops must be a number of at least 1 a second, "
         "or max, as in riops=500\n",
         0, 1},
        {WITH("resources: { io_max = [ \"8:0 riops=5\", \"8:0 wiops=5\" ]; };"),
         "main.conf:2: error: \"resources.io_max\": \"8:0 riops=5\" and \"8:0 wiops=5\" are the "
         "same disk, 8:0\n",
         0, 1},
    };
    static const struct mistake dynamic[] = {
        {"superd: { isolation: { users = \"400000-400001\"; }; };\n" WITH("user = \"dynamic\";"),
         "main.conf:3: error: \"user\": a dynamic user would leave files of its own on the host: "
         "it "
         "needs isolation = \"strict\", or another isolate.root\n",
         0, 1},
        {"superd: { isolation: { users = \"400000-400001\"; }; };\n" WITH(
             "user = \"dynamic-per-connection\"; isolation = \"strict\"; isolate: { private_tmp = "
             "\"service\"; };"),
         "main.conf:3: error: \"isolate.private_tmp\": must be \"connection\" or \"off\" where "
         "each "
         "connection has its own user\n",
         0, 1},
        {"superd: { isolation: { users = \"400000-400001\"; }; };\n" WITH(
             "user = \"dynamic\"; isolation = \"strict\"; isolate: { system_calls = "
             "[\"@ordinary\", \"keyctl\"]; };"),
         "main.conf:3: error: \"keyctl\" cannot be given to a dynamic user: key rings belong to a "
         "uid and outlive its processes, so what is left in them would be found by whoever gets "
         "the uid next; give the service a user of its own\n",
         0, 1},
        {"superd: { isolation: { users = \"400000-400001\"; }; };\n" WITH(
             "user = \"dynamic-per-connection\"; isolation = \"strict\"; isolate: { "
             "system_calls = [\"!@ipc\", \"@keyring\"]; };"),
         "main.conf:3: error: \"@keyring\" cannot be given to a dynamic user: key rings belong to "
         "a uid and outlive its processes, so what is left in them would be found by whoever gets "
         "the uid next; give the service a user of its own\n",
         0, 1},
        {"superd: { isolation: { users = \"400000-400001\"; }; };\n" WITH(
             "user = \"dynamic\"; isolation = \"strict\"; isolate: { system_calls = "
             "[\"!@keyring\", \"!keyctl\", \"ptrace\"]; };"),
         "", 1, 0},
    };

    check_all(state, cases, COUNT(cases));
    check_all(state, dynamic, COUNT(dynamic));
}

/* ---- Dynamic users -------------------------------------------------------------------------- */

#define RANGE(range) "superd: {\n  isolation: { users = \"" range "\"; };\n};\n"
#define WARNING(range, who)                                                                      \
    "main.conf:2: warning: \"isolation.users\": \"" range "\" holds " who                        \
    ", so that a dynamic user could be somebody else, too: write a range that nobody has, as \"" \
    "2100000000-2100065535\"\n"

static void config_load__dynamic_range_of_others__warned(void **state)
{
    static const struct mistake cases[] = {
        {RANGE("2100000000-2100065535"), "", 0, 0},
        {RANGE("1002-99999"), "", 0, 0},
        {RANGE("231072-299999"), "", 0, 0},
        {RANGE("1000-1000"), WARNING("1000-1000", "the user \"ada\" (1000) of accounts/passwd"), 0,
         0},
        {RANGE("900-99999"),
         WARNING("900-99999", "the group \"staff\" (950) of accounts/group")
             WARNING("900-99999", "the user \"ada\" (1000) and 1 more of accounts/passwd"),
         0, 0},
        {RANGE("165535-165535"),
         WARNING("165535-165535", "subordinate uids of \"ada\" (100000-165535) of accounts/subuid"),
         0, 0},
        {RANGE("99000-100000"),
         WARNING("99000-100000", "subordinate uids of \"ada\" (100000-165535) of accounts/subuid"),
         0, 0},
        {RANGE("110000-400000"),
         WARNING("110000-400000", "subordinate gids of \"eve\" (300000-300000) of accounts/subgid")
             WARNING("110000-400000", "subordinate uids of \"ada\" (100000-165535) and 1 more of "
                                      "accounts/subuid"),
         0, 0},
        {RANGE("4294967290-4294967294"),
         WARNING("4294967290-4294967294", "the user \"last\" (4294967294) of accounts/passwd"), 0,
         0},
    };
    struct fixture *fixture = *state;
    static char folder[128];

    fixture_write(fixture, "accounts/passwd",
                  "root:x:0:0::/root:/bin/sh\nada:x:1000:1000:A, B:/home/ada:/bin/sh\n"
                  "bob:x:1001:1001::/:\nlast:x:4294967294:0::/:\n+::::::\nbroken\n:::\n\n");
    fixture_write(fixture, "accounts/group", "root:x:0:\nstaff:x:950:ada,bob\n");
    fixture_write(fixture, "accounts/subuid",
                  "ada:100000:65536\nbob:165536:65536\nnobody:150000:0\nwrong:200000\n");
    fixture_write(fixture, "accounts/subgid", "eve:300000:1\n");
    snprintf(folder, sizeof folder, "%s/accounts", fixture->folder);
    fixture->around.accounts = folder;
    check_all(state, cases, COUNT(cases));
    snprintf(folder, sizeof folder, "%s/nowhere", fixture->folder);
    fixture_load_text(fixture, RANGE("1000-1000"));
    fixture_expect(fixture, "");
}

static void config_load__dynamic_range_not_in_container__warned(void **state)
{
    static const char warning[] =
        "main.conf:2: warning: \"isolation.users\": no process can have the id %u of \"%s\" here, "
        "since the container that superd runs in has not all ids: write a range that is in its "
        "process/uid_map\n";
    static const struct {
        const char *range;
        unsigned missing; /* 0: none is */
    } cases[] = {{"1-99", 0},           {"50-65535", 0},      {"50-65536", 65536},
                 {"99-100", 0},         {"100000-199999", 0}, {"99999-100000", 99999},
                 {"70000-70000", 70000}};
    struct fixture *fixture = *state;
    static char folder[128];
    char text[256], expected[512];

    /* As newuidmap(1) writes them: in no order, one part after the other. */
    fixture_write(fixture, "process/uid_map",
                  "       100       200000      65436\n         0       1000          100\n"
                  "    100000     300000     100000\n");
    snprintf(folder, sizeof folder, "%s/process", fixture->folder);
    fixture->around.process = folder;
    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(text, sizeof text, "superd: {\n  isolation: { users = \"%s\"; };\n};\n",
                 cases[i].range);
        assert_non_null(fixture_load_text(fixture, text));
        snprintf(expected, sizeof expected, warning, cases[i].missing, cases[i].range);
        fixture_expect(fixture, cases[i].missing ? expected : "");
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(config_load__main_file_wrong__null),
        TEST(config_load__wrong_type_or_range__told_what_to_write),
        TEST(config_load__listen_wrong__never_another_address),
        TEST(config_load__program_wrong__named_with_nearest),
        TEST(config_load__user_wrong__told),
        TEST(config_load__not_root__only_oneself),
        TEST(config_load__settings_that_do_not_go_together__told),
        TEST(config_load__isolation_wrong__told),
        TEST(config_load__dynamic_range_of_others__warned),
        TEST(config_load__dynamic_range_not_in_container__warned),
        TEST(config_load__environment_wrong__told),
        TEST(config_load__access_wrong__told),
        TEST(config_load__texts_from_files_wrong__told),
        TEST(config_load__listener_taken__later_line_names_the_earlier),
        TEST(config_load__open_to_the_world__warned),
        TEST(config_load__includes__cost_only_their_own),
        TEST(config_load__file_unreadable__told),
        TEST(config_load__disabled_service__read_but_not_looked_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
