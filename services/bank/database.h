/*
 * database: the few things that the ledger needs of SQLite: open with a durable setting, run a
 * statement with values, wait for other writers with a bound.
 *
 * Durability: write-ahead log with synchronous=FULL. A commit is one fsync of the log (a rollback
 * journal needs three and more), and readers (balance, statement) neither wait for the writer nor
 * hold it up. A handler killed at any point leaves the log to the next one, which recovers it. The
 * price: all instances must be on one host with the file on a local file system.
 */
#ifndef BANK_DATABASE_H
#define BANK_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct database {
    sqlite3 *handle;
    int64_t busy_ms;    /* how long to wait for other writers */
    int64_t busy_until; /* of the operation that runs now */
};

/* Open FILE, creating it only if CREATE. Returns SQLITE_OK or the error; database->handle then still
 * has the message and must be closed. */
int database_open(struct database *database, const char *file, bool create, int64_t busy_ms);
void database_close(struct database *database);
const char *database_error(const struct database *database);

/* Start one operation's time for waiting, and for a change take the write lock at once: a
 * transaction that begins by reading could not be upgraded when two do so at the same time. */
int database_begin(struct database *database, bool change);
int database_commit(struct database *database);
void database_rollback(struct database *database);

/* Prepare SQL and bind the arguments, one letter of TYPES each: s const char * (must stay valid
 * until the statement is finished), i int64_t. NULL on error. */
sqlite3_stmt *database_query(struct database *database, const char *sql, const char *types, ...);

/* The same for a statement without rows, run to its end. */
int database_run(struct database *database, const char *sql, const char *types, ...);

/* The first column of the only row. SQLITE_ROW, SQLITE_DONE when there is none, or an error. */
int database_number(struct database *database, int64_t *number_r, const char *sql,
                    const char *types, ...);

#endif
