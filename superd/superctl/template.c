/*
 * template: see template.h. The templates are ours, so an unknown @WORD@ in one is left as it is.
 */
#include "superctl/template.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "superctl/superctl.h"

/* The whole file, which the caller frees; NULL with errno. */
static char *read_whole(const char *path)
{
    char piece[4096], *text = NULL;
    FILE *in = fopen(path, "re"), *out;
    size_t length = 0, n;
    bool failed;

    if (!in)
        return NULL;
    out = open_memstream(&text, &length);
    while (out && (n = fread(piece, 1, sizeof piece, in)) > 0)
        fwrite(piece, 1, n, out);
    failed = !out || ferror(in) || ferror(out);
    fclose(in);
    if (out && fclose(out) != 0)
        failed = true;
    if (failed) {
        free(text);
        errno = EIO;
        return NULL;
    }
    return text;
}

static void put_value(FILE *out, const char *value, bool escape)
{
    for (const char *c = value; *c; c++) {
        unsigned char byte = (unsigned char)*c;

        if (escape && (byte == '"' || byte == '\\'))
            fprintf(out, "\\%c", byte);
        else if (escape && (byte < ' ' || byte == 0x7f))
            fprintf(out, "\\x%02x", byte);
        else
            fputc(byte, out);
    }
}

/* The value of the word that TEXT begins with, behind an @; *LENGTH_R is its length. */
static const char *value_at(const char *text, const struct template_value *values, size_t *length_r)
{
    for (; values->word; values++) {
        size_t length = strlen(values->word);

        if (strncmp(text, values->word, length) == 0 && text[length] == '@') {
            *length_r = length;
            return values->value;
        }
    }
    return NULL;
}

static void expand(FILE *out, const char *text, const struct template_value *values, bool escape)
{
    while (*text) {
        size_t length = 0;
        const char *value = *text == '@' ? value_at(text + 1, values, &length) : NULL;

        if (value) {
            put_value(out, value, escape);
            text += length + 2;
        } else {
            fputc(*text++, out);
        }
    }
}

static int write_failed(const char *path, int error)
{
    unlink(path);
    return fail(CODE_SYSTEM, "cannot write %s: %s", path, strerror(error));
}

int template_write(const char *folder, const char *name, const struct template_value *values,
                   const char *path, mode_t mode)
{
    char from[PATH_MAX];
    size_t length = strlen(name);
    bool escape = length > 5 && strcmp(name + length - 5, ".conf") == 0;
    char *text;
    FILE *out;
    int fd;

    if (snprintf(from, sizeof from, "%s/%s", folder, name) >= (int)sizeof from)
        return fail(CODE_USAGE, "%s: %s", folder, strerror(ENAMETOOLONG));
    text = read_whole(from);
    if (!text)
        return fail(CODE_SYSTEM, "cannot read the template %s: %s", from, strerror(errno));
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    out = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!out) {
        int error = errno;

        free(text);
        if (fd < 0)
            return fail(error == EEXIST ? CODE_REFUSED : CODE_SYSTEM, "cannot make %s: %s", path,
                        strerror(error));
        close(fd);
        return write_failed(path, error);
    }
    expand(out, text, values, escape);
    free(text);
    if (ferror(out)) {
        fclose(out);
        return write_failed(path, EIO);
    }
    return fclose(out) == 0 ? CODE_OK : write_failed(path, errno);
}
