/*
 * overload: is the machine too busy for more (superd.limits.load, superd.limits.pressure)?
 *
 * Looked at every OVERLOAD_INTERVAL_MS, and only while one of the two is set: otherwise an idle daemon
 * must not wake up.
 */
#ifndef SUPERD_SUPERVISE_OVERLOAD_H
#define SUPERD_SUPERVISE_OVERLOAD_H

#include <stdbool.h>

#define OVERLOAD_INTERVAL_MS 2000

struct supervisor;

/* Make the timer. */
void overload_begin(struct supervisor *supervisor);

/* The configuration has changed: start or stop looking. */
void overload_configure(struct supervisor *supervisor);

/* Close the timer. */
void overload_stop(struct supervisor *supervisor);

/* Parse the text of /proc/loadavg (proc(5)) and of /proc/pressure/cpu (the "some avg10" value). False
 * when it is not of that form. For the unit test. */
bool overload_parse_load(const char *text, double *load_r);
bool overload_parse_pressure(const char *text, double *percent_r);

#endif
