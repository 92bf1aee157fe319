/*
 * config: one immutable configuration, as the daemon uses it: text checked, units converted, users
 * and addresses resolved, programs found.
 *
 * Made by config_load() (load.h) and never changed afterwards: a reload makes another one. All it
 * points to is in its arena. It is known to every part of the daemon, so it depends on nothing but
 * plain values.
 */
#ifndef SUPERD_CONFIG_CONFIG_H
#define SUPERD_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/units.h"
#include "config/diagnostic.h"
#include "net/address.h"

/* ---- Listeners ------------------------------------------------------------------------------ */

/* Socket options of one `listen` entry; -1 (or 0 where said) means: leave the kernel's default. */
struct listen_options {
    unsigned backlog;         /* 1-65535 */
    bool nodelay;             /* TCP_NODELAY on connections */
    bool keepalive;           /* SO_KEEPALIVE on connections */
    bool freebind;            /* IP_FREEBIND: the address need not be there yet */
    bool reuseport;           /* SO_REUSEPORT */
    bool v6only;              /* for an IPv6 address; a `*` is two sockets anyway */
    unsigned fastopen;        /* TCP_FASTOPEN queue length; 0: off */
    uint64_t defer_accept_ms; /* TCP_DEFER_ACCEPT; 0: off */
    uint64_t receive_buffer;  /* SO_RCVBUF, bytes; 0: default */
    uint64_t send_buffer;     /* SO_SNDBUF, bytes; 0: default */
    const char *device;       /* SO_BINDTODEVICE; NULL: any */
    bool set_mode;            /* UNIX path: chmod to `mode` */
    mode_t mode;
    uid_t owner;      /* UNIX path: chown; (uid_t)-1: leave */
    gid_t group;      /* likewise */
    uint64_t trap_ms; /* whoever touches it is refused everywhere for so long; 0: no trap */
};

/* One socket to be opened. A `listen` entry becomes one or more: `*` gives an IPv4 and an IPv6 one,
 * a port range gives one a port. */
struct listener_config {
    struct position position;
    const char *written;    /* the entry as the person wrote it, one port of a range: "*:7000" */
    const char *key;        /* what two configurations are matched by, canonical:
                               "tcp:0.0.0.0:7000", "udp:[::]:69", "unix:/run/x", "fd:NAME" */
    int type;               /* SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET */
    struct address address; /* length 0 for "fd:" */
    const char *inherited;  /* NAME of "fd:NAME", else NULL */
    bool optional;          /* the IPv6 half of a `*`: a host without IPv6 is no error */
    bool pair;              /* the IPv6 half of a `*`: with port 0 it takes the port that the entry
                               before it got */
    struct listen_options options;
};

/* ---- Admission ------------------------------------------------------------------------------ */

enum when_full { FULL_HOLD, FULL_REFUSE, FULL_MAX };

struct limit_settings {
    uint32_t instances;  /* live at once; never 0 */
    uint32_t per_source; /* live at once of one source; never 0 */
    struct rate rate;    /* admissions; events 0: none */
    uint32_t burst;      /* tokens at most; 0: as many as `rate.events` */
    struct rate per_source_rate;
    uint32_t per_source_burst;
    uint8_t source_prefix_v4; /* 0-32 */
    uint8_t source_prefix_v6; /* 0-128 */
    enum when_full when_full;
};

enum access_kind { ACCESS_PREFIX, ACCESS_UID, ACCESS_GID, ACCESS_FILE };

/* One word of `allow` or `deny`. */
struct access_rule {
    struct position position;
    const char *written;
    bool allow;
    enum access_kind kind;
    struct prefix prefix; /* ACCESS_PREFIX */
    uint32_t id;          /* ACCESS_UID, ACCESS_GID */
    const char *file;     /* ACCESS_FILE: an absolute path */
};

/* One range of `hours`, in minutes since midnight; `end` <= `begin` goes past midnight. */
struct hours_range {
    struct position position;
    const char *written;
    uint8_t days;        /* bit 0 = Monday ... bit 6 = Sunday: the days on which the range begins */
    uint16_t begin, end; /* 0-1440 */
};

struct access_settings {
    bool given; /* somebody wrote rules or hours */
    const struct access_rule *rules;
    size_t rule_count;
    const struct hours_range *hours; /* none: always open */
    size_t hours_count;
    const char *time_zone; /* as TZ has it ("Europe/Berlin"); NULL: the daemon's */
    bool warn_open;        /* let --check warn of a service that is open to the world */
};

struct time_settings {   /* milliseconds; 0: no limit */
    uint64_t total;      /* wall clock */
    uint64_t idle;       /* no byte either way */
    uint64_t first_byte; /* the client must send something by then */
    uint64_t gone;       /* the client has gone, the handler has not */
    uint64_t grace;      /* between terminate and kill; never 0 */
};

/* ---- Isolation ------------------------------------------------------------------------------ */

enum isolation_level { ISOLATION_NONE, ISOLATION_BASIC, ISOLATION_STRICT, ISOLATION_MAX };
enum root_kind { ROOT_HOST, ROOT_MINIMAL, ROOT_DIRECTORY };
enum sharing { SHARING_OFF, SHARING_SERVICE, SHARING_CONNECTION, SHARING_MAX };
enum network_kind { NETWORK_HOST, NETWORK_NONE, NETWORK_LOOPBACK, NETWORK_MAX };
enum call_action { CALL_ERRNO, CALL_KILL, CALL_ACTION_MAX };
enum missing_policy { MISSING_REFUSE, MISSING_WARN, MISSING_MAX };
enum dynamic_user { DYNAMIC_NO, DYNAMIC_SERVICE, DYNAMIC_CONNECTION };

/* One limit of setrlimit(2): RESOURCE is RLIMIT_...; RLIM_INFINITY is UINT64_MAX. */
struct rlimit_setting {
    bool set;
    uint64_t soft, hard;
};

/* The kernel's words for what may be done to a disk in a second: bytes and operations. */
enum io_rate { IO_RBPS, IO_WBPS, IO_RIOPS, IO_WIOPS, IO_RATE_MAX };
extern const char *const io_rate_names[IO_RATE_MAX];

struct io_limit {
    const char *written;        /* as it stands in the file */
    unsigned major, minor;      /* of the whole disk */
    uint64_t rate[IO_RATE_MAX]; /* UINT64_MAX: no limit */
};

/* Limits of a control group. */
struct resource_settings {
    struct rlimit_setting memory;    /* memory.high, memory.max */
    struct rlimit_setting swap;      /* its hard part: memory.swap.max */
    struct rlimit_setting processes; /* its hard part: pids.max */
    uint32_t cpu;                    /* percent of one processor; 0: no limit */
    uint32_t cpu_weight;             /* 1-10000; 0: the kernel's default */
    uint32_t io_weight;              /* likewise */
    const struct io_limit *io;       /* of each disk that has one */
    size_t io_count;
};

/* What a handler may see and do. Lists end with NULL; every path is absolute. */
struct isolation_settings {
    enum isolation_level level;
    enum root_kind root;
    const char *root_directory;    /* ROOT_DIRECTORY */
    const char *const *read_only;  /* seen in its root, and not to be written */
    const char *const *read_write; /* seen in its root, and to be written */
    const char *const *hide;       /* seen empty */
    const char *const *devices;    /* besides the harmless ones */
    enum sharing private_tmp;      /* off: the root's own */
    uint64_t tmp_size;             /* bytes */
    enum network_kind network;
    enum sharing pid_namespace;
    enum sharing cgroup;
    bool cgroup_asked; /* by name: else a group that sets no limits is not missed */
    bool user_namespace;
    bool no_exec;         /* nothing that can be written can be executed */
    const char *hostname; /* NULL: the host's */
    bool filter_calls;
    const char *const *calls;  /* system calls that are allowed, by name, sorted */
    const char *calls_written; /* how they were asked for */
    enum call_action call_action;
    uint64_t capabilities; /* kept: bit N is capability N */
    enum missing_policy on_missing;
    uint32_t launchers; /* of a service with launchers of its own; 0: one per processor */
    struct resource_settings resources;    /* of all instances together */
    struct resource_settings per_instance; /* of each */
};

/* ---- Services ------------------------------------------------------------------------------- */

enum service_mode { MODE_CONNECTION, MODE_LISTENER, MODE_MAX };
enum stderr_mode { STDERR_LOG, STDERR_DISCARD, STDERR_CONNECTION, STDERR_MAX };

#define RLIMIT_SETTINGS 16 /* RLIM_NLIMITS of Linux */

/* A user as getpwnam(3) and getgrouplist(3) tell of him, looked up when the configuration is made.
 */
struct identity {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* supplementary */
    size_t group_count;
    bool change; /* set them (superd runs as root); otherwise we are this user already */
    enum dynamic_user dynamic; /* not DYNAMIC_NO: the uid is found at run time, and the gid with it
                                  unless it was given: else it is (gid_t)-1 */
    const char *name, *home, *shell;
};

/* A setting that somebody wrote, and where: in the service, or in `defaults`. */
struct setting_origin {
    const char *name; /* as the schema has it: "limits.instances" */
    struct position position;
};

struct service_config {
    const char *name;
    struct position position;
    const struct setting_origin *origins; /* what is not in here has its default */
    size_t origin_count;
    const struct listener_config *listeners;
    size_t listener_count;

    const char *program; /* absolute path of the executable; NULL: all listeners are traps */
    const char *const *arguments; /* argv, [0] as `argv0` says, NULL at the end */
    enum service_mode mode;
    struct identity identity;
    const char *directory;
    mode_t umask;
    int nice; /* -20 - 19 */
    const char *const
        *environment; /* "NAME=value", NULL at the end: what the service sets or passes
                         on, merged with `defaults`; not what superd sets itself */
    struct rlimit_setting rlimits[RLIMIT_SETTINGS];
    enum stderr_mode stderr_mode;

    struct limit_settings limits;
    struct access_settings access;
    struct time_settings time;
    struct isolation_settings isolation;
    const char *banner;         /* sent before the handler starts; NULL: none */
    const char *refuse_message; /* sent once to a refused client; NULL: none */
};

/* ---- The daemon ----------------------------------------------------------------------------- */

struct daemon_settings {
    const char *control;       /* path of the control socket; NULL: none */
    const char *control_group; /* may read; NULL: nobody but root and the daemon's user */
    gid_t control_gid;         /* of control_group; (gid_t)-1: none */
    struct log_settings log;
    uint64_t log_summary_ms;    /* refusals are summed over so long */
    const char *log_addresses;  /* "full", "prefix", "none" */
    const char *pid_file;       /* NULL: none */
    uint64_t grace_ms;          /* at stop: instances may finish within so long */
    bool strict;                /* refuse to start when a service is wrong */
    uint32_t launchers;         /* 0: one per processor */
    uint64_t launch_timeout_ms; /* a launch that takes longer has failed; 0: no limit */
    uint32_t instances;         /* whole daemon, live at once; 0: what the descriptors allow */
    uint32_t sources;           /* bound of the source table */
    const char *dynamic_users;  /* as it was written; NULL: none */
    uid_t dynamic_first, dynamic_last;
    uint32_t templates;        /* services with launchers of their own at once */
    uint64_t template_idle_ms; /* such launchers end when nothing came for so long */
    double load;               /* hold above this 1-minute load average; 0: no limit */
    double pressure;           /* hold above this PSI "some avg10" of cpu, percent; 0: no limit */
};

struct config {
    struct arena *arena;
    const char *path; /* the main file */
    struct daemon_settings daemon;
    const struct service_config *services; /* valid and not disabled, sorted by name */
    size_t service_count;
    size_t failed_count; /* services, and whole drop-in files, left out because they are wrong */
};

extern const char *const service_mode_names[MODE_MAX];
extern const char *const stderr_mode_names[STDERR_MAX];
extern const char *const when_full_names[FULL_MAX];
extern const char *const isolation_level_names[ISOLATION_MAX];
extern const char *const sharing_names[SHARING_MAX];
extern const char *const network_names[NETWORK_MAX];
extern const char *const call_action_names[CALL_ACTION_MAX];
extern const char *const missing_names[MISSING_MAX];

/* The service of that name; NULL: there is none. */
const struct service_config *config_find(const struct config *config, const char *name);

/* Where setting NAME of SERVICE was written; no file: nowhere, it has its default. */
struct position config_origin(const struct service_config *service, const char *name);

/* Free it and all that it points to. NULL is allowed. (libconfig owns the name config_destroy.) */
void config_free(struct config *config);

#endif
