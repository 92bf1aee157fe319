/*
 * throttle: see throttle.h.
 */
#include "supervise/throttle.h"

bool throttle_failed(struct throttle *throttle, uint64_t now_ms)
{
    throttle->failures++;
    if (throttle->failures < THROTTLE_FAILURES || throttle_active(throttle, now_ms))
        return false;
    throttle->wait_ms = throttle->wait_ms ? throttle->wait_ms * 2 : THROTTLE_FIRST_MS;
    if (throttle->wait_ms > THROTTLE_LAST_MS)
        throttle->wait_ms = THROTTLE_LAST_MS;
    throttle->until_ms = now_ms + throttle->wait_ms;
    return true;
}

void throttle_succeeded(struct throttle *throttle)
{
    *throttle = (struct throttle){0};
}

bool throttle_active(const struct throttle *throttle, uint64_t now_ms)
{
    return throttle->until_ms > now_ms;
}
