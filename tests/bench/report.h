/*
 * report: the account of a run, for a person or (JSON) for a program.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "load.h"

/* SECONDS is the length of the window in which account->in_window connections ended. Sorts samples.
 */
void report_text(FILE *out, const struct load_plan *plan, struct load_account *account,
                 double seconds);
void report_json(FILE *out, const struct load_plan *plan, struct load_account *account,
                 double seconds);

#endif
