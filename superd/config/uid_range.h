/*
 * uid_range: does anybody else have uids of the range that is for dynamic users, and can superd's
 * processes have them?
 *
 * Looks into the files of a host (passwd, group, subuid, subgid), not into name services: those may
 * know a hundred thousand users, and be slow or silent.
 */
#ifndef SUPERD_CONFIG_UID_RANGE_H
#define SUPERD_CONFIG_UID_RANGE_H

#include "config/draft.h"

/* A range that no distribution gives to anybody: above what systemd(1) has for containers, shadow
 * for subordinate ids and SSSD for its domains, and below 2^31 (https://systemd.io/UIDS-GIDS). */
#define UID_RANGE_EXAMPLE "2100000000-2100065535"

/* Warn of each file below the surroundings' `accounts` that gives something in FIRST to LAST to
 * somebody, and of ids that are not in the maps of `process`; POSITION is where the range was
 * written. */
void uid_range_check(struct loader *loader, struct position position, uid_t first, uid_t last);

#endif
