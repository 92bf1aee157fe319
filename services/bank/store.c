/*
 * store: see store.h. The tables:
 *
 *   account   one row for each account, customers' and the house's (@cash, @due-BANK), with its balance
 *   transfer  one row for each OPEN, TRANSFER and CREDIT ever decided, with its state; the key is
 *             (origin, id), origin being the bank whose id it is
 *   entry     one row for each change of a balance; those of one movement cancel each other
 */
#include "bank/store.h"

#include "bank/movement.h"

#include <string.h>
#include <sys/stat.h>

enum { SCHEMA_VERSION = 1 };

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE ledger (bank TEXT NOT NULL) STRICT;"
    "CREATE TABLE account ("
    " name TEXT PRIMARY KEY,"
    " balance INTEGER NOT NULL CHECK (balance >= 0 OR substr(name, 1, 1) = '@'),"
    " opened INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE transfer ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " origin TEXT NOT NULL,"
    " id TEXT NOT NULL,"
    " request TEXT NOT NULL,"
    " payer TEXT NOT NULL," /* as on the wire: bank/account, or cash */
    " payee TEXT NOT NULL,"
    " cents INTEGER NOT NULL CHECK (cents >= 0),"
    " state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'returned', 'refused')),"
    " reason TEXT NOT NULL DEFAULT ''," /* the word, when returned or refused */
    " made INTEGER NOT NULL,"
    " UNIQUE (origin, id)) STRICT;"
    "CREATE INDEX transfer_pending ON transfer (seq) WHERE state = 'pending';"
    "CREATE TABLE entry ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " account TEXT NOT NULL REFERENCES account (name),"
    " transfer INTEGER NOT NULL REFERENCES transfer (seq),"
    " kind TEXT NOT NULL CHECK (kind IN ('deposit', 'transfer', 'return')),"
    " cents INTEGER NOT NULL,"
    " balance INTEGER NOT NULL,"
    " time INTEGER NOT NULL) STRICT;"
    "CREATE INDEX entry_account ON entry (account, seq);"
    "CREATE INDEX entry_transfer ON entry (transfer);"
    "INSERT INTO account VALUES ('@cash', 0, unixepoch());"
    "PRAGMA user_version = 1;";

bool store_create(const char *file, const char *bank)
{
    struct database database;
    struct stat found;
    bool made;

    if (stat(file, &found) == 0) {
        fprintf(stderr, "bank-ledger: %s is there already\n", file);
        return false;
    }
    made = database_open(&database, file, true, 1000) == SQLITE_OK &&
           sqlite3_exec(database.handle, schema, NULL, NULL, NULL) == SQLITE_OK &&
           database_run(&database, "INSERT INTO ledger VALUES (?)", "s", bank) == SQLITE_OK &&
           database_commit(&database) == SQLITE_OK;
    if (!made)
        fprintf(stderr, "bank-ledger: cannot make %s: %s\n", file, database_error(&database));
    database_close(&database);
    return made;
}

bool store_open(struct store *store, const char *file, const char *bank, int64_t busy_ms)
{
    int64_t version = 0, ours = 0;
    int status = database_open(&store->database, file, false, busy_ms);

    store->bank = bank;
    if (status == SQLITE_OK)
        status = database_number(&store->database, &version, "PRAGMA user_version", "");
    if (status == SQLITE_ROW && version == SCHEMA_VERSION)
        status = database_number(&store->database, &ours, "SELECT bank = ? FROM ledger", "s", bank);
    if (status == SQLITE_ROW && ours)
        return true;
    if (status != SQLITE_ROW)
        fprintf(stderr, "bank-ledger: cannot open %s: %s\n", file,
                database_error(&store->database));
    else if (version != SCHEMA_VERSION)
        fprintf(stderr, "bank-ledger: %s is not a ledger of this version; --create makes one\n",
                file);
    else
        fprintf(stderr, "bank-ledger: %s is another bank's, not %s's\n", file, bank);
    store_close(store);
    return false;
}

void store_close(struct store *store)
{
    database_close(&store->database);
}

/* -- Reading ------------------------------------------------------------------------------------- */

static int tell_balance(struct store *store, const struct bank_request *request,
                        struct bank_answer *answer)
{
    int64_t balance = 0;
    int status = movement_balance(store, request->payer.name, &balance);

    if (status == SQLITE_ROW)
        bank_answer_ok(answer, "%lld", (long long)balance);
    else if (status == SQLITE_DONE)
        bank_answer_fail(answer, BANK_NO_ACCOUNT, "%s has no such account", store->bank);
    return status == SQLITE_ROW || status == SQLITE_DONE ? SQLITE_OK : status;
}

/* Hand out each row's columns parted by blanks. */
static int tell_rows(struct store *store, sqlite3_stmt *rows, store_more_cb *more_cb, void *context,
                     struct bank_answer *answer)
{
    int count = 0;
    int status;

    if (!rows)
        return sqlite3_errcode(store->database.handle);
    while ((status = sqlite3_step(rows)) == SQLITE_ROW) {
        char line[WIRE_LINE_MAX];
        size_t at = 0;

        for (int i = 0; i < sqlite3_column_count(rows) && at < sizeof line; i++)
            at += (size_t)snprintf(line + at, sizeof line - at, "%s%s", i > 0 ? " " : "",
                                   (const char *)sqlite3_column_text(rows, i));
        more_cb(context, line);
        count++;
    }
    sqlite3_finalize(rows);
    bank_answer_ok(answer, "%d", count);
    return status == SQLITE_DONE ? SQLITE_OK : status;
}

static int tell_statement(struct store *store, const struct bank_request *request,
                          store_more_cb *more_cb, void *context, struct bank_answer *answer)
{
    char account[BANK_ACCOUNT_TEXT];
    int status = tell_balance(store, request, answer);

    if (status != SQLITE_OK || answer->kind != BANK_OK)
        return status;
    return tell_rows(
        store,
        database_query(
            &store->database,
            "SELECT e.seq, e.time, e.kind, CASE t.payer WHEN ? THEN t.payee ELSE t.payer END,"
            " e.cents, e.balance, t.id FROM entry e JOIN transfer t ON t.seq = e.transfer"
            " WHERE e.account = ? AND e.seq < ? ORDER BY e.seq DESC LIMIT ?",
            "ssii", bank_account_format(&request->payer, account), request->payer.name,
            request->from > 0 ? request->from : INT64_MAX, request->count),
        more_cb, context, answer);
}

static int tell_pending(struct store *store, const struct bank_request *request,
                        store_more_cb *more_cb, void *context, struct bank_answer *answer)
{
    return tell_rows(store,
                     database_query(&store->database,
                                    "SELECT seq, id, payer, payee, cents FROM transfer"
                                    " WHERE state = 'pending' AND seq > ? ORDER BY seq LIMIT ?",
                                    "ii", request->from, request->count),
                     more_cb, context, answer);
}

/* -- The one entrance ------------------------------------------------------------------------------ */

/* Is the account that this ledger must hold for the request one of its own? */
static bool is_ours(const struct store *store, const struct bank_request *request)
{
    switch (request->verb) {
    case BANK_CREDIT:
        return strcmp(request->payee.bank, store->bank) == 0 &&
               strcmp(request->payer.bank, store->bank) != 0;
    case BANK_OPEN:
    case BANK_BALANCE:
    case BANK_TRANSFER:
    case BANK_STATEMENT:
        return strcmp(request->payer.bank, store->bank) == 0;
    default:
        return true;
    }
}

static int carry_out(struct store *store, const struct bank_request *request,
                     store_more_cb *more_cb, void *context, struct bank_answer *answer)
{
    switch (request->verb) {
    case BANK_OPEN:
    case BANK_TRANSFER:
    case BANK_CREDIT:
        return movement_decide(store, request, answer);
    case BANK_SETTLE:
    case BANK_RETURN:
        return movement_end(store, request, answer);
    case BANK_BALANCE:
        return tell_balance(store, request, answer);
    case BANK_STATEMENT:
        return tell_statement(store, request, more_cb, context, answer);
    case BANK_PENDING:
        return tell_pending(store, request, more_cb, context, answer);
    default:
        bank_answer_ok(answer, "%s", "");
        return SQLITE_OK;
    }
}

void store_answer(struct store *store, const struct bank_request *request, store_more_cb *more_cb,
                  void *context, struct bank_answer *answer_r)
{
    bool change = request->verb != BANK_BALANCE && request->verb != BANK_STATEMENT &&
                  request->verb != BANK_PENDING && request->verb != BANK_PING;
    int status;

    if (!is_ours(store, request)) {
        bank_answer_fail(answer_r, BANK_NOT_OURS, "this is the ledger of %s", store->bank);
        return;
    }
    status = database_begin(&store->database, change);
    if (status == SQLITE_OK)
        status = carry_out(store, request, more_cb, context, answer_r);
    if (status == SQLITE_OK)
        status = database_commit(&store->database);
    if (status == SQLITE_OK)
        return;
    if ((status & 0xff) == SQLITE_BUSY) {
        bank_answer_fail(answer_r, BANK_BUSY, "others are writing");
    } else {
        fprintf(stderr, "bank-ledger: %s %s: %s\n", request->id, bank_verb_text(request->verb),
                database_error(&store->database));
        bank_answer_fail(answer_r, BANK_INTERNAL, "the ledger's log tells");
    }
    database_rollback(&store->database);
}
