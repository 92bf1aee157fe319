/*
 * dump: a configuration as text that loads again. See load.h.
 *
 * Row by row of the schema: a row whose place is in what the daemon uses is written as its type
 * says; what exists only in drafts (draft.h) is written from what was made of it.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/draft.h"
#include "config/dump.h"
#include "config/dump_part.h"
#include "config/listen.h"

static_assert(offsetof(struct service_draft, config) == 0, "rows of services are offsets into it");
static_assert(offsetof(struct listen_draft, options) == 0, "rows of listen are offsets into it");

/* What a group of settings is written from. */
struct dump {
    FILE *file;
    enum schema_scope scope;
    const void *object; /* given to the special functions */
    const void *base;   /* of the rows below `size` */
    size_t size;
    const struct dump_special *specials;
    size_t special_count;
    int indent;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Rows and groups ------------------------------------------------------------------------ */

static const struct dump_special *find_special(const struct dump *dump, const char *name)
{
    for (size_t i = 0; i < dump->special_count; i++) {
        if (strcmp(dump->specials[i].name, name) == 0)
            return &dump->specials[i];
    }
    return dump->scope == SCOPE_SERVICE ? dump_isolation_special(name) : NULL;
}

/* The value of ROW as text, "" where there is none to write; NULL: no memory. It comes into a buffer
 * first, because only writing it tells whether there is one. */
static char *value_text(const struct dump *dump, const struct schema_row *row)
{
    const struct dump_special *special = find_special(dump, row->name);
    char *value = NULL;
    size_t length = 0;
    FILE *buffer = open_memstream(&value, &length);
    bool written;

    if (!buffer)
        return NULL;
    if (special)
        written = special->write(buffer, dump->object);
    else
        written = row->offset + row->width <= dump->size &&
                  dump_plain(buffer, row, (const char *)dump->base + row->offset);
    if (fclose(buffer) != 0) {
        free(value);
        return NULL;
    }
    if (!written)
        value[0] = '\0';
    return value;
}

/* Write "NAME = VALUE;", or nothing. */
static int write_row(const struct dump *dump, const struct schema_row *row, const char *name,
                     int indent)
{
    char *value = value_text(dump, row);

    if (!value)
        return -ENOMEM;
    if (*value)
        fprintf(dump->file, "%*s%s = %s;\n", indent, "", name, value);
    free(value);
    return 0;
}

/* All rows of the scope, in groups: the table has those of a group together. */
static int write_rows(const struct dump *dump)
{
    const char *group = "";
    size_t length = 0;
    int error = 0;

    for (const struct schema_row *row = schema_next(NULL); row && !error; row = schema_next(row)) {
        const char *dot = strchr(row->name, '.');
        size_t own = dot ? (size_t)(dot - row->name) : 0;

        if (row->scope != dump->scope)
            continue;
        if (own != length || strncmp(group, row->name, own) != 0) {
            if (length > 0)
                fprintf(dump->file, "%*s};\n", dump->indent, "");
            if (own > 0)
                fprintf(dump->file, "%*s%.*s: {\n", dump->indent, "", (int)own, row->name);
            group = row->name;
            length = own;
        }
        error = write_row(dump, row, dot ? dot + 1 : row->name, dump->indent + (dot ? 2 : 0));
    }
    if (length > 0)
        fprintf(dump->file, "%*s};\n", dump->indent, "");
    return error;
}

/* ---- Entries of listen ---------------------------------------------------------------------- */

static bool write_listen_address(FILE *file, const void *object)
{
    dump_text(file, ((const struct listener_config *)object)->written);
    return true;
}

static bool write_listen_mode(FILE *file, const void *object)
{
    const struct listen_options *options = &((const struct listener_config *)object)->options;

    if (options->set_mode)
        fprintf(file, "\"%04o\"", (unsigned)options->mode);
    return options->set_mode;
}

static bool write_listen_owner(FILE *file, const void *object)
{
    const struct listen_options *options = &((const struct listener_config *)object)->options;

    if (options->owner != (uid_t)-1)
        fprintf(file, "\"%lu\"", (unsigned long)options->owner);
    return options->owner != (uid_t)-1;
}

static bool write_listen_group(FILE *file, const void *object)
{
    const struct listen_options *options = &((const struct listener_config *)object)->options;

    if (options->group != (gid_t)-1)
        fprintf(file, "\"%lu\"", (unsigned long)options->group);
    return options->group != (gid_t)-1;
}

static const struct dump_special listen_specials[] = {
    {"address", write_listen_address},
    {"mode", write_listen_mode},
    {"owner", write_listen_owner},
    {"group", write_listen_group},
};

/* "{ address = ...; ... }". What does not apply to the socket would be an error when it is read. */
static void write_listener(FILE *file, const struct listener_config *listener)
{
    const struct dump dump = {.file = file,
                              .scope = SCOPE_LISTEN,
                              .object = listener,
                              .base = &listener->options,
                              .size = sizeof listener->options,
                              .specials = listen_specials,
                              .special_count = COUNT(listen_specials)};

    fputs("    {\n", file);
    for (const struct schema_row *row = schema_next(NULL); row; row = schema_next(row)) {
        if (row->scope == SCOPE_LISTEN && listen_option_applies(listener, row->name))
            write_row(&dump, row, row->name, 6);
    }
    fputs("    }", file);
}

/* ---- Services ------------------------------------------------------------------------------- */

static bool write_listen(FILE *file, const void *object)
{
    const struct service_config *service = object;

    fputs("(\n", file);
    for (size_t i = 0; i < service->listener_count; i++) {
        if (service->listeners[i].pair)
            continue; /* the entry before it makes it */
        fputs(i > 0 ? ",\n" : "", file);
        write_listener(file, &service->listeners[i]);
    }
    fputs("\n    )", file);
    return true;
}

static bool write_exec(FILE *file, const void *object)
{
    const struct service_config *service = object;

    if (!service->program)
        return false;
    fputs("[ ", file);
    dump_text(file, service->program);
    for (size_t i = 1; service->arguments[i]; i++) {
        fputs(", ", file);
        dump_text(file, service->arguments[i]);
    }
    fputs(" ]", file);
    return true;
}

static bool write_argv0(FILE *file, const void *object)
{
    const struct service_config *service = object;

    if (service->program)
        dump_text(file, service->arguments[0]);
    return service->program;
}

static bool write_user(FILE *file, const void *object)
{
    const struct service_config *service = object;

    dump_text(file, service->identity.name);
    return service->identity.name;
}

static bool write_group(FILE *file, const void *object)
{
    const struct service_config *service = object;

    fprintf(file, "\"%lu\"", (unsigned long)service->identity.gid);
    return service->identity.change && service->identity.gid != (gid_t)-1;
}

static bool write_groups(FILE *file, const void *object)
{
    const struct identity *identity = &((const struct service_config *)object)->identity;

    fputs("[", file);
    for (size_t i = 0; i < identity->group_count; i++)
        fprintf(file, "%s\"%lu\"", i > 0 ? ", " : " ", (unsigned long)identity->groups[i]);
    fputs(" ]", file);
    return identity->change;
}

static bool write_environment(FILE *file, const void *object)
{
    const struct service_config *service = object;

    fputs("[", file);
    for (size_t i = 0; service->environment[i]; i++) {
        fputs(i > 0 ? ",\n      " : " ", file);
        dump_text(file, service->environment[i]);
    }
    fputs(" ]", file);
    return true;
}

static bool write_rules(FILE *file, const struct access_settings *access, bool allow)
{
    const char *join = " ";

    fputs("[", file);
    for (size_t i = 0; i < access->rule_count; i++) {
        if (access->rules[i].allow != allow)
            continue;
        fputs(join, file);
        dump_text(file, access->rules[i].written);
        join = ",\n        ";
    }
    fputs(" ]", file);
    return access->given;
}

static bool write_allow(FILE *file, const void *object)
{
    return write_rules(file, &((const struct service_config *)object)->access, true);
}

static bool write_deny(FILE *file, const void *object)
{
    return write_rules(file, &((const struct service_config *)object)->access, false);
}

static bool write_hours(FILE *file, const void *object)
{
    const struct access_settings *access = &((const struct service_config *)object)->access;

    fputs("[", file);
    for (size_t i = 0; i < access->hours_count; i++) {
        fputs(i > 0 ? ", " : " ", file);
        dump_text(file, access->hours[i].written);
    }
    fputs(" ]", file);
    return true;
}

static const struct dump_special service_specials[] = {
    {"listen", write_listen},      {"exec", write_exec},
    {"argv0", write_argv0},        {"user", write_user},
    {"group", write_group},        {"groups", write_groups},
    {"access.allow", write_allow}, {"access.deny", write_deny},
    {"access.hours", write_hours}, {"environment", write_environment},
};

static struct dump dump_of_service(FILE *file, const struct service_config *service)
{
    return (struct dump){.file = file,
                         .scope = SCOPE_SERVICE,
                         .object = service,
                         .base = service,
                         .size = sizeof *service,
                         .specials = service_specials,
                         .special_count = COUNT(service_specials),
                         .indent = 4};
}

static struct dump dump_of_daemon(FILE *file, const struct daemon_settings *daemon)
{
    return (struct dump){.file = file,
                         .scope = SCOPE_SUPERD,
                         .object = daemon,
                         .base = daemon,
                         .size = sizeof *daemon,
                         .indent = 2};
}

bool dump_is_composed(const struct schema_row *row)
{
    const struct dump dump = dump_of_service(NULL, NULL);

    return row->scope == SCOPE_SERVICE && find_special(&dump, row->name);
}

char *dump_value(const struct schema_row *row, const void *object)
{
    const struct dump dump = row->scope == SCOPE_SERVICE ? dump_of_service(NULL, object)
                                                         : dump_of_daemon(NULL, object);

    return value_text(&dump, row);
}

static int write_service(FILE *file, const struct service_config *service)
{
    const struct dump dump = dump_of_service(file, service);
    int error;

    fprintf(file, "  %s: {\n", service->name);
    error = write_rows(&dump);
    fputs("  };\n", file);
    return error;
}

int config_dump(const struct config *config, FILE *file)
{
    const struct dump dump = dump_of_daemon(file, &config->daemon);
    int error;

    fputs("superd: {\n", file);
    error = write_rows(&dump);
    fputs("};\nservices: {\n", file);
    for (size_t i = 0; i < config->service_count && !error; i++)
        error = write_service(file, &config->services[i]);
    fputs("};\n", file);
    if (!error && (fflush(file) != 0 || ferror(file)))
        error = errno ? -errno : -EIO;
    return error;
}
