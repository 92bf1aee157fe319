/*
 * zone: see zone.h. A file's second block (64-bit times) is used where it has one; leap seconds are
 * passed over, because the system's clock does not count them.
 */
#include "base/zone.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/zone_rule.h"

#define ZONE_FOLDER   "/usr/share/zoneinfo"
#define ZONE_FILE_MAX (1 << 20) /* the largest of the system's has 4 KiB */
#define RULE_TEXT_MAX 128

struct change {
    int64_t at_s;
    int32_t offset_s; /* from then on */
};

struct zone {
    int32_t first_s; /* before the first change */
    bool has_rule;
    struct zone_rule rule; /* after the last change */
    size_t count;
    struct change changes[]; /* ascending */
};

/* ---- Reading a file's bytes ----------------------------------------------------------------- */

#define HEADER_SIZE 44

struct header {
    char version;
    uint32_t isutcnt, isstdcnt, leapcnt, timecnt, typecnt, charcnt; /* RFC 8536's names */
};

static uint32_t read_32(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof value);
    return be32toh(value);
}

static int64_t read_64(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof value);
    return (int64_t)be64toh(value);
}

static bool read_header(const uint8_t *bytes, size_t size, struct header *header)
{
    if (size < HEADER_SIZE || memcmp(bytes, "TZif", 4) != 0) {
        return false;
    }
    *header = (struct header){
        .version = (char)bytes[4],
        .isutcnt = read_32(bytes + 20),
        .isstdcnt = read_32(bytes + 24),
        .leapcnt = read_32(bytes + 28),
        .timecnt = read_32(bytes + 32),
        .typecnt = read_32(bytes + 36),
        .charcnt = read_32(bytes + 40),
    };
    return header->typecnt > 0;
}

/* The size of the block behind HEADER, whose times have TIME_SIZE bytes. */
static uint64_t block_size(const struct header *header, unsigned time_size)
{
    return (uint64_t)header->timecnt * (time_size + 1) + (uint64_t)header->typecnt * 6 +
           header->charcnt + (uint64_t)header->leapcnt * (time_size + 4) + header->isstdcnt +
           header->isutcnt;
}

/* Take the changes from the block at BYTES, whose size has been checked. */
static bool read_block(const uint8_t *bytes, const struct header *header, unsigned time_size,
                       struct zone *zone)
{
    const uint8_t *indices = bytes + (size_t)header->timecnt * time_size;
    const uint8_t *types = indices + header->timecnt;

    for (uint32_t i = 0; i < header->typecnt; i++) {
        int32_t offset = (int32_t)read_32(types + (size_t)i * 6);
        if (offset < -26 * 3600 || offset > 26 * 3600) {
            return false;
        }
    }
    zone->first_s = (int32_t)read_32(types);
    zone->count = header->timecnt;
    for (uint32_t i = 0; i < header->timecnt; i++) {
        const uint8_t *time = bytes + (size_t)i * time_size;
        if (indices[i] >= header->typecnt) {
            return false;
        }
        zone->changes[i].at_s = time_size == 8 ? read_64(time) : (int32_t)read_32(time);
        zone->changes[i].offset_s = (int32_t)read_32(types + (size_t)indices[i] * 6);
        if (i > 0 && zone->changes[i].at_s <= zone->changes[i - 1].at_s) {
            return false;
        }
    }
    return true;
}

/* The rule between two newlines at the file's end; it may be empty. */
static bool read_footer(const uint8_t *bytes, size_t size, struct zone *zone)
{
    char text[RULE_TEXT_MAX];
    const uint8_t *end = size > 1 ? memchr(bytes + 1, '\n', size - 1) : NULL;

    if (end == NULL || bytes[0] != '\n' || (size_t)(end - bytes) > sizeof text) {
        return false;
    }
    size_t length = (size_t)(end - bytes) - 1;
    memcpy(text, bytes + 1, length);
    text[length] = '\0';
    if (length == 0) {
        return true;
    }
    zone->has_rule = zone_rule_parse(text, &zone->rule);
    return zone->has_rule;
}

int zone_parse(const void *data, size_t size, struct zone **zone_r)
{
    const uint8_t *bytes = data;
    struct header header;
    unsigned time_size = 4;

    if (!read_header(bytes, size, &header)) {
        return -EINVAL;
    }
    if (header.version >= '2') {
        uint64_t first = HEADER_SIZE + block_size(&header, 4);
        if (first > size || !read_header(bytes + first, size - first, &header)) {
            return -EINVAL;
        }
        bytes += first;
        size -= first;
        time_size = 8;
    }
    bytes += HEADER_SIZE;
    size -= HEADER_SIZE;
    uint64_t block = block_size(&header, time_size);
    if (block > size) {
        return -EINVAL;
    }
    struct zone *zone = calloc(1, sizeof *zone + header.timecnt * sizeof zone->changes[0]);
    if (zone == NULL) {
        return -ENOMEM;
    }
    if (!read_block(bytes, &header, time_size, zone) ||
        (time_size == 8 && !read_footer(bytes + block, size - block, zone))) {
        free(zone);
        return -EINVAL;
    }
    *zone_r = zone;
    return 0;
}

/* ---- Finding the file ----------------------------------------------------------------------- */

/* Read all of PATH into memory that the caller frees. */
static int read_file(const char *path, uint8_t **bytes_r, size_t *size_r)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return errno == ENOTDIR ? -ENOENT : -errno;
    }
    int error = 0;
    size_t size = 0;
    uint8_t *bytes = NULL;
    if (fstat(fd, &status) < 0) {
        error = -errno;
    } else if (!S_ISREG(status.st_mode)) {
        error = -ENOENT; /* "Europe" is a folder, and no zone */
    } else if (status.st_size > ZONE_FILE_MAX) {
        error = -EINVAL;
    } else if ((bytes = malloc((size_t)status.st_size + 1)) == NULL) {
        error = -ENOMEM;
    }
    while (error == 0 && size < (size_t)status.st_size) {
        ssize_t count = read(fd, bytes + size, (size_t)status.st_size - size);
        if (count < 0 && errno != EINTR) {
            error = -errno;
        } else if (count == 0) {
            break;
        } else if (count > 0) {
            size += (size_t)count;
        }
    }
    close(fd);
    if (error != 0) {
        free(bytes);
        return error;
    }
    *bytes_r = bytes;
    *size_r = size;
    return 0;
}

static int load_file(const char *path, struct zone **zone_r)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int error = read_file(path, &bytes, &size);

    if (error == 0) {
        error = zone_parse(bytes, size, zone_r);
        free(bytes);
    }
    return error;
}

static int from_rule(const char *text, struct zone **zone_r)
{
    struct zone_rule rule;

    if (!zone_rule_parse(text, &rule)) {
        return -ENOENT;
    }
    struct zone *zone = calloc(1, sizeof *zone);
    if (zone == NULL) {
        return -ENOMEM;
    }
    zone->first_s = rule.standard_s;
    zone->rule = rule;
    zone->has_rule = true;
    *zone_r = zone;
    return 0;
}

int zone_load(const char *name, struct zone **zone_r)
{
    char path[256];

    if (name == NULL && (name = getenv("TZ")) == NULL) {
        int error = load_file("/etc/localtime", zone_r);
        return error == -ENOENT ? from_rule("UTC0", zone_r) : error;
    }
    if (*name == ':') {
        name++;
    }
    if (*name == '\0') {
        return from_rule("UTC0", zone_r);
    }
    /* A zone is named, not a path. */
    int length = snprintf(path, sizeof path, "%s/%s", ZONE_FOLDER, name);
    if (*name == '/' || strstr(name, "..") != NULL || length < 0 || length >= (int)sizeof path) {
        return -ENOENT;
    }
    int error = load_file(path, zone_r);
    return error == -ENOENT ? from_rule(name, zone_r) : error;
}

void zone_destroy(struct zone *zone)
{
    free(zone);
}

struct zone_time zone_at(const struct zone *zone, int64_t wall_s)
{
    if (zone == NULL) {
        return (struct zone_time){.offset_s = 0, .until_s = INT64_MAX};
    }
    /* How many changes have been? */
    size_t low = 0, high = zone->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].at_s <= wall_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == zone->count && zone->has_rule) {
        return zone_rule_at(&zone->rule, wall_s);
    }
    return (struct zone_time){
        .offset_s = low == 0 ? zone->first_s : zone->changes[low - 1].offset_s,
        .until_s = low == zone->count ? INT64_MAX : zone->changes[low].at_s,
    };
}
