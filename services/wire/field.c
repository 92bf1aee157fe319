/*
 * field: see field.h.
 */
#include "wire/field.h"

#include <string.h>

size_t field_split(char *line, size_t length, char *fields[], size_t most)
{
    size_t count = 0;
    bool inside = false;

    for (size_t i = 0; i < length; i++) {
        if (line[i] < ' ' || line[i] > '~')
            return 0;
        if (line[i] == ' ') {
            if (!inside)
                return 0;
            line[i] = '\0';
            inside = false;
        } else if (!inside) {
            if (count == most)
                return 0;
            fields[count++] = line + i;
            inside = true;
        }
    }
    return inside ? count : 0;
}

bool field_number(const char *text, int64_t minimum, int64_t maximum, int64_t *number_r)
{
    int64_t number = 0;

    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, *text - '0', &number))
            return false;
    }
    if (number < minimum || number > maximum)
        return false;
    *number_r = number;
    return true;
}

bool field_lists_version(char *list, int64_t version)
{
    char *rest;

    for (char *text = strtok_r(list, ",", &rest); text; text = strtok_r(NULL, ",", &rest)) {
        int64_t number;

        if (field_number(text, version, version, &number))
            return true;
    }
    return false;
}

/* A number and one of the units, which are tried in order: put the longer before its own end. */
static bool parse_quantity(const char *text, const char *const units[], const int64_t factors[],
                           int64_t maximum, int64_t *value_r)
{
    char digits[20];
    size_t length = strspn(text, "0123456789");
    int64_t value;

    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    for (size_t i = 0; units[i]; i++) {
        if (strcmp(text + length, units[i]) == 0) {
            if (!field_number(digits, 1, INT64_MAX, &value) ||
                __builtin_mul_overflow(value, factors[i], &value) || value > maximum)
                return false;
            *value_r = value;
            return true;
        }
    }
    return false;
}

bool field_duration(const char *text, int64_t *milliseconds_r)
{
    static const char *const units[] = {"ms", "s", NULL};
    static const int64_t factors[] = {1, 1000};

    return parse_quantity(text, units, factors, INT64_C(86400000), milliseconds_r);
}

bool field_size(const char *text, int64_t *bytes_r)
{
    static const char *const units[] = {"", "K", "M", "G", NULL};
    static const int64_t factors[] = {1, 1 << 10, 1 << 20, 1 << 30};

    return parse_quantity(text, units, factors, INT64_C(1) << 50, bytes_r);
}

bool field_is_word(const char *text, size_t most, const char *also)
{
    size_t length = 0;

    for (; text[length]; length++) {
        char c = text[length];

        if (length == most || !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || strchr(also, c)))
            return false;
    }
    return length > 0;
}
