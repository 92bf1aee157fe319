/*
 * specimen: a handler for the end-to-end tests that behaves as its first argument says. It includes
 * nothing of superd, like any handler.
 */
#ifndef TESTS_E2E_HANDLERS_SPECIMEN_H
#define TESTS_E2E_HANDLERS_SPECIMEN_H

/* What this process is, "key=value" a line: descriptors, environment, signals, credentials. */
int specimen_report(int argc, char **argv);

/* The same, written to FD, a descriptor that is not reported. */
int specimen_report_to(int fd, int argc, char **argv);

/* Modes of a handler that is given the listening or datagram socket. The arguments are those behind
 * the name of the mode; the result is the exit status. NULL: there is no such mode. */
typedef int specimen_mode(int argc, char **argv);
specimen_mode *specimen_listener_mode(const char *name);

/* Write all of it to FD, as far as it can be written. */
void specimen_write(int fd, const void *bytes, unsigned long length);

/* For ever. */
_Noreturn void specimen_sleep(void);

#endif
