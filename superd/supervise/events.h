/*
 * events: the log lines that several parts write, or whose shape superd.log(5) promises. Verb
 * first, fields after, counts last.
 */
#ifndef SUPERD_SUPERVISE_EVENTS_H
#define SUPERD_SUPERVISE_EVENTS_H

#include <sys/resource.h>

#include "admission/admission.h"
#include "config/diagnostic.h"
#include "net/address.h"
#include "supervise/instance.h"

struct service;
struct listener;

void event_listen(const struct listener *listener, const char *state);
void event_admit(const struct instance *instance);
void event_end(const struct instance *instance, enum outcome outcome, int status,
               const struct rusage *usage);
void event_launch_failed(const struct instance *instance, enum launch_step step, int error);
void event_refuse(const struct service *service, const struct peer *peer,
                  const struct verdict *verdict);
/* Processor time, user and system. */
uint64_t event_cpu_us(const struct rusage *usage);
/* What of SOURCE goes into the log (superd.log.addresses); NULL: nothing. */
const char *event_source(const struct service *service, const struct prefix *source,
                         char text[PREFIX_TEXT_SIZE]);
void event_hold(const struct service *service, enum reason reason);
void event_resume(const struct service *service);
/* All of LIST, each as event `config`. */
void event_diagnostics(const struct diagnostics *list);

#endif
