/* schema: the table of settings. See schema.h. */
#include "config/schema.h"

#include <assert.h>
#include <string.h>
#include <sys/resource.h>

#include "config/draft.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PLACE(type, field) \
    .offset = offsetof(struct type, field), .width = sizeof(((struct type *)NULL)->field)
#define SUPERD(field)  .scope = SCOPE_SUPERD, PLACE(daemon_settings, field)
#define SERVICE(field) .scope = SCOPE_SERVICE, .defaults_too = true, PLACE(service_draft, field)
#define ALONE(field)   .scope = SCOPE_SERVICE, PLACE(service_draft, field)
#define LISTEN(field)  .scope = SCOPE_LISTEN, PLACE(listen_draft, field)
#define RLIMIT(which)                                                 \
    .scope = SCOPE_SERVICE, .defaults_too = true, .type = TYPE_LIMIT, \
    PLACE(service_draft, config.rlimits[which])
#define WORDS(table) .words = (table), .word_count = COUNT(table)
#define DAY          ((int64_t)24 * 3600 * 1000)
#define YEAR         (366 * DAY)
#define HUGE_NUMBER  ((int64_t)UINT32_MAX)

#define ISOLATE(field) SERVICE(config.isolation.field)
#define RESOURCES(group, which)                                                             \
    {.name = group ".memory",                                                               \
     ISOLATE(which.memory),                                                                 \
     .type = TYPE_LIMIT,                                                                    \
     .unit = UNIT_BYTES,                                                                    \
     .help = "memory: \"SLOW:MOST\", reclaimed above the first, killed above the second"},  \
        {.name = group ".swap",                                                             \
         ISOLATE(which.swap),                                                               \
         .type = TYPE_LIMIT,                                                                \
         .unit = UNIT_BYTES,                                                                \
         .help = "swap space"},                                                             \
        {.name = group ".processes",                                                        \
         ISOLATE(which.processes),                                                          \
         .type = TYPE_LIMIT,                                                                \
         .help = "processes and threads"},                                                  \
        {.name = group ".cpu",                                                              \
         ISOLATE(which.cpu),                                                                \
         .type = TYPE_NUMBER,                                                               \
         .value = "0",                                                                      \
         .max = 100000,                                                                     \
         .help = "processor time, in percent of one processor; 0 for no limit"},            \
        {.name = group ".cpu_weight",                                                       \
         ISOLATE(which.cpu_weight),                                                         \
         .type = TYPE_NUMBER,                                                               \
         .value = "0",                                                                      \
         .max = 10000,                                                                      \
         .help = "share of processors that are busy, 100 for the usual; 0 for unset"},      \
        {.name = group ".io_weight",                                                        \
         ISOLATE(which.io_weight),                                                          \
         .type = TYPE_NUMBER,                                                               \
         .value = "0",                                                                      \
         .max = 10000,                                                                      \
         .help = "share of disks that are busy, 100 for the usual; 0 for unset"},           \
    {                                                                                       \
        .name = group ".io_max", SERVICE(isolation.io_max.which), .type = TYPE_TEXTS,       \
        .help = "most a second of a disk, as \"/srv rbps=10M wbps=5M riops=500 wiops=100\"" \
    }

static const char *const log_address_words[] = {"full", "prefix", "none"};

/* clang-format off */
static const struct schema_row rows[] = {
    /* ---- superd ---- */
    {.name = "control", SUPERD(control), .type = TYPE_PATH,
     .value = "\"" RUNSTATEDIR "/superd/control.sock\"",
     .help = "UNIX socket that superctl talks to; \"\" for none, which is the default unless superd runs as root"},
    {.name = "control_group", SUPERD(control_group), .type = TYPE_TEXT,
     .help = "group whose members may ask for the state of the daemon"},
    {.name = "log.target", SUPERD(log.target), .type = TYPE_TEXT, .value = "\"stderr\"",
     .help = "\"stderr\", \"syslog\", or the absolute path of a file"},
    {.name = "log.format", SUPERD(log.format), .type = TYPE_WORD, .value = "\"text\"",
     WORDS(log_format_names), .help = "shape of a line"},
    {.name = "log.level", SUPERD(log.level), .type = TYPE_WORD, .value = "\"info\"",
     WORDS(log_level_names), .help = "this and what is more important is written"},
    {.name = "log.summary", SUPERD(log_summary_ms), .type = TYPE_DURATION, .value = "\"10s\"",
     .min = 1000, .max = DAY, .help = "how long refusals are summed before a line tells their count"},
    {.name = "log.addresses", SUPERD(log_addresses), .type = TYPE_CHOICE, .value = "\"full\"",
     WORDS(log_address_words), .help = "how much of a peer's address is written"},
    {.name = "pid_file", SUPERD(pid_file), .type = TYPE_PATH, .restart = true,
     .help = "file to write the process number to; \"\" for none"},
    {.name = "grace", SUPERD(grace_ms), .type = TYPE_DURATION, .value = "\"10s\"", .max = YEAR,
     .help = "how long instances may go on when the daemon stops"},
    {.name = "strict", SUPERD(strict), .type = TYPE_BOOL, .value = "false",
     .help = "refuse to start when any service is wrong"},
    {.name = "launchers", SUPERD(launchers), .type = TYPE_NUMBER, .value = "0", .max = 256,
     .help = "launcher processes; 0 for one more than there are processors"},
    {.name = "launch_timeout", SUPERD(launch_timeout_ms), .type = TYPE_DURATION,
     .value = "\"10s\"", .max = YEAR,
     .help = "a launch that does not come to run its program within it has failed; 0 for no limit"},
    {.name = "limits.instances", SUPERD(instances), .type = TYPE_NUMBER, .value = "0", .max = 10000000,
     .help = "live instances of all services at most; 0 for what the descriptors allow"},
    {.name = "limits.sources", SUPERD(sources), .type = TYPE_NUMBER, .value = "65536", .min = 64,
     .max = 16777216, .help = "sources remembered at most"},
    {.name = "limits.load", SUPERD(load), .type = TYPE_REAL, .value = "0", .max = 100000,
     .help = "hold all services above this 1-minute load average; 0 for no limit"},
    {.name = "limits.pressure", SUPERD(pressure), .type = TYPE_REAL, .value = "0", .max = 100,
     .help = "hold all services above this percentage of CPU pressure (avg10); 0 for no limit"},

    {.name = "isolation.users", SUPERD(dynamic_users), .type = TYPE_TEXT,
     .help = "uids for user = \"dynamic\", as \"2100000000-2100065535\": nobody else may have them"},
    {.name = "isolation.templates", SUPERD(templates), .type = TYPE_NUMBER, .value = "64",
     .min = 1, .max = 4096, .help = "services with launchers of their own at once"},
    {.name = "isolation.idle", SUPERD(template_idle_ms), .type = TYPE_DURATION, .value = "\"5m\"",
     .min = 100, .max = YEAR, .help = "such launchers end when no connection came for so long"},

    /* ---- services ---- */
    {.name = "listen", ALONE(listen), .type = TYPE_LISTEN, .help = "where to listen"},
    {.name = "exec", SERVICE(exec), .type = TYPE_TEXTS,
     .help = "the handler: its program, then its arguments"},
    {.name = "argv0", SERVICE(argv0), .type = TYPE_TEXT,
     .help = "what the handler sees as its own name, instead of the path of its program"},
    {.name = "mode", SERVICE(config.mode), .type = TYPE_WORD, .value = "\"connection\"",
     WORDS(service_mode_names),
     .help = "an instance for each connection, or one that is given the listener; always \"listener\" for datagrams"},
    {.name = "user", SERVICE(user), .type = TYPE_TEXT,
     .help = "user to run as: must be given when superd runs as root"},
    {.name = "group", SERVICE(group), .type = TYPE_TEXT,
     .help = "group to run as, instead of the user's own"},
    {.name = "groups", SERVICE(groups), .type = TYPE_TEXTS,
     .help = "supplementary groups, instead of the user's"},
    {.name = "directory", SERVICE(config.directory), .type = TYPE_PATH, .value = "\"/\"", .min = 1,
     .help = "working directory"},
    {.name = "umask", SERVICE(config.umask), .type = TYPE_MODE, .value = "\"022\"", .max = 0777,
     .help = "file mode bits that are not given"},
    {.name = "nice", SERVICE(config.nice), .type = TYPE_NUMBER, .value = "0", .min = -20, .max = 19,
     .help = "priority, 19 for the lowest"},
    {.name = "environment", SERVICE(environment), .type = TYPE_ENVIRONMENT,
     .help = "environment variables, added to those of defaults"},
    {.name = "pass_environment", SERVICE(pass_environment), .type = TYPE_TEXTS,
     .help = "names of variables that are passed on from superd's own environment"},
    {.name = "stderr", SERVICE(config.stderr_mode), .type = TYPE_WORD, .value = "\"log\"",
     WORDS(stderr_mode_names),
     .help = "where the handler's standard error goes; \"connection\" is the old inetd way"},
    {.name = "disabled", SERVICE(disabled), .type = TYPE_BOOL, .value = "false",
     .help = "read it, and leave it out"},
    {.name = "banner", SERVICE(config.banner), .type = TYPE_TEXT,
     .help = "text, or \"file:PATH\", sent before the handler starts"},
    {.name = "refuse_message", SERVICE(config.refuse_message), .type = TYPE_TEXT,
     .help = "text, or \"file:PATH\", sent to a client that is refused"},

    {.name = "limits.instances", SERVICE(config.limits.instances), .type = TYPE_NUMBER,
     .value = "256", .min = 1, .max = 1000000, .help = "live instances at most"},
    {.name = "limits.per_source", SERVICE(config.limits.per_source), .type = TYPE_NUMBER,
     .value = "32", .min = 1, .max = 1000000, .help = "live instances of one source at most"},
    {.name = "limits.rate", SERVICE(config.limits.rate), .type = TYPE_RATE, .value = "\"0\"",
     .help = "connections admitted per time; \"0\" for any number"},
    {.name = "limits.burst", SERVICE(config.limits.burst), .type = TYPE_NUMBER, .value = "0",
     .max = HUGE_NUMBER, .help = "how many of rate may come at once; 0 for all"},
    {.name = "limits.per_source_rate", SERVICE(config.limits.per_source_rate), .type = TYPE_RATE,
     .value = "\"0\"", .help = "connections admitted from one source per time; \"0\" for any number"},
    {.name = "limits.per_source_burst", SERVICE(config.limits.per_source_burst),
     .type = TYPE_NUMBER, .value = "0", .max = HUGE_NUMBER,
     .help = "how many of per_source_rate may come at once; 0 for all"},
    {.name = "limits.source_prefix_v4", SERVICE(config.limits.source_prefix_v4),
     .type = TYPE_NUMBER, .value = "32", .max = 32,
     .help = "IPv4 addresses that begin with the same bits are one source"},
    {.name = "limits.source_prefix_v6", SERVICE(config.limits.source_prefix_v6),
     .type = TYPE_NUMBER, .value = "64", .max = 128,
     .help = "IPv6 addresses that begin with the same bits are one source"},
    {.name = "limits.when_full", SERVICE(config.limits.when_full), .type = TYPE_WORD,
     .value = "\"hold\"", WORDS(when_full_names),
     .help = "let clients wait, or refuse them, when the service is at its own limit or rate"},

    {.name = "access.allow", SERVICE(allow), .type = TYPE_TEXTS,
     .help = "who may connect: prefixes, uid:, user:, gid:, group:, file:"},
    {.name = "access.deny", SERVICE(deny), .type = TYPE_TEXTS, .help = "who may not"},
    {.name = "access.hours", SERVICE(hours), .type = TYPE_TEXTS,
     .help = "when the service is open, as \"Mon-Fri 08:00-18:00\""},
    {.name = "access.time_zone", SERVICE(config.access.time_zone), .type = TYPE_TEXT,
     .help = "time zone of hours, as \"Europe/Berlin\"; the daemon's when it is not given"},
    {.name = "access.warn_open", SERVICE(config.access.warn_open), .type = TYPE_BOOL,
     .value = "true", .help = "let a check warn of a service that everybody may connect to"},

    {.name = "time.total", SERVICE(config.time.total), .type = TYPE_DURATION, .value = "\"0\"",
     .max = YEAR, .help = "an instance is terminated after so long"},
    {.name = "time.idle", SERVICE(config.time.idle), .type = TYPE_DURATION, .value = "\"0\"",
     .max = YEAR, .help = "and after so long without a byte either way"},
    {.name = "time.first_byte", SERVICE(config.time.first_byte), .type = TYPE_DURATION,
     .value = "\"0\"", .max = YEAR, .help = "and when the client has sent nothing by then"},
    {.name = "time.gone", SERVICE(config.time.gone), .type = TYPE_DURATION, .value = "\"0\"",
     .max = YEAR, .help = "and so long after its client has gone"},
    {.name = "time.grace", SERVICE(config.time.grace), .type = TYPE_DURATION, .value = "\"5s\"",
     .min = 1, .max = DAY, .help = "time from SIGTERM to SIGKILL"},

    {.name = "isolation", SERVICE(isolation.level), .type = TYPE_CHOICE, WORDS(isolation_level_names),
     .help = "how far a handler is kept from the host: superd-isolation(7); basic unless it is root"},
    {.name = "isolate.root", SERVICE(isolation.root), .type = TYPE_TEXT,
     .help = "what a handler sees as /: \"host\", \"minimal\", or a directory"},
    {.name = "isolate.read_only", SERVICE(isolation.read_only), .type = TYPE_TEXTS,
     .help = "paths that it sees and cannot write"},
    {.name = "isolate.read_write", SERVICE(isolation.read_write), .type = TYPE_TEXTS,
     .help = "paths that it sees and may write"},
    {.name = "isolate.hide", SERVICE(isolation.hide), .type = TYPE_TEXTS,
     .help = "paths that it sees empty"},
    {.name = "isolate.devices", SERVICE(isolation.devices), .type = TYPE_TEXTS,
     .help = "devices besides null, zero, full, random and urandom"},
    {.name = "isolate.private_tmp", SERVICE(isolation.private_tmp), .type = TYPE_CHOICE,
     WORDS(sharing_names), .help = "a /tmp in memory for the service, or for each connection"},
    {.name = "isolate.tmp_size", ISOLATE(tmp_size), .type = TYPE_SIZE, .value = "\"64M\"",
     .min = 4096, .max = INT64_MAX, .help = "what a private /tmp holds"},
    {.name = "isolate.network", SERVICE(isolation.network), .type = TYPE_CHOICE,
     WORDS(network_names), .help = "the host's network, none, or a loopback of its own"},
    {.name = "isolate.pid_namespace", SERVICE(isolation.pid_namespace), .type = TYPE_CHOICE,
     WORDS(sharing_names), .help = "who sees and signals whom: \"off\" for the host's processes"},
    {.name = "isolate.cgroup", SERVICE(isolation.cgroup), .type = TYPE_CHOICE, WORDS(sharing_names),
     .help = "a control group for the service, where there can be one, or for each connection"},
    {.name = "isolate.user_namespace", ISOLATE(user_namespace), .type = TYPE_BOOL,
     .value = "false", .help = "let its user be one of a namespace of its own"},
    {.name = "isolate.hostname", SERVICE(isolation.hostname), .type = TYPE_TEXT,
     .help = "what it takes for the name of the host"},
    {.name = "isolate.no_exec", ISOLATE(no_exec), .type = TYPE_BOOL, .value = "false",
     .help = "nothing that it can write can be executed"},
    {.name = "isolate.system_calls", SERVICE(isolation.system_calls), .type = TYPE_TEXTS,
     .help = "system calls: \"all\", or \"@set\", \"name\", \"!@set\" and \"!name\" in order"},
    {.name = "isolate.system_call_action", ISOLATE(call_action), .type = TYPE_WORD,
     .value = "\"errno\"", WORDS(call_action_names), .help = "what a call that is not allowed meets"},
    {.name = "isolate.capabilities", SERVICE(isolation.capabilities), .type = TYPE_TEXTS,
     .help = "capabilities that it has, as \"net_bind_service\""},
    {.name = "isolate.on_missing", ISOLATE(on_missing), .type = TYPE_WORD, .value = "\"refuse\"",
     WORDS(missing_names), .help = "when this kernel cannot do what is asked: do not serve, or warn"},
    {.name = "isolate.launchers", ISOLATE(launchers), .type = TYPE_NUMBER, .value = "0", .max = 64,
     .help = "launchers of its own, where it needs some; 0 for one more than there are processors"},
    RESOURCES("resources", resources),
    RESOURCES("per_instance", per_instance),

    {.name = "rlimits.as", RLIMIT(RLIMIT_AS), .unit = UNIT_BYTES, .help = "address space"},
    {.name = "rlimits.core", RLIMIT(RLIMIT_CORE), .unit = UNIT_BYTES, .help = "core file"},
    {.name = "rlimits.cpu", RLIMIT(RLIMIT_CPU), .unit = UNIT_SECONDS,
     .help = "processor time, in whole seconds"},
    {.name = "rlimits.data", RLIMIT(RLIMIT_DATA), .unit = UNIT_BYTES, .help = "data segment"},
    {.name = "rlimits.fsize", RLIMIT(RLIMIT_FSIZE), .unit = UNIT_BYTES, .help = "size of a file"},
    {.name = "rlimits.locks", RLIMIT(RLIMIT_LOCKS), .help = "file locks"},
    {.name = "rlimits.memlock", RLIMIT(RLIMIT_MEMLOCK), .unit = UNIT_BYTES, .help = "locked memory"},
    {.name = "rlimits.msgqueue", RLIMIT(RLIMIT_MSGQUEUE), .unit = UNIT_BYTES,
     .help = "POSIX message queues"},
    {.name = "rlimits.nice", RLIMIT(RLIMIT_NICE), .help = "20 minus the best nice value"},
    {.name = "rlimits.nofile", RLIMIT(RLIMIT_NOFILE), .help = "descriptors"},
    {.name = "rlimits.nproc", RLIMIT(RLIMIT_NPROC), .help = "processes of the user"},
    {.name = "rlimits.rss", RLIMIT(RLIMIT_RSS), .unit = UNIT_BYTES, .help = "no effect on Linux"},
    {.name = "rlimits.rtprio", RLIMIT(RLIMIT_RTPRIO), .help = "real-time priority"},
    {.name = "rlimits.rttime", RLIMIT(RLIMIT_RTTIME), .unit = UNIT_MICROSECONDS,
     .help = "real-time processor time between two blocking calls"},
    {.name = "rlimits.sigpending", RLIMIT(RLIMIT_SIGPENDING), .help = "queued signals"},
    {.name = "rlimits.stack", RLIMIT(RLIMIT_STACK), .unit = UNIT_BYTES, .help = "stack"},

    /* ---- entries of listen ---- */
    {.name = "address", LISTEN(address), .type = TYPE_TEXT, .help = "as an entry that is a text"},
    {.name = "backlog", LISTEN(options.backlog), .type = TYPE_NUMBER, .value = "4096", .min = 1,
     .max = 65535, .help = "connections that may wait in the kernel"},
    {.name = "nodelay", LISTEN(options.nodelay), .type = TYPE_BOOL, .value = "false",
     .help = "send small pieces at once (TCP_NODELAY)"},
    {.name = "keepalive", LISTEN(options.keepalive), .type = TYPE_BOOL, .value = "false",
     .help = "look after silent connections (SO_KEEPALIVE)"},
    {.name = "v6only", LISTEN(options.v6only), .type = TYPE_BOOL, .value = "true",
     .help = "an IPv6 address takes no IPv4 connections"},
    {.name = "freebind", LISTEN(options.freebind), .type = TYPE_BOOL, .value = "false",
     .help = "the address need not exist yet (IP_FREEBIND)"},
    {.name = "device", LISTEN(options.device), .type = TYPE_TEXT,
     .help = "only what comes in through this network device (SO_BINDTODEVICE)"},
    {.name = "reuseport", LISTEN(options.reuseport), .type = TYPE_BOOL, .value = "false",
     .help = "share the port with other programs of the same user (SO_REUSEPORT)"},
    {.name = "fastopen", LISTEN(options.fastopen), .type = TYPE_NUMBER, .value = "0", .max = 65535,
     .help = "length of the TCP Fast Open queue; 0 for off"},
    {.name = "defer_accept", LISTEN(options.defer_accept_ms), .type = TYPE_DURATION,
     .value = "\"0\"", .max = 3600000,
     .help = "wait so long for the first byte before there is a connection; \"0\" for off"},
    {.name = "receive_buffer", LISTEN(options.receive_buffer), .type = TYPE_SIZE, .value = "0",
     .max = INT32_MAX, .help = "SO_RCVBUF; 0 for the kernel's default"},
    {.name = "send_buffer", LISTEN(options.send_buffer), .type = TYPE_SIZE, .value = "0",
     .max = INT32_MAX, .help = "SO_SNDBUF; 0 for the kernel's default"},
    {.name = "mode", LISTEN(options.mode), .type = TYPE_MODE, .max = 0777,
     .help = "file mode of a UNIX socket"},
    {.name = "owner", LISTEN(owner), .type = TYPE_TEXT, .help = "owner of a UNIX socket"},
    {.name = "group", LISTEN(group), .type = TYPE_TEXT, .help = "group of a UNIX socket"},
    {.name = "trap", LISTEN(options.trap_ms), .type = TYPE_DURATION, .value = "\"0\"", .max = YEAR,
     .help = "whoever connects here is refused everywhere for so long"},
};
/* clang-format on */

static_assert(COUNT(rows) <= SCHEMA_ROWS, "SCHEMA_ROWS is too small");

const char *const schema_scope_names[SCOPE_MAX] = {
    [SCOPE_SUPERD] = "superd",
    [SCOPE_SERVICE] = "service",
    [SCOPE_LISTEN] = "listen",
};

const char *const schema_type_names[TYPE_MAX] = {
    [TYPE_BOOL] = "boolean",      [TYPE_NUMBER] = "number",
    [TYPE_REAL] = "real",         [TYPE_SIZE] = "size",
    [TYPE_DURATION] = "duration", [TYPE_RATE] = "rate",
    [TYPE_MODE] = "mode",         [TYPE_WORD] = "word",
    [TYPE_CHOICE] = "word",       [TYPE_TEXT] = "text",
    [TYPE_PATH] = "path",         [TYPE_TEXTS] = "texts",
    [TYPE_LIMIT] = "rlimit",      [TYPE_ENVIRONMENT] = "environment",
    [TYPE_LISTEN] = "listen",
};

const struct schema_row *schema_next(const struct schema_row *row)
{
    if (!row)
        return rows;
    return row + 1 < rows + COUNT(rows) ? row + 1 : NULL;
}

const struct schema_row *schema_find(enum schema_scope scope, const char *name)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].scope == scope && strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

bool schema_is_group(enum schema_scope scope, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].scope == scope && strncmp(rows[i].name, name, length) == 0 &&
            rows[i].name[length] == '.')
            return true;
    }
    return false;
}

size_t schema_index(const struct schema_row *row)
{
    return (size_t)(row - rows);
}

void schema_print(FILE *file)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        fprintf(file, "%s\t%s\t%s\t%s\t%s\t%s\n", schema_scope_names[rows[i].scope], rows[i].name,
                schema_type_names[rows[i].type], rows[i].value ? rows[i].value : "-",
                rows[i].restart ? "no" : "yes", rows[i].help);
    }
}
