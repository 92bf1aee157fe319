/* See chart.h. */
#include "chart.h"

#include "words.h"

enum {
    BAR = 10, /* widths and heights in the chart's own units */
    WIDTH = BAR * HISTORY_STEPS,
    HEIGHT = 160,
    SMALL_HEIGHT = 60,
};

double chart_ceiling(double value)
{
    double unit = 0.1;

    for (;; unit *= 10) {
        if (value <= 2 * unit)
            return 2 * unit;
        if (value <= 5 * unit)
            return 5 * unit;
        if (value <= 10 * unit || unit > 1e12)
            return 10 * unit;
    }
}

static double highest(const double counts[HISTORY_STEPS])
{
    double most = 0;

    for (int i = 0; i < HISTORY_STEPS; i++)
        most = counts[i] > most ? counts[i] : most;
    return most;
}

/* What is not known, as superd was not there, is not shown as nothing. */
static void write_unknown(FILE *page, const struct history *history, int height)
{
    int unknown = HISTORY_STEPS - history->known_steps;

    if (unknown > 0)
        fprintf(page,
                "<rect class=\"unknown\" width=\"%d\" height=\"%d\">"
                "<title>not known: before superd was started</title></rect>",
                unknown * BAR, height);
}

static void write_bar(FILE *page, const struct history *history, int i, double rate, double ceiling,
                      const char *class)
{
    double height = rate / ceiling * HEIGHT;
    char when[WORDS_SIZE], number[WORDS_SIZE];
    int64_t begun_s = history->begun_ms / 1000 - (HISTORY_STEPS - 1 - i) * HISTORY_STEP_S;

    if (rate <= 0)
        return;
    if (height < 2)
        height = 2; /* what happened is to be seen */
    fprintf(page,
            "<rect class=\"%s\" x=\"%d\" y=\"%.1f\" width=\"%d\" height=\"%.1f\">"
            "<title>%s UTC: %s/s</title></rect>",
            class, i * BAR + 1, HEIGHT - height, BAR - 2, height, words_clock(begun_s, when),
            words_rate(rate, number));
}

void chart_write(FILE *page, const struct history *history, enum history_kind kind,
                 const char *title)
{
    const double *counts = history->total.counts[kind];
    double ceiling = chart_ceiling(highest(counts) / HISTORY_STEP_S);
    char top[WORDS_SIZE], recent[WORDS_SIZE];

    words_rate(ceiling, top);
    words_rate(history_rate(history, kind, 60 / HISTORY_STEP_S), recent);
    fprintf(page,
            "<figure><figcaption><b>%s</b> <span>%s/s in the last minute</span></figcaption>"
            "<div class=\"plot\"><span class=\"top\">%s/s</span>"
            "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
            "aria-label=\"%s per second over the last %d minutes\">"
            "<path class=\"grid\" d=\"M0 .5H%dM0 %dH%dM0 %d.5H%d\"/>",
            title, recent, top, WIDTH, HEIGHT, title, HISTORY_STEPS * HISTORY_STEP_S / 60, WIDTH,
            HEIGHT / 2, WIDTH, HEIGHT - 1, WIDTH);
    write_unknown(page, history, HEIGHT);
    for (int i = 0; i < HISTORY_STEPS; i++)
        write_bar(page, history, i, counts[i] / HISTORY_STEP_S, ceiling,
                  kind == HISTORY_REFUSED ? "bar-refused" : "bar");
    fprintf(page,
            "</svg></div><div class=\"axis\"><span>%d minutes ago</span><span>now</span>"
            "</div></figure>\n",
            HISTORY_STEPS * HISTORY_STEP_S / 60);
}

void chart_write_small(FILE *page, const struct history *history,
                       const struct history_counts *counts)
{
    const double *admitted = counts ? counts->counts[HISTORY_ADMITTED] : NULL;
    const double *refused = counts ? counts->counts[HISTORY_REFUSED] : NULL;
    double most = 1;

    fprintf(page,
            "<svg class=\"small\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" "
            "aria-hidden=\"true\">",
            WIDTH, SMALL_HEIGHT);
    write_unknown(page, history, SMALL_HEIGHT);
    for (int i = 0; counts && i < HISTORY_STEPS; i++)
        most = admitted[i] + refused[i] > most ? admitted[i] + refused[i] : most;
    for (int pass = 0; counts && pass < HISTORY_KINDS; pass++) {
        fprintf(page, "<path class=\"%s\" d=\"", pass ? "bar-refused" : "bar");
        for (int i = 0; i < HISTORY_STEPS; i++) {
            double value = pass ? refused[i] : admitted[i], below = pass ? admitted[i] : 0;

            if (value > 0)
                fprintf(page, "M%d %.1fv-%.1fh%dv%.1fz", i * BAR,
                        SMALL_HEIGHT - below / most * SMALL_HEIGHT, value / most * SMALL_HEIGHT,
                        BAR, value / most * SMALL_HEIGHT);
        }
        fprintf(page, "\"/>");
    }
    fprintf(page, "</svg>");
}
