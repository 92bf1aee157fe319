#include <config.h>

#include "rfc868.h"

void rfc868_encode(int64_t unix_seconds, uint8_t wire_r[4])
{
    /* 70 years, 17 of them leap years.  The cast is the wrap. */
    const uint64_t epoch = (70 * 365 + 17) * UINT64_C(86400);
    uint32_t seconds = (uint32_t)((uint64_t)unix_seconds + epoch);

    for (int i = 0; i < 4; i++)
        wire_r[i] = (uint8_t)(seconds >> (24 - 8 * i));
}
