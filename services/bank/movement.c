/*
 * movement: see movement.h. Shape of a change: look the id up; decide; write the record; move the
 * money. All conditions are checked before the first write, so a recorded refusal has no half of a
 * movement beside it.
 */
#include "bank/movement.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { HOUSE_NAME_SIZE = BANK_NAME_MAX + 8 };

static int64_t wall_clock(void)
{
    return (int64_t)time(NULL);
}

int movement_balance(struct store *store, const char *name, int64_t *balance_r)
{
    return database_number(&store->database, balance_r,
                           "SELECT balance FROM account WHERE name = ?", "s", name);
}

/* Change one balance and write its entry. */
static int post(struct store *store, const char *name, int64_t transfer, const char *kind,
                int64_t change)
{
    int status = database_run(&store->database,
                              "UPDATE account SET balance = balance + ? WHERE name = ?", "is",
                              change, name);

    if (status != SQLITE_OK)
        return status;
    return database_run(&store->database,
                        "INSERT INTO entry (account, transfer, kind, cents, balance, time)"
                        " SELECT name, ?, ?, ?, balance, ? FROM account WHERE name = ?",
                        "isiis", transfer, kind, change, wall_clock(), name);
}

/* Both halves of one movement. The accounts are there or are opened: that customers' ones exist was
 * checked before. */
static int move(struct store *store, const char *from, const char *to, int64_t transfer,
                const char *kind, int64_t cents)
{
    int status = database_run(&store->database,
                              "INSERT OR IGNORE INTO account VALUES (?1, 0, ?3), (?2, 0, ?3)",
                              "ssi", from, to, wall_clock());

    if (status != SQLITE_OK || cents == 0) /* OPEN with nothing paid in */
        return status;
    status = post(store, from, transfer, kind, -cents);
    return status == SQLITE_OK ? post(store, to, transfer, kind, cents) : status;
}

/* -- OPEN, TRANSFER, CREDIT: decided once -------------------------------------------------------- */

/* What one of them comes to in this ledger. */
struct movement {
    const char *origin;            /* the bank whose id it is */
    char payer[BANK_ACCOUNT_TEXT]; /* as recorded */
    char payee[BANK_ACCOUNT_TEXT];
    char from[HOUSE_NAME_SIZE]; /* the accounts here */
    char to[HOUSE_NAME_SIZE];
    const char *kind;
    const char *state; /* when it is not refused */
};

static void plan_movement(const struct store *store, const struct bank_request *request,
                          struct movement *movement_r)
{
    const struct bank_account *payer = &request->payer, *payee = &request->payee;
    bool payer_ours = strcmp(payer->bank, store->bank) == 0;
    bool payee_ours = strcmp(payee->bank, store->bank) == 0;

    memset(movement_r, 0, sizeof *movement_r);
    movement_r->origin = payer->bank;
    movement_r->kind = "transfer";
    movement_r->state = "done";
    if (request->verb == BANK_OPEN) {
        movement_r->kind = "deposit";
        strcpy(movement_r->payer, "cash");
        strcpy(movement_r->from, "@cash");
        bank_account_format(payer, movement_r->payee);
        strcpy(movement_r->to, payer->name);
        return;
    }
    bank_account_format(payer, movement_r->payer);
    bank_account_format(payee, movement_r->payee);
    snprintf(movement_r->from, HOUSE_NAME_SIZE, payer_ours ? "%s" : "@due-%s",
             payer_ours ? payer->name : payer->bank);
    snprintf(movement_r->to, HOUSE_NAME_SIZE, payee_ours ? "%s" : "@due-%s",
             payee_ours ? payee->name : payee->bank);
    if (!payee_ours)
        movement_r->state = "pending";
}

/* The balance of an account that is opened when it is first needed: 0 until then. */
static int balance_or_zero(struct store *store, const char *name, int64_t *balance_r)
{
    int status = movement_balance(store, name, balance_r);

    if (status == SQLITE_DONE)
        *balance_r = 0;
    return status == SQLITE_DONE ? SQLITE_ROW : status;
}

/* Why it cannot be, if it cannot. Writes nothing. */
static int check_movement(struct store *store, const struct bank_request *request,
                          const struct movement *movement, enum bank_word *word_r)
{
    bool house_from = movement->from[0] == '@', house_to = movement->to[0] == '@';
    int64_t from, to;
    int status = house_from ? balance_or_zero(store, movement->from, &from)
                            : movement_balance(store, movement->from, &from);

    *word_r = BANK_WORD_NONE;
    if (status == SQLITE_ROW)
        status = house_to ? balance_or_zero(store, movement->to, &to)
                          : movement_balance(store, movement->to, &to);
    if (request->verb == BANK_OPEN) {
        if (status == SQLITE_ROW)
            *word_r = BANK_EXISTS;
        if (status != SQLITE_DONE)
            return status == SQLITE_ROW ? SQLITE_OK : status;
        to = 0;
    } else if (status == SQLITE_DONE) {
        *word_r = BANK_NO_ACCOUNT;
        return SQLITE_OK;
    } else if (status != SQLITE_ROW) {
        return status;
    }
    if (!house_from && from < request->cents)
        *word_r = BANK_FUNDS;
    else if (from - request->cents < -BANK_BALANCE_MAX || to + request->cents > BANK_BALANCE_MAX)
        *word_r = BANK_LIMIT; /* no overflow: each balance keeps to the bound already */
    return SQLITE_OK;
}

/* Answer from the record of a transfer in its state. */
static void answer_record(struct bank_answer *answer, enum bank_verb verb, const char *state,
                          const char *reason)
{
    enum bank_word word = bank_word_parse(reason);

    if (bank_word_is_final(word))
        bank_answer_fail(answer, word, "%s", state);
    else
        bank_answer_ok(answer, "%s", verb == BANK_OPEN ? "" : state);
}

/* NULL when there is no memory for it: no column is without a value. */
static const char *column(sqlite3_stmt *row, int number)
{
    return (const char *)sqlite3_column_text(row, number);
}

/* Look the id up. SQLITE_ROW with the answer filled in, SQLITE_DONE when it is new. */
static int find_record(struct store *store, const char *origin, const struct bank_request *request,
                       const char *text, struct bank_answer *answer)
{
    sqlite3_stmt *found = database_query(
        &store->database, "SELECT request, state, reason FROM transfer WHERE origin = ? AND id = ?",
        "ss", origin, request->id);
    int status;

    if (!found)
        return sqlite3_errcode(store->database.handle);
    status = sqlite3_step(found);
    if (status == SQLITE_ROW) {
        const char *known = column(found, 0), *state = column(found, 1);
        const char *reason = column(found, 2);

        if (!known || !state || !reason)
            status = SQLITE_NOMEM;
        else if (strcmp(known, text) != 0)
            bank_answer_fail(answer, BANK_ID_REUSED, "the id is another request's");
        else
            answer_record(answer, request->verb, state, reason);
    }
    sqlite3_finalize(found);
    return status;
}

/* Inside a transaction: decide the request, or find what was decided. */
int movement_decide(struct store *store, const struct bank_request *request,
                    struct bank_answer *answer)
{
    struct movement movement;
    char text[WIRE_LINE_MAX];
    enum bank_word word;
    const char *state, *reason;
    int64_t transfer;
    int status;

    plan_movement(store, request, &movement);
    bank_request_format(request, text);
    status = find_record(store, movement.origin, request, text, answer);
    if (status != SQLITE_DONE)
        return status == SQLITE_ROW ? SQLITE_OK : status;
    status = check_movement(store, request, &movement, &word);
    if (status != SQLITE_OK)
        return status;
    state = word == BANK_WORD_NONE ? movement.state : "refused";
    reason = word == BANK_WORD_NONE ? "" : bank_word_text(word);
    status = database_run(&store->database,
                          "INSERT INTO transfer"
                          " (origin, id, request, payer, payee, cents, state, reason, made)"
                          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                          "sssssissi", movement.origin, request->id, text, movement.payer,
                          movement.payee, request->cents, state, reason, wall_clock());
    transfer = sqlite3_last_insert_rowid(store->database.handle);
    if (status == SQLITE_OK && word == BANK_WORD_NONE)
        status = move(store, movement.from, movement.to, transfer, movement.kind, request->cents);
    if (status == SQLITE_OK)
        answer_record(answer, request->verb, state, reason);
    return status;
}

/* -- SETTLE, RETURN: the end of a pending transfer ------------------------------------------------ */

/* The transfer that is to end. SQLITE_ROW, or SQLITE_DONE when there is none between two banks. */
struct ending {
    int64_t seq;
    int64_t cents;
    struct bank_account payer;
    struct bank_account payee;
    char state[16];
};

static int find_ending(struct store *store, const char *id, struct ending *ending_r)
{
    sqlite3_stmt *found = database_query(
        &store->database,
        "SELECT seq, cents, payer, payee, state FROM transfer"
        " WHERE origin = ?1 AND id = ?2 AND request LIKE 'TRANSFER %'",
        "ss", store->bank, id);
    int status = found ? sqlite3_step(found) : sqlite3_errcode(store->database.handle);

    if (status == SQLITE_ROW) {
        const char *payer = column(found, 2), *payee = column(found, 3), *state = column(found, 4);

        ending_r->seq = sqlite3_column_int64(found, 0);
        ending_r->cents = sqlite3_column_int64(found, 1);
        if (!payer || !payee || !state)
            status = SQLITE_NOMEM;
        else if (!bank_account_parse(payer, &ending_r->payer) ||
                 !bank_account_parse(payee, &ending_r->payee))
            status = SQLITE_CORRUPT;
        else
            snprintf(ending_r->state, sizeof ending_r->state, "%s", state);
    }
    sqlite3_finalize(found);
    if (status == SQLITE_ROW && strcmp(ending_r->payee.bank, store->bank) == 0)
        status = SQLITE_DONE;
    return status;
}

static int give_back(struct store *store, const struct ending *ending)
{
    char due[HOUSE_NAME_SIZE];

    snprintf(due, sizeof due, "@due-%s", ending->payee.bank);
    /* The payer's bound is not checked: the money is his, and the sum of all that can be given back
     * is bounded by what was there. */
    return move(store, due, ending->payer.name, ending->seq, "return", ending->cents);
}

int movement_end(struct store *store, const struct bank_request *request,
                 struct bank_answer *answer)
{
    bool settle = request->verb == BANK_SETTLE;
    const char *wanted = settle ? "done" : "returned";
    struct ending ending;
    int status = find_ending(store, request->id, &ending);

    if (status != SQLITE_ROW) {
        bank_answer_fail(answer, BANK_UNKNOWN, "no such transfer to another bank");
        return status == SQLITE_DONE ? SQLITE_OK : status;
    }
    bank_answer_ok(answer, "%s", wanted);
    if (strcmp(ending.state, wanted) == 0)
        return SQLITE_OK;
    if (strcmp(ending.state, "pending") != 0) {
        bank_answer_fail(answer, BANK_STATE, "the transfer is %s", ending.state);
        return SQLITE_OK;
    }
    status = database_run(&store->database,
                          "UPDATE transfer SET state = ?, reason = ? WHERE seq = ?", "ssi", wanted,
                          settle ? "" : bank_word_text(request->word), ending.seq);
    if (status == SQLITE_OK && !settle)
        status = give_back(store, &ending);
    return status;
}
