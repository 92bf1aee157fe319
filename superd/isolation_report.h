/*
 * isolation_report: what the handlers of each service can and cannot do to the host, for
 * `superd --isolation-report`, after the manner of `systemd-analyze security`.
 */
#ifndef SUPERD_ISOLATION_REPORT_H
#define SUPERD_ISOLATION_REPORT_H

struct config;

/* Print it for the service NAME (NULL: a line for each service). Returns an exit code. */
int isolation_report(const struct config *config, const char *name);

#endif
