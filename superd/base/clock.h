/*
 * clock: the two clocks. Everything that waits or measures uses the monotonic one, which no
 * operator or time daemon can step; the wall clock is for people (log lines, hours of access).
 */
#ifndef SUPERD_BASE_CLOCK_H
#define SUPERD_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE 40

/* Nanoseconds and milliseconds of CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);
uint64_t clock_now_ms(void);

/* Microseconds since 1970, UTC. */
int64_t clock_wall_us(void);

/* "2026-11-22T14:03:20.123456Z" (RFC 3339, UTC); returns TEXT. */
char *clock_format(int64_t wall_us, char text[CLOCK_TEXT_SIZE]);

#endif
