/*
 * metrics: see metrics.h.
 */
#include "supervise/metrics.h"

const struct histogram_bounds metrics_launch_us = {{100, 250, 500, 1000, 2500, 5000, 10000, 25000,
                                                    50000, 100000, 250000, 500000, 1000000,
                                                    5000000}};

const struct histogram_bounds metrics_duration_ms = {
    {1, 10, 50, 100, 500, 1000, 5000, 10000, 60000, 300000, 1800000, 3600000, 21600000, 86400000}};

void histogram_add(struct histogram *histogram, const struct histogram_bounds *bounds,
                   uint64_t value)
{
    int i = 0;

    while (i < METRICS_BOUNDS && value > bounds->bounds[i])
        i++;
    histogram->buckets[i]++;
    histogram->count++;
    histogram->sum += value;
}

uint64_t histogram_quantile(const struct histogram *histogram,
                            const struct histogram_bounds *bounds, double share)
{
    double wanted = share * (double)histogram->count, below = 0;

    if (!histogram->count)
        return 0;
    for (int i = 0; i < METRICS_BOUNDS; i++) {
        double in_bucket = (double)histogram->buckets[i];

        if (below + in_bucket >= wanted && in_bucket > 0) {
            double from = i ? (double)bounds->bounds[i - 1] : 0;

            return (uint64_t)(from +
                              ((double)bounds->bounds[i] - from) * (wanted - below) / in_bucket);
        }
        below += in_bucket;
    }
    return bounds->bounds[METRICS_BOUNDS - 1];
}
