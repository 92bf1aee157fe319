/*
 * samples: every measured time, kept exactly, and what is read from them.
 *
 * All samples are kept in an array and sorted once at the end, so that a quantile is a time that
 * some connection really took: a run has at most some millions of connections, eight bytes each,
 * and a histogram with buckets (HdrHistogram_c is not in Debian 12) would save memory that nobody
 * misses at the price of an error to explain. One owner, no locks: each thread has its own, merged
 * at the end.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct samples {
    uint64_t *values; /* nanoseconds; owned */
    size_t count;
    size_t capacity;
    bool sorted;
    uint64_t lost; /* not kept, for want of memory */
};

/* Nothing allocated yet; all zero does as well. */
void samples_init(struct samples *samples);

void samples_add(struct samples *samples, uint64_t value);

/* Add all of FROM to INTO. Returns false, with INTO unchanged, when there is no memory. */
bool samples_merge(struct samples *into, const struct samples *from);

/* The smallest sample that at least FRACTION (0 to 1) of the samples do not exceed (the
 * nearest-rank definition: no interpolation); 0 when there are none. Sorts when that is not done
 * yet. */
uint64_t samples_quantile(struct samples *samples, double fraction);

/* The arithmetic mean; 0 when there are none. */
double samples_mean(const struct samples *samples);

void samples_free(struct samples *samples);

#endif
