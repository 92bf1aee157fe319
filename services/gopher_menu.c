#include <config.h>

#include "gopher_menu.h"
#include "gopher_request.h"
#include "gopher_tree.h"
#include "common/io.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char map_name[] = "gophermap";

void gopher_text_line(char type, const char *text, FILE *out)
{
    fprintf(out, "%c%s\t\terror.host\t1\r\n", type, text);
}

/* Write LENGTH bytes without what would end the field or the line. */
static void put_field(const char *text, size_t length, FILE *out)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= ' ' && text[i] != 127)
            fputc(text[i], out);
}

/* The next field of a line, up to a tab or its end; moves *text behind it. */
static const char *next_field(const char **text, const char *end, size_t *length_r)
{
    const char *start = *text;
    const char *tab = memchr(start, '\t', (size_t)(end - start));
    const char *stop = tab != NULL ? tab : end;

    *length_r = (size_t)(stop - start);
    *text = tab != NULL ? tab + 1 : end;
    return start;
}

/* Whether a selector is taken from the present directory: not when it says otherwise itself, is on
 * another host, or is none. */
static bool is_relative(char type, const char *selector, size_t length, bool has_host)
{
    return !has_host && type != 'i' && type != '3' && length > 0 && selector[0] != '/' &&
           !(length >= 4 && memcmp(selector, "URL:", 4) == 0);
}

void gopher_map_line(const struct gopher_place *place, const char *line, size_t length, FILE *out)
{
    const char *end = line + length;
    size_t label_length, selector_length, host_length, port_length;

    if (memchr(line, '\t', length) == NULL) {
        fputc('i', out);
        put_field(line, length, out);
        fputs("\t\terror.host\t1\r\n", out);
        return;
    }
    const char *label = next_field(&line, end, &label_length);
    const char *selector = next_field(&line, end, &selector_length);
    const char *host = next_field(&line, end, &host_length);
    const char *port = next_field(&line, end, &port_length);
    /* The type is the label's first character; a line that begins with a tab has none: text. */
    char type = label_length > 0 && label[0] > ' ' && label[0] < 127 ? label[0] : 'i';
    if (label_length > 0) {
        label++;
        label_length--;
    }
    if (selector_length == 0 && type != 'i' && type != '3') {
        selector = label;
        selector_length = label_length;
    }
    fputc(type, out);
    put_field(label, label_length, out);
    fputc('\t', out);
    if (is_relative(type, selector, selector_length, host_length > 0))
        fprintf(out, "%s/", place->selector);
    put_field(selector, selector_length, out);
    fputc('\t', out);
    if (host_length > 0)
        put_field(host, host_length, out);
    else
        fputs(place->host, out);
    fputc('\t', out);
    if (port_length > 0)
        put_field(port, port_length, out);
    else
        fputs(host_length > 0 ? "70" : place->port, out);
    fputs("\r\n", out);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether NAME is for the listing: can be asked for, and is not the menu itself. */
static bool is_listed(const struct gopher_place *place, const char *name)
{
    size_t length = strlen(name);

    return gopher_name_ok(name, length) && strcmp(name, map_name) != 0 &&
           /* At the top a name with a tilde would be taken for a user's. */
           !(place->selector[0] == '\0' && name[0] == '~') &&
           strlen(place->selector) + 1 + length <= GOPHER_SELECTOR_MAX;
}

/* Read the names of DIRECTORY that are for the listing.  Their number, more than GOPHER_MENU_MAX
 * when there are more than that, or a negative errno value; the strings are the caller's. */
static int read_names(const struct gopher_place *place, DIR *directory, char **names)
{
    const struct dirent *entry;
    int count = 0;

    while ((entry = readdir(directory)) != NULL) {
        if (!is_listed(place, entry->d_name))
            continue;
        if (count == GOPHER_MENU_MAX)
            return count + 1;
        names[count] = strdup(entry->d_name);
        if (names[count] == NULL) {
            while (count > 0)
                free(names[--count]);
            return -ENOMEM;
        }
        count++;
    }
    return count;
}

/* One line of a listing; none for what may not be read, or leads out, or is gone meanwhile. */
static void put_entry(const struct gopher_place *place, const char *name, FILE *out)
{
    char path[PATH_MAX];
    struct stat status;

    if (snprintf(path, sizeof path, "%s%s%s", place->path, place->path[0] != '\0' ? "/" : "",
                 name) >= (int)sizeof path)
        return;
    int fd = gopher_open(place->root, path, &status);
    if (fd < 0)
        return;
    fprintf(out, "%c%s\t%s/%s\t%s\t%s\r\n", gopher_type(fd, &status, name), name, place->selector,
            name, place->host, place->port);
    close(fd);
}

/* Write the listing of DIRECTORY, sorted by name. */
static int put_listing(const struct gopher_place *place, DIR *directory, FILE *out)
{
    char **names = calloc(GOPHER_MENU_MAX, sizeof *names);
    if (names == NULL)
        return -ENOMEM;
    rewinddir(directory);
    int count = read_names(place, directory, names);
    bool more = count > GOPHER_MENU_MAX;
    if (more)
        count = GOPHER_MENU_MAX;
    if (count > 0)
        qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int i = 0; i < count; i++) {
        put_entry(place, names[i], out);
        free(names[i]);
    }
    free(names);
    if (more)
        gopher_text_line('i', "(there are more, which are not shown)", out);
    return count < 0 ? count : 0;
}

/* The content of the directory's gophermap, NULL with 0 in *error_r when it has none. */
static char *read_map(const struct gopher_place *place, size_t *length_r, int *error_r)
{
    char path[PATH_MAX];
    struct stat status;
    size_t length = 0;
    ssize_t n = 1;

    *error_r = 0;
    snprintf(path, sizeof path, "%s%s%s", place->path, place->path[0] != '\0' ? "/" : "", map_name);
    int fd = gopher_open(place->root, path, &status);
    if (fd < 0)
        return NULL;
    char *map = S_ISREG(status.st_mode) ? malloc(GOPHER_MAP_MAX) : NULL;
    if (map == NULL && S_ISREG(status.st_mode))
        *error_r = -ENOMEM;
    while (map != NULL && length < GOPHER_MAP_MAX && n > 0) {
        n = io_read(fd, map + length, GOPHER_MAP_MAX - length);
        length += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    *length_r = length;
    return map;
}

/* Write the menu of MAP: each line as gopher_map_line() has it, but "*" is the listing, "." the
 * end. */
static int put_map(const struct gopher_place *place, const char *map, size_t map_length,
                   DIR *directory, FILE *out)
{
    const char *end = map + map_length;
    int error = 0;

    for (const char *line = map; line < end && error == 0;) {
        const char *feed = memchr(line, '\n', (size_t)(end - line));
        const char *stop = feed != NULL ? feed : end;
        size_t length = (size_t)(stop - line);
        if (length > 0 && line[length - 1] == '\r')
            length--;
        if (length == 1 && line[0] == '.')
            break;
        if (length == 1 && line[0] == '*')
            error = put_listing(place, directory, out);
        else
            gopher_map_line(place, line, length, out);
        line = feed != NULL ? feed + 1 : end;
    }
    return error;
}

int gopher_menu(const struct gopher_place *place, int fd, FILE *out)
{
    size_t length = 0;
    int error;

    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        error = -errno;
        close(fd);
        return error;
    }
    char *map = read_map(place, &length, &error);
    if (map != NULL)
        error = put_map(place, map, length, directory, out);
    else if (error == 0)
        error = put_listing(place, directory, out);
    free(map);
    closedir(directory);
    return error;
}
