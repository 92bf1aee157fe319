/*
 * audit: the proof of a ledger's books (store_audit of store.h), by questions that share nothing with
 * the code that writes them.
 */
#include "bank/store.h"

/* Each must be 0. */
static const struct {
    const char *fault;
    const char *sql;
} audits[] = {
    {"the balances do not sum to 0", "SELECT coalesce(sum(balance), 0) FROM account"},
    {"balances that are not the sum of their entries",
     "SELECT count(*) FROM account a WHERE balance <>"
     " (SELECT coalesce(sum(cents), 0) FROM entry WHERE account = a.name)"},
    {"customers' accounts below 0",
     "SELECT count(*) FROM account WHERE balance < 0 AND substr(name, 1, 1) <> '@'"},
    {"done or pending transfers without exactly their two entries",
     "SELECT count(*) FROM transfer t WHERE state IN ('done', 'pending') AND cents > 0 AND"
     " (SELECT count(*) || ' ' || sum(cents) || ' ' || max(cents) FROM entry"
     "  WHERE transfer = t.seq) <> '2 0 ' || cents"},
    {"returned transfers without exactly their four entries",
     "SELECT count(*) FROM transfer t WHERE state = 'returned' AND"
     " (SELECT count(*) || ' ' || sum(cents) FROM entry WHERE transfer = t.seq) <> '4 0'"},
    {"refused transfers with entries", "SELECT count(*) FROM transfer t WHERE state = 'refused' AND"
                                       " EXISTS (SELECT 1 FROM entry WHERE transfer = t.seq)"},
};

bool store_audit(struct store *store, FILE *out)
{
    struct database *database = &store->database;
    int64_t accounts = 0, cents = 0, pending = 0, number;
    bool good = database_begin(database, false) == SQLITE_OK;

    good = good &&
           database_number(database, &accounts,
                           "SELECT count(*) FROM account WHERE substr(name, 1, 1) <> '@'",
                           "") == SQLITE_ROW &&
           database_number(database, &cents,
                           "SELECT coalesce(sum(balance), 0) FROM account"
                           " WHERE substr(name, 1, 1) <> '@'",
                           "") == SQLITE_ROW &&
           database_number(database, &pending,
                           "SELECT count(*) FROM transfer WHERE state = 'pending'",
                           "") == SQLITE_ROW;
    for (size_t i = 0; good && i < sizeof audits / sizeof *audits; i++) {
        good = database_number(database, &number, audits[i].sql, "") == SQLITE_ROW;
        if (good && number != 0) {
            fprintf(out, "fault: %s (%lld)\n", audits[i].fault, (long long)number);
            database_rollback(database);
            return false;
        }
    }
    if (!good)
        fprintf(out, "fault: %s\n", database_error(database));
    else
        fprintf(out, "accounts %lld, customers' cents %lld, pending transfers %lld, books right\n",
                (long long)accounts, (long long)cents, (long long)pending);
    database_rollback(database);
    return good;
}
