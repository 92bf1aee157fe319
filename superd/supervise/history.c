/*
 * history: see history.h.
 */
#include "supervise/history.h"

#include <stdlib.h>
#include <string.h>

/* A ring: step number N is at N % HISTORY_STEPS. */
struct history {
    uint64_t step; /* the last that is in it */
    uint32_t counts[HISTORY_KINDS][HISTORY_STEPS];
};

static uint64_t step_of(uint64_t ms)
{
    return ms / HISTORY_STEP_MS;
}

/* Let time pass up to STEP; the places of the steps between are those of the oldest. */
static void advance(struct history *history, uint64_t step)
{
    uint64_t from = history->step + 1;

    if (step <= history->step)
        return;
    if (step - history->step >= HISTORY_STEPS)
        from = step - HISTORY_STEPS + 1;
    for (uint64_t i = from; i <= step; i++) {
        for (int kind = 0; kind < HISTORY_KINDS; kind++)
            history->counts[kind][i % HISTORY_STEPS] = 0;
    }
    history->step = step;
}

/* *HISTORY, made when there is none, with STEP in it; NULL: no memory. */
static struct history *at_step(struct history **history, uint64_t step)
{
    if (!*history) {
        *history = calloc(1, sizeof **history);
        if (!*history)
            return NULL;
        (*history)->step = step;
    }
    advance(*history, step);
    return *history;
}

void history_count(struct history **history, enum history_kind kind, uint64_t now_ms)
{
    struct history *counted = at_step(history, step_of(now_ms));

    if (counted)
        counted->counts[kind][counted->step % HISTORY_STEPS]++;
}

/* Where the step is in the ring that is so many steps AGO at step NOW; -1: not in it. */
static int place_of(const struct history *history, uint64_t now, uint64_t ago)
{
    uint64_t step = now - ago;

    if (ago > now || step > history->step || history->step - step >= HISTORY_STEPS)
        return -1;
    return (int)(step % HISTORY_STEPS);
}

bool history_export(const struct history *history, uint64_t now_ms, struct history_counts *counts)
{
    uint64_t now = step_of(now_ms);
    bool any = false;

    memset(counts, 0, sizeof *counts);
    if (!history)
        return false;
    if (now < history->step)
        now = history->step; /* counted by a later clock */
    for (int ago = 0; ago < HISTORY_STEPS; ago++) {
        int place = place_of(history, now, (uint64_t)ago);

        for (int kind = 0; place >= 0 && kind < HISTORY_KINDS; kind++) {
            counts->counts[kind][HISTORY_STEPS - 1 - ago] = history->counts[kind][place];
            any |= history->counts[kind][place] != 0;
        }
    }
    return any;
}

bool history_import(struct history **history, uint64_t at_ms, const struct history_counts *counts)
{
    uint64_t at = step_of(at_ms);
    struct history *target = at_step(history, at);

    if (!target)
        return false;
    for (int ago = 0; ago < HISTORY_STEPS; ago++) {
        int place = place_of(target, at, (uint64_t)ago);

        for (int kind = 0; place >= 0 && kind < HISTORY_KINDS; kind++)
            target->counts[kind][place] += counts->counts[kind][HISTORY_STEPS - 1 - ago];
    }
    return true;
}

int history_known_steps(uint64_t since_ms, uint64_t now_ms)
{
    uint64_t steps = now_ms > since_ms ? step_of(now_ms) - step_of(since_ms) + 1 : 1;

    return steps > HISTORY_STEPS ? HISTORY_STEPS : (int)steps;
}
