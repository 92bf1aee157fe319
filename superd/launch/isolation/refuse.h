/*
 * refuse: what becomes of services that ask for more isolation than this kernel gives: nothing is
 * ever silently weaker.
 */
#ifndef SUPERD_LAUNCH_ISOLATION_REFUSE_H
#define SUPERD_LAUNCH_ISOLATION_REFUSE_H

#include "config/config.h"
#include "config/diagnostic.h"

/* Look at each service of CONFIG, which nobody uses yet. With on_missing = "refuse" a service that
 * lacks something is taken out (failed_count grows) with an error in LIST for each thing; with
 * "warn" what cannot be had is taken out of its settings, with warnings. */
void isolation_refuse(struct config *config, struct diagnostics *list);

#endif
