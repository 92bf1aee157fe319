/* source: reading and parsing one file. See source.h. */
#include "config/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define FILE_MOST  ((size_t)64 * 1024 * 1024)
#define DEPTH_MOST 32

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

/* The lines on which the strings begin, in their order; strings that follow one another with
 * nothing between them are one, as in C. */
struct scan {
    const char *at;
    unsigned line, depth;
    bool after_string;
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

static void scan_other(struct scan *scan)
{
    char c = *scan->at++;

    if (c == '\n')
        scan->line++;
    if (strchr(" \t\r\n\f", c))
        return;
    scan->after_string = false;
    if (strchr("{[(", c))
        scan->depth++;
    else if (strchr("}])", c) && scan->depth > 0)
        scan->depth--;
    if (scan->depth > DEPTH_MOST)
        scan->problem = "too many brackets within brackets";
    else if (c == '@' && strncmp(scan->at, "include", 7) == 0)
        scan->problem = "@include is not supported; write include = [ \"FILE-OR-FOLDER\" ];";
    scan->position.line = scan->line;
}

/* Returns false with `problem`, or NULL there when there is no memory. */
static bool scan_text(struct scan *scan)
{
    while (*scan->at && !scan->problem) {
        if (*scan->at == '"') {
            if (!scan_note_string(scan))
                return false;
            scan_string(scan);
        } else if (!scan_comment(scan)) {
            scan_other(scan);
        }
    }
    return !scan->problem;
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
    struct scan scan = {.at = text, .line = 1, .position = {.file = file}};
    size_t next = 0;
    bool good = scan_text(&scan);

    if (scan.problem) {
        diagnostics_add(list, SEVERITY_ERROR, scan.position, NULL, "%s", scan.problem);
    } else if (!good) {
        list->out_of_memory = true;
    } else if (!config_read_string(config, text)) {
        struct position position = {file, (unsigned)config_error_line(config)};

        diagnostics_add(list, SEVERITY_ERROR, position, NULL,
                        "%s; something is missing or too much here or just before",
                        config_error_text(config));
        good = false;
    } else {
        set_lines(config_root_setting(config), &scan, &next);
    }
    free(scan.lines);
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
