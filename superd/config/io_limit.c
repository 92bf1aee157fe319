/*
 * io_limit: see io_limit.h.
 */
#include "config/io_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/units.h"
#include "config/load.h"
#include "config/suggest.h"

#define TEXT_SIZE 4096

/* One entry of the list while it is read. */
struct reading {
    struct loader *loader;
    struct position position;
    const char *name; /* of the setting */
};

/* ---- The disk ------------------------------------------------------------------------------- */

/* "8:0"; false: it is no such thing. */
static bool parse_numbers(const char *text, struct io_limit *limit)
{
    const char *colon = strchr(text, ':');
    uint64_t major, minor;
    char first[16];

    if (!colon || (size_t)(colon - text) >= sizeof first)
        return false;
    memcpy(first, text, (size_t)(colon - text));
    first[colon - text] = '\0';
    if (!units_parse_number(first, UINT32_MAX, &major) ||
        !units_parse_number(colon + 1, UINT32_MAX, &minor))
        return false;
    limit->major = (unsigned)major;
    limit->minor = (unsigned)minor;
    return true;
}

/* The numbers in the file "dev" of the disk that a partition is on. */
static bool read_parent(const char *partition, struct io_limit *limit)
{
    char path[TEXT_SIZE], text[32];
    ssize_t n;
    int fd;

    if (snprintf(path, sizeof path, "%s/../dev", partition) >= (int)sizeof path)
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    fd_close(&fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return parse_numbers(text, limit);
}

/* From a partition to its disk. Where there is no such folder, the kernel will have to say. */
static bool find_disk(const struct reading *r, const char *device, struct io_limit *limit)
{
    const char *sys = r->loader->surroundings->sys ? r->loader->surroundings->sys : "/sys";
    char folder[TEXT_SIZE], path[TEXT_SIZE + 32], partition[TEXT_SIZE + 64];

    if (snprintf(folder, sizeof folder, "%s/dev/block", sys) >= (int)sizeof folder ||
        access(folder, F_OK) != 0)
        return true;
    snprintf(path, sizeof path, "%s/%u:%u", folder, limit->major, limit->minor);
    snprintf(partition, sizeof partition, "%s/partition", path);
    if (access(path, F_OK) == 0 && (access(partition, F_OK) != 0 || read_parent(path, limit)))
        return true;
    loader_error(r->loader, r->position, "\"%s\": there is no disk %u:%u, which \"%s\" stands for",
                 r->name, limit->major, limit->minor, device);
    return false;
}

static bool take_device(const struct reading *r, const char *device, struct io_limit *limit)
{
    struct stat st;

    if (device[0] != '/') {
        if (parse_numbers(device, limit))
            return find_disk(r, device, limit);
        loader_error(
            r->loader, r->position,
            "\"%s\": \"%s\" must be an absolute path or the numbers of a disk, as in \"/srv "
            "wbps=10M\" or \"8:0 wbps=10M\"",
            r->name, device);
        return false;
    }
    if (stat(device, &st) != 0) {
        loader_error(r->loader, r->position, "\"%s\": \"%s\": %s", r->name, device,
                     strerror(errno));
        return false;
    }
    limit->major = major(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev);
    limit->minor = minor(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev);
    if (limit->major != 0)
        return find_disk(r, device, limit);
    loader_error(r->loader, r->position,
                 "\"%s\": \"%s\" is in a file system that shows no disk of its own: write the disk "
                 "itself, as in \"/dev/sda wbps=10M\"",
                 r->name, device);
    return false;
}

/* ---- The rates ------------------------------------------------------------------------------ */

static bool say_unknown(const struct reading *r, const char *word)
{
    struct suggestion near;

    suggestion_init(&near, word);
    for (int i = 0; i < IO_RATE_MAX; i++)
        suggestion_consider(&near, io_rate_names[i]);
    loader_error(r->loader, r->position,
                 "\"%s\": there is no limit \"%s\", but rbps, wbps, riops and wiops%s", r->name,
                 word, suggestion_text(&near));
    return false;
}

/* "wbps=10M" */
static bool take_rate(const struct reading *r, char *word, struct io_limit *limit)
{
    char *value = strchr(word, '=');
    int which = 0;
    bool bytes;

    if (value)
        *value++ = '\0';
    while (which < IO_RATE_MAX && strcmp(word, io_rate_names[which]) != 0)
        which++;
    if (which == IO_RATE_MAX)
        return say_unknown(r, word);
    bytes = which == IO_RBPS || which == IO_WBPS;
    if (value && strcmp(value, "max") == 0) {
        limit->rate[which] = UINT64_MAX;
        return true;
    }
    if (value &&
        (bytes ? units_parse_size(value, &limit->rate[which])
               : units_parse_number(value, UINT32_MAX, &limit->rate[which])) &&
        limit->rate[which] > 0)
        return true;
    loader_error(r->loader, r->position,
                 "\"%s\": %s must be %s of at least 1 a second, or max, as in %s=%s", r->name, word,
                 bytes ? "a size" : "a number", word, bytes ? "10M" : "500");
    return false;
}

/* ---- The list ------------------------------------------------------------------------------- */

static bool take_entry(const struct reading *r, const char *text, struct io_limit *limit)
{
    char copy[TEXT_SIZE], *rest = copy, *device, *word;
    size_t rates = 0;

    *limit = (struct io_limit){.written = text};
    for (int i = 0; i < IO_RATE_MAX; i++)
        limit->rate[i] = UINT64_MAX;
    if (snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
        copy[0] = '\0'; /* longer than any path */
    device = strsep(&rest, " ");
    if (!take_device(r, device, limit))
        return false;
    while ((word = strsep(&rest, " "))) {
        if (!*word)
            continue;
        if (!take_rate(r, word, limit))
            return false;
        rates++;
    }
    if (rates)
        return true;
    loader_error(r->loader, r->position,
                 "\"%s\": \"%s\" says no limit: add some, as in \"%s rbps=10M wiops=500\"", r->name,
                 text, device);
    return false;
}

/* The kernel has one entry for a disk: the later one would undo the earlier silently. */
static bool is_new(const struct reading *r, const struct io_limit *limits, size_t count)
{
    const struct io_limit *limit = &limits[count];

    for (size_t i = 0; i < count; i++) {
        if (limits[i].major != limit->major || limits[i].minor != limit->minor)
            continue;
        loader_error(r->loader, r->position, "\"%s\": \"%s\" and \"%s\" are the same disk, %u:%u",
                     r->name, limits[i].written, limit->written, limit->major, limit->minor);
        return false;
    }
    return true;
}

bool io_limits_take(struct loader *loader, const struct texts *texts, const char *name,
                    struct resource_settings *settings)
{
    struct io_limit *limits = loader_array(loader, texts->count + 1, sizeof *limits);
    size_t count = 0;

    for (size_t i = 0; limits && i < texts->count; i++) {
        const struct reading r = {
            .loader = loader, .position = texts->items[i].position, .name = name};

        if (take_entry(&r, texts->items[i].text, &limits[count]) && is_new(&r, limits, count))
            count++;
    }
    settings->io = limits;
    settings->io_count = count;
    return limits && count == texts->count;
}
