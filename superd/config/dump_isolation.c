/* dump_isolation: the settings of isolation that are written from what the level made of them. See
 * dump_part.h. */
#include <string.h>

#include "config/capability.h"
#include "config/config.h"
#include "config/dump_part.h"

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
        dump_text(file, paths[i]);
    }
    fputs(" ]", file);
    return isolation->level != ISOLATION_NONE;
}

static bool write_isolation(FILE *file, const void *object)
{
    dump_text(file, isolation_level_names[isolation_of(object)->level]);
    return true;
}

static bool write_root(FILE *file, const void *object)
{
    static const char *const names[] = {"host", "minimal"};
    const struct isolation_settings *isolation = isolation_of(object);

    dump_text(file, isolation->root == ROOT_DIRECTORY ? isolation->root_directory
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
    fputs(isolation_of(object)->calls_written, file);
    return isolation_of(object)->level != ISOLATION_NONE;
}

static bool write_capabilities(FILE *file, const void *object)
{
    const char *join = " ";

    fputs("[", file);
    for (unsigned i = 0; i < 64; i++) {
        if (!(isolation_of(object)->capabilities & UINT64_C(1) << i))
            continue;
        fputs(join, file);
        dump_text(file, capability_name(i));
        join = ", ";
    }
    fputs(" ]", file);
    return isolation_of(object)->level != ISOLATION_NONE;
}

static bool write_sharing(FILE *file, const void *object, enum sharing sharing)
{
    dump_text(file, sharing_names[sharing]);
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
    dump_text(file, network_names[isolation_of(object)->network]);
    return isolation_of(object)->level != ISOLATION_NONE;
}

static bool write_hostname(FILE *file, const void *object)
{
    dump_text(file, isolation_of(object)->hostname); /* "": as the level says */
    return isolation_of(object)->level != ISOLATION_NONE;
}

static bool write_io(FILE *file, const struct resource_settings *resources)
{
    for (size_t i = 0; i < resources->io_count; i++) {
        fputs(i > 0 ? ", " : "[ ", file);
        dump_text(file, resources->io[i].written);
    }
    fputs(resources->io_count ? " ]" : "[ ]", file);
    return true;
}

static bool write_resources_io(FILE *file, const void *object)
{
    return write_io(file, &isolation_of(object)->resources);
}

static bool write_per_instance_io(FILE *file, const void *object)
{
    return write_io(file, &isolation_of(object)->per_instance);
}

static const struct dump_special specials[] = {
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
    {"resources.io_max", write_resources_io},
    {"per_instance.io_max", write_per_instance_io},
};

const struct dump_special *dump_isolation_special(const char *name)
{
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        if (strcmp(specials[i].name, name) == 0)
            return &specials[i];
    }
    return NULL;
}
