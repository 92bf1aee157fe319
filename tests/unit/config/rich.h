/* rich: a configuration that has every setting, so every way through the loader. */
#ifndef TESTS_UNIT_CONFIG_RICH_H
#define TESTS_UNIT_CONFIG_RICH_H

#define RICH_MAIN                                                                                  \
    "superd: { control = \"@/control\"; control_group = \"root\";\n"                               \
    " log: { target = \"syslog\"; format = \"json\"; level = \"warning\"; summary = \"30s\";\n"    \
    "  addresses = \"none\"; }; pid_file = \"@/pid\"; grace = \"1m\"; strict = true;\n"            \
    " launchers = 2; launch_timeout = \"3s\"; limits: { instances = 1000; sources = 1024; load = " \
    "7.25; pressure = 1e1; "                                                                       \
    "};\n"                                                                                         \
    " isolation: { users = \"400000-400999\"; templates = 5; idle = \"1m\"; };\n"                  \
    "};\n"                                                                                         \
    "defaults: { user = \"nobody\"; exec = [ \"hello\", \"\\\"quoted\\\"\", \"tab\\t\", \"\" ];\n" \
    " environment: { LANG = \"C\"; PATH = \"/bin\"; }; rlimits: { nofile = \"64:128\"; };\n"       \
    " limits: { instances = 9; }; time: { idle = \"1h\"; }; };\n"                                  \
    "include = [ \"services.d\" ];\n"                                                              \
    "services: {\n"                                                                                \
    " full: { listen = ( \"*:7000\", \"127.0.0.1:7001-7003\", { address = \"[::]:7004\";\n"        \
    "   backlog = 7; nodelay = true; keepalive = true; v6only = true; freebind = true;\n"          \
    "   device = \"lo\"; reuseport = true; fastopen = 8; defer_accept = \"5s\";\n"                 \
    "   receive_buffer = \"1M\"; send_buffer = \"65537\"; trap = \"1d\"; }, \"fd:web\",\n"         \
    "   { address = \"unix:/run/x\"; mode = \"0600\"; owner = \"nobody\"; group = \"daemon\"; "    \
    "},\n"                                                                                         \
    "   \"unix:@x\", \"seqpacket:/run/y\", \"*:0\", \"127.0.0.1:0\", \"[::1]:finger\" );\n"        \
    "  exec = [ \"@/bin/hello\", \"-x\" ]; argv0 = \"name\"; user = \"root\"; group = "            \
    "\"daemon\";\n"                                                                                \
    "  groups = [ \"daemon\", \"0\" ]; directory = \"/tmp\"; umask = \"0007\"; nice = -20;\n"      \
    "  environment = [ \"_X=\\x01\\\\ \\\"\\n\", \"LANG=de\", \"E=\" ]; pass_environment = [ "     \
    "\"HOME\" ];\n"                                                                                \
    "  stderr = \"discard\"; banner = \"file:@/banner\"; refuse_message = \"no\\r\\n\";\n"         \
    "  limits: { per_source = 4; rate = \"50/s\"; burst = 60; per_source_rate = \"10/m\";\n"       \
    "   per_source_burst = 3; source_prefix_v4 = 24; source_prefix_v6 = 48;\n"                     \
    "   when_full = \"refuse\"; };\n"                                                              \
    "  access: { allow = [ \"192.0.2.0/24\", \"user:nobody\" ]; deny = [ \"gid:5\", "              \
    "\"file:@/banner\", \"::/0\" ];\n"                                                             \
    "   hours = [ \"Mon-Fri 08:00-18:00\" ]; time_zone = \"UTC\"; warn_open = false; };\n"         \
    "  time: { total = \"2h\"; grace = \"1s\"; };\n"                                               \
    "  rlimits: { as = \"64M\"; core = \"0\"; cpu = \"1m\"; data = \"unlimited\"; fsize = 4096;\n" \
    "   locks = 1; memlock = \"64K:1M\"; msgqueue = \"0\"; nice = 20; nproc = \"5:unlimited\";\n"  \
    "   rss = \"1G\"; rtprio = 0; rttime = \"1ms\"; sigpending = 3; stack = \"8M\"; };\n"          \
    "  isolation = \"strict\"; isolate: { root = \"host\"; read_only = [ \"/\" ];\n"               \
    "   read_write = \"/var/tmp\"; hide = [ \"/home\", \"/root\" ]; devices = \"/dev/tty\";\n"     \
    "   private_tmp = \"connection\"; tmp_size = \"1M\"; network = \"loopback\";\n"                \
    "   pid_namespace = \"connection\"; cgroup = \"connection\"; user_namespace = false;\n"        \
    "   hostname = \"box\"; no_exec = true; system_calls = [ \"!@ipc\", \"ptrace\" ];\n"           \
    "   system_call_action = \"kill\"; capabilities = [ \"chown\", \"CAP_BPF\" ];\n"               \
    "   on_missing = \"warn\"; launchers = 3; };\n"                                                \
    "  resources: { memory = \"64M:128M\"; swap = 0; processes = 50; cpu = 150;\n"                 \
    "   cpu_weight = 50; io_weight = 200;\n"                                                       \
    "   io_max = [ \"8:0 rbps=10M wbps=5M riops=500 wiops=max\", \"8:16 wbps=1\" ]; };\n"          \
    "  per_instance: { memory = \"8M\"; swap = 0; processes = 5; cpu = 50; cpu_weight = 10;\n"     \
    "   io_weight = 20; io_max = [ \"8:0 riops=10\" ]; }; };\n"                                    \
    " tcp: { listen = \"127.0.0.1:7100\"; time: { first_byte = \"10s\"; gone = \"1m\"; }; };\n"    \
    " tftp: { listen = \"udp:127.0.0.1:7000\"; };\n"                                               \
    " trap: { listen = { address = \"7200\"; trap = \"1h\"; }; };\n"                               \
    " off: { disabled = true; };\n"                                                                \
    "};\n"

#define RICH_DROP_IN                                                                          \
    "services: { bare: { listen = \"[::1]:7300\"; user = \"3999999999\"; group = \"7\"; };\n" \
    "  open: { listen = \"7301\"; access: { allow = [ ]; }; }; };\n"

#define RICH_WRONG                                                                             \
    "services: { w1: { listen = [ \"x:1\", \"*:7000\" ]; nice = \"1\"; user = \"nobdy\"; };\n" \
    " w2: { listen = \"127.0.0.1:7000\"; exec = \"helo\"; access: { deny = \"x\"; }; };\n"     \
    " w3: { listen = \"127.0.0.1:7100\"; }; unknwn = 1; full: { }; };\nother = 1;\n"

/* Write all of it; main.conf is the one to load. */
#define RICH_WRITE(fixture)                                             \
    do {                                                                \
        fixture_write((fixture), "main.conf", RICH_MAIN);               \
        fixture_write((fixture), "services.d/10.conf", RICH_DROP_IN);   \
        fixture_write((fixture), "banner", "Welcome\r\nto \"this\"\n"); \
    } while (0)

#endif
