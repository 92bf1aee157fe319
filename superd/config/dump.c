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

#include "config/capability.h"
#include "config/draft.h"
#include "config/dump.h"
#include "config/listen.h"

static_assert(offsetof(struct service_draft, config) == 0, "rows of services are offsets into it");
static_assert(offsetof(struct listen_draft, options) == 0, "rows of listen are offsets into it");

/* One setting that needs a function of its own; it writes the value, or says that there is none. */
struct special {
    const char *name;
    bool (*write)(FILE *file, const void *object);
};

/* What a group of settings is written from. */
struct dump {
    FILE *file;
    enum schema_scope scope;
    const void *object; /* given to the special functions */
    const void *base;   /* of the rows below `size` */
    size_t size;
    const struct special *specials;
    size_t special_count;
    int indent;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Values --------------------------------------------------------------------------------- */

static void write_text(FILE *file, const char *text)
{
    fputc('"', file);
    for (; text && *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            fprintf(file, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            fprintf(file, "\\x%02x", c);
        else
            fputc(c, file);
    }
    fputc('"', file);
}

static int64_t read_number(const void *place, const struct schema_row *row)
{
    uint8_t narrow;
    int64_t wide = 0;

    if (row->width == 1) {
        memcpy(&narrow, place, sizeof narrow);
        return narrow;
    }
    if (row->width == 4 && row->min < 0) {
        int32_t number;

        memcpy(&number, place, sizeof number);
        return number;
    }
    memcpy(&wide, place, row->width); /* little end first */
    return wide;
}

/* libconfig tells a real number by its point. */
static void write_real(FILE *file, double real)
{
    char text[40];

    snprintf(text, sizeof text, "%.17g", real);
    fprintf(file, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static void write_limit_part(FILE *file, enum schema_unit unit, uint64_t limit)
{
    char text[UNITS_TEXT_SIZE];

    if (limit == UINT64_MAX)
        fputs("unlimited", file);
    else if (unit == UNIT_BYTES)
        fputs(units_format_size(limit, text), file);
    else
        fprintf(file, "%" PRIu64, limit);
}

static bool write_limit(FILE *file, const struct schema_row *row, const void *place)
{
    struct rlimit_setting limit;

    memcpy(&limit, place, sizeof limit);
    if (!limit.set)
        return false;
    fputc('"', file);
    write_limit_part(file, row->unit, limit.soft);
    fputc(':', file);
    write_limit_part(file, row->unit, limit.hard);
    fputc('"', file);
    return true;
}

static void write_amount(FILE *file, const struct schema_row *row, const void *place)
{
    char text[UNITS_TEXT_SIZE];
    struct rate rate;
    uint64_t amount;

    if (row->type == TYPE_RATE) {
        memcpy(&rate, place, sizeof rate);
        units_format_rate(rate, text);
    } else if (row->type == TYPE_MODE) {
        units_format_mode((unsigned)read_number(place, row), text);
    } else {
        memcpy(&amount, place, sizeof amount);
        if (row->type == TYPE_SIZE)
            units_format_size(amount, text);
        else
            units_format_duration(amount, text);
    }
    fprintf(file, "\"%s\"", text);
}

/* False when there is nothing to write. */
static bool write_value(FILE *file, const struct schema_row *row, const void *place)
{
    const char *text;
    double real;

    switch (row->type) {
    case TYPE_BOOL:
        fputs(*(const bool *)place ? "true" : "false", file);
        break;
    case TYPE_NUMBER:
        fprintf(file, "%" PRId64, read_number(place, row));
        break;
    case TYPE_REAL:
        memcpy(&real, place, sizeof real);
        write_real(file, real);
        break;
    case TYPE_SIZE:
    case TYPE_DURATION:
    case TYPE_RATE:
    case TYPE_MODE:
        write_amount(file, row, place);
        break;
    case TYPE_WORD:
        write_text(file, row->words[read_number(place, row)]);
        break;
    case TYPE_CHOICE:
    case TYPE_TEXT:
    case TYPE_PATH:
        memcpy(&text, place, sizeof text);
        write_text(file, text);
        break;
    case TYPE_LIMIT:
        return write_limit(file, row, place);
    default:
        return false;
    }
    return true;
}

/* ---- Rows and groups ------------------------------------------------------------------------ */

static const struct special *find_special(const struct dump *dump, const char *name)
{
    for (size_t i = 0; i < dump->special_count; i++) {
        if (strcmp(dump->specials[i].name, name) == 0)
            return &dump->specials[i];
    }
    return NULL;
}

/* The value of ROW as text, "" where there is none to write; NULL: no memory. It comes into a buffer
 * first, because only writing it tells whether there is one. */
static char *value_text(const struct dump *dump, const struct schema_row *row)
{
    const struct special *special = find_special(dump, row->name);
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
                  write_value(buffer, row, (const char *)dump->base + row->offset);
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
    write_text(file, ((const struct listener_config *)object)->written);
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

static const struct special listen_specials[] = {
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
    write_text(file, service->program);
    for (size_t i = 1; service->arguments[i]; i++) {
        fputs(", ", file);
        write_text(file, service->arguments[i]);
    }
    fputs(" ]", file);
    return true;
}

static bool write_argv0(FILE *file, const void *object)
{
    const struct service_config *service = object;

    if (service->program)
        write_text(file, service->arguments[0]);
    return service->program;
}

static bool write_user(FILE *file, const void *object)
{
    const struct service_config *service = object;

    write_text(file, service->identity.name);
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
        write_text(file, service->environment[i]);
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
        write_text(file, access->rules[i].written);
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
        write_text(file, access->hours[i].written);
    }
    fputs(" ]", file);
    return true;
}

static const struct isolation_settings *isolation_of(const void *object)
{
    return &((const struct service_config *)object)->isolation;
}

static bool write_paths(FILE *file, const void *object, const char *const *paths)
{
    const struct isolation_settings *isolation = isolation_of(object);

    fputs("[", file);
    for (size_t i = 0; paths && paths[i]; i++) {
        fputs(i > 0 ? ", " : " ", file);
        write_text(file, paths[i]);
    }
    fputs(" ]", file);
    return isolation->level != ISOLATION_NONE;
}

static bool write_isolation(FILE *file, const void *object)
{
    write_text(file, isolation_level_names[isolation_of(object)->level]);
    return true;
}

static bool write_root(FILE *file, const void *object)
{
    static const char *const names[] = {"host", "minimal"};
    const struct isolation_settings *isolation = isolation_of(object);

    write_text(file, isolation->root == ROOT_DIRECTORY ? isolation->root_directory
                                                       : names[isolation->root]);
    return isolation->level != ISOLATION_NONE;
}

static bool write_read_only(FILE *file, const void *object)
{
    return write_paths(file, object, isolation_of(object)->read_only);
}

static bool write_read_write(FILE *file, const void *object)
{
    return write_paths(file, object, isolation_of(object)->read_write);
}

static bool write_hide(FILE *file, const void *object)
{
    return write_paths(file, object, isolation_of(object)->hide);
}

static bool write_devices(FILE *file, const void *object)
{
    return write_paths(file, object, isolation_of(object)->devices);
}

static bool write_calls(FILE *file, const void *object)
{
    const struct isolation_settings *isolation = isolation_of(object);

    if (!isolation->calls_written)
        return false; /* a service of traps alone runs nothing */
    fputs(isolation->calls_written, file);
    return isolation->level != ISOLATION_NONE;
}

static bool write_capabilities(FILE *file, const void *object)
{
    const char *join = " ";

    fputs("[", file);
    for (unsigned i = 0; i < 64; i++) {
        if (!(isolation_of(object)->capabilities & UINT64_C(1) << i))
            continue;
        fputs(join, file);
        write_text(file, capability_name(i));
        join = ", ";
    }
    fputs(" ]", file);
    return isolation_of(object)->level != ISOLATION_NONE;
}

static bool write_sharing(FILE *file, const void *object, enum sharing sharing)
{
    write_text(file, sharing_names[sharing]);
    return isolation_of(object)->level != ISOLATION_NONE;
}

static bool write_private_tmp(FILE *file, const void *object)
{
    return write_sharing(file, object, isolation_of(object)->private_tmp);
}

static bool write_pid_namespace(FILE *file, const void *object)
{
    return write_sharing(file, object, isolation_of(object)->pid_namespace);
}

static bool write_cgroup(FILE *file, const void *object)
{
    return write_sharing(file, object, isolation_of(object)->cgroup);
}

static bool write_network(FILE *file, const void *object)
{
    write_text(file, network_names[isolation_of(object)->network]);
    return isolation_of(object)->level != ISOLATION_NONE;
}

static bool write_hostname(FILE *file, const void *object)
{
    write_text(file, isolation_of(object)->hostname); /* "": as the level says */
    return isolation_of(object)->level != ISOLATION_NONE;
}

static const struct special service_specials[] = {
    {"listen", write_listen},
    {"exec", write_exec},
    {"argv0", write_argv0},
    {"user", write_user},
    {"group", write_group},
    {"groups", write_groups},
    {"access.allow", write_allow},
    {"access.deny", write_deny},
    {"access.hours", write_hours},
    {"environment", write_environment},
    {"isolation", write_isolation},
    {"isolate.root", write_root},
    {"isolate.read_only", write_read_only},
    {"isolate.read_write", write_read_write},
    {"isolate.hide", write_hide},
    {"isolate.devices", write_devices},
    {"isolate.private_tmp", write_private_tmp},
    {"isolate.network", write_network},
    {"isolate.pid_namespace", write_pid_namespace},
    {"isolate.cgroup", write_cgroup},
    {"isolate.hostname", write_hostname},
    {"isolate.system_calls", write_calls},
    {"isolate.capabilities", write_capabilities},
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
