/*
 * bulk: one connection that carries many bytes one way, against the `bulk` handler.
 */
#ifndef BENCH_BULK_H
#define BENCH_BULK_H

#include <stdbool.h>

#include "load.h"

/* Fetch (or, with UP, send) BYTES bytes and fill ACCOUNT as for one connection: the time to the end
 * goes from connecting to the handler's end of file, and the bytes are those that arrived (going
 * up, those that the handler says it got). Blocks, for plan->limit_ns at most in any one step. */
void bulk_run(const struct load_plan *plan, bool up, uint64_t bytes, struct load_account *account);

#endif
