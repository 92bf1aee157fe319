/*
 * operate: what an operator asks of the daemon, a service or one listener: pause, resume, drain.
 *
 * Paused: its listeners are not watched, nothing else changes. Draining: the same, and instances may
 * finish until the deadline, then they are terminated; in listener mode at once, for they would go on
 * accepting. Clients wait in the kernel's backlog, nothing is lost. Both last until resumed, also
 * across reloads, because they are state of the service and the listener and not of a configuration.
 * The three levels are independent of each other: resuming the daemon leaves a paused service paused.
 */
#ifndef SUPERD_SUPERVISE_OPERATE_H
#define SUPERD_SUPERVISE_OPERATE_H

#include <stdint.h>

struct instance;
struct listener;
struct service;
struct supervisor;

struct scope { /* both NULL: the daemon; a listener alone, or a service alone */
    struct service *service;
    struct listener *listener;
};

void operate_pause(struct supervisor *supervisor, struct scope scope);
/* Ends pausing and draining of that scope. */
void operate_resume(struct supervisor *supervisor, struct scope scope);
/* DEADLINE_MS from now instances are terminated; UINT64_MAX: never. Again: the new deadline holds. */
void operate_drain(struct supervisor *supervisor, struct scope scope, uint64_t deadline_ms);

/* Instances alive in the scope. */
uint32_t operate_live(const struct supervisor *supervisor, struct scope scope);

/* Orders have come from the daemon's last program: go on with their deadlines. */
void operate_go_on(struct supervisor *supervisor);

/* Make the timer; close it. */
void operate_begin(struct supervisor *supervisor);
void operate_stop(struct supervisor *supervisor);

/* An instance has left the tables, and came through LISTENER (NULL: not known any more): say so when
 * that was the last of something that drains. */
void operate_ended(struct service *service, struct listener *listener);

/* LISTENER is about to be freed: nobody may point to it any more. */
void operate_forget(struct supervisor *supervisor, struct listener *listener);

#endif
