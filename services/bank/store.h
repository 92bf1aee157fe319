/*
 * store: a bank's books. Each request is one transaction; what PROTOCOL.md says of "once", of the
 * states of a transfer, and of balances that sum to 0 holds here and nowhere else.
 *
 * Depends on database and protocol; knows nothing of sockets.
 */
#ifndef BANK_STORE_H
#define BANK_STORE_H

#include "bank/database.h"
#include "bank/protocol.h"

#include <stdbool.h>
#include <stdio.h>

struct store {
    struct database database;
    const char *bank; /* the caller's */
};

/* Called for each line of a list, with what follows "ID MORE ". */
typedef void store_more_cb(void *context, const char *arguments);

/* Make a new, empty ledger of BANK; FILE must not be there. Says why not on stderr. */
bool store_create(const char *file, const char *bank);

/* Open the ledger of BANK; says why not on stderr (no such file, another bank's, ...). */
bool store_open(struct store *store, const char *file, const char *bank, int64_t busy_ms);
void store_close(struct store *store);

/* Carry out a request and fill in its answer. Detail of ERR internal goes to stderr. */
void store_answer(struct store *store, const struct bank_request *request, store_more_cb *more_cb,
                  void *context, struct bank_answer *answer_r);

/* Prove the books: sums, every balance against its entries, every transfer against its entries.
 * Writes a line of figures, and each fault, to OUT; true when there is no fault. */
bool store_audit(struct store *store, FILE *out);

#endif
