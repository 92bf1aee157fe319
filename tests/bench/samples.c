/*
 * samples: see samples.h.
 */
#include "samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool samples_reserve(struct samples *samples, size_t count)
{
    if (count <= samples->capacity) {
        return true;
    }
    size_t capacity = samples->capacity == 0 ? 1024 : samples->capacity;
    while (capacity < count) {
        if (capacity > SIZE_MAX / 2 / sizeof(uint64_t)) {
            return false;
        }
        capacity *= 2;
    }
    uint64_t *values = realloc(samples->values, capacity * sizeof(uint64_t));
    if (values == NULL) {
        return false;
    }
    samples->values = values;
    samples->capacity = capacity;
    return true;
}

void samples_init(struct samples *samples)
{
    *samples = (struct samples){.values = NULL};
}

void samples_add(struct samples *samples, uint64_t value)
{
    if (!samples_reserve(samples, samples->count + 1)) {
        samples->lost++;
        return;
    }
    samples->values[samples->count++] = value;
    samples->sorted = false;
}

bool samples_merge(struct samples *into, const struct samples *from)
{
    if (!samples_reserve(into, into->count + from->count)) {
        return false;
    }
    if (from->count > 0) {
        memcpy(into->values + into->count, from->values, from->count * sizeof(uint64_t));
    }
    into->count += from->count;
    into->lost += from->lost;
    into->sorted = false;
    return true;
}

static int samples_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

uint64_t samples_quantile(struct samples *samples, double fraction)
{
    if (samples->count == 0) {
        return 0;
    }
    if (!samples->sorted) {
        qsort(samples->values, samples->count, sizeof(uint64_t), samples_compare);
        samples->sorted = true;
    }
    double rank = ceil(fraction * (double)samples->count);
    size_t index = rank < 1 ? 0 : (size_t)rank - 1;
    if (index >= samples->count) {
        index = samples->count - 1;
    }
    return samples->values[index];
}

double samples_mean(const struct samples *samples)
{
    double sum = 0;
    for (size_t i = 0; i < samples->count; i++) {
        sum += (double)samples->values[i];
    }
    return samples->count == 0 ? 0 : sum / (double)samples->count;
}

void samples_free(struct samples *samples)
{
    free(samples->values);
    samples_init(samples);
}
