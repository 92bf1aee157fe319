/* rules: rules of access, and its hours. See rules.h. */
#include "config/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/identity.h"

#define ZONE_FOLDER "/usr/share/zoneinfo/"
#define MINUTES_DAY 1440
#define EVERY_DAY   0x7f

/* ---- allow, deny ---------------------------------------------------------------------------- */

/* What to say of a text that is no prefix: most often it is a name, or has bits too many. */
static void say_no_prefix(struct loader *loader, const struct text_item *item)
{
    const char *slash = strchr(item->text, '/');
    char host[64], text[PREFIX_TEXT_SIZE];
    struct address address;
    struct prefix cut;
    uint64_t length;

    snprintf(host, sizeof host, "%.*s",
             slash && slash - item->text < 63 ? (int)(slash - item->text) : 63, item->text);
    if (slash && address_parse_ip(host, 0, &address) &&
        units_parse_number(slash + 1, address.sa.sa_family == AF_INET ? 32 : 128, &length)) {
        cut = source_of(&address, 0, (unsigned)length, (unsigned)length);
        loader_error(loader, item->position,
                     "\"%s\" has bits set behind its length: write \"%s\" or \"%s\"", item->text,
                     prefix_format(&cut, text), host);
    } else if (strcmp(item->text, "*") == 0 || strcasecmp(item->text, "all") == 0 ||
               strcasecmp(item->text, "any") == 0) {
        loader_error(loader, item->position,
                     "\"%s\" is no address: everybody is \"0.0.0.0/0\" and \"::/0\"", item->text);
    } else {
        loader_error(
            loader, item->position,
            "\"%s\" is no address or prefix, as \"192.0.2.0/24\" or \"2001:db8::/32\", nor "
            "uid:, user:, gid:, group: or file:; host names are not supported in rules: "
            "looking them up blocks, and they lie",
            item->text);
    }
}

static bool read_file_rule(struct loader *loader, const struct text_item *item, const char *path,
                           struct access_rule *rule)
{
    struct stat st;
    int error = 0;

    rule->kind = ACCESS_FILE;
    rule->file = path;
    if (path[0] != '/') {
        loader_error(loader, item->position, "\"%s\" must be \"file:\" and an absolute path",
                     item->text);
        return false;
    }
    if (stat(path, &st) != 0 || faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0)
        error = errno;
    else if (S_ISDIR(st.st_mode))
        error = EISDIR;
    if (error)
        loader_error(loader, item->position, "cannot read \"%s\": %s", path, strerror(error));
    return error == 0;
}

static bool read_rule(struct loader *loader, const struct text_item *item, bool allow,
                      struct access_rule *rule)
{
    const char *colon = strchr(item->text, ':');
    size_t word = colon ? (size_t)(colon - item->text) : 0;

    *rule = (struct access_rule){.position = item->position, .written = item->text, .allow = allow};
    if (prefix_parse(item->text, &rule->prefix)) {
        rule->kind = ACCESS_PREFIX;
        return true;
    }
    if ((word == 3 && memcmp(item->text, "uid", 3) == 0) ||
        (word == 4 && memcmp(item->text, "user", 4) == 0)) {
        rule->kind = ACCESS_UID;
        return identity_uid(loader, colon + 1, item->position, &rule->id);
    }
    if ((word == 3 && memcmp(item->text, "gid", 3) == 0) ||
        (word == 5 && memcmp(item->text, "group", 5) == 0)) {
        rule->kind = ACCESS_GID;
        return identity_gid(loader, colon + 1, item->position, &rule->id);
    }
    if (word == 4 && memcmp(item->text, "file", 4) == 0)
        return read_file_rule(loader, item, colon + 1, rule);
    say_no_prefix(loader, item);
    return false;
}

static bool read_rules(struct loader *loader, struct service_draft *draft)
{
    const struct texts *lists[] = {&draft->allow, &draft->deny};
    struct access_settings *access = &draft->config.access;
    struct access_rule *rules;
    bool good = true;

    rules = loader_array(loader, draft->allow.count + draft->deny.count, sizeof *rules);
    if (!rules)
        return false;
    access->rules = rules;
    for (size_t list = 0; list < 2; list++) {
        for (size_t i = 0; i < lists[list]->count; i++) {
            if (read_rule(loader, &lists[list]->items[i], list == 0, &rules[access->rule_count]))
                access->rule_count++;
            else
                good = false;
        }
    }
    return good;
}

/* ---- hours ---------------------------------------------------------------------------------- */

/* "Mon" at *TEXT, which moves behind it; 0-6, -1 when it is no day. */
static int read_day(const char **text)
{
    static const char names[7][4] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

    for (int day = 0; day < 7; day++) {
        if (strncasecmp(*text, names[day], 3) == 0) {
            *text += 3;
            return day;
        }
    }
    return -1;
}

/* "Mon", "Mon-Fri", "Sat,Sun", "Sat-Mon" at *TEXT. Returns the days as bits, 0 when it is wrong. */
static unsigned read_days(const char **text)
{
    unsigned days = 0;

    for (;;) {
        int first = read_day(text), last = first;

        if (first < 0)
            return 0;
        if (**text == '-') {
            ++*text;
            last = read_day(text);
            if (last < 0)
                return 0;
        }
        for (int day = first;; day = (day + 1) % 7) {
            days |= 1u << day;
            if (day == last)
                break;
        }
        if (**text != ',')
            return days;
        ++*text;
        *text += strspn(*text, " ");
    }
}

/* "08:00" at *TEXT; minutes, -1 when it is wrong. */
static int read_minute(const char **text)
{
    const char *t = *text;
    int minute;

    for (int i = 0; i < 5; i++) {
        if (i == 2 ? t[i] != ':' : t[i] < '0' || t[i] > '9')
            return -1;
    }
    minute = ((t[0] - '0') * 10 + t[1] - '0') * 60 + (t[3] - '0') * 10 + t[4] - '0';
    if (t[3] > '5' || minute > MINUTES_DAY)
        return -1;
    *text += 5;
    return minute;
}

static bool read_range(const struct text_item *item, struct hours_range *range)
{
    const char *at = item->text;
    unsigned days = EVERY_DAY;
    int begin = 0, end = MINUTES_DAY;

    if (*at < '0' || *at > '9') {
        days = read_days(&at);
        if (days == 0 || (*at && *at != ' '))
            return false;
        at += strspn(at, " ");
    }
    if (*at) {
        begin = read_minute(&at);
        if (begin < 0 || begin == MINUTES_DAY || *at++ != '-')
            return false;
        end = read_minute(&at);
        if (end < 0 || *at)
            return false;
    }
    *range = (struct hours_range){.position = item->position,
                                  .written = item->text,
                                  .days = (uint8_t)days,
                                  .begin = (uint16_t)begin,
                                  .end = (uint16_t)end};
    return true;
}

static bool read_hours(struct loader *loader, struct service_draft *draft)
{
    struct hours_range *hours = loader_array(loader, draft->hours.count, sizeof *hours);
    bool good = hours != NULL;

    for (size_t i = 0; hours && i < draft->hours.count; i++) {
        const struct text_item *item = &draft->hours.items[i];

        if (read_range(item, &hours[i]))
            continue;
        loader_error(
            loader, item->position,
            "\"%s\" are no hours, as \"Mon-Fri 08:00-18:00\", \"22:00-06:00\" or \"Sat,Sun\"",
            item->text);
        good = false;
    }
    draft->config.access.hours = hours;
    draft->config.access.hours_count = draft->hours.count;
    return good;
}

/* The C library takes any text as a time zone, and an unknown one as UTC. */
static bool check_zone(struct loader *loader, const struct service_draft *draft)
{
    const char *zone = draft->config.access.time_zone;
    char path[256];
    struct stat st;

    if (!zone || strcmp(zone, "UTC") == 0)
        return true;
    if (zone[0] != '/' && !strstr(zone, "..") &&
        snprintf(path, sizeof path, "%s%s", ZONE_FOLDER, zone) < (int)sizeof path &&
        stat(path, &st) == 0 && S_ISREG(st.st_mode))
        return true;
    loader_error(loader, draft_position(draft, "access.time_zone"),
                 "there is no time zone \"%s\" in " ZONE_FOLDER
                 "; they are called as \"Europe/Berlin\"",
                 zone);
    return false;
}

bool rules_finish(struct loader *loader, struct service_draft *draft)
{
    bool good = read_rules(loader, draft);

    good &= read_hours(loader, draft);
    good &= check_zone(loader, draft);
    draft->config.access.given = draft->allow.items || draft->deny.items ||
                                 draft->config.access.hours_count > 0;
    return good;
}
