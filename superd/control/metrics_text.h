/*
 * metrics_text: counters, gauges and histograms in the text format of Prometheus (exposition format
 * 0.0.4): https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#ifndef SUPERD_CONTROL_METRICS_TEXT_H
#define SUPERD_CONTROL_METRICS_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "supervise/metrics.h"

/* "# HELP" and "# TYPE" of a family; TYPE is "counter", "gauge" or "histogram". */
void metrics_text_family(FILE *file, const char *name, const char *type, const char *help);

/* NAME{service="SERVICE",LABEL="VALUE"} NUMBER; SERVICE and LABEL may be NULL. */
void metrics_text_number(FILE *file, const char *name, const char *service, const char *label,
                         const char *value, double number);

/* The lines of a histogram whose values count UNITS a second (1000: milliseconds). */
void metrics_text_histogram(FILE *file, const char *name, const char *service,
                            const struct histogram *histogram,
                            const struct histogram_bounds *bounds, double units);

#endif
