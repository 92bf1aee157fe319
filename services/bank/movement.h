/*
 * movement: how money moves in one ledger: the decision of OPEN, TRANSFER and CREDIT, once for each
 * id, and the end of a pending transfer. Part of store, which calls it inside a write transaction
 * and rolls back on an error.
 */
#ifndef BANK_MOVEMENT_H
#define BANK_MOVEMENT_H

#include "bank/store.h"

/* All return an SQLite status; the answer is filled in when it is SQLITE_OK. */

/* OPEN, TRANSFER, CREDIT. */
int movement_decide(struct store *store, const struct bank_request *request,
                    struct bank_answer *answer_r);

/* SETTLE, RETURN. */
int movement_end(struct store *store, const struct bank_request *request,
                 struct bank_answer *answer_r);

/* The balance of an account: SQLITE_ROW, or SQLITE_DONE when there is no such account. */
int movement_balance(struct store *store, const char *name, int64_t *balance_r);

#endif
