/* program: the handler's program and its arguments. */
#ifndef SUPERD_CONFIG_PROGRAM_H
#define SUPERD_CONFIG_PROGRAM_H

#include "config/draft.h"

/* Find the program that `exec` names and make the argument vector. False with an error in the list.
 */
bool program_finish(struct loader *loader, struct service_draft *draft);

#endif
