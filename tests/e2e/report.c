/*
 * report: see report.h.
 */
#include "report.h"

#include <string.h>

#include "runner.h"

/* The next line after LINE; NULL: that was the last. */
static const char *next_line(const char *line)
{
    line = strchr(line, '\n');
    return line && line[1] ? line + 1 : NULL;
}

static const char *find(const char *report, const char *key)
{
    size_t length = strlen(key);

    for (const char *line = report; line; line = next_line(line)) {
        if (strncmp(line, key, length) == 0 && line[length] == '=')
            return line + length + 1;
    }
    return NULL;
}

bool report_has(const char *report, const char *key)
{
    return find(report, key) != NULL;
}

const char *report_value(const char *report, const char *key)
{
    static char *kept[1024];
    static size_t count;
    const char *value = find(report, key);

    if (!value)
        fail_msg("the handler does not report \"%s\":\n%s", key, report);
    assert_true(count < COUNT(kept));
    kept[count] = strndup(value, strcspn(value, "\n"));
    assert_non_null(kept[count]);
    return kept[count++];
}

size_t report_count(const char *report, const char *prefix)
{
    size_t n = 0;

    for (const char *line = report; line; line = next_line(line))
        n += strncmp(line, prefix, strlen(prefix)) == 0;
    return n;
}

void report_expect(const char *report, const char *key, const char *value)
{
    const char *found = report_value(report, key);

    if (strcmp(found, value) != 0)
        fail_msg("%s is \"%s\", not \"%s\"", key, found, value);
}
