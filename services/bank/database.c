/*
 * database: see database.h.
 */
#include "bank/database.h"

#include "common/io.h"
#include "wire/wire.h"

#include <poll.h>
#include <stdarg.h>

/* Called when another process holds the lock. SQLite has no queue; short pauses of differing length
 * keep many writers moving without spinning. */
static int wait_for_others(void *context, int tries)
{
    const struct database *database = context;

    if (io_clock_ms() >= database->busy_until)
        return 0;
    poll(NULL, 0, 1 + (tries < 4 ? tries : 4));
    return 1;
}

int database_open(struct database *database, const char *file, bool create, int64_t busy_ms)
{
    int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    int status = sqlite3_open_v2(file, &database->handle, flags, NULL);

    database->busy_ms = busy_ms;
    database->busy_until = io_clock_ms() + busy_ms;
    if (status != SQLITE_OK)
        return status;
    sqlite3_extended_result_codes(database->handle, 1);
    sqlite3_busy_handler(database->handle, wait_for_others, database);
    status = sqlite3_exec(database->handle,
                          create ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"
                                 : "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
                          NULL, NULL, NULL);
    return status;
}

void database_close(struct database *database)
{
    sqlite3_close(database->handle);
    database->handle = NULL;
}

const char *database_error(const struct database *database)
{
    return database->handle ? sqlite3_errmsg(database->handle) : "out of memory";
}

int database_begin(struct database *database, bool change)
{
    int status;

    database->busy_until = io_clock_ms() + database->busy_ms;
    /* While another process recovers the log of one that was killed, SQLite may say busy without
     * asking the handler. */
    while ((status = sqlite3_exec(database->handle, change ? "BEGIN IMMEDIATE" : "BEGIN", NULL,
                                  NULL, NULL)) != SQLITE_OK &&
           (status & 0xff) == SQLITE_BUSY && wait_for_others(database, 0))
        ;
    return status;
}

int database_commit(struct database *database)
{
    return sqlite3_exec(database->handle, "COMMIT", NULL, NULL, NULL);
}

void database_rollback(struct database *database)
{
    if (!sqlite3_get_autocommit(database->handle))
        sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
}

static sqlite3_stmt *prepare(struct database *database, const char *sql, const char *types,
                             va_list arguments)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(database->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    for (int i = 0; types[i]; i++) {
        int status = types[i] == 's'
                         ? sqlite3_bind_text(statement, i + 1, va_arg(arguments, const char *), -1,
                                             SQLITE_STATIC)
                         : sqlite3_bind_int64(statement, i + 1, va_arg(arguments, int64_t));

        if (status != SQLITE_OK) {
            sqlite3_finalize(statement);
            return NULL;
        }
    }
    return statement;
}

sqlite3_stmt *database_query(struct database *database, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;

    va_start(arguments, types);
    statement = prepare(database, sql, types, arguments);
    va_end(arguments);
    return statement;
}

int database_run(struct database *database, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;
    int status;

    va_start(arguments, types);
    statement = prepare(database, sql, types, arguments);
    va_end(arguments);
    if (!statement)
        return sqlite3_errcode(database->handle);
    status = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return status == SQLITE_DONE || status == SQLITE_ROW ? SQLITE_OK : status;
}

int database_number(struct database *database, int64_t *number_r, const char *sql,
                    const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list arguments;
    int status;

    va_start(arguments, types);
    statement = prepare(database, sql, types, arguments);
    va_end(arguments);
    if (!statement)
        return sqlite3_errcode(database->handle);
    status = sqlite3_step(statement);
    if (status == SQLITE_ROW)
        *number_r = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return status;
}
