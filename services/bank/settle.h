/*
 * settle: drive a transfer between two banks from pending to its end. PROTOCOL.md, "Two banks", is
 * the law; only the payee's bank's OK settles and only its NO returns.
 */
#ifndef BANK_SETTLE_H
#define BANK_SETTLE_H

#include "bank/link.h"
#include "bank/protocol.h"

#include <stddef.h>
#include <stdint.h>

/* A bank's way to itself and the others. */
struct branch {
    const char *bank;
    struct bank_link ledger;
    struct bank_link *peers; /* the other banks */
    size_t peer_count;
};

struct bank_link *branch_peer(struct branch *branch, const char *bank);

/* Drive one pending transfer (id, payer, payee, cents of REQUEST) until DEADLINE. The answer is what
 * the payer's ledger then says: OK done, NO word, or OK pending. */
void settle_one(struct branch *branch, const struct bank_request *request, int64_t deadline,
                struct bank_answer *answer_r);

struct settle_figures {
    int64_t settled;
    int64_t returned;
    int64_t left; /* still pending: their bank is unknown or does not answer */
};

/* Drive up to MOST pending transfers, oldest first, each for EACH_MS at most, until DEADLINE. A bank that does not answer is
 * asked once, not once for each. Returns false when our ledger cannot be asked. */
bool settle_pending(struct branch *branch, size_t most, int64_t each_ms, int64_t deadline,
                    struct settle_figures *figures_r);

#endif
