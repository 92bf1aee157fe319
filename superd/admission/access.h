/*
 * access: who may connect: rules of prefixes, uids and gids, and hours; compiled so that a decision
 * costs the same with ten rules and with a hundred thousand.
 *
 * The longest prefix wins, and deny wins at equal length. A UNIX peer is matched by uid rules, then
 * by gid rules (deny first). When there is an allow rule of any kind, what no rule matches is
 * denied; otherwise it is allowed. Pure: the words of a `file:` rule are read by the caller.
 */
#ifndef SUPERD_ADMISSION_ACCESS_H
#define SUPERD_ADMISSION_ACCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

struct access_table;

/* What a `file:` rule stands for now: its prefixes, with the line of each. */
struct access_file {
    const char *path; /* as in access_rule.file */
    const struct prefix *prefixes;
    const unsigned *lines; /* beside prefixes */
    size_t count;
};

/* Compile SETTINGS with the contents of its files; a file that is not among FILES is empty. Copies
 * what it needs of FILES (paths, prefixes, lines) and keeps pointers into SETTINGS. NULL when there
 * is no memory. */
struct access_table *access_table_create(const struct access_settings *settings,
                                         const struct access_file *files, size_t file_count);
void access_table_destroy(struct access_table *table);

struct access_answer {
    bool allowed;
    bool matched;             /* by a rule; otherwise by the default */
    struct position position; /* of the rule, in the configuration or in its file */
    const char *rule;         /* as written; lives as long as SETTINGS and the table */
};

/* May a peer of this prefix (an IP address of full length) connect? */
struct access_answer access_ask_ip(const struct access_table *table, const struct prefix *address);

/* May this UNIX peer? */
struct access_answer access_ask_unix(const struct access_table *table, uid_t uid, gid_t gid,
                                     const gid_t *groups, size_t group_count);

#endif
