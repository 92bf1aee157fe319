/*
 * metrics: what a service's life is counted in, besides what admission counts: how long launches and
 * instances take, how instances end, what holds the listeners.
 *
 * Fixed memory in the service itself, and updated by plain additions: the way of a connection pays
 * nothing else for it. Counters live as long as the service does and never fall.
 */
#ifndef SUPERD_SUPERVISE_METRICS_H
#define SUPERD_SUPERVISE_METRICS_H

#include <stdint.h>

#include "admission/reason.h"
#include "supervise/instance.h"

/* Upper bounds of a histogram's buckets, ascending; what is above the last has a bucket of its own. */
#define METRICS_BOUNDS 14
struct histogram_bounds {
    uint64_t bounds[METRICS_BOUNDS];
};

extern const struct histogram_bounds metrics_launch_us;   /* microseconds */
extern const struct histogram_bounds metrics_duration_ms; /* milliseconds */

struct histogram {
    uint64_t buckets[METRICS_BOUNDS + 1]; /* each by itself, not cumulated */
    uint64_t count, sum;
};

struct service_metrics {
    struct histogram launch;        /* from admission to the handler's exec, metrics_launch_us */
    struct histogram duration;      /* of instances that have ended, metrics_duration_ms */
    uint64_t outcomes[OUTCOME_MAX]; /* of instances that ran */
    uint64_t held[REASON_MAX];      /* how often the listeners were held for that reason */
    uint64_t cpu_us;                /* of instances that have ended */
};

void histogram_add(struct histogram *histogram, const struct histogram_bounds *bounds,
                   uint64_t value);

/* The bound that a share of SHARE (0 to 1) of the values does not exceed, interpolated within its
 * bucket; the last bound for what is above it, 0 when nothing was counted. */
uint64_t histogram_quantile(const struct histogram *histogram,
                            const struct histogram_bounds *bounds, double share);

#endif
