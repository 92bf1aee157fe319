/* The time as RFC 868 sends it. */
#ifndef SERVICES_COMMON_RFC868_H
#define SERVICES_COMMON_RFC868_H

#include <stdint.h>

/* UNIX_SECONDS as seconds since 1900-01-01 00:00 UTC, 32 bits, most significant byte first.  The
 * count wraps on 2036-02-07 at 06:28:16 UTC and goes on from 0, as every reader of it expects. */
void rfc868_encode(int64_t unix_seconds, uint8_t wire_r[4]);

#endif
