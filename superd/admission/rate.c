/*
 * rate: see rate.h.
 *
 * The unit of a level, 1/3,600,000 token, is such that each period that can be written (second,
 * minute, hour) gives a whole number of units a millisecond. No product below overflows: a level is
 * at most 2^32 * 3,600,000 < 2^54, and time is divided, not multiplied, where it may be long.
 */
#include "admission/rate.h"

#define TOKEN UINT64_C(3600000)

static uint64_t units_per_ms(struct rate rate)
{
    return rate.events * (TOKEN / rate.period_ms);
}

static uint64_t level_at(const struct rate_bucket *bucket, struct rate rate, uint32_t burst,
                         uint64_t now_ms)
{
    uint64_t most = (burst != 0 ? burst : rate.events) * TOKEN;
    uint64_t speed = units_per_ms(rate);

    if (bucket->level >= most) {
        return most;
    }
    if (now_ms <= bucket->last_ms) {
        return bucket->level;
    }
    uint64_t elapsed = now_ms - bucket->last_ms;
    uint64_t missing = most - bucket->level;
    return elapsed > missing / speed ? most : bucket->level + elapsed * speed;
}

uint64_t rate_wait_ms(const struct rate_bucket *bucket, struct rate rate, uint32_t burst,
                      uint64_t now_ms)
{
    if (rate.events == 0) {
        return 0;
    }
    uint64_t level = level_at(bucket, rate, burst, now_ms);
    if (level >= TOKEN) {
        return 0;
    }
    uint64_t speed = units_per_ms(rate);
    uint64_t wait_ms = (TOKEN - level + speed - 1) / speed;
    /* After the clock has gone back, its way to where it was is waited for too. */
    return now_ms < bucket->last_ms ? wait_ms + (bucket->last_ms - now_ms) : wait_ms;
}

void rate_take(struct rate_bucket *bucket, struct rate rate, uint32_t burst, uint64_t now_ms)
{
    if (rate.events == 0) {
        return;
    }
    bucket->level = level_at(bucket, rate, burst, now_ms) - TOKEN;
    if (now_ms > bucket->last_ms) {
        bucket->last_ms = now_ms;
    }
}
