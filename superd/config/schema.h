/*
 * schema: the one table of every setting that superd knows. Parsing, defaults, --dump and the check
 * of the manual come from it; nothing else in the loader knows a setting's name, except where
 * settings must be checked against each other.
 */
#ifndef SUPERD_CONFIG_SCHEMA_H
#define SUPERD_CONFIG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum schema_scope {
    SCOPE_SUPERD,  /* in the group `superd` */
    SCOPE_SERVICE, /* in a service, and in `defaults` where `defaults_too` says so */
    SCOPE_LISTEN,  /* in an entry of `listen` that is a group */
    SCOPE_MAX
};

enum schema_type {
    TYPE_BOOL,        /* true, false                          -> bool */
    TYPE_NUMBER,      /* a whole number, min to max           -> an integer of `width` bytes */
    TYPE_REAL,        /* a number, min to max                 -> double */
    TYPE_SIZE,        /* "64K", or a number of bytes          -> uint64_t */
    TYPE_DURATION,    /* "10m"; min to max in milliseconds    -> uint64_t */
    TYPE_RATE,        /* "50/s", "0" for none                 -> struct rate */
    TYPE_MODE,        /* "0660"; max                          -> unsigned or mode_t */
    TYPE_WORD,        /* one of `words`                       -> an enum, the index of the word */
    TYPE_CHOICE,      /* one of `words`                       -> const char * */
    TYPE_TEXT,        /* any text, "" for none                -> const char *, NULL for "" */
    TYPE_PATH,        /* an absolute path, "" for none        -> const char *, NULL for "" */
    TYPE_TEXTS,       /* a list of texts, or one              -> struct texts (draft.h) */
    TYPE_LIMIT,       /* setrlimit(2): "64M", "soft:hard"     -> struct rlimit_setting */
    TYPE_ENVIRONMENT, /* group of texts, or list of NAME=text -> struct variable * (draft.h) */
    TYPE_LISTEN,      /* an entry or a list of entries        -> const config_setting_t * */
    TYPE_MAX
};

/* What the numbers of a TYPE_LIMIT count. */
enum schema_unit { UNIT_COUNT, UNIT_BYTES, UNIT_SECONDS, UNIT_MICROSECONDS };

struct schema_row {
    enum schema_scope scope;
    const char *name; /* with the groups it is in: "limits.instances" */
    enum schema_type type;
    size_t offset, width;     /* in struct daemon_settings, service_draft or listen_draft */
    const char *value;        /* the default, as one writes it in a file; NULL: none */
    int64_t min, max;         /* TYPE_NUMBER, TYPE_REAL, TYPE_DURATION, TYPE_MODE, TYPE_SIZE */
    enum schema_unit unit;    /* TYPE_LIMIT */
    const char *const *words; /* TYPE_WORD, TYPE_CHOICE */
    size_t word_count;
    bool defaults_too; /* may stand in `defaults` */
    bool restart;      /* a reload does not change it */
    const char *help;  /* one line */
};

extern const char *const schema_scope_names[SCOPE_MAX];
extern const char *const schema_type_names[TYPE_MAX];

/* The row behind ROW, in the order of the table; of NULL the first; NULL behind the last. */
const struct schema_row *schema_next(const struct schema_row *row);

/* The row of that scope and full name; NULL: there is none. */
const struct schema_row *schema_find(enum schema_scope scope, const char *name);

/* Is NAME a group that rows of the scope are in ("limits")? */
bool schema_is_group(enum schema_scope scope, const char *name);

/* The number of a row in the table, below SCHEMA_ROWS. */
#define SCHEMA_ROWS 160
size_t schema_index(const struct schema_row *row);

/* One row a line, separated by tabs: scope, name, type, default ("-": none), may a reload change it
 * ("yes", "no"), help. */
void schema_print(FILE *file);

#endif
