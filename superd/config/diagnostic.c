/* diagnostic: a bounded list of what is wrong with a configuration. See diagnostic.h. */
#include "config/diagnostic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    if (copy)
        memcpy(copy, text, size);
    return copy;
}

/* A message may repeat what a person wrote, and goes to a terminal. */
static void tame(char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < ' ' || c == 0x7f)
            *text = '?';
    }
}

static char *__attribute__((format(printf, 1, 0))) format_message(const char *format, va_list args)
{
    va_list again;
    char *message;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    message = length < 0 ? NULL : malloc((size_t)length + 1);
    if (message) {
        vsnprintf(message, (size_t)length + 1, format, args);
        tame(message);
    }
    return message;
}

static void diagnostic_clear(struct diagnostic *diagnostic)
{
    free(diagnostic->file);
    free(diagnostic->service);
    free(diagnostic->message);
}

/* Room for one more; false when there is none and there is no memory. */
static bool reserve(struct diagnostics *list)
{
    size_t capacity = list->capacity ? list->capacity * 2 : 8;
    struct diagnostic *items;

    if (list->count < list->capacity)
        return true;
    items = realloc(list->items, capacity * sizeof *items);
    if (!items)
        return false;
    list->items = items;
    list->capacity = capacity;
    return true;
}

void diagnostics_init(struct diagnostics *list)
{
    memset(list, 0, sizeof *list);
}

void diagnostics_clear(struct diagnostics *list)
{
    for (size_t i = 0; i < list->count; i++)
        diagnostic_clear(&list->items[i]);
    free(list->items);
    diagnostics_init(list);
}

/* Is it what was said last? A mistake in `defaults` would be said for each service. */
static bool is_repeated(const struct diagnostics *list, const struct diagnostic *new)
{
    const struct diagnostic *last = list->count ? &list->items[list->count - 1] : NULL;

    return last && new->file &&
           last->file &&new->line == last->line &&strcmp(new->file, last->file) == 0 &&
           strcmp(new->message, last->message) == 0;
}

void diagnostics_add(struct diagnostics *list, enum severity severity, struct position position,
                     const char *service, const char *format, ...)
{
    struct diagnostic new = {.severity = severity, .line = position.line};
    va_list args;

    if (severity == SEVERITY_ERROR)
        list->errors++;
    else
        list->warnings++;
    if (list->count >= DIAGNOSTICS_MAX)
        return;
    va_start(args, format);
    new.message = format_message(format, args);
    va_end(args);
    if (position.file)
        new.file = copy_text(position.file);
    if (service)
        new.service = copy_text(service);
    if (!new.message || (position.file && !new.file) || (service && !new.service) ||
        !reserve(list)) {
        diagnostic_clear(&new);
        list->out_of_memory = true;
        return;
    }
    if (is_repeated(list, &new))
        diagnostic_clear(&new);
    else
        list->items[list->count++] = new;
}

bool diagnostics_failed(const struct diagnostics *list)
{
    return list->errors > 0 || list->out_of_memory;
}

static int compare(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    int files;

    if (!a->file || !b->file)
        return (a->file != NULL) - (b->file != NULL);
    files = strcmp(a->file, b->file);
    if (files != 0)
        return files;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    return strcmp(a->message, b->message);
}

void diagnostics_sort(struct diagnostics *list)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, compare);
}

void diagnostic_format(const struct diagnostic *diagnostic, char *text, size_t size)
{
    const char *severity = diagnostic->severity == SEVERITY_ERROR ? "error" : "warning";

    if (!diagnostic->file)
        snprintf(text, size, "%s: %s", severity, diagnostic->message);
    else if (diagnostic->line == 0)
        snprintf(text, size, "%s: %s: %s", diagnostic->file, severity, diagnostic->message);
    else
        snprintf(text, size, "%s:%u: %s: %s", diagnostic->file, diagnostic->line, severity,
                 diagnostic->message);
}
