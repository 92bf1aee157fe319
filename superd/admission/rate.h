/*
 * rate: token buckets. A bucket holds at most `burst` tokens, an admission takes one, and `events`
 * come back in a period.
 *
 * What must hold: integers alone, so that nothing drifts however often a bucket is asked; right
 * after years without a question and up to the last millisecond of a 64-bit clock. A bucket does
 * not know its rate: it keeps its tokens when a reload changes the rate or the burst, and the time
 * since it was last taken from counts at the new rate. Pure.
 */
#ifndef SUPERD_ADMISSION_RATE_H
#define SUPERD_ADMISSION_RATE_H

#include <stdint.h>

#include "base/units.h"

struct rate_bucket {
    uint64_t level;   /* in 1/3,600,000 tokens: whole numbers a millisecond for every period */
    uint64_t last_ms; /* when `level` was right */
};

/* A bucket that is full at any burst. */
#define RATE_BUCKET_FULL ((struct rate_bucket){.level = UINT64_MAX})

/* 0: there is a token now; otherwise in so many milliseconds, if none is taken meanwhile. A RATE
 * without events is no limit. BURST 0 is as many as `rate.events`. A clock that goes back gives
 * nothing and takes nothing away. */
uint64_t rate_wait_ms(const struct rate_bucket *bucket, struct rate rate, uint32_t burst,
                      uint64_t now_ms);

/* Take a token; rate_wait_ms() has just said that there is one. */
void rate_take(struct rate_bucket *bucket, struct rate rate, uint32_t burst, uint64_t now_ms);

#endif
