/*
 * access: see access.h.
 *
 * Every prefix and id that a rule stands for is a record, denials before permissions and otherwise
 * as written, so that of two that match equally well the one with the lower number decides.
 */
#include "admission/access.h"

#include <stdlib.h>
#include <string.h>

#include "admission/prefix_map.h"

struct access_record {
    uint32_t rule; /* in settings->rules */
    uint32_t line; /* in the rule's file; 0: the rule has none */
};

struct access_id {
    enum access_kind kind; /* ACCESS_UID or ACCESS_GID */
    uint32_t id;
    uint32_t record;
};

struct access_table {
    const struct access_settings *settings;
    struct access_record *records;
    size_t record_count;
    struct access_id *ids; /* sorted by kind, id, record; one of each kind and id */
    size_t id_count;
    struct prefix_map prefixes;
    bool has_allow;
};

/* ---- Compiling ------------------------------------------------------------------------------ */

static int compare_ids(const void *left, const void *right)
{
    const struct access_id *a = left, *b = right;

    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->id != b->id) {
        return a->id < b->id ? -1 : 1;
    }
    return a->record < b->record ? -1 : a->record > b->record;
}

static bool rule_has_file(const struct access_rule *rule, const struct access_file *file)
{
    return rule->kind == ACCESS_FILE && strcmp(rule->file, file->path) == 0;
}

/* How many records RULE becomes. */
static size_t rule_size(const struct access_rule *rule, const struct access_file *files,
                        size_t file_count)
{
    size_t size = rule->kind == ACCESS_FILE ? 0 : 1;

    for (size_t i = 0; i < file_count; i++) {
        size += rule_has_file(rule, &files[i]) ? files[i].count : 0;
    }
    return size;
}

struct compiler {
    struct access_table *table;
    struct prefix_map_entry *entries;
    size_t entry_count;
};

static uint32_t add_record(struct access_table *table, size_t rule, unsigned line)
{
    table->records[table->record_count] = (struct access_record){.rule = (uint32_t)rule,
                                                                 .line = line};
    return (uint32_t)table->record_count++;
}

static void add_prefix(struct compiler *compiler, const struct prefix *prefix, uint32_t record)
{
    if (prefix->family == AF_INET || prefix->family == AF_INET6) {
        compiler->entries[compiler->entry_count++] = (struct prefix_map_entry){.prefix = *prefix,
                                                                               .value = record};
    }
}

static void add_rule(struct compiler *compiler, size_t number, const struct access_file *files,
                     size_t file_count)
{
    struct access_table *table = compiler->table;
    const struct access_rule *rule = &table->settings->rules[number];

    switch (rule->kind) {
    case ACCESS_PREFIX:
        add_prefix(compiler, &rule->prefix, add_record(table, number, 0));
        break;
    case ACCESS_UID:
    case ACCESS_GID:
        table->ids[table->id_count++] = (struct access_id){
            .kind = rule->kind, .id = rule->id, .record = add_record(table, number, 0)};
        break;
    case ACCESS_FILE:
        for (size_t i = 0; i < file_count; i++) {
            for (size_t j = 0; rule_has_file(rule, &files[i]) && j < files[i].count; j++) {
                add_prefix(compiler, &files[i].prefixes[j],
                           add_record(table, number, files[i].lines[j]));
            }
        }
        break;
    }
}

/* Sort the ids; of equal ones only the first decides, so keep no other. */
static void sort_ids(struct access_table *table)
{
    size_t kept = 0;

    if (table->id_count == 0) {
        return;
    }
    qsort(table->ids, table->id_count, sizeof table->ids[0], compare_ids);
    for (size_t i = 1; i < table->id_count; i++) {
        if (table->ids[i].kind != table->ids[kept].kind ||
            table->ids[i].id != table->ids[kept].id) {
            table->ids[++kept] = table->ids[i];
        }
    }
    table->id_count = kept + 1;
}

static bool compile(struct access_table *table, const struct access_file *files, size_t file_count)
{
    const struct access_settings *settings = table->settings;
    struct compiler compiler = {.table = table};
    size_t size = 0;

    for (size_t i = 0; i < settings->rule_count; i++) {
        size += rule_size(&settings->rules[i], files, file_count);
        table->has_allow = table->has_allow || settings->rules[i].allow;
    }
    /* One more, so that nothing is asked for by size 0. */
    table->records = calloc(size + 1, sizeof table->records[0]);
    table->ids = calloc(settings->rule_count + 1, sizeof table->ids[0]);
    compiler.entries = calloc(size + 1, sizeof compiler.entries[0]);
    bool done = table->records != NULL && table->ids != NULL && compiler.entries != NULL;
    for (unsigned allow = 0; done && allow < 2; allow++) {
        for (size_t i = 0; i < settings->rule_count; i++) {
            if (settings->rules[i].allow == (allow != 0)) {
                add_rule(&compiler, i, files, file_count);
            }
        }
    }
    if (done) {
        sort_ids(table);
        done = prefix_map_init(&table->prefixes, compiler.entries, compiler.entry_count);
    }
    free(compiler.entries);
    return done;
}

struct access_table *access_table_create(const struct access_settings *settings,
                                         const struct access_file *files, size_t file_count)
{
    struct access_table *table = calloc(1, sizeof *table);

    if (table == NULL) {
        return NULL;
    }
    table->settings = settings;
    if (!compile(table, files, file_count)) {
        access_table_destroy(table);
        return NULL;
    }
    return table;
}

void access_table_destroy(struct access_table *table)
{
    if (table == NULL) {
        return;
    }
    prefix_map_clear(&table->prefixes);
    free(table->records);
    free(table->ids);
    free(table);
}

/* ---- Asking --------------------------------------------------------------------------------- */

static struct access_answer no_match(const struct access_table *table)
{
    return (struct access_answer){.allowed = !table->has_allow};
}

static struct access_answer matched_by(const struct access_table *table, uint32_t number)
{
    const struct access_record *record = &table->records[number];
    const struct access_rule *rule = &table->settings->rules[record->rule];
    struct access_answer answer = {
        .allowed = rule->allow, .matched = true, .position = rule->position, .rule = rule->written};

    if (rule->kind == ACCESS_FILE) {
        answer.position = (struct position){.file = rule->file, .line = record->line};
    }
    return answer;
}

struct access_answer access_ask_ip(const struct access_table *table, const struct prefix *address)
{
    uint32_t record = prefix_map_find(&table->prefixes, address);

    return record == PREFIX_MAP_NONE ? no_match(table) : matched_by(table, record);
}

/* The record for this id, or PREFIX_MAP_NONE. */
static uint32_t find_id(const struct access_table *table, enum access_kind kind, uint32_t id)
{
    size_t low = 0, high = table->id_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct access_id *candidate = &table->ids[middle];
        if (candidate->kind == kind && candidate->id == id) {
            return candidate->record;
        }
        if (candidate->kind < kind || (candidate->kind == kind && candidate->id < id)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return PREFIX_MAP_NONE;
}

struct access_answer access_ask_unix(const struct access_table *table, uid_t uid, gid_t gid,
                                     const gid_t *groups, size_t group_count)
{
    uint32_t record = find_id(table, ACCESS_UID, uid);

    if (record != PREFIX_MAP_NONE) {
        return matched_by(table, record);
    }
    /* Of all groups the lowest record: a denial, if there is one. */
    record = find_id(table, ACCESS_GID, gid);
    for (size_t i = 0; i < group_count; i++) {
        uint32_t other = find_id(table, ACCESS_GID, groups[i]);
        record = other < record ? other : record;
    }
    return record == PREFIX_MAP_NONE ? no_match(table) : matched_by(table, record);
}
