/* See range.h. */
#include "range.h"

#include <stdbool.h>
#include <strings.h>

/* Digits from `*at`, which is moved behind them; too large a number is the largest.  False when
 * there is no digit. */
static bool take_number(const char **at, const char *end, uint64_t *number_r)
{
    const char *from = *at;
    uint64_t number = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        unsigned digit = (unsigned)(**at - '0');
        number = number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : number * 10 + digit;
    }
    if (*at == from)
        return false;
    *number_r = number;
    return true;
}

static enum range_kind suffix_range(uint64_t suffix, uint64_t size, struct range *range_r)
{
    if (suffix == 0)
        return RANGE_UNSATISFIABLE;
    if (size == 0)
        return RANGE_WHOLE; /* satisfiable, but Content-Range cannot say "none of none" */
    range_r->length = suffix < size ? suffix : size;
    range_r->first = size - range_r->length;
    return RANGE_PART;
}

enum range_kind range_parse(const char *text, size_t length, uint64_t size, struct range *range_r)
{
    static const char unit[] = "bytes=";
    const char *at = text;
    const char *end = text + length;
    uint64_t first, last = UINT64_MAX;
    if (length < sizeof unit || strncasecmp(at, unit, sizeof unit - 1) != 0)
        return RANGE_WHOLE;
    at += sizeof unit - 1;
    if (*at == '-') {
        at++;
        if (!take_number(&at, end, &first) || at != end)
            return RANGE_WHOLE;
        return suffix_range(first, size, range_r);
    }
    if (!take_number(&at, end, &first) || at == end || *at++ != '-')
        return RANGE_WHOLE;
    if (at != end && !take_number(&at, end, &last))
        return RANGE_WHOLE;
    if (at != end || last < first)
        return RANGE_WHOLE;
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    range_r->first = first;
    range_r->length = (last < size ? last + 1 : size) - first;
    return RANGE_PART;
}
