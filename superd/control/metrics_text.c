/*
 * metrics_text: see metrics_text.h.
 */
#include "control/metrics_text.h"

#include <inttypes.h>

void metrics_text_family(FILE *file, const char *name, const char *type, const char *help)
{
    fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A label's value: backslash, quotation mark and newline are escaped. */
static void write_label(FILE *file, const char *name, const char *value)
{
    fprintf(file, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\n')
            fputs("\\n", file);
        else if (*value == '"' || *value == '\\')
            fprintf(file, "\\%c", *value);
        else
            fputc(*value, file);
    }
    fputc('"', file);
}

/* Counters are whole numbers, and %g would round large ones. */
static void write_number(FILE *file, double number)
{
    if (number >= 0 && number < 9007199254740992.0 && number == (double)(uint64_t)number)
        fprintf(file, " %" PRIu64 "\n", (uint64_t)number);
    else
        fprintf(file, " %.15g\n", number);
}

void metrics_text_number(FILE *file, const char *name, const char *service, const char *label,
                         const char *value, double number)
{
    fputs(name, file);
    if (service || label) {
        fputc('{', file);
        if (service)
            write_label(file, "service", service);
        if (service && label)
            fputc(',', file);
        if (label)
            write_label(file, label, value);
        fputc('}', file);
    }
    write_number(file, number);
}

void metrics_text_histogram(FILE *file, const char *name, const char *service,
                            const struct histogram *histogram,
                            const struct histogram_bounds *bounds, double units)
{
    char part[128], bound[32];
    uint64_t sum = 0;

    snprintf(part, sizeof part, "%s_bucket", name);
    for (int i = 0; i < METRICS_BOUNDS; i++) {
        sum += histogram->buckets[i];
        snprintf(bound, sizeof bound, "%g", (double)bounds->bounds[i] / units);
        metrics_text_number(file, part, service, "le", bound, (double)sum);
    }
    metrics_text_number(file, part, service, "le", "+Inf", (double)histogram->count);
    snprintf(part, sizeof part, "%s_sum", name);
    metrics_text_number(file, part, service, NULL, NULL, (double)histogram->sum / units);
    snprintf(part, sizeof part, "%s_count", name);
    metrics_text_number(file, part, service, NULL, NULL, (double)histogram->count);
}
