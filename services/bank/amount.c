/*
 * amount: see amount.h.
 */
#include "bank/amount.h"

#include "bank/protocol.h"
#include "wire/field.h"

#include <stdio.h>
#include <string.h>

bool amount_parse(const char *text, int64_t *cents_r)
{
    char digits[AMOUNT_TEXT];
    const char *point = strchr(text, '.');
    size_t whole = point ? (size_t)(point - text) : strlen(text);
    size_t part = point ? strlen(point + 1) : 0;
    const char *start = digits;

    if (whole == 0 || whole > sizeof digits - 3 || part > 2 || (point && part == 0))
        return false;
    memcpy(digits, text, whole);
    memcpy(digits + whole, "00", 3);
    if (part > 0)
        memcpy(digits + whole, point + 1, part);
    if (digits[0] == '0' && whole > 1)
        return false; /* "012" */
    while (*start == '0' && start[1] != '\0')
        start++;
    return field_number(start, 0, BANK_CENTS_MAX, cents_r);
}

char *amount_format(int64_t cents, char text[AMOUNT_TEXT])
{
    uint64_t size = cents < 0 ? -(uint64_t)cents : (uint64_t)cents;

    snprintf(text, AMOUNT_TEXT, "%s%llu.%02u", cents < 0 ? "-" : "",
             (unsigned long long)(size / 100), (unsigned)(size % 100));
    return text;
}
