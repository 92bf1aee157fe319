/* source: reading and parsing one file. See source.h. */
#include "config/source.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define FILE_MOST  ((size_t)64 * 1024 * 1024)
#define DEPTH_MOST 32
#define PART_SIZE  128 /* services that libconfig gets in one group */

/* ---- Reading -------------------------------------------------------------------------------- */

/* Read to the end of FD. */
static int read_all(int fd, size_t most, char **text_r, size_t *length_r)
{
    size_t length = 0, size = 16384;
    char *text = malloc(size);

    while (text) {
        ssize_t got = read(fd, text + length, size - length);
        char *bigger;

        if (got == 0) {
            text[length] = '\0'; /* there is room: a full buffer is made bigger at once */
            *text_r = text;
            *length_r = length;
            return 0;
        }
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (length += (size_t)got) > most) {
            int error = got < 0 ? -errno : -EFBIG;

            free(text);
            return error;
        }
        if (length < size)
            continue;
        bigger = realloc(text, size * 2);
        if (!bigger)
            free(text);
        text = bigger;
        size *= 2;
    }
    return -ENOMEM;
}

int source_read(const char *path, size_t most, char **text_r, size_t *length_r)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), error;
    struct stat st;
    size_t length = 0;
    char *text = NULL;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) != 0)
        error = -errno;
    else if (S_ISDIR(st.st_mode))
        error = -EISDIR;
    else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        error = -ENXIO;
    else
        error = read_all(fd, most, &text, &length);
    fd_close(&fd);
    if (error)
        return error;
    if (memchr(text, '\0', length)) {
        free(text);
        return -EILSEQ;
    }
    *text_r = text;
    *length_r = length;
    return 0;
}

const char *source_error(int error)
{
    switch (error) {
    case -EISDIR:
        return "it is a folder, not a file";
    case -ENXIO:
        return "it is not a regular file";
    case -EFBIG:
        return "it is too long";
    case -EILSEQ:
        return "it has a NUL byte in it, so it is not a text";
    default:
        return strerror(-error);
    }
}

/* ---- Looking through the text before libconfig ---------------------------------------------- */

/* Where the group of services is to be divided. libconfig compares the name of each member with all
 * before it, so that 10,000 services in one group would take it seconds. */
struct division {
    enum { DIVISION_BEFORE, DIVISION_INSIDE, DIVISION_BEHIND } where;
    unsigned members;
    bool due;                        /* at the next member */
    size_t *places, count, capacity; /* in the text: begin, where other parts begin, end */
};

/* The lines on which the strings begin, in their order; strings that follow one another with
 * nothing between them are one, as in C. */
struct scan {
    const char *text, *at;
    unsigned line, depth;
    bool after_string;
    const char *name;      /* the last that began outside all brackets */
    struct division parts; /* of `services` */
    unsigned *lines;
    size_t count, capacity;
    struct position position; /* of what is wrong */
    const char *problem;
};

static bool scan_note_string(struct scan *scan)
{
    if (scan->after_string)
        return true;
    if (scan->count == scan->capacity) {
        size_t capacity = scan->capacity ? scan->capacity * 2 : 256;
        unsigned *lines = realloc(scan->lines, capacity * sizeof *lines);

        if (!lines)
            return false;
        scan->lines = lines;
        scan->capacity = capacity;
    }
    scan->lines[scan->count++] = scan->line;
    scan->after_string = true;
    return true;
}

/* Go behind the string whose quote is at AT. */
static void scan_string(struct scan *scan)
{
    for (scan->at++; *scan->at && *scan->at != '"'; scan->at++) {
        scan->line += *scan->at == '\n';
        if (*scan->at == '\\' && (scan->at[1] == '"' || scan->at[1] == '\\'))
            scan->at++;
    }
    if (*scan->at)
        scan->at++;
}

/* Go behind a comment; false when there is none at AT. */
static bool scan_comment(struct scan *scan)
{
    const char *at = scan->at;

    if (*at == '#' || (at[0] == '/' && at[1] == '/')) {
        scan->at += strcspn(at, "\n");
        return true;
    }
    if (at[0] != '/' || at[1] != '*')
        return false;
    for (at += 2; *at && !(at[0] == '*' && at[1] == '/'); at++)
        scan->line += *at == '\n';
    scan->at = *at ? at + 2 : at;
    return true;
}

static bool is_of_name(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("-_*", c));
}

static bool divide_at(struct scan *scan, const char *place)
{
    struct division *parts = &scan->parts;

    if (parts->count == parts->capacity) {
        size_t capacity = parts->capacity ? parts->capacity * 2 : 16;
        size_t *places = realloc(parts->places, capacity * sizeof *places);

        if (!places)
            return false;
        parts->places = places;
        parts->capacity = capacity;
    }
    parts->places[parts->count++] = (size_t)(place - scan->text);
    return true;
}

/* Look for places to divide `services` at; AT is no blank, and the depth is that before it. */
static bool scan_division(struct scan *scan, const char *at)
{
    struct division *parts = &scan->parts;

    if (scan->depth == 0) {
        if (is_of_name(*at) && (at == scan->text || !is_of_name(at[-1])))
            scan->name = at;
        if (*at != '{' || parts->where != DIVISION_BEFORE || !scan->name ||
            strncmp(scan->name, "services", 8) != 0 || is_of_name(scan->name[8]))
            return true;
        parts->where = DIVISION_INSIDE;
        return divide_at(scan, at + 1);
    }
    if (parts->where != DIVISION_INSIDE)
        return true;
    if (scan->depth == 2 && *at == '}')
        parts->due = ++parts->members % PART_SIZE == 0;
    if (scan->depth != 1 || strchr(";,", *at))
        return true;
    if (*at == '}')
        parts->where = DIVISION_BEHIND;
    else if (!parts->due)
        return true;
    parts->due = false;
    return divide_at(scan, at);
}

/* False when there is no memory. */
static bool scan_other(struct scan *scan)
{
    char c = *scan->at++;

    if (c == '\n')
        scan->line++;
    if (strchr(" \t\r\n\f", c))
        return true;
    scan->after_string = false;
    if (!scan_division(scan, scan->at - 1))
        return false;
    if (strchr("{[(", c))
        scan->depth++;
    else if (strchr("}])", c) && scan->depth > 0)
        scan->depth--;
    if (scan->depth > DEPTH_MOST)
        scan->problem = "too many brackets within brackets";
    else if (c == '@' && strncmp(scan->at, "include", 7) == 0)
        scan->problem = "@include is not supported; write include = [ \"FILE-OR-FOLDER\" ];";
    scan->position.line = scan->line;
    return true;
}

/* Returns false with `problem`, or NULL there when there is no memory. */
static bool scan_text(struct scan *scan)
{
    while (*scan->at && !scan->problem) {
        if (*scan->at == '"') {
            if (!scan_note_string(scan))
                return false;
            scan_string(scan);
        } else if (!scan_comment(scan) && !scan_other(scan)) {
            return false;
        }
    }
    return !scan->problem;
}

/* The text with many services in groups of their own within `services`; all lines stay what they are.
 * Returns NULL when there is no memory. */
static char *divide(const struct scan *scan)
{
    const struct division *parts = &scan->parts;
    size_t size = strlen(scan->text) + parts->count * (sizeof SOURCE_PART + 16) + 1, done = 0;
    char *text = malloc(size), *to = text;

    for (size_t i = 0; text && i < parts->count; i++) {
        to = mempcpy(to, scan->text + done, parts->places[i] - done);
        to += snprintf(to, size - (size_t)(to - text), "%s", i > 0 ? "};" : "");
        if (i + 1 < parts->count)
            to += snprintf(to, size - (size_t)(to - text), SOURCE_PART "%zu:{", i);
        done = parts->places[i];
    }
    if (text)
        strcpy(to, scan->text + done);
    return text;
}

static bool parse_scanned(const struct scan *scan, config_t *config, struct diagnostics *list)
{
    bool divided = scan->parts.where == DIVISION_BEHIND && scan->parts.count > 2, good;
    char *text = divided ? divide(scan) : NULL;

    if (divided && !text) {
        list->out_of_memory = true;
        return false;
    }
    good = config_read_string(config, divided ? text : scan->text);
    free(text);
    return good;
}

/* Give the strings of the tree their lines, in the order of the text. */
static void set_lines(config_setting_t *setting, const struct scan *scan, size_t *next)
{
    if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
        if (*next < scan->count)
            setting->line = scan->lines[(*next)++];
        return;
    }
    if (!config_setting_is_aggregate(setting))
        return;
    for (int i = 0; i < config_setting_length(setting); i++)
        set_lines(config_setting_get_elem(setting, (unsigned)i), scan, next);
}

/* ---- Parsing -------------------------------------------------------------------------------- */

/* libconfig wants a newline behind a comment in the last line. */
static int end_last_line(char **text, size_t length)
{
    char *longer;

    if (length == 0 || (*text)[length - 1] == '\n')
        return 0;
    longer = realloc(*text, length + 2);
    if (!longer)
        return -ENOMEM;
    longer[length] = '\n';
    longer[length + 1] = '\0';
    *text = longer;
    return 0;
}

static bool parse_text(const char *text, const char *file, config_t *config,
                       struct diagnostics *list)
{
    struct scan scan = {.text = text, .at = text, .line = 1, .position = {.file = file}};
    size_t next = 0;
    bool good = scan_text(&scan);

    if (scan.problem) {
        diagnostics_add(list, SEVERITY_ERROR, scan.position, NULL, "%s", scan.problem);
    } else if (!good) {
        list->out_of_memory = true;
    } else if (!parse_scanned(&scan, config, list)) {
        struct position position = {file, (unsigned)config_error_line(config)};

        if (!list->out_of_memory)
            diagnostics_add(list, SEVERITY_ERROR, position, NULL,
                            "%s; something is missing or too much here or just before",
                            config_error_text(config));
        good = false;
    } else {
        set_lines(config_root_setting(config), &scan, &next);
    }
    free(scan.lines);
    free(scan.parts.places);
    return good;
}

bool source_parse(const char *path, const char *file, config_t *config, struct diagnostics *list)
{
    size_t length;
    char *text;
    int error;
    bool good;

    config_init(config);
    error = source_read(path, FILE_MOST, &text, &length);
    if (error == 0) {
        error = end_last_line(&text, length);
        if (error)
            free(text);
    }
    if (error == -ENOMEM) {
        list->out_of_memory = true;
        return false;
    }
    if (error) {
        diagnostics_add(list, SEVERITY_ERROR, (struct position){file, 0}, NULL, "cannot read: %s",
                        source_error(error));
        return false;
    }
    good = parse_text(text, file, config, list);
    free(text);
    return good;
}
