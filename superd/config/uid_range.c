/* uid_range: see uid_range.h. */
#include "config/uid_range.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 4

/* Which fields of the lines of a file, split at its colons, are an id and how many of them there
 * are. */
struct account_file {
    const char *name, *whose;
    unsigned id, count; /* fields from 0; COUNT 0: each line is one id */
};

static const struct account_file files[] = {
    {"passwd", "the user", 2, 0},
    {"group", "the group", 2, 0},
    {"subuid", "subordinate uids of", 1, 2},
    {"subgid", "subordinate gids of", 1, 2},
};

/* The first that overlaps, and how many do. */
struct overlap {
    char name[64];
    uint64_t first, last;
    size_t count;
};

static bool is_number(const char *text, uint64_t *number_r)
{
    return text && units_parse_number(text, UINT32_MAX, number_r);
}

static void look_at_line(const struct account_file *file, char *line, uint64_t first, uint64_t last,
                         struct overlap *overlap)
{
    char *fields[FIELDS] = {NULL}, *rest = line;
    uint64_t id, count = 1;

    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < FIELDS && rest; i++)
        fields[i] = strsep(&rest, ":");
    if (!is_number(fields[file->id], &id) ||
        (file->count && (!is_number(fields[file->count], &count) || count == 0)) || id > last ||
        id + count - 1 < first)
        return;
    if (overlap->count++ > 0)
        return;
    snprintf(overlap->name, sizeof overlap->name, "%s", fields[0]);
    overlap->first = id;
    overlap->last = id + count - 1;
}

static bool look_at_file(const char *path, const struct account_file *file, uint64_t first,
                         uint64_t last, struct overlap *overlap)
{
    FILE *stream = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;

    *overlap = (struct overlap){.count = 0};
    if (!stream)
        return false;
    while (getline(&line, &size, stream) > 0)
        look_at_line(file, line, first, last, overlap);
    free(line);
    fclose(stream);
    return overlap->count > 0;
}

static void say(struct loader *loader, struct position position, const char *path,
                const struct account_file *file, const struct overlap *overlap)
{
    char ids[64], more[48] = "";

    snprintf(ids, sizeof ids, file->count ? "%" PRIu64 "-%" PRIu64 : "%" PRIu64, overlap->first,
             overlap->last);
    if (overlap->count > 1)
        snprintf(more, sizeof more, " and %zu more", overlap->count - 1);
    diagnostics_add(
        loader->list, SEVERITY_WARNING, position, NULL,
        "\"isolation.users\": \"%s\" holds %s \"%s\" (%s)%s of %s, so that a dynamic user "
        "could be somebody else, too: write a range that nobody has, as "
        "\"" UID_RANGE_EXAMPLE "\"",
        loader->config->daemon.dynamic_users, file->whose, overlap->name, ids, more, path);
}

/* ---- The user namespace that we are in ------------------------------------------------------ */

#define MAP_LINES 340 /* the kernel has no more */

struct mapped {
    uint64_t first, count;
};

/* How far from FIRST on every id is in the map: the first one that is not. */
static uint64_t mapped_until(const struct mapped *map, size_t lines, uint64_t first)
{
    for (size_t i = 0; i < lines; i++) {
        if (map[i].first <= first && first - map[i].first < map[i].count) {
            first = map[i].first + map[i].count;
            i = (size_t)-1; /* the next part may stand anywhere */
        }
    }
    return first;
}

static void check_map(struct loader *loader, struct position position, const char *path,
                      uint64_t first, uint64_t last)
{
    FILE *file = fopen(path, "re");
    struct mapped map[MAP_LINES];
    size_t lines = 0;
    uint64_t until;

    if (!file)
        return;
    while (lines < MAP_LINES &&
           fscanf(file, "%" SCNu64 " %*u %" SCNu64, &map[lines].first, &map[lines].count) == 2)
        lines++;
    fclose(file);
    until = mapped_until(map, lines, first);
    if (lines > 0 && until <= last)
        diagnostics_add(loader->list, SEVERITY_WARNING, position, NULL,
                        "\"isolation.users\": no process can have the id %" PRIu64
                        " of \"%s\" here, since the container that superd runs in has not all ids: "
                        "write a range that is in its %s",
                        until, loader->config->daemon.dynamic_users, path);
}

void uid_range_check(struct loader *loader, struct position position, uid_t first, uid_t last)
{
    static const char *const maps[] = {"uid_map", "gid_map"};
    const char *folder = loader->surroundings->accounts;
    const char *process = loader->surroundings->process;

    for (size_t i = 0; folder && i < sizeof files / sizeof files[0]; i++) {
        struct overlap overlap;
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
        if (look_at_file(path, &files[i], first, last, &overlap))
            say(loader, position, path, &files[i], &overlap);
    }
    for (size_t i = 0; process && i < sizeof maps / sizeof maps[0]; i++) {
        char path[PATH_MAX];

        snprintf(path, sizeof path, "%s/%s", process, maps[i]);
        check_map(loader, position, path, first, last);
    }
}
