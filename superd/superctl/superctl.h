/*
 * superctl: what the parts of the operator's command share. superctl(8) is its manual.
 *
 * It speaks to the daemon through the control socket alone; `try` alone reads the configuration itself.
 */
#ifndef SUPERD_SUPERCTL_SUPERCTL_H
#define SUPERD_SUPERCTL_SUPERCTL_H

#include <jansson.h>
#include <stdbool.h>

/* Exit codes, documented in superctl(8). */
enum superctl_code {
    CODE_OK = 0,
    CODE_USAGE = 1,        /* wrong usage, or a configuration that is wrong */
    CODE_REFUSED = 2,      /* the daemon cannot do that: no such service, ... */
    CODE_NO = 3,           /* explain: it would be refused or held; kill: nobody was there */
    CODE_UNAVAILABLE = 69, /* no daemon answers (EX_UNAVAILABLE) */
    CODE_SYSTEM = 71,      /* the system refused something (EX_OSERR) */
    CODE_TIME = 75,        /* it took too long (EX_TEMPFAIL) */
    CODE_DENIED = 77,      /* not permitted (EX_NOPERM) */
};

struct connection;

struct superctl {
    const char *socket; /* path of the control socket */
    const char *config; /* path of the configuration, for `try` */
    bool json;
    bool colour;
    struct connection *connection; /* NULL: not connected yet */
};

/* A command: ARGV[0] is its name. Returns an exit code. */
typedef int superctl_command(struct superctl *ctl, int argc, char **argv);

superctl_command command_check, command_drain, command_dump, command_explain, command_history,
    command_instances, command_isolation, command_kill, command_list, command_log, command_metrics,
    command_new, command_pause, command_reload, command_resume, command_show, command_sources,
    command_status, command_stop, command_top, command_try, command_upgrade, command_wait_ready;

/* Read the arguments of a command without options but --json: LEAST to MOST words, which begin at
 * ARGV[*FIRST_R] (NULL: not wanted). Returns CODE_OK or CODE_USAGE. */
int read_plain(struct superctl *ctl, int argc, char **argv, int least, int most, int *first_r);

/* Say on standard error what is wrong with how the command was called; returns CODE_USAGE. */
int usage_error(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Say an error; returns CODE. */
int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print RESULT as JSON (taken over) and return CODE. */
int print_json(json_t *result, int code);

#endif
