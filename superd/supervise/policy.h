/*
 * policy: the rules of one service in one generation, compiled for admission, with what they own.
 */
#ifndef SUPERD_SUPERVISE_POLICY_H
#define SUPERD_SUPERVISE_POLICY_H

#include <stdbool.h>

#include "admission/admission.h"
#include "supervise/access_files.h"

struct policy {
    struct access_table *table;        /* owned */
    struct zone *zone;                 /* owned; NULL: the service has no hours */
    struct admission_policy admission; /* points to these two and into the configuration */
};

/* Compile what CONFIG says, with CONTENTS of its access files. False: no memory, and nothing is made. */
bool policy_make(const struct service_config *config, const struct access_contents *contents,
                 struct policy *policy_r);

/* Free what it owns; all zero is allowed. */
void policy_destroy(struct policy *policy);

#endif
