/*
 * bank_books: see bank_books.h.
 */
#include "bank_books.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

static sqlite3 *books[2];

/* A ledger that ends, or mends what a killed one left, holds its file alone for a moment, and
 * SQLite then says busy at once, whatever its timeout. Nobody holds it for this long. */
enum { PATIENCE_MS = 30000, PAUSE_MS = 5 };

static void die(int which, const char *what)
{
    fprintf(stderr, "bank_books: %s: %s\n", what, sqlite3_errmsg(books[which]));
    exit(99);
}

void books_open(int which, const char *file)
{
    if (sqlite3_open_v2(file, &books[which], SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        die(which, file);
    sqlite3_busy_timeout(books[which], PATIENCE_MS);
}

void books_close(void)
{
    for (int which = 0; which < 2; which++)
        sqlite3_close(books[which]);
}

/* One try. SQLITE_ROW with *result set, SQLITE_DONE, or an error of SQLite. */
static int look_up(int which, const char *sql, const char *first, const char *second,
                   int64_t *result)
{
    sqlite3_stmt *statement = NULL;
    int status = sqlite3_prepare_v2(books[which], sql, -1, &statement, NULL);

    if (status != SQLITE_OK)
        return status;
    if (first)
        sqlite3_bind_text(statement, 1, first, -1, SQLITE_STATIC);
    if (second)
        sqlite3_bind_text(statement, 2, second, -1, SQLITE_STATIC);
    status = sqlite3_step(statement);
    if (status == SQLITE_ROW)
        *result = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}

int64_t books_number(int which, const char *sql, const char *first, const char *second)
{
    int64_t result = INT64_MIN;
    int status = SQLITE_BUSY;

    for (int waited = 0; waited < PATIENCE_MS; waited += PAUSE_MS) {
        status = look_up(which, sql, first, second, &result);
        if (status != SQLITE_BUSY)
            break;
        poll(NULL, 0, PAUSE_MS);
    }
    if (status != SQLITE_ROW && status != SQLITE_DONE)
        die(which, sql);
    return result;
}

enum books_state books_state(int which, const struct bank_request *request)
{
    /* The numbers are those of the enum. */
    static const char sql[] =
        "SELECT CASE WHEN state = 'done' AND entries = 2 THEN 1"
        " WHEN state = 'refused' AND entries = 0 THEN 2"
        " WHEN state = 'returned' AND entries = 4 THEN 3 ELSE 4 END FROM"
        " (SELECT *, (SELECT count(*) FROM entry WHERE transfer = t.seq) AS entries"
        "  FROM transfer t WHERE origin = ? AND id = ?)";
    int64_t state = books_number(which, sql, request->payer.bank, request->id);
    int64_t cents = books_number(which, "SELECT cents FROM transfer WHERE origin = ? AND id = ?",
                                 request->payer.bank, request->id);

    if (state == INT64_MIN)
        return BOOKS_ABSENT;
    return cents == request->cents ? (enum books_state)state : BOOKS_WRONG;
}
