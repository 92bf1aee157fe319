/*
 * stop: draining and the end of the daemon.
 *
 *   RUNNING --stop_begin--> DRAINING --grace over--> TERMINATING --nobody left--> STOPPED
 *                              |  nobody left                                        ^
 *                              +-----------------------------------------------------+
 * A second request kills at once. What cannot be killed is left after STOP_STRAGGLERS_MS and said.
 */
#ifndef SUPERD_SUPERVISE_STOP_H
#define SUPERD_SUPERVISE_STOP_H

#define STOP_STRAGGLERS_MS 5000

struct supervisor;

/* Asked to stop, by signal or operator. WHY goes into the log. */
void stop_begin(struct supervisor *supervisor, const char *why);

/* Is it time for the next state? To be called when an instance has ended while stopping. */
void stop_check(struct supervisor *supervisor);

#endif
