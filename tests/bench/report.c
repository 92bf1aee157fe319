/*
 * report: see report.h.
 */
#include "report.h"

#include <inttypes.h>
#include <string.h>

static double report_microseconds(uint64_t nanoseconds)
{
    return (double)nanoseconds / 1e3;
}

static double report_rate(const struct load_account *account, double seconds)
{
    return seconds > 0 ? (double)account->in_window / seconds : 0;
}

static void report_text_samples(FILE *out, const char *name, struct samples *samples)
{
    if (samples->count > 0) {
        fprintf(out, "%-11s p50 %.0f  p99 %.0f  p99.9 %.0f  max %.0f us\n", name,
                report_microseconds(samples_quantile(samples, 0.5)),
                report_microseconds(samples_quantile(samples, 0.99)),
                report_microseconds(samples_quantile(samples, 0.999)),
                report_microseconds(samples_quantile(samples, 1)));
    }
}

void report_text(FILE *out, const struct load_plan *plan, struct load_account *account,
                 double seconds)
{
    const char *what = plan->mode == LOAD_FLOOD ? "refused" : "served";
    fprintf(out, "%s: %" PRIu64 " begun, %" PRIu64 " %s in %.3f s: %.1f/s, %" PRIu64 " bytes\n",
            load_mode_names[plan->mode], account->begun, account->in_window, what, seconds,
            report_rate(account, seconds), account->bytes);
    if (plan->mode == LOAD_HOLD) {
        fprintf(out, "held %" PRIu64 ", alive at the end %" PRIu64 "\n", account->held,
                account->held - account->lost);
    }
    fprintf(out, "outcomes   ");
    for (size_t i = 0; i < OUTCOME_MAX; i++) {
        fprintf(out, " %s %" PRIu64, load_outcome_names[i], account->outcomes[i]);
    }
    fprintf(out, " (empty %" PRIu64 ")\n", account->empty);
    if (account->other_errno != 0) {
        fprintf(out, "first other: %s\n", strerror(account->other_errno));
    }
    report_text_samples(out, "connected", &account->connect);
    report_text_samples(out, "first byte", &account->first);
    report_text_samples(out, "end of file", &account->end);
}

static void report_json_samples(FILE *out, const char *name, struct samples *samples)
{
    fprintf(out,
            "  \"%s_us\": {\"count\": %zu, \"lost\": %" PRIu64 ", \"mean\": %.1f, \"p50\": %.1f, "
            "\"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}",
            name, samples->count, samples->lost, samples_mean(samples) / 1e3,
            report_microseconds(samples_quantile(samples, 0.5)),
            report_microseconds(samples_quantile(samples, 0.99)),
            report_microseconds(samples_quantile(samples, 0.999)),
            report_microseconds(samples_quantile(samples, 1)));
}

void report_json(FILE *out, const struct load_plan *plan, struct load_account *account,
                 double seconds)
{
    fprintf(out, "{\n  \"mode\": \"%s\",\n  \"clients\": %u,\n  \"threads\": %u,\n",
            load_mode_names[plan->mode], plan->clients, plan->threads);
    fprintf(out, "  \"sources\": %" PRIu32 ",\n  \"asked_rate\": %.1f,\n", plan->sources,
            plan->rate);
    fprintf(out, "  \"begun\": %" PRIu64 ",\n  \"in_window\": %" PRIu64 ",\n", account->begun,
            account->in_window);
    fprintf(out, "  \"seconds\": %.6f,\n  \"rate\": %.2f,\n  \"bytes\": %" PRIu64 ",\n", seconds,
            report_rate(account, seconds), account->bytes);
    fprintf(out, "  \"held\": %" PRIu64 ",\n  \"alive\": %" PRIu64 ",\n", account->held,
            account->held - account->lost);
    fprintf(out, "  \"outcomes\": {");
    for (size_t i = 0; i < OUTCOME_MAX; i++) {
        fprintf(out, "%s\"%s\": %" PRIu64, i == 0 ? "" : ", ", load_outcome_names[i],
                account->outcomes[i]);
    }
    fprintf(out, "},\n  \"empty\": %" PRIu64 ",\n  \"first_other\": \"%s\",\n", account->empty,
            account->other_errno == 0 ? "" : strerrorname_np(account->other_errno));
    report_json_samples(out, "connect", &account->connect);
    fprintf(out, ",\n");
    report_json_samples(out, "first_byte", &account->first);
    fprintf(out, ",\n");
    report_json_samples(out, "eof", &account->end);
    fprintf(out, "\n}\n");
}
